"""Calls every operation of the emulated EKS through botocore, and holds its answers to botocore's own service model.

`conformance.py` reads the endpoint and the administrator's credentials from the environment, and exits with what is wrong.

* What is sent is checked by botocore itself, by the model's input shapes.
* Each answer, before botocore reads it, has no field that the model lacks, and each field has the type, and the value out
  of the list, that the model says.
* Each error has a code, a status and fields that the model lists for that operation.
* The waiters that botocore ships see every creation and deletion to its end.
"""

import base64
import json
import os
import ssl
import sys
import time
import urllib.error
import urllib.request

import botocore.exceptions
import botocore.session
from botocore.config import Config
from botocore.signers import RequestSigner

from eks_model import answered, judge, refused, wrong
from vpc_function import wanted as function

ENDPOINT = os.environ["AWS_ENDPOINT_URL"]
REGION = os.environ["AWS_REGION"]

# Not emulated: local clusters, registered clusters, EKS Anywhere, capabilities, certificate authorities.
LEFT_OUT = ("Capabilit", "EksAnywhere", "CertificateAuthorit", "RegisterCluster", "DeregisterCluster")

session = botocore.session.get_session()
config = Config(retries={"total_max_attempts": 1}, connect_timeout=10, read_timeout=30)


def client(service: str, **credentials):
    made = session.create_client(service, endpoint_url=ENDPOINT, region_name=REGION, config=config, **credentials)
    if service == "eks":
        made.meta.events.register("before-parse.eks.*", judge)
    return made


eks, ec2, iam, sts, logs, functions = (client(name) for name in ("eks", "ec2", "iam", "sts", "logs", "lambda"))


def expect(code: str, call, **arguments) -> None:
    """The call must be refused with this code."""
    try:
        call(**arguments)
    except botocore.exceptions.ClientError as error:
        if error.response["Error"]["Code"] != code:
            wrong.append(f"{error.operation_name}: {error} instead of {code}")
    else:
        wrong.append(f"{call.__name__}({arguments}) was not refused with {code}")


def equal(what: str, value, wanted) -> None:
    if value != wanted:
        wrong.append(f"{what}: {value!r} instead of {wanted!r}")


def wait(waiter: str, **arguments) -> None:
    eks.get_waiter(waiter).wait(**arguments, WaiterConfig={"Delay": 0.2, "MaxAttempts": 400})


def updated(name: str, answer: dict, **of) -> dict:
    """Waits for the end of an update."""
    for _ in range(600):
        update = eks.describe_update(name=name, updateId=answer["update"]["id"], **of)["update"]
        if update["status"] != "InProgress":
            return update
        time.sleep(0.1)
    raise AssertionError(f"the update of {name} does not end")


def role(name: str, *statements, principal=("AWS", "arn:aws:iam::111122223333:root")) -> str:
    trust = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": dict([principal]), "Action": "sts:AssumeRole"}]}
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    if statements:
        document = {"Version": "2012-10-17", "Statement": list(statements)}
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps(document))
    return arn


def assume(arn: str) -> dict:
    got = sts.assume_role(RoleArn=arn, RoleSessionName="alice@example.com")["Credentials"]
    return {"aws_access_key_id": got["AccessKeyId"], "aws_secret_access_key": got["SecretAccessKey"],
            "aws_session_token": got["SessionToken"]}


def rule(**fields) -> None:
    body = json.dumps({"service": "eks", **fields}).encode()
    headers = {"content-type": "application/json"}
    urllib.request.urlopen(urllib.request.Request(f"{ENDPOINT}/_sandbox/rules", body, headers)).read()


def network() -> list:
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    zones = (("a", "10.0.0.0/24"), ("b", "10.0.1.0/24"))
    return [ec2.create_subnet(VpcId=vpc, CidrBlock=block, AvailabilityZone=REGION + zone)["Subnet"]["SubnetId"]
            for zone, block in zones]


