"""Plays the life of functions in a VPC through botocore, and exits with what is not as on AWS.

It reads the endpoint and the administrator's credentials from the environment. What it holds the sandbox to stands, with the
pages of AWS, in `functions.py` and the gateway.
"""

import json
import os
import sys
import time
import urllib.request

import botocore.exceptions
import botocore.session
from botocore.config import Config

from vpc_function import archive, connect, wanted

ENDPOINT = os.environ["AWS_ENDPOINT_URL"]
REGION = os.environ["AWS_REGION"]
ACCOUNT = "111122223333"
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function"
INTERFACES = ("ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DeleteNetworkInterface")

session = botocore.session.get_session()
config = Config(retries={"total_max_attempts": 1}, connect_timeout=10, read_timeout=60)
wrong: list = []


def client(service: str, **credentials):
    return session.create_client(service, endpoint_url=ENDPOINT, region_name=REGION, config=config, **credentials)


ec2, eks, iam, functions = (client(name) for name in ("ec2", "eks", "iam", "lambda"))


def equal(what: str, value, right) -> None:
    if value != right:
        wrong.append(f"{what}: {value!r} instead of {right!r}")


def expect(code: str, call, said: str = "", **arguments) -> None:
    """The call must be refused with this code, and a message with this in it."""
    try:
        call(**arguments)
    except botocore.exceptions.ClientError as error:
        if error.response["Error"]["Code"] != code or said not in error.response["Error"]["Message"]:
            wrong.append(f"{error.operation_name}: {error} instead of {code}: {said}")
    else:
        wrong.append(f"{call.__name__}({arguments}) was not refused with {code}")


def until(what: str, done, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            wrong.append(f"{what}: not within {seconds} s")
            return
        time.sleep(0.05)


def role(name: str, *actions: str, principal: str = "lambda.amazonaws.com") -> str:
    trust = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": principal}, "Action": "sts:AssumeRole"}]}
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    if actions:
        allow("put_role_policy", "RoleName", name, {"Action": list(actions), "Resource": "*"})
    return arn


def allow(call: str, kind: str, name: str, *statements: dict) -> None:
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **one} for one in statements]}
    getattr(iam, call)(**{kind: name}, PolicyName="own", PolicyDocument=json.dumps(document))


def user(name: str):
    """A user with no rights, and clients of theirs."""
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return client("lambda", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])


class Network:
    """A VPC with two private subnets, and a group without a rule that lets anything in."""

    def __init__(self, block: str):
        self.vpc = ec2.create_vpc(CidrBlock=f"{block}.0.0/16")["Vpc"]["VpcId"]
        self.subnets = [
            ec2.create_subnet(VpcId=self.vpc, CidrBlock=f"{block}.{at}.0/24", AvailabilityZone=REGION + zone)
            ["Subnet"]["SubnetId"] for at, zone in enumerate("ab")]
        self.group = self.add_group("gate")

    def add_group(self, name: str) -> str:
        return ec2.create_security_group(VpcId=self.vpc, GroupName=name, Description="of a test")["GroupId"]

    def config(self, *subnets: str, groups=None) -> dict:
        return {"SubnetIds": list(subnets) or self.subnets, "SecurityGroupIds": groups or [self.group]}

    def interfaces(self, **of) -> list:
        filters = [{"Name": "vpc-id", "Values": [self.vpc]},
                   *({"Name": name.replace("_", "-"), "Values": [value]} for name, value in of.items())]
        return ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"]


def call(name: str, event: dict):
    answer = functions.invoke(FunctionName=name, Payload=json.dumps(event))
    payload = json.load(answer["Payload"])
    if "FunctionError" in answer:
        wrong.append(f"{name}({event}): {payload}")
    return payload


def active(name: str) -> None:
    functions.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 100})


def updated(name: str) -> None:
    functions.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 100})


def refused(network: Network, gate: str) -> None:
    """What Lambda refuses before it makes anything."""
    invalid, create = "InvalidParameterValueException", functions.create_function
    inside = {"VpcConfig": network.config()}
    other = Network("10.9")
    expect(invalid, create, "cannot be assumed", **wanted("no", f"arn:aws:iam::{ACCOUNT}:role/none", **inside))
    stranger = role("stranger", *INTERFACES, principal="ec2.amazonaws.com")
    expect(invalid, create, "cannot be assumed", **wanted("no", stranger, **inside))
    poor = role("poor", *INTERFACES[:2])
    expect(invalid, create, "permissions to call DeleteNetworkInterface on EC2", **wanted("no", poor, **inside))
    empty = role("empty")
    expect(invalid, create, "permissions to call CreateNetworkInterface on EC2", **wanted("no", empty, **inside))
    for vpc, said in (
            (network.config("subnet-0123456789abcdef0"), "InvalidSubnetID.NotFound"),
            (network.config(groups=["sg-0123456789abcdef0"]), "InvalidGroup.NotFound"),
            (network.config(groups=[other.group]), "same VPC"),
            (network.config(network.subnets[0], other.subnets[0]), "same VPC"),
            ({"SubnetIds": network.subnets, "SecurityGroupIds": []}, "must coexist")):
        expect(invalid, create, said, **wanted("no", gate, VpcConfig=vpc))
    equal("interfaces of what was refused", network.interfaces() + other.interfaces(), [])
    expect("ResourceNotFoundException", functions.get_function, FunctionName="no")


