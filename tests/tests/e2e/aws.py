"""What the `aws` command does with `aws SERVICE OPERATION --option VALUE …`: the same operation, by the same model."""

import sys

import boto3
from botocore import xform_name


def read(members: dict, options: tuple) -> dict:
    """The options as the operation takes them; `--no-…` turns one off."""
    given, options = {}, list(options)
    while options:
        option = options.pop(0)
        if option not in members:
            given[members["--" + option.removeprefix("--no-")][0]] = False
            continue
        member, kind = members[option]
        value = options.pop(0)
        given[member] = [value] if kind == "list" else int(value) if kind == "integer" else value
    return given


def call(service: str, operation: str, *options: str) -> None:
    client = boto3.client(service)
    waiter = None
    if operation == "wait":
        waiter = client.get_waiter(options[0].replace("-", "_"))
        operation, options = xform_name(waiter.config.operation), options[1:]
    method = operation.replace("-", "_")
    shape = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[method]).input_shape
    members = {"--" + xform_name(name).replace("_", "-"): (name, of.type_name) for name, of in shape.members.items()}
    given = read(members, options)
    if waiter:
        waiter.wait(WaiterConfig={"Delay": 1}, **given)
    else:
        getattr(client, method)(**given)


for command in " ".join(sys.argv[1:]).split(" && "):
    name, *words = command.split()
    assert name == "aws", command
    call(*words)
