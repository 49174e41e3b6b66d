"""Starts MiniStack with five additions, all reached only by the gateway.

* `POST` anything with the header `x-sandbox-authorize` answers whether the *signer of that very request* may do
  what the header says, through MiniStack's own signature check and IAM evaluator. The gateway answers the EC2
  network calls and EKS itself and still has to enforce IAM as the rest of the sandbox does.
* `GET /_sandbox/principal/<access key>` tells whose key it is, so that recorded calls can name their caller.
* `POST /_sandbox/managed/<question>` does what the gateway's EKS asks for (`managed.py`).
* The header `x-sandbox-network` says what the gateway knows of a function's network (`functions.py`).
* `GET /_sandbox/privileges` tells which permissions of the roles were needed, and what was denied (`privileges.py`).

It also ends with its parent: the gateway holds the other end of standard input, and when that closes, the whole
process group goes (MiniStack and every function that it runs), so no crash leaves orphans behind.
"""

import json
import os
import signal
import sys
import threading
from urllib.parse import parse_qs, quote

os.environ.setdefault("AUTH", "true")

import corrections  # noqa: E402
import functions  # noqa: E402
import managed  # noqa: E402
import privileges  # noqa: E402
from ministack import app as ministack_app  # noqa: E402  (reads its environment on import)
from ministack.core import iam_actions, iam_evaluator, responses, router  # noqa: E402

served = ministack_app.app


def end_with_parent() -> None:
    """Kills the process group when standard input closes."""
    sys.stdin.buffer.read()
    os.killpg(os.getpgrp(), signal.SIGKILL)


async def read_body(receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


async def answer(send, status: int, body: bytes, kind: str = "application/json") -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", kind.encode())]})
    await send({"type": "http.response.body", "body": body})


def decide(scope, headers, query, body):
    """None when every check of the header passes, else the denial in the form of the service that is called."""
    question = json.loads(bytes.fromhex(headers["x-sandbox-authorize"]))
    key = router.extract_access_key_id(headers, query)
    responses.set_request_account_id(ministack_app._request_account_scope(key))
    responses.set_request_region(router.extract_region(headers, query))
    path = scope.get("raw_path") or quote(scope["path"]).encode()
    signed = [(name, value) for name, value in scope["headers"] if name != b"x-sandbox-authorize"]
    iam_evaluator.pin_request_origin("127.0.0.1", True)
    iam_evaluator.pin_signed_request(scope["method"], path.decode("latin-1"), query, signed)
    iam_evaluator.pin_signed_body(body)
    iam_evaluator.pin_request_caller(headers, query)
    # What the called service asks for in the caller's name is denied in its form.
    called = question["service"]
    for check in question["checks"]:
        service = check["action"].split(":", 1)[0]
        service = called if called == "lambda" or service in ("iam", "route53", "kms") else service
        context = {**check["context"], "aws:TagKeys": check.get("tagKeys")}
        denied = iam_evaluator.enforce(
            key, check["action"], service, responses.get_region(),
            resource_arn=check["resource"], service_context=context,
        )
        if denied is None:
            continue
        if isinstance(denied, iam_evaluator.AuthError):
            status, kind, text = iam_actions.access_denied_response(
                service, check["action"], "", "", error_code=denied.code, message=denied.message, headers=headers)
        else:
            message = (f"You are not authorized to perform this operation. User: {denied.principal_arn} is not "
                       f"authorized to perform: {check['action']} on resource: {check['resource']} because "
                       + ("of an explicit deny" if denied.decision == "Deny"
                          else f"no identity-based policy allows the {check['action']} action"))
            status, kind, text = iam_actions.access_denied_response(
                service, check["action"], denied.principal_arn, "", message=message,
                resource_arn=check["resource"], explicit_deny=denied.decision == "Deny")
        return status, text if isinstance(text, bytes) else text.encode(), kind["Content-Type"]
    return None


async def application(scope, receive, send):
    if scope["type"] != "http":
        return await served(scope, receive, send)
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    if "x-sandbox-authorize" in headers:
        query = parse_qs(scope.get("query_string", b"").decode(), keep_blank_values=True)
        denied = decide(scope, headers, query, await read_body(receive))
        if denied is None:
            return await answer(send, 204, b"")
        return await answer(send, *denied)
    if scope["path"].startswith("/_sandbox/principal/"):
        found = iam_evaluator.resolve_credential(scope["path"].rsplit("/", 1)[-1])
        return await answer(send, 200, json.dumps({"arn": getattr(found, "principal_arn", "")}).encode())
    if scope["path"].startswith("/_sandbox/managed/"):
        said = managed.answer(scope["path"].rsplit("/", 1)[-1], await read_body(receive), os.environ["MINISTACK_ACCOUNT_ID"])
        return await answer(send, 200, said)
    if scope["path"] == "/_sandbox/privileges":
        return await answer(send, 200, json.dumps(privileges.report()).encode())
    functions.hear(headers.get("x-sandbox-network"))
    return await served(scope, receive, send)


if __name__ == "__main__":
    # Each question that a correction adds is watched as well.
    privileges.watch()
    corrections.apply()
    threading.Thread(target=end_with_parent, daemon=True).start()
    ministack_app.app = application
    sys.argv = ["ministack"]
    ministack_app.main()