def token(cluster: str, credentials: dict) -> str:
    """As `aws eks get-token` makes it: https://docs.aws.amazon.com/cli/latest/reference/eks/get-token.html"""
    signing = botocore.session.get_session()
    signing.set_credentials(*credentials.values())
    made = signing.create_client("sts", endpoint_url=ENDPOINT, region_name=REGION)
    signer = RequestSigner(made.meta.service_model.service_id, REGION, "sts", "v4", signing.get_credentials(),
                           signing.get_component("event_emitter"))
    request = {"method": "GET", "url": f"{ENDPOINT}/?Action=GetCallerIdentity&Version=2011-06-15", "body": {},
               "headers": {"x-k8s-aws-id": cluster}, "context": {}}
    url = signer.generate_presigned_url(request, region_name=REGION, expires_in=60, operation_name="")
    return "k8s-aws-v1." + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")


def kubernetes(cluster: dict, bearer: str, path: str):
    """The status of a call to the cluster's API server, and its answer."""
    authority = base64.b64decode(cluster["certificateAuthority"]["data"]).decode()
    context = ssl.create_default_context(cadata=authority)
    request = urllib.request.Request(cluster["endpoint"] + path, headers={"authorization": f"Bearer {bearer}"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(request, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, None


def versions() -> None:
    listed = eks.describe_cluster_versions(includeAll=True)["clusterVersions"]
    equal("the statuses", {one["versionStatus"] for one in listed},
          {"STANDARD_SUPPORT", "EXTENDED_SUPPORT", "UNSUPPORTED"})
    equal("the default", len(eks.describe_cluster_versions(defaultOnly=True)["clusterVersions"]), 1)
    expect("InvalidParameterException", eks.describe_cluster_versions, clusterVersions=["0.1"])
    for addon in eks.describe_addon_versions(kubernetesVersion="1.36")["addons"]:
        version = addon["addonVersions"][0]["addonVersion"]
        json.loads(eks.describe_addon_configuration(addonName=addon["addonName"], addonVersion=version)
                   ["configurationSchema"])
    expect("ResourceNotFoundException", eks.describe_addon_versions, addonName="nonsense")
    expect("ResourceNotFoundException", eks.describe_addon_configuration, addonName="coredns", addonVersion="v0")


def nothing_there() -> None:
    """What every operation says of a cluster, and of a member of one, that does not exist."""
    missing = "ResourceNotFoundException"
    for call in (eks.describe_cluster, eks.delete_cluster, eks.list_updates):
        expect(missing, call, name="nobody")
    expect(missing, eks.update_cluster_version, name="nobody", version="1.36")
    expect(missing, eks.update_cluster_config, name="nobody", deletionProtection=True)
    expect(missing, eks.describe_update, name="nobody", updateId="0")
    for call in (eks.list_nodegroups, eks.list_fargate_profiles, eks.list_addons, eks.list_access_entries,
                 eks.list_pod_identity_associations, eks.list_identity_provider_configs, eks.list_insights,
                 eks.start_insights_refresh, eks.describe_insights_refresh):
        expect(missing, call, clusterName="nobody")


def members_missing(name: str) -> None:
    missing, who = "ResourceNotFoundException", "arn:aws:iam::111122223333:role/nobody"
    for call in (eks.describe_nodegroup, eks.delete_nodegroup, eks.update_nodegroup_config, eks.update_nodegroup_version):
        expect(missing, call, clusterName=name, nodegroupName="nobody")
    for call in (eks.describe_fargate_profile, eks.delete_fargate_profile):
        expect(missing, call, clusterName=name, fargateProfileName="nobody")
    for call in (eks.describe_addon, eks.delete_addon, eks.update_addon):
        expect(missing, call, clusterName=name, addonName="nobody")
    for call in (eks.describe_access_entry, eks.delete_access_entry, eks.update_access_entry,
                 eks.list_associated_access_policies):
        expect(missing, call, clusterName=name, principalArn=who)
    for call in (eks.describe_pod_identity_association, eks.delete_pod_identity_association,
                 eks.update_pod_identity_association):
        expect(missing, call, clusterName=name, associationId="a-0")
    expect(missing, eks.describe_insight, clusterName=name, id="0")
    expect(missing, eks.describe_insights_refresh, clusterName=name)
    expect(missing, eks.cancel_update, name=name, updateId="0")
    config = {"type": "oidc", "name": "nobody"}
    expect(missing, eks.describe_identity_provider_config, clusterName=name, identityProviderConfig=config)
    expect(missing, eks.disassociate_identity_provider_config, clusterName=name, identityProviderConfig=config)


def cluster(name: str, subnets: list, arn: str) -> dict:
    wanted = {
        "name": name, "version": "1.34", "roleArn": arn, "tags": {"team": "shop"},
        "resourcesVpcConfig": {"subnetIds": subnets, "endpointPrivateAccess": True},
        "accessConfig": {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False},
        "logging": {"clusterLogging": [{"types": ["audit"], "enabled": True}]},
        "clientRequestToken": "first",
    }
    expect("InvalidParameterException", eks.create_cluster, **{**wanted, "version": "1.20"})
    expect("InvalidParameterException", eks.create_cluster, **{**wanted, "roleArn": arn + "-nobody"})
    expect("InvalidParameterException", eks.create_cluster,
           **{**wanted, "resourcesVpcConfig": {"subnetIds": subnets[:1]}})
    eks.create_cluster(**wanted)
    eks.create_cluster(**wanted)
    expect("ResourceInUseException", eks.create_cluster, **{**wanted, "clientRequestToken": "second"})
    expect("InvalidRequestException", eks.create_addon, clusterName=name, addonName="coredns")
    expect("ResourceInUseException", eks.delete_cluster, name=name)
    expect("ResourceInUseException", eks.update_cluster_config, name=name, deletionProtection=True)
    wait("cluster_active", name=name)
    equal("the clusters", eks.list_clusters()["clusters"], [name])
    return eks.describe_cluster(name=name)["cluster"]


def nodes(name: str, subnets: list, arn: str) -> None:
    wanted = {"clusterName": name, "nodegroupName": "blue", "subnets": subnets, "nodeRole": arn,
              "scalingConfig": {"minSize": 1, "desiredSize": 2, "maxSize": 3}, "instanceTypes": ["t3.medium"],
              "labels": {"tier": "web"}, "taints": [{"key": "only", "value": "web", "effect": "PREFER_NO_SCHEDULE"}]}
    expect("InvalidParameterException", eks.create_nodegroup, **{**wanted, "instanceTypes": ["x0.none"]})
    eks.create_nodegroup(**wanted)
    expect("ResourceInUseException", eks.create_nodegroup, **wanted)
    expect("ResourceInUseException", eks.delete_nodegroup, clusterName=name, nodegroupName="blue")
    wait("nodegroup_active", clusterName=name, nodegroupName="blue")
    eks.list_nodegroups(clusterName=name)
    of = {"clusterName": name, "nodegroupName": "blue"}
    update = eks.update_nodegroup_config(**of, labels={"addOrUpdateLabels": {"tier": "db"}},
                                         scalingConfig={"desiredSize": 3})
    expect("ResourceInUseException", eks.update_nodegroup_version, **of)
    equal("the update", updated(name, update, nodegroupName="blue")["status"], "Successful")
    eks.list_updates(name=name, nodegroupName="blue")
    expect("InvalidParameterException", eks.update_nodegroup_version, **of, version="1.36")
    for _ in range(50):
        shown = ec2.describe_instances()["Reservations"]
        found = [one for group in shown for one in group["Instances"] if one["State"]["Name"] == "running"]
        if len(found) == 3:
            break
        time.sleep(0.1)  # The last one has been started, and comes up.
    equal("the instances", sorted({one["SubnetId"] for one in found}), sorted(subnets))
    equal("their number", len(found), 3)

    rule(action="CreateNodegroup", times=1, effect={"failLater": {"code": "NodeCreationFailure", "message": "by a rule"}})
    eks.create_nodegroup(**{**wanted, "nodegroupName": "red"})
    try:
        wait("nodegroup_active", clusterName=name, nodegroupName="red")
        wrong.append("the doomed node group is active")
    except botocore.exceptions.WaiterError:
        red = eks.describe_nodegroup(clusterName=name, nodegroupName="red")["nodegroup"]
        equal("the issue", red["health"]["issues"][0]["code"], "NodeCreationFailure")
    eks.delete_nodegroup(clusterName=name, nodegroupName="red")
    wait("nodegroup_deleted", clusterName=name, nodegroupName="red")


def profiles(name: str, subnets: list, arn: str) -> None:
    wanted = {"clusterName": name, "podExecutionRoleArn": arn, "subnets": subnets,
              "selectors": [{"namespace": "batch", "labels": {"size": "big"}}]}
    expect("InvalidParameterException", eks.create_fargate_profile, **{**wanted, "selectors": []}, fargateProfileName="one")
    eks.create_fargate_profile(**wanted, fargateProfileName="one")
    expect("ResourceInUseException", eks.create_fargate_profile, **wanted, fargateProfileName="two")
    wait("fargate_profile_active", clusterName=name, fargateProfileName="one")
    equal("the profiles", eks.list_fargate_profiles(clusterName=name)["fargateProfileNames"], ["one"])
    expect("ResourceInUseException", eks.delete_cluster, name=name)
    eks.delete_fargate_profile(clusterName=name, fargateProfileName="one")
    wait("fargate_profile_deleted", clusterName=name, fargateProfileName="one")


def addons(name: str, arn: str) -> None:
    expect("InvalidParameterException", eks.create_addon, clusterName=name, addonName="nonsense")
    expect("InvalidParameterException", eks.create_addon, clusterName=name, addonName="coredns",
           configurationValues='{"nonsense": 1}')
    for addon in ("vpc-cni", "kube-proxy", "coredns", "eks-pod-identity-agent"):
        eks.create_addon(clusterName=name, addonName=addon)
    for addon in ("vpc-cni", "kube-proxy", "coredns", "eks-pod-identity-agent"):
        try:
            wait("addon_active", clusterName=name, addonName=addon)
        except botocore.exceptions.WaiterError as error:
            raise AssertionError(error.last_response["addon"]) from error
    expect("ResourceInUseException", eks.create_addon, clusterName=name, addonName="coredns")
    update = eks.update_addon(clusterName=name, addonName="coredns", configurationValues='{"replicaCount": 3}',
                              resolveConflicts="PRESERVE")
    expect("ResourceInUseException", eks.update_addon, clusterName=name, addonName="coredns")
    expect("InvalidRequestException", eks.delete_addon, clusterName=name, addonName="coredns")
    equal("the update", updated(name, update, addonName="coredns")["status"], "Successful")
    equal("the add-ons", len(eks.list_addons(clusterName=name)["addons"]), 4)

    effect = {"failLater": {"code": "AccessDenied", "message": "by a rule"}}
    rule(action="CreateAddon", times=1, effect=effect)
    eks.create_addon(clusterName=name, addonName="aws-ebs-csi-driver",
                     podIdentityAssociations=[{"serviceAccount": "ebs-csi-controller-sa", "roleArn": arn}])
    try:
        wait("addon_active", clusterName=name, addonName="aws-ebs-csi-driver")
        wrong.append("the doomed add-on is active")
    except botocore.exceptions.WaiterError:
        status = eks.describe_addon(clusterName=name, addonName="aws-ebs-csi-driver")["addon"]["status"]
        equal("the add-on", status, "DEGRADED")
    eks.delete_addon(clusterName=name, addonName="aws-ebs-csi-driver", preserve=False)
    wait("addon_deleted", clusterName=name, addonName="aws-ebs-csi-driver")
    equal("its associations", eks.list_pod_identity_associations(clusterName=name)["associations"], [])


def access(name: str, arn: str) -> None:
    policy = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSAdminViewPolicy"
    expect("InvalidParameterException", eks.create_access_entry, clusterName=name, principalArn=arn + "-nobody")
    eks.create_access_entry(clusterName=name, principalArn=arn, kubernetesGroups=["viewers"])
    expect("ResourceInUseException", eks.create_access_entry, clusterName=name, principalArn=arn)
    expect("InvalidParameterException", eks.update_access_entry, clusterName=name, principalArn=arn,
           kubernetesGroups=["system:masters"])
    eks.update_access_entry(clusterName=name, principalArn=arn, kubernetesGroups=["readers"])
    eks.describe_access_entry(clusterName=name, principalArn=arn)
    expect("InvalidParameterException", eks.associate_access_policy, clusterName=name, principalArn=arn,
           policyArn="arn:aws:iam::aws:policy/ReadOnlyAccess", accessScope={"type": "cluster"})
    eks.associate_access_policy(clusterName=name, principalArn=arn, policyArn=policy, accessScope={"type": "cluster"})
    eks.list_associated_access_policies(clusterName=name, principalArn=arn)
    eks.list_access_policies()
    equal("the entries", eks.list_access_entries(clusterName=name, associatedPolicyArn=policy)["accessEntries"], [arn])

    association = eks.create_pod_identity_association(
        clusterName=name, namespace="shop", serviceAccount="cart", roleArn=arn, tags={"a": "b"})["association"]
    of = {"clusterName": name, "associationId": association["associationId"]}
    expect("ResourceInUseException", eks.create_pod_identity_association, clusterName=name, namespace="shop",
           serviceAccount="cart", roleArn=arn)
    expect("InvalidParameterException", eks.update_pod_identity_association, **of, roleArn=arn + "-nobody")
    eks.update_pod_identity_association(**of, disableSessionTags=True)
    eks.describe_pod_identity_association(**of)
    equal("the associations", len(eks.list_pod_identity_associations(clusterName=name, namespace="shop")
                                  ["associations"]), 1)
    eks.delete_pod_identity_association(**of)


def tokens(name: str, arn: str) -> None:
    """A role with an access entry gets what its policy gives, in the real API server; another role gets nothing."""
    shown = eks.describe_cluster(name=name)["cluster"]
    good = token(name, assume(arn))
    for _ in range(100):
        status, answer = kubernetes(shown, good, "/api/v1/nodes")
        ready = [one["metadata"]["name"] for one in (answer or {}).get("items", []) if any(
            condition["type"] == "Ready" and condition["status"] == "True" for condition in one["status"]["conditions"])]
        if status == 200 and len(ready) == 3:
            break
        time.sleep(0.2)
    else:
        wrong.append(f"{status}: these nodes are ready: {ready}")
    label = {one["metadata"]["labels"].get("tier") for one in (answer or {}).get("items", [])}
    equal("the labels of the nodes", label, {"db"})
    equal("a token for another cluster", kubernetes(shown, token("other", assume(arn)), "/api/v1/nodes")[0], 401)
    stranger = assume(role("stranger"))
    equal("a role without an entry", kubernetes(shown, token(name, stranger), "/api/v1/nodes")[0], 401)
    eks.disassociate_access_policy(clusterName=name, principalArn=arn,
                                   policyArn="arn:aws:eks::aws:cluster-access-policy/AmazonEKSAdminViewPolicy")
    expect("ResourceNotFoundException", eks.disassociate_access_policy, clusterName=name, principalArn=arn,
           policyArn="arn:aws:eks::aws:cluster-access-policy/AmazonEKSAdminViewPolicy")
    eks.delete_access_entry(clusterName=name, principalArn=arn)
    equal("a role whose entry is gone", kubernetes(shown, token(name, assume(arn)), "/api/v1/nodes")[0], 401)


def updates(name: str) -> None:
    expect("InvalidParameterException", eks.update_cluster_config, name=name, deletionProtection=True,
           upgradePolicy={"supportType": "STANDARD"})
    expect("InvalidParameterException", eks.update_cluster_version, name=name, version="1.36")
    update = eks.update_cluster_config(name=name, resourcesVpcConfig={"publicAccessCidrs": ["203.0.113.0/24"]})
    expect("ResourceInUseException", eks.update_cluster_version, name=name, version="1.35")
    expect("ResourceInUseException", eks.update_cluster_config, name=name, deletionProtection=True)
    equal("the update", updated(name, update)["status"], "Successful")
    key = [{"resources": ["secrets"], "provider": {"keyArn": "arn:aws:kms:eu-west-1:111122223333:key/1"}}]
    updated(name, eks.associate_encryption_config(clusterName=name, encryptionConfig=key))
    expect("InvalidParameterException", eks.associate_encryption_config, clusterName=name, encryptionConfig=key)
    oidc = {"identityProviderConfigName": "sso", "issuerUrl": "https://sso.example.com", "clientId": "k8s"}
    expect("InvalidParameterException", eks.associate_identity_provider_config, clusterName=name,
           oidc={**oidc, "issuerUrl": "http://sso.example.com"})
    updated(name, eks.associate_identity_provider_config(clusterName=name, oidc=oidc))
    config = eks.list_identity_provider_configs(clusterName=name)["identityProviderConfigs"][0]
    eks.describe_identity_provider_config(clusterName=name, identityProviderConfig=config)
    updated(name, eks.disassociate_identity_provider_config(clusterName=name, identityProviderConfig=config))
    eks.list_updates(name=name)


def minor(name: str) -> str:
    """What the API server itself says; whoever asks needs no access entry for it."""
    shown = eks.describe_cluster(name=name)["cluster"]
    context = ssl.create_default_context(cadata=base64.b64decode(shown["certificateAuthority"]["data"]).decode())
    for _ in range(50):
        try:
            with urllib.request.urlopen(shown["endpoint"] + "/version", context=context, timeout=20) as answer:
                said = json.load(answer)
                return f"{said['major']}.{said['minor'].rstrip('+')}"
        except urllib.error.HTTPError:  # Its caches of roles fill in the first moments.
            time.sleep(0.2)
    return "nothing"


def upgrades(name: str) -> None:
    equal("the API server", minor(name), "1.34")
    updated(name, eks.update_cluster_version(name=name, version="1.35"))
    wait("cluster_active", name=name)
    equal("the API server", minor(name), "1.35")
    of = {"clusterName": name, "nodegroupName": "blue"}
    expect("InvalidParameterException", eks.update_cluster_version, name=name, version="1.36")
    updated(name, eks.update_nodegroup_version(**of, version="1.35"), nodegroupName="blue")
    expect("InvalidStateException", eks.update_cluster_version, name=name, version="1.34")
    errors = eks.list_insights(clusterName=name, filter={"statuses": ["ERROR"]})["insights"]
    equal("what is against it", sorted({one["category"] for one in errors}), ["ROLLBACK_READINESS"])
    eks.describe_insight(clusterName=name, id=errors[0]["id"])
    eks.start_insights_refresh(clusterName=name)
    eks.describe_insights_refresh(clusterName=name)
    updated(name, eks.update_nodegroup_version(**of, version="1.34"), nodegroupName="blue")
    update = updated(name, eks.update_cluster_version(name=name, version="1.34"))
    equal("the roll-back", (update["type"], update["status"]), ("VersionRollback", "Successful"))
    equal("the API server", minor(name), "1.34")
    expect("InvalidRequestException", eks.cancel_update, name=name, updateId=update["id"])
    rule(action="UpdateClusterVersion", times=1, effect={"failLater": {"code": "EniLimitReached", "message": "by a rule"}})
    failed = updated(name, eks.update_cluster_version(name=name, version="1.35"))
    equal("the doomed upgrade", failed["errors"][0]["errorCode"], "EniLimitReached")
    equal("its version", eks.describe_cluster(name=name)["cluster"]["version"], "1.34")


def canceled(name: str, subnets: list, arn: str) -> None:
    """An EKS Auto Mode cluster, whose roll-back alone can be canceled."""
    eks.create_cluster(
        name=name, version="1.35", roleArn=arn, resourcesVpcConfig={"subnetIds": subnets},
        accessConfig={"authenticationMode": "API"}, bootstrapSelfManagedAddons=False,
        computeConfig={"enabled": True, "nodePools": ["system"], "nodeRoleArn": arn},
        kubernetesNetworkConfig={"elasticLoadBalancing": {"enabled": True}},
        storageConfig={"blockStorage": {"enabled": True}})
    wait("cluster_active", name=name)
    updated(name, eks.update_cluster_version(name=name, version="1.36"))
    update = eks.update_cluster_version(name=name, version="1.35")["update"]["id"]
    equal("the canceled roll-back", eks.cancel_update(name=name, updateId=update)["update"]["status"], "Cancelled")
    eks.delete_cluster(name=name)
    wait("cluster_deleted", name=name)


def endpoints(name: str, subnets: list) -> None:
    """From the internet, only who is admitted gets in; from the VPC, whom the security groups let in."""
    shown = eks.describe_cluster(name=name)["cluster"]
    network = shown["resourcesVpcConfig"]
    own = ec2.create_security_group(VpcId=network["vpcId"], GroupName="gate", Description="of a test")["GroupId"]
    rule_for_it = {"GroupId": network["clusterSecurityGroupId"], "IpPermissions": [
        {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "UserIdGroupPairs": [{"GroupId": own}]}]}
    ec2.authorize_security_group_ingress(**rule_for_it)
    actions = ["ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DeleteNetworkInterface"]
    arn = role("gate", {"Effect": "Allow", "Action": actions, "Resource": "*"}, principal=("Service", "lambda.amazonaws.com"))
    functions.create_function(**function("gate", arn, VpcConfig={"SubnetIds": subnets, "SecurityGroupIds": [own]}))
    functions.get_waiter("function_active_v2").wait(FunctionName="gate", WaiterConfig={"Delay": 0.2, "MaxAttempts": 100})
    event = {"https": shown["endpoint"] + "/version",
             "authority": base64.b64decode(shown["certificateAuthority"]["data"]).decode()}
    for change, open_to_us in (({"publicAccessCidrs": ["198.51.100.0/24"]}, False), ({"publicAccessCidrs": ["203.0.113.7/32"]}, True),
                               ({"endpointPublicAccess": False}, False), ({"endpointPublicAccess": True}, True)):
        updated(name, eks.update_cluster_config(name=name, resourcesVpcConfig=change))
        time.sleep(0.5)
        equal("the endpoint", eks.describe_cluster(name=name)["cluster"]["endpoint"], shown["endpoint"])
        try:
            reached = minor(name) == "1.34"
        except urllib.error.URLError:
            reached = False
        equal(f"from the internet with {change}", reached, open_to_us)
        said = json.load(functions.invoke(FunctionName="gate", Payload=json.dumps(event))["Payload"])
        equal("from the VPC", (said.get("major"), said.get("minor", "").rstrip("+")), ("1", "34"))
    functions.delete_function(FunctionName="gate")
    ec2.revoke_security_group_ingress(**rule_for_it)
    of_it = [{"Name": "group-id", "Values": [own]}]
    for _ in range(200):
        if not ec2.describe_network_interfaces(Filters=of_it)["NetworkInterfaces"]:
            break
        time.sleep(0.1)
    ec2.delete_security_group(GroupId=own)


def tags(shown: dict) -> None:
    eks.tag_resource(resourceArn=shown["arn"], tags={"stage": "test"})
    eks.untag_resource(resourceArn=shown["arn"], tagKeys=["team"])
    equal("the tags", eks.list_tags_for_resource(resourceArn=shown["arn"])["tags"], {"stage": "test"})
    for call, more in ((eks.tag_resource, {"tags": {"a": "b"}}), (eks.untag_resource, {"tagKeys": ["a"]}),
                       (eks.list_tags_for_resource, {})):
        expect("NotFoundException", call, resourceArn=shown["arn"] + "-nobody", **more)
    expect("BadRequestException", eks.tag_resource, resourceArn=shown["arn"], tags={"aws:x": "y"})


def permissions(name: str, subnets: list, arn: str) -> None:
    """A role that may do one thing to what has one tag, and may pass no role."""
    condition = {"StringEquals": {"aws:ResourceTag/stage": "test"}}
    narrow = role("narrow", {"Effect": "Allow", "Action": "eks:DescribeCluster", "Resource": "*", "Condition": condition},
                  {"Effect": "Allow", "Action": "eks:Create*", "Resource": "*"})
    limited = client("eks", **assume(narrow))
    limited.describe_cluster(name=name)
    expect("AccessDeniedException", limited.list_clusters)
    expect("AccessDeniedException", limited.delete_cluster, name=name)
    expect("AccessDeniedException", limited.create_cluster, name="other", roleArn=arn,
           resourcesVpcConfig={"subnetIds": subnets})
    eks.untag_resource(resourceArn=eks.describe_cluster(name=name)["cluster"]["arn"], tagKeys=["stage"])
    expect("AccessDeniedException", limited.describe_cluster, name=name)


def faults(name: str) -> None:
    """The gateway's rules hold for EKS too."""
    rule(action="DescribeCluster", times=1, effect="throttle")
    rule(action="ListClusters", times=1, effect="serverError")
    for call, code in ((lambda: eks.describe_cluster(name=name), "ThrottlingException"), (eks.list_clusters, "ServerException")):
        try:
            call()
            wrong.append(f"no {code}")
        except botocore.exceptions.ClientError as error:
            equal("the fault", error.response["Error"]["Code"], code)
    rule(action="UpdateClusterConfig", times=1, effect="dropAnswer")
    try:
        eks.update_cluster_config(name=name, deletionProtection=True)
        wrong.append("the answer was not dropped")
    except botocore.exceptions.HTTPClientError:
        pass
    wait("cluster_active", name=name)
    expect("InvalidRequestException", eks.delete_cluster, name=name)
    updated(name, eks.update_cluster_config(name=name, deletionProtection=False))


def end(name: str, subnets: list) -> None:
    eks.delete_nodegroup(clusterName=name, nodegroupName="blue")
    expect("ResourceInUseException", eks.delete_cluster, name=name)
    wait("nodegroup_deleted", clusterName=name, nodegroupName="blue")
    group = f"/aws/eks/{name}/cluster"
    logs.delete_log_group(logGroupName=group)
    eks.delete_cluster(name=name)
    try:
        ec2.delete_subnet(SubnetId=subnets[0])
        wrong.append("a subnet was deleted under a living control plane")
    except botocore.exceptions.ClientError as error:
        equal("the subnet", error.response["Error"]["Code"], "DependencyViolation")
    wait("cluster_deleted", name=name)
    for _ in range(50):
        if logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
            break
        time.sleep(0.1)
    else:
        wrong.append("the log group was not made again")
    # The last node left its pods' interface behind, which the CNI would have deleted.
    left = ec2.describe_network_interfaces(Filters=[{"Name": "subnet-id", "Values": subnets}])["NetworkInterfaces"]
    equal("interfaces left", [one["Status"] for one in left], ["available"])
    for one in left:
        ec2.delete_network_interface(NetworkInterfaceId=one["NetworkInterfaceId"])
    for subnet in subnets:
        ec2.delete_subnet(SubnetId=subnet)


def main() -> None:
    subnets, arn, viewer = network(), role("worker"), role("viewer")
    begun = time.monotonic()

    def step(what, *arguments):
        result = what(*arguments)
        print(f"{time.monotonic() - begun:6.1f} s  {what.__name__}", flush=True)
        return result

    step(versions)
    step(nothing_there)
    shown = step(cluster, "demo", subnets, arn)
    step(members_missing, "demo")
    step(nodes, "demo", subnets, arn)
    step(profiles, "demo", subnets, arn)
    step(addons, "demo", arn)
    step(access, "demo", viewer)
    step(tokens, "demo", viewer)
    step(updates, "demo")
    step(endpoints, "demo", subnets)
    step(upgrades, "demo")
    step(tags, shown)
    step(permissions, "demo", subnets, arn)
    step(faults, "demo")
    step(canceled, "auto", subnets, arn)
    step(end, "demo", subnets)

    operations = {name for name in eks.meta.service_model.operation_names if not any(one in name for one in LEFT_OUT)}
    wrong.extend(f"{name}: was never answered" for name in sorted(operations - answered))
    # This list knows only errors of the server.
    silent = operations - set(refused) - {"ListAccessPolicies"}
    wrong.extend(f"{name}: was never refused" for name in sorted(silent))
    if wrong:
        sys.exit("\n".join(dict.fromkeys(wrong)))


if __name__ == "__main__":
    main()
