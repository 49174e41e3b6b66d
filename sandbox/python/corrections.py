"""Corrects what MiniStack does differently from AWS where no call passes the gateway. Each names its AWS page."""

import contextvars
import json
import threading

import functions
import privileges
from ministack.core import iam_actions, iam_evaluator
from ministack.services import ec2, eventbridge, iam, kms, lambda_svc, s3, stepfunctions

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


def provider_names() -> None:
    """The ARN of an OpenID Connect provider is its issuer without the scheme.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
    """
    original = iam_actions.extract_resource_arn

    def extract(service, method, path, headers, body, params, region, account):
        if service == "iam":
            arn = iam_actions._query_param(params, "OpenIDConnectProviderArn")
            url = iam_actions._query_param(params, "Url")
            if arn or url:
                return arn or f"arn:aws:iam::{account}:oidc-provider/{url.removeprefix('https://')}"
        return original(service, method, path, headers, body, params, region, account)

    iam_actions.extract_resource_arn = extract


def object_versions() -> None:
    """Events of a versioned bucket name the object's version.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
    """
    fire, dispatch = s3._fire_s3_event, eventbridge._dispatch_event

    def fire_with_version(*arguments, **options):
        version.set(options.get("version_id"))
        return fire(*arguments, **options)

    def dispatch_with_version(event, *rest):
        if event.get("Source") == "aws.s3" and version.get():
            detail = json.loads(event["Detail"])
            detail["object"]["version-id"] = version.get()
            event = {**event, "Detail": json.dumps(detail)}
        return dispatch(event, *rest)

    s3._fire_s3_event, eventbridge._dispatch_event = fire_with_version, dispatch_with_version


def execution_ends() -> None:
    """Executions time out, as their machine's TimeoutSeconds says (at the scale of waits); ending a parent ends the
    children that it waits for; and what a function answers afterwards changes nothing any more.

    https://docs.aws.amazon.com/step-functions/latest/dg/statemachine-structure.html (TimeoutSeconds)
    https://docs.aws.amazon.com/step-functions/latest/dg/connect-stepfunctions.html (StopExecution of a parent)
    """
    run, stop, fail = stepfunctions._run_execution, stepfunctions._stop_execution, stepfunctions._fail_execution

    def children(parent: str) -> list:
        running = [one for one in stepfunctions._executions.values() if one["status"] == "RUNNING"]
        return [one["executionArn"] for one in running
                if f'"AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID": "{parent}"' in one["input"]]

    def stop_with_children(data):
        answer = stop(data)
        for child in children(data.get("executionArn")):
            stop_with_children({"executionArn": child})
        return answer

    def time_out(arn: str) -> None:
        execution = stepfunctions._executions.get(arn)
        if execution is None or execution["status"] != "RUNNING":
            return
        execution["status"], execution["stopDate"] = "TIMED_OUT", stepfunctions.now_iso()
        stepfunctions._add_event(execution, "ExecutionTimedOut", {"executionTimedOutEventDetails": {}})
        stepfunctions._emit_execution_status_event(execution)
        for child in children(arn):
            stop_with_children({"executionArn": child})

    def run_with_timeout(arn: str):
        execution = stepfunctions._executions.get(arn) or {}
        machine = stepfunctions._state_machines.get(execution.get("stateMachineArn")) or {"definition": "{}"}
        seconds = json.loads(machine["definition"]).get("TimeoutSeconds")
        timer = None
        if seconds:
            context = contextvars.copy_context()
            timer = threading.Timer(seconds * stepfunctions._SFN_WAIT_SCALE, context.run, [time_out, arn])
            timer.daemon = True
            timer.start()
        try:
            return run(arn)
        finally:
            if timer:
                timer.cancel()

    def fail_if_running(execution, error, cause):
        if execution["status"] == "RUNNING":
            fail(execution, error, cause)

    stepfunctions._run_execution, stepfunctions._stop_execution = run_with_timeout, stop_with_children
    stepfunctions._fail_execution = fail_if_running


def task_tokens() -> None:
    """A task that waits for its token fails when its function fails, waits at the scale of waits, and is closed when its
    execution ends: then its token is TaskTimedOut.

    https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#connect-wait-token
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html (TaskTimedOut)
    """
    execute, tokens = stepfunctions._execute_task, stepfunctions._task_tokens
    running = contextvars.ContextVar("running", default=None)
    closed = set()

    def execute_known(state, raw_input, execution, context):
        running.set(execution)
        return execute(state, raw_input, execution, context)

    def wait(resource, arguments, token, state):
        execution, event = running.get(), threading.Event()
        tokens[token] = {"event": event, "result": None, "error": None, "heartbeat": None}
        try:
            stepfunctions._invoke_resource(resource.replace(".waitForTaskToken", ""), arguments)
            left = state.get("TimeoutSeconds", 99999999) * stepfunctions._SFN_WAIT_SCALE
            while not event.wait(timeout=min(left, 0.2)):
                left -= 0.2
                if left <= 0:
                    raise stepfunctions._ExecutionError("States.Timeout", "")
                if execution and execution["status"] != "RUNNING":
                    raise stepfunctions._ExecutionError("States.Runtime", "The execution has ended.")
            told = tokens[token]
        finally:
            tokens.pop(token, None)
            closed.add(token)
        if told["error"]:
            raise stepfunctions._ExecutionError(told["error"]["Error"], told["error"]["Cause"])
        return json.loads(told["result"])

    def closed_first(send):
        def answer(data):
            if data.get("taskToken") in closed:
                message = "Task Timed Out: 'Provided task does not exist anymore'"
                return stepfunctions.error_response_json("TaskTimedOut", message, 400)
            return send(data)
        return answer

    stepfunctions._execute_task, stepfunctions._invoke_with_callback = execute_known, wait
    for name in ("_send_task_success", "_send_task_failure", "_send_task_heartbeat"):
        setattr(stepfunctions, name, closed_first(getattr(stepfunctions, name)))


