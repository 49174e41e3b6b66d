"""What the gateway has MiniStack keep for EKS: instances of node groups and Auto Mode, and log groups. And what it asks of IAM.

All of it comes from the gateway itself, in no caller's name.
"""

import json

import privileges
from ministack.core import responses
from ministack.services import cloudwatch_logs, ec2, iam


def missing(question: dict) -> dict:
    """Which of these roles and users do not exist; a role's path is part of its ARN.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-arns
    """
    return {"missing": [arn for arn in question["arns"] if not exists(arn)]}


def exists(arn: str) -> bool:
    parts = arn.split(":", 5)
    if len(parts) != 6 or "/" not in parts[5]:
        return False
    kind, name = parts[5].split("/", 1)[0], parts[5].rsplit("/", 1)[-1]
    store = {"role": iam._roles, "user": iam._users}.get(kind)
    found = store.get_scoped(parts[4], None, name) if store is not None else None
    return bool(found) and found["Arn"] == arn


def role(question: dict) -> dict:
    """The ARN of the role of this name, with its path."""
    found = iam._roles.get_scoped(question["account"], None, question["name"]) or {}
    return {"arn": found.get("Arn", ""), "id": found.get("RoleId", "")}


def may(question: dict) -> dict:
    """Whether a role, if it is still there, allows what a service does in its name."""
    return {"may": exists(question["role"]) and privileges.may(question["role"], question["action"], question["resource"])}


def log_group(question: dict) -> dict:
    """Makes a log group, unless it is there.

    https://docs.aws.amazon.com/eks/latest/userguide/control-plane-logs.html
    """
    cloudwatch_logs._create_log_group({"logGroupName": question["name"]})
    return {}


def launch(question: dict) -> dict:
    """Shows instances that are in the gateway's network, with their own addresses and zones.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Instance.html
    """
    for wanted in question["instances"]:
        address = wanted["address"]
        [made] = ec2._launch_instances_internal(
            wanted["image"], wanted["instanceType"], wanted["subnet"], 1,
            sg_ids=[wanted["group"]], requested_private_ip=address)
        ec2._instances.pop(made["InstanceId"])
        made |= {
            "InstanceId": wanted["id"],
            "VpcId": wanted["vpc"],
            "PrivateDnsName": f"ip-{address.replace('.', '-')}.{question['region']}.compute.internal",
            "PublicIpAddress": "",
            "PublicDnsName": "",
            "Placement": {"AvailabilityZone": wanted["zone"], "Tenancy": "default"},
        }
        if wanted["spot"]:
            made["InstanceLifecycle"] = "spot"
        if wanted["operator"]:
            made["Operator"] = wanted["operator"]
        for mapping in made["BlockDeviceMappings"]:
            volume = ec2._volumes[mapping["Ebs"]["VolumeId"]]
            volume["AvailabilityZone"] = wanted["zone"]
            for attachment in volume["Attachments"]:
                attachment["InstanceId"] = wanted["id"]
        ec2._instances[wanted["id"]] = made
        ec2._tags[wanted["id"]] = [{"Key": key, "Value": value} for key, value in wanted["tags"].items()]
    return {}


def terminate(question: dict) -> dict:
    """Ends instances, with their root volumes."""
    for name in filter(ec2._instances.get, question["ids"]):
        for mapping in ec2._instances[name]["BlockDeviceMappings"]:
            ec2._volumes.pop(mapping["Ebs"]["VolumeId"], None)
        ec2._terminate_instances({"InstanceId.1": [name]})
    return {}


QUESTIONS = {"missing": missing, "role": role, "may": may, "log-group": log_group, "launch": launch,
             "terminate": terminate}


def answer(name: str, body: bytes, account: str) -> bytes:
    """The answer to one of the gateway's questions."""
    question = json.loads(body)
    responses.set_request_account_id(account)
    responses.set_request_region(question.get("region"))
    return json.dumps(QUESTIONS[name](question)).encode()