def created(network: Network, gate: str) -> None:
    """A function is pending while its interfaces are made; then it runs, in its VPC."""
    begun = time.monotonic()
    made = functions.create_function(**wanted("gate", gate, VpcConfig=network.config(), Tags={"team": "a"}))
    equal("its state", (made["State"], made["VpcConfig"]["VpcId"]), ("Pending", network.vpc))
    pending = "currently in the following state: Pending"
    conflict = ("ResourceConflictException", functions.invoke, pending)
    expect(*conflict, FunctionName="gate")
    expect("ResourceConflictException", functions.update_function_code, pending, FunctionName="gate", ZipFile=archive(2))
    expect("ResourceConflictException", functions.publish_version, pending, FunctionName="gate")
    expect("ResourceConflictException", functions.create_function, "already exist",
           **wanted("gate", gate, VpcConfig=network.config()))
    shown = [(one["InterfaceType"], one["Status"], one["RequesterManaged"], one["Description"].startswith("AWS Lambda VPC ENI-gate-"))
             for one in network.interfaces()]
    equal("its interfaces", shown, [("lambda", "in-use", True, True)] * 2)
    active("gate")
    scaled = 60 * float(os.environ["SCALE"])
    if time.monotonic() - begun < scaled:
        wrong.append(f"the function was active before {scaled} s were over")
    told = call("gate", {})
    equal("its code", told["code"], 1)
    if not told["proxy"].startswith("http://gate:"):
        wrong.append(f"its way into the VPC: {told['proxy']!r}")


def code(gate: str) -> None:
    """A function can fetch the code of another one; new code runs from the next call on."""
    told = functions.get_function(FunctionName="gate")
    equal("the tags", (told["Tags"], functions.list_tags(Resource=f"{ARN}:gate")["Tags"]), ({"team": "a"},) * 2)
    location = told["Code"]["Location"]
    equal("where the code is", location.startswith(ENDPOINT), True)
    equal("the code that a function fetches", call("gate", {"digest": location}), told["Configuration"]["CodeSha256"])
    now = functions.update_function_code(FunctionName="gate", ZipFile=archive(2))
    equal("while it is updated", (now["State"], now["LastUpdateStatus"]), ("Active", "InProgress"))
    expect("ResourceConflictException", functions.update_function_configuration, "An update is in progress",
           FunctionName="gate", Timeout=20)
    updated("gate")
    equal("the new code", call("gate", {})["code"], 2)
    equal("its digest", functions.get_function(FunctionName="gate")["Configuration"]["CodeSha256"], now["CodeSha256"])
    functions.create_function(**wanted("outside", gate))
    active("outside")
    equal("the way of a function in no VPC", call("outside", {})["proxy"], "")


def reached(network: Network, cluster: dict, group: str) -> None:
    """The security groups say whether a function reaches an API server; none runs there, so who gets through finds none."""
    authority = cluster["endpoint"].removeprefix("https://") + ":443"

    def tries(what: str, status: int) -> None:
        equal(what, call("gate", {"connect": authority}), status)

    tries("without a rule", 403)
    own = cluster["resourcesVpcConfig"]["clusterSecurityGroupId"]
    tcp = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
    by_group = {**tcp, "UserIdGroupPairs": [{"GroupId": network.group}]}
    one_subnet, both = ({**tcp, "IpRanges": [{"CidrIp": block}]} for block in ("10.8.0.0/24", "10.8.0.0/23"))
    for target, permission, status in ((own, by_group, 502), (group, by_group, 502), (group, one_subnet, 403), (group, both, 502)):
        ec2.authorize_security_group_ingress(GroupId=target, IpPermissions=[permission])
        tries(f"with {permission} in {target}", status)
        ec2.revoke_security_group_ingress(GroupId=target, IpPermissions=[permission])
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[both])
    out = ec2.describe_security_groups(GroupIds=[network.group])["SecurityGroups"][0]["IpPermissionsEgress"]
    ec2.revoke_security_group_egress(GroupId=network.group, IpPermissions=out)
    tries("with no way out", 403)
    ec2.authorize_security_group_egress(GroupId=network.group, IpPermissions=out)
    equal("nothing but clusters", call("gate", {"connect": "example.com:443"}), 403)
    equal("without the secret", connect(authority, call("gate", {})["proxy"].replace("gate:", "gate:x")), 407)
    eks.update_cluster_config(name="demo", resourcesVpcConfig={"endpointPrivateAccess": False, "endpointPublicAccess": True})
    tries("before the update is done", 502)
    eks.get_waiter("cluster_active").wait(name="demo", WaiterConfig={"Delay": 0.1, "MaxAttempts": 100})
    tries("without the private endpoint", 403)
    eks.update_cluster_config(name="demo", resourcesVpcConfig={"endpointPrivateAccess": True})
    eks.get_waiter("cluster_active").wait(name="demo", WaiterConfig={"Delay": 0.1, "MaxAttempts": 100})
    tries("with it again", 502)


