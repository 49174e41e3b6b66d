"""Corrects MiniStack's Lambda: states, roles, tags, and functions in a VPC. Each correction names its AWS page.

What only the gateway knows of a call, because the network is its own, comes with the call in the header
`x-sandbox-network`: `vpc`, the VPC of the subnets that are asked for; `context`, the condition keys; `refusal`, why EC2 does
not have them; `seconds`, how long the interfaces take; `proxy`, the function's way into its VPC; `failure`, the code and
reason with which a rule ends the change.
"""

import contextvars
import copy
import json
import os
import threading
import time
from urllib.parse import unquote

import privileges
from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import error_response_json, get_account_id, get_region, json_response
from ministack.services import iam, lambda_svc

told = contextvars.ContextVar("told", default=None)
proxies: dict = {}

SERVICE = "lambda.amazonaws.com"


def hear(header: str | None) -> None:
    """Keeps what the gateway says of the call that follows, if it says anything."""
    told.set(json.loads(bytes.fromhex(header)) if header else None)


def refusal(code: str, message: str, status: int = 400) -> tuple:
    return error_response_json(code, message, status, message_key="Message", content_type="application/json")


def named(path: str) -> str:
    """The name of the function in a call's path, `/2015-03-31/functions/<name or ARN>/...`."""
    return lambda_svc._resolve_request_scoped_name_and_qualifier(unquote(path).split("/")[3])[0]


def not_now(action: str, config: dict) -> tuple | None:
    """While a function is created, and after that has failed, it cannot be invoked or changed; one change at a time.

    https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
    """
    said = "The operation cannot be performed at this time. "
    changes = ("UpdateFunctionCode", "UpdateFunctionConfiguration", "PublishVersion")
    if action in (*changes, "InvokeFunction") and config.get("State") in ("Pending", "Failed"):
        said += f"The function is currently in the following state: {config['State']}"
        return refusal("ResourceConflictException", said, 409)
    if action in changes and config.get("LastUpdateStatus") == "InProgress":
        said += f"An update is in progress for resource: {config['FunctionArn']}"
        return refusal("ResourceConflictException", said, 409)
    return None


def trusted(role_arn: str) -> bool:
    """Whether the role is there and lets Lambda take it on.

    https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html
    """
    role = iam._roles.get_scoped(role_arn.split(":")[4], None, role_arn.rsplit("/", 1)[-1]) or {}
    if role.get("Arn") != role_arn:
        return False
    document = role["AssumeRolePolicyDocument"]
    document = json.loads(unquote(document)) if isinstance(document, str) else document
    statements = document.get("Statement", [])
    statements = [statements] if isinstance(statements, dict) else statements

    def allows(statement, effect):
        return (statement.get("Effect") == effect and "sts:AssumeRole" in listed(statement.get("Action"))
                and iam_evaluator._service_principal_matches(statement.get("Principal"), SERVICE))

    return (any(allows(one, "Allow") for one in statements) and not any(allows(one, "Deny") for one in statements))


def listed(value) -> list:
    return [value] if isinstance(value, str) else value or []


def attachable(role: str, network: dict) -> tuple | None:
    """Lambda makes the interfaces in the name of the function's role, and deletes them so.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
    """
    arn = f"arn:aws:ec2:{get_region()}:{get_account_id()}"
    interface = f"{arn}:network-interface/*"
    resources = {
        "CreateNetworkInterface": [interface, *(f"{arn}:subnet/{one}" for one in network["SubnetIds"]),
                                   *(f"{arn}:security-group/{one}" for one in network["SecurityGroupIds"])],
        "DescribeNetworkInterfaces": ["*"],
        "DeleteNetworkInterface": [interface],
    }
    for action, wanted in resources.items():
        if not all(privileges.may(role, f"ec2:{action}", resource) for resource in wanted):
            said = f"The provided execution role does not have permissions to call {action} on EC2"
            return refusal("InvalidParameterValueException", said)
    return None


def unfit(data: dict, config: dict) -> tuple | None:
    """Why a function cannot be made, or changed, as it is asked for."""
    role = data.get("Role") or config.get("Role", "")
    if data.get("Role") and not trusted(role):
        return refusal("InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda.")
    heard = told.get() or {}
    if heard.get("refusal"):
        return refusal("InvalidParameterValueException", heard["refusal"])
    return attachable(role, data["VpcConfig"]) if heard.get("vpc") and data.get("VpcConfig") else None


def calls() -> None:
    """Refuses what Lambda refuses before it does anything, and remembers each function's way into its VPC."""
    handle = lambda_svc.handle_request

    async def handle_if_it_may_be(method, path, headers, body, query_params):
        action = iam_actions._lambda_action(method, path)
        changes = action in ("CreateFunction", "UpdateFunctionConfiguration")
        data = json.loads(body) if changes and body else {}
        name = data.get("FunctionName", "") if action == "CreateFunction" else ""
        config = {}
        if not name and "/functions/" in path:
            name = named(path)
            config = (lambda_svc._functions.get(name) or {}).get("config") or {}
        if changes and (config or (action == "CreateFunction" and name not in lambda_svc._functions)):
            no = not_now(action, config) or unfit(data, config)
        else:
            no = not_now(action, config)
        if no:
            return no
        answer = await handle(method, path, headers, body, query_params)
        if answer[0] < 300 and changes and (told.get() or {}).get("proxy"):
            proxies[lambda_svc._func_arn(name)] = told.get()["proxy"]
        return answer

    lambda_svc.handle_request = handle_if_it_may_be