def lambdas_own_calls() -> None:
    """Lambda writes a function's log, and hands over what failed asynchronously, in the name of the function's role:
    without the permission there is no log, and nothing is handed over.

    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html
    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    """
    write, hand_over = lambda_svc._emit_lambda_logs, lambda_svc._route_async_failure

    def write_if_allowed(func, request_id, *rest, **options):
        config = func.get("config") or func
        _, _, _, region, account, *_ = config["FunctionArn"].split(":")
        group = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{config['FunctionName']}"
        stream = f"arn:aws:logs:{region}:{account}:log-group:{group}:log-stream:{request_id}"
        actions = ("logs:CreateLogStream", "logs:PutLogEvents")
        if all(privileges.may(config["Role"], action, stream) for action in actions):
            write(func, request_id, *rest, **options)

    def hand_over_if_allowed(target, name, *rest):
        config = lambda_svc._functions[name]["config"]
        if privileges.may(config["Role"], "sqs:SendMessage", target):
            hand_over(target, name, *rest)

    lambda_svc._emit_lambda_logs, lambda_svc._route_async_failure = write_if_allowed, hand_over_if_allowed


def instance_filters() -> None:
    """Instances are listed by their VPC and subnet too.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html
    """
    original = ec2._matches_filters
    fields = {"vpc-id": "VpcId", "subnet-id": "SubnetId"}

    def matches(instance, filters):
        there = all(instance.get(field) in filters.get(name, [instance.get(field)]) for name, field in fields.items())
        return there and original(instance, filters)

    ec2._matches_filters = matches


def managed_instances() -> None:
    """Instances show which service manages them.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/amazon-ec2-managed-instances.html
    """
    original = ec2._instance_xml

    def xml(instance):
        principal = instance.get("Operator")
        told = f"<managed>true</managed><principal>{principal}</principal>" if principal else "<managed>false</managed>"
        return original(instance).rstrip().removesuffix("</item>") + f"<operator>{told}</operator></item>"

    ec2._instance_xml = xml


def keys_and_aliases() -> None:
    """A call that names a key by an alias is about that key; where no key has the alias, KMS says so, whatever the caller
    may do. Who makes or deletes an alias needs the permission on the alias and on the key. A new key's tags are a permission
    of their own.

    https://docs.aws.amazon.com/kms/latest/developerguide/alias-authorization.html
    https://docs.aws.amazon.com/kms/latest/developerguide/alias-access.html
    https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html (Required permissions)
    """
    extract, enforce = iam_actions.extract_resource_arn, iam_evaluator.enforce
    further = contextvars.ContextVar("further", default=())

    def extract_known(service, method, path, headers, body, params, region, account):
        further.set(())
        if service != "kms":
            return extract(service, method, path, headers, body, params, region, account)
        asked, action = json.loads(body or b"{}"), headers.get("x-amz-target", "").rsplit(".", 1)[-1]
        named = asked.get("TargetKeyId") or asked.get("KeyId") or asked.get("AliasName")
        key = (kms._resolve_key(named) or {}).get("Arn") or f"arn:aws:kms:{region}:{account}:key/none"
        if action in ("CreateAlias", "UpdateAlias", "DeleteAlias"):
            further.set((("kms:" + action, key),))
            return f"arn:aws:kms:{region}:{account}:{asked['AliasName']}"
        if action == "CreateKey" and asked.get("Tags"):
            further.set((("kms:TagResource", "*"),))
        return key if named else "*"

    def enforce_all(access_key, action, service, region, resource_arn="*", service_context=None):
        questions = [(action, resource_arn), *(further.get() if service == "kms" else ())]
        refusals = (enforce(access_key, one, service, region, resource_arn=resource, service_context=service_context)
                    for one, resource in questions)
        return next((refusal for refusal in refusals if refusal is not None), None)

    iam_actions.extract_resource_arn, iam_evaluator.enforce = extract_known, enforce_all


def provider_tags() -> None:
    """The tags of an OpenID Connect provider can be changed.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_TagOpenIDConnectProvider.html
    https://docs.aws.amazon.com/IAM/latest/APIReference/API_UntagOpenIDConnectProvider.html
    """
    def changed(action, change):
        def answer(parameters):
            arn = iam._p(parameters, "OpenIDConnectProviderArn")
            provider = iam._oidc_providers.get(arn)
            if provider is None:
                return iam._error(404, "NoSuchEntity", f"OpenIDConnect Provider not found for arn {arn}", ns="iam")
            provider["Tags"] = change(parameters, provider.get("Tags") or [])
            return iam._xml(200, f"{action}Response", "", ns="iam")

        return answer

    def put(parameters, tags):
        return list(({tag["Key"]: tag for tag in tags} | {tag["Key"]: tag for tag in iam._extract_tags(parameters)}).values())

    def remove(parameters, tags):
        gone = set(iam._extract_tag_keys(parameters))
        return [tag for tag in tags if tag["Key"] not in gone]

    for action, change in {"TagOpenIDConnectProvider": put, "UntagOpenIDConnectProvider": remove}.items():
        iam._IAM_HANDLERS[action] = changed(action, change)


def apply() -> None:
    provider_tags()
    instance_filters()
    managed_instances()
    keys_and_aliases()
    lambdas_own_calls()
    functions.apply()
    role_paths()
    provider_names()
    object_versions()
    execution_ends()
    task_tokens()