def moved(network: Network, cluster: dict) -> None:
    """Another network is the function's when its interfaces are ready; what it leaves stays for a while."""
    authority = cluster["endpoint"].removeprefix("https://") + ":443"
    before = {one["NetworkInterfaceId"] for one in network.interfaces(interface_type="lambda")}
    functions.update_function_configuration(FunctionName="gate", VpcConfig=network.config())
    updated("gate")
    equal("the same network", {one["NetworkInterfaceId"] for one in network.interfaces(interface_type="lambda")}, before)
    there = Network("10.7")
    functions.update_function_configuration(FunctionName="gate", VpcConfig=there.config())
    equal("meanwhile", (call("gate", {"connect": authority}), len(there.interfaces(status="in-use"))), (502, 2))
    updated("gate")
    until("the way of before is gone", lambda: call("gate", {"connect": authority}) == 403)
    equal("the interfaces of before", {one["NetworkInterfaceId"] for one in network.interfaces(interface_type="lambda")}, before)
    functions.update_function_configuration(FunctionName="gate", VpcConfig={"SubnetIds": [], "SecurityGroupIds": []})
    updated("gate")
    told = functions.get_function_configuration(FunctionName="gate")["VpcConfig"]
    equal("in no VPC", (told["SubnetIds"], told["VpcId"], call("gate", {})["proxy"]), ([], "", ""))
    functions.update_function_configuration(FunctionName="gate", VpcConfig=network.config())
    updated("gate")
    until("the way back", lambda: call("gate", {"connect": authority}) == 502)
    until("the interfaces of before are gone", lambda: not there.interfaces())


def deleted(network: Network) -> None:
    """The interfaces of a function outlive it, and block what they are in; Lambda deletes them by the function's role."""
    proxy = call("gate", {})["proxy"]
    functions.delete_function(FunctionName="gate")
    expect("ResourceNotFoundException", functions.invoke, FunctionName="gate")
    equal("the way of what is gone", connect("example.com:443", proxy), 407)
    ours = [one for one in network.interfaces() if "ENI-gate-" in one["Description"] and one["Status"] == "in-use"]
    equal("its interfaces", len(ours), 2)
    expect("DependencyViolation", ec2.delete_security_group, GroupId=network.group)
    expect("InvalidParameterValue", ec2.delete_network_interface, NetworkInterfaceId=ours[0]["NetworkInterfaceId"])
    of_it = {"description": "AWS Lambda VPC ENI-gate-*"}
    until("they are detached", lambda: {one["Status"] for one in network.interfaces(**of_it)} == {"available"})
    equal("what they look like then", {one["InterfaceType"] for one in network.interfaces(**of_it)}, {"interface"})
    expect("DependencyViolation", ec2.delete_security_group, GroupId=network.group)
    until("they are gone", lambda: not network.interfaces(**of_it))
    ec2.delete_security_group(GroupId=network.group)


def orphaned(gate: str) -> None:
    """Without the role, nobody but the user deletes the interfaces."""
    network = Network("10.6")
    functions.create_function(**wanted("orphan", gate, VpcConfig=network.config(network.subnets[0])))
    active("orphan")
    functions.delete_function(FunctionName="orphan")
    iam.delete_role_policy(RoleName="gate", PolicyName="own")
    iam.delete_role(RoleName="gate")
    until("it is detached", lambda: [one["Status"] for one in network.interfaces()] == ["available"])
    time.sleep(900 * float(os.environ["SCALE"]))
    [left] = network.interfaces()
    expect("DependencyViolation", ec2.delete_subnet, SubnetId=network.subnets[0])
    ec2.delete_network_interface(NetworkInterfaceId=left["NetworkInterfaceId"])
    ec2.delete_subnet(SubnetId=network.subnets[0])