def updates() -> None:
    """An update leaves the function active; only `LastUpdateStatus` tells of it.

    https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html#functions-states-updating
    """
    def staying(update):
        def answer(name, data):
            before = (lambda_svc._functions.get(name) or {}).get("config", {}).get("State", "Active")
            status, headers, body = update(name, data)
            if status >= 300:
                return status, headers, body
            state = {"State": before, "StateReason": "", "StateReasonCode": ""}
            lambda_svc._functions[name]["config"].update(state)
            return json_response({**json.loads(body), **state})

        return answer

    for name in ("_update_code", "_update_config"):
        setattr(lambda_svc, name, staying(getattr(lambda_svc, name)))


def interfaces() -> None:
    """What is in a VPC says in which, and its creation or update takes as long as its interfaces.

    https://docs.aws.amazon.com/lambda/latest/api/API_VpcConfigResponse.html
    https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-attaching
    """
    network, schedule, acquire = (
        lambda_svc._vpc_config_with_id, lambda_svc._schedule_state_transition, lambda_svc.acquire_worker)

    def network_of_gateway(asked):
        heard = told.get()
        if heard is None:
            return network(asked)
        wanted = copy.deepcopy(asked or {"SubnetIds": [], "SecurityGroupIds": []})
        return {**wanted, "VpcId": heard.get("vpc", ""), "Ipv6AllowedForDualStack": False}

    def fail(name, failure, creating):
        config = (lambda_svc._functions.get(name) or {}).get("config")
        if config is None:
            return
        fields = [("LastUpdateStatus", "Failed")] + [("State", "Failed")] * creating
        for field, state in fields:
            reason = "StateReason" if field == "State" else "LastUpdateStatusReason"
            config.update({field: state, reason: failure["message"], f"{reason}Code": failure["code"]})

    def schedule_as_told(name, delay):
        heard = told.get() or {}
        delay = max(delay, heard.get("seconds") or 0)
        if not heard.get("failure"):
            return schedule(name, delay)
        creating = lambda_svc._functions[name]["config"]["StateReasonCode"] == "Creating"
        context = contextvars.copy_context()

        def later():
            time.sleep(delay)
            fail(name, heard["failure"], creating)

        threading.Thread(target=context.run, args=(later,), daemon=True).start()

    def acquire_with_its_way(name, config, *rest, **options):
        proxy = proxies.get(":".join(config["FunctionArn"].split(":")[:7]))
        if proxy and (config.get("VpcConfig") or {}).get("SubnetIds"):
            environment = config.get("Environment") or {}
            variables = {**(environment.get("Variables") or {}), "HTTPS_PROXY": proxy}
            config = {**config, "Environment": {**environment, "Variables": variables}}
        return acquire(name, config, *rest, **options)

    lambda_svc._vpc_config_with_id, lambda_svc._schedule_state_transition = network_of_gateway, schedule_as_told
    lambda_svc.acquire_worker = acquire_with_its_way


def permissions() -> None:
    """A new function's ARN has its name, and the condition keys say its network.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html
    https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#vpc-conditions
    """
    extract, tags = iam_actions.extract_resource_arn, iam_actions.request_tag_context

    def extract_named(service, method, path, headers, body, params, region, account):
        if service == "lambda" and iam_actions._lambda_action(method, path) == "CreateFunction":
            name = json.loads(body or b"{}").get("FunctionName", "*")
            return name if name.startswith("arn:") else f"arn:aws:lambda:{region}:{account}:function:{name}"
        return extract(service, method, path, headers, body, params, region, account)

    def with_network(service, action, body, params):
        context = tags(service, action, body, params)
        if action in ("lambda:CreateFunction", "lambda:UpdateFunctionConfiguration"):
            context = {**context, **((told.get() or {}).get("context") or {})}
        return context

    iam_actions.extract_resource_arn, iam_actions.request_tag_context = extract_named, with_network


def tags_for_who_may_see_them() -> None:
    """GetFunction answers with tags only whoever may also list them; the code comes by the gateway.

    https://docs.aws.amazon.com/lambda/latest/api/API_GetFunction.html (`TagsError`)
    https://docs.aws.amazon.com/lambda/latest/dg/configuration-tags.html#permissions-required-for-working-with-tags-cli
    """
    get, locate = lambda_svc._get_function, lambda_svc._presigned_code_url
    own = f"http://{lambda_svc._MINISTACK_HOST}:{os.environ['GATEWAY_PORT']}"

    def get_with_tags(name, qualifier=None):
        status, headers, body = get(name, qualifier)
        if status != 200:
            return status, headers, body
        answer = json.loads(body)
        key, arn = lambda_svc._request_access_key.get(), lambda_svc._func_arn(name)
        with privileges.without_need():
            denied = iam_evaluator.enforce(key, "lambda:ListTags", "lambda", get_region(), resource_arn=arn)
        if denied:
            del answer["Tags"]
            said = f"not authorized to perform: lambda:ListTags on resource: {arn}"
            answer["TagsError"] = {"ErrorCode": "AccessDeniedException", "Message": said}
        return json_response(answer)

    def locate_at_gateway(name):
        return locate(name).replace(own, os.environ["AWS_ENDPOINT_URL"], 1)

    lambda_svc._get_function, lambda_svc._presigned_code_url = get_with_tags, locate_at_gateway


def apply() -> None:
    calls()
    updates()
    interfaces()
    permissions()
    tags_for_who_may_see_them()
