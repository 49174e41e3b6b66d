"""Corrects what MiniStack does differently from AWS where no call passes the gateway. Each names its AWS page."""

import contextvars
import json

from ministack.core import iam_actions
from ministack.services import eventbridge, iam, s3

version = contextvars.ContextVar("version", default=None)


def role_paths() -> None:
    """The ARN of a role has its path, so a policy for `role/landfall/*` matches roles under that path.

    Of a role that does not exist nobody knows the path: IAM asks for `role/<name>`, and a caller who is allowed only a
    path gets AccessDenied rather than NoSuchEntity.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-friendly-names
    """
    original = iam_actions.extract_resource_arn

    def extract(service, method, path, headers, body, params, region, account):
        name = iam_actions._query_param(params, "RoleName") if service == "iam" else ""
        if not name:
            return original(service, method, path, headers, body, params, region, account)
        if iam_actions._query_param(params, "Action") == "CreateRole":
            role_path = iam_actions._query_param(params, "Path") or "/"
        else:
            role_path = (iam._roles.get_scoped(account, None, name) or {}).get("Path") or "/"
        return f"arn:aws:iam::{account}:role{role_path}{name}"

    iam_actions.extract_resource_arn = extract


def object_versions() -> None:
    """Events of a versioned bucket name the object's version.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
    """
    fire, dispatch = s3._fire_s3_event, eventbridge._dispatch_event

    def fire_with_version(*arguments, **options):
        version.set(options.get("version_id"))
        return fire(*arguments, **options)

    def dispatch_with_version(event):
        if event.get("Source") == "aws.s3" and version.get():
            detail = json.loads(event["Detail"])
            detail["object"]["version-id"] = version.get()
            event = {**event, "Detail": json.dumps(detail)}
        return dispatch(event)

    s3._fire_s3_event, eventbridge._dispatch_event = fire_with_version, dispatch_with_version


def apply() -> None:
    role_paths()
    object_versions()
