"""What the calls of the functions' roles needed: which permission each, and which calls were denied for want of one.

A permission is an action in a statement of a role's policy. A call needs it if it would be denied without it; that is
asked of MiniStack's own evaluator, of the same call, with the same policies less that one.
"""

import contextlib
import contextvars
import dataclasses
import threading
import time

from ministack.core import iam_evaluator, responses

asked = contextvars.ContextVar("asked", default=None)
optional = contextvars.ContextVar("optional", default=False)
lock = threading.Lock()
needed: dict = {}
denied: list = []


def report() -> dict:
    """Every permission that was needed, with the milliseconds of the calls, and every call that was denied."""
    with lock:
        return {
            "needed": [{"role": role, "statement": sid, "action": action, "at": at}
                       for (role, sid, action), at in needed.items()],
            "denied": list(denied),
        }


def note(ctx, policies, limits, allowed: bool) -> None:
    if ctx.principal_type != "AssumedRole":
        return
    role, now = iam_evaluator._role_name_from_assumed_arn(ctx.principal_arn), int(time.time() * 1000)
    if not allowed:
        with lock:
            denied.append({"role": role, "action": ctx.action, "resource": ctx.resource_arn, "at": now})
        return
    for statement in [statement for document in policies for statement in document]:
        if any(action.lower() == ctx.action.lower() for action in statement.actions):
            if evaluate(ctx, without(policies, statement, ctx.action), *limits).decision != "Allow":
                with lock:
                    needed.setdefault((role, statement.sid, ctx.action), []).append(now)


def without(policies, statement, action: str):
    """The same policies with the action taken out of the statement, and without the statement if that was its last."""
    actions = [one for one in statement.actions if one.lower() != action.lower()]
    left = [dataclasses.replace(statement, actions=actions)] if actions else []
    return [[one for each in document for one in (left if each is statement else [each])] for document in policies]


def may(role_arn: str, action: str, resource: str) -> bool:
    """Whether a function's role allows what Lambda itself does in its name."""
    account, role = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    ctx = iam_evaluator.EvalContext(
        principal_arn=f"arn:aws:sts::{account}:assumed-role/{role}/lambda", principal_type="AssumedRole",
        principal_account=account, action=action, resource_arn=resource, region=responses.get_region(),
    )
    policies = iam_evaluator._gather_role_policies(role, account)
    allowed = evaluate(ctx, policies).decision == "Allow"
    note(ctx, policies, (), allowed)
    return allowed


@contextlib.contextmanager
def without_need():
    """What is asked meanwhile may be denied: the call answers all the same, with less."""
    token = optional.set(True)
    try:
        yield
    finally:
        optional.reset(token)


def evaluate_and_keep(ctx, policies, *limits):
    kept = asked.get()
    # The first question is about the caller's own policies; the next ones are about the resource's.
    if kept is not None and not kept:
        kept.append((ctx, policies, limits))
    return evaluate(ctx, policies, *limits)


def enforce_and_note(*arguments, **options):
    kept: list = []
    token = asked.set(kept)
    try:
        refusal = enforce(*arguments, **options)
    finally:
        asked.reset(token)
    for ctx, policies, limits in [] if refusal is not None and optional.get() else kept:
        note(ctx, policies, limits, refusal is None)
    return refusal


enforce, evaluate = iam_evaluator.enforce, iam_evaluator.evaluate


def watch() -> None:
    iam_evaluator.enforce, iam_evaluator.evaluate = enforce_and_note, evaluate_and_keep
