"""Holds raw answers of EKS to the service model that botocore ships."""

import json

COMMON = {"AccessDeniedException", "ThrottlingException"}  # https://docs.aws.amazon.com/eks/latest/APIReference/CommonErrors.html
# What AWS answers though its model does not list it: see `src/eks/fargate.rs`.
UNLISTED = {("CreateFargateProfile", "ResourceInUseException"), ("DeleteFargateProfile", "ResourceInUseException")}

wrong, answered, refused = [], set(), {}


def check(shape, value, path: str) -> None:
    """Notes how a value differs from its shape."""
    if value is None:
        return
    kinds = {"string": str, "boolean": bool, "timestamp": (int, float), "integer": int, "long": int,
             "structure": dict, "map": dict, "list": list}
    kind = kinds[shape.type_name]
    if not isinstance(value, kind) or (isinstance(value, bool) and shape.type_name != "boolean"):
        wrong.append(f"{path}: {value!r} is no {shape.type_name}")
    elif shape.type_name == "structure":
        wrong.extend(f"{path}.{name}: the model has no such field" for name in value if name not in shape.members)
        wrong.extend(f"{path}.{name}: missing" for name in shape.required_members if name not in value)
        for name, member in shape.members.items():
            check(member, value.get(name), f"{path}.{name}")
    elif shape.type_name == "list":
        for one in value:
            check(shape.member, one, f"{path}[]")
    elif shape.type_name == "map":
        for key, one in value.items():
            check(shape.value, one, f"{path}[{key}]")
    elif getattr(shape, "enum", None) and value not in shape.enum:
        wrong.append(f"{path}: {value!r} is none of {shape.enum}")


def judge(operation_model, response_dict, **_) -> None:
    """Looks at a raw answer."""
    name, status = operation_model.name, response_dict["status_code"]
    body = json.loads(response_dict["body"] or b"{}")
    if status < 300:
        answered.add(name)
        check(operation_model.output_shape, body, name)
        return
    code = response_dict["headers"].get("x-amzn-errortype") or body.get("__type")
    refused.setdefault(name, set()).add(code)
    shape = next((shape for shape in operation_model.error_shapes if shape.name == code), None)
    if shape is None:
        if code not in COMMON and (name, code) not in UNLISTED:
            wrong.append(f"{name}: {code} is no error of this operation")
        return
    if shape.metadata["error"]["httpStatusCode"] != status:
        wrong.append(f"{name}: {code} has status {status}")
    for name_of_protocol in ("__type", "Message"):
        body.pop(name_of_protocol, None)
    check(shape, body, f"{name}: {code}")