def permissions(network: Network, gate: str) -> None:
    """What the caller must be allowed to do, and to what."""
    ada, denied = user("ada"), "AccessDeniedException"
    arn, sees = f"{ARN}:ada-*", ["ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"]
    statements = [
        ("lambda:CreateFunction", {"Action": "lambda:CreateFunction", "Resource": arn, "Condition": {
            "StringEquals": {"aws:RequestTag/team": "a", "lambda:VpcIds": network.vpc},
            "ForAllValues:StringEquals": {"lambda:SubnetIds": network.subnets}}}),
        ("iam:PassRole", {"Action": "iam:PassRole", "Resource": gate, "Condition": {
            "StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}}),
        ("lambda:TagResource", {"Action": "lambda:TagResource", "Resource": arn, "Condition": {
            "StringEquals": {"aws:RequestTag/team": "a"}}}),
        ("ec2:Describe", {"Action": sees, "Resource": "*"})]
    asked = wanted("ada-1", gate, VpcConfig=network.config(), Tags={"team": "a"})
    for missing, _ in statements:
        allow("put_user_policy", "UserName", "ada", *(one for action, one in statements if action != missing))
        expect(denied, ada.create_function, missing, **asked)
    allow("put_user_policy", "UserName", "ada", *(one for _, one in statements))
    for other in ({"FunctionName": "bob-1"}, {"Tags": {"team": "b"}}, {"VpcConfig": Network("10.5").config()}):
        expect(denied, ada.create_function, **{**asked, **other})
    ada.create_function(**asked)
    active("ada-1")
    allow("put_user_policy", "UserName", "ada", {
        "Action": ["lambda:GetFunction", "lambda:DeleteFunction", "lambda:TagResource"], "Resource": arn,
        "Condition": {"StringEquals": {"aws:ResourceTag/team": "a"}}})
    seen = ada.get_function(FunctionName="ada-1")
    equal("who may not list tags", ("Tags" in seen, seen["TagsError"]["ErrorCode"]), (False, denied))
    expect(denied, ada.list_tags, Resource=f"{ARN}:ada-1")
    functions.untag_resource(Resource=f"{ARN}:ada-1", TagKeys=["team"])
    expect(denied, ada.delete_function, FunctionName="ada-1")
    functions.tag_resource(Resource=f"{ARN}:ada-1", Tags={"team": "a"})
    ada.delete_function(FunctionName="ada-1")


def failed(network: Network, gate: str) -> None:
    """A rule can end a creation badly; such a function can only be deleted."""
    effect = {"failLater": {"code": "InsufficientRolePermissions", "message": "by a rule"}}
    body = json.dumps({"service": "lambda", "action": "CreateFunction", "times": 1, "effect": effect}).encode()
    headers = {"content-type": "application/json"}
    urllib.request.urlopen(urllib.request.Request(f"{ENDPOINT}/_sandbox/rules", body, headers)).read()
    functions.create_function(**wanted("doomed", gate, VpcConfig=network.config()))

    def shown() -> tuple:
        told = functions.get_function_configuration(FunctionName="doomed")
        return told["State"], told.get("StateReasonCode"), told.get("StateReason")

    until("it fails", lambda: shown()[0] == "Failed")
    equal("why", shown()[1:], ("InsufficientRolePermissions", "by a rule"))
    expect("ResourceConflictException", functions.invoke, "Failed", FunctionName="doomed")
    functions.delete_function(FunctionName="doomed")


def cluster(network: Network) -> tuple:
    arn, group = role("cluster", principal="eks.amazonaws.com"), network.add_group("api")
    eks.create_cluster(name="demo", roleArn=arn, resourcesVpcConfig={
        "subnetIds": network.subnets, "securityGroupIds": [group], "endpointPrivateAccess": True})
    eks.get_waiter("cluster_active").wait(name="demo", WaiterConfig={"Delay": 0.2, "MaxAttempts": 100})
    return eks.describe_cluster(name="demo")["cluster"], group


def main() -> None:
    network, gate = Network("10.8"), role("gate", *INTERFACES)
    begun = time.monotonic()

    def step(what, *arguments):
        result = what(*arguments)
        print(f"{time.monotonic() - begun:6.1f} s  {what.__name__}", flush=True)
        return result

    step(refused, network, gate)
    step(created, network, gate)
    step(code, gate)
    shown, group = step(cluster, network)
    step(reached, network, shown, group)
    step(moved, network, shown)
    step(permissions, network, gate)
    step(failed, network, gate)
    until("what others left is gone", lambda: not [one for one in network.interfaces() if "ENI-gate-" not in one["Description"]
                                                  and "Lambda" in one["Description"]])
    step(deleted, network)
    step(orphaned, gate)
    if wrong:
        sys.exit("\n".join(dict.fromkeys(wrong)))


if __name__ == "__main__":
    main()
