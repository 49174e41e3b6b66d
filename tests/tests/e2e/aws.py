"""What the `aws` command does with `aws SERVICE OPERATION --option VALUE …`: the same operation, by the same model."""

import sys

import boto3
from botocore import xform_name


def call(service: str, operation: str, *options: str) -> None:
    client = boto3.client(service)
    method = operation.replace("-", "_")
    shape = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[method]).input_shape
    members = {"--" + xform_name(member).replace("_", "-"): member for member in shape.members}
    given = {}
    for option, value in zip(options[::2], options[1::2], strict=True):
        member = members[option]
        given[member] = [value] if shape.members[member].type_name == "list" else value
    getattr(client, method)(**given)


for command in " ".join(sys.argv[1:]).split(" && "):
    name, *words = command.split()
    assert name == "aws", command
    call(*words)
