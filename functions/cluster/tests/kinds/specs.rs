//! The form of every spec: what a plan stores is what a kind reads, now and later.

use domain::{Component, FaultName, Kind};
use plan::cluster::*;
use plan::{LogGroupSpec, RoleSpec};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::support::{Script, fault_name, subject};

/// A spec of each kind, as it stands in a record.
pub(crate) fn sample(kind: Kind) -> Value {
    let tags = json!({"owner": "me"});
    match kind {
        Kind::Role => json!({
            "name": "demo-cluster", "path": "/landfall/home/demo/", "description": "The control plane works with this role",
            "trust": {"Version": "2012-10-17"}, "policies": {"use-key": {"Version": "2012-10-17", "Statement": []}},
            "managedPolicies": ["arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"], "permissionsBoundary": null, "tags": tags,
        }),
        Kind::LogGroup => json!({"name": "/aws/eks/demo/cluster", "retentionDays": 30, "tags": tags}),
        Kind::KmsKey => json!({"alias": "alias/landfall/home/demo/cluster", "description": "Encrypts", "tags": tags}),
        Kind::ControlPlane => json!({
            "name": "demo", "version": "1.35", "forceUpgrade": false, "role": "arn:aws:iam::123456789012:role/demo-cluster", "vpc": "vpc-1",
            "zones": ["euw1-az1", "euw1-az2"], "subnets": ["subnet-2", "subnet-1"], "securityGroups": ["sg-1"],
            "publicAccessCidrs": ["203.0.113.7/32"], "serviceIpv4Cidr": "172.20.0.0/16",
            "key": "arn:aws:kms:eu-west-1:123456789012:key/k-1", "logging": ["api", "audit"], "supportType": "STANDARD",
            "deletionProtection": true, "autoMode": null, "tags": tags,
        }),
        Kind::OidcProvider => json!({"issuer": "https://oidc.eks.eu-west-1.amazonaws.com/id/ABC", "tags": tags}),
        Kind::AccessEntry => json!({
            "cluster": "demo", "principal": "arn:aws:iam::123456789012:role/deployer", "groups": ["viewers"],
            "policies": [
                {"arn": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy", "namespaces": ["apps", "more"]},
                {"arn": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy", "namespaces": []},
            ],
            "tags": tags,
        }),
        Kind::LaunchTemplate => json!({
            "name": "landfall-demo-core-1a2b3c4d", "volumes": {"/dev/xvda": 4, "/dev/xvdb": 20}, "tags": tags,
        }),
        Kind::NodeGroup => json!({
            "cluster": "demo", "name": "core-1a2b3c4d", "role": "arn:aws:iam::123456789012:role/demo-nodes",
            "subnets": ["subnet-2", "subnet-1"], "amiType": "BOTTLEROCKET_ARM_64", "capacityType": "ON_DEMAND",
            "instanceTypes": ["m7g.large"], "minSize": 2, "maxSize": 3, "desiredSize": null, "labels": {"role": "core"},
            "taints": [{"key": "core", "value": "yes", "effect": "NO_SCHEDULE"}, {"key": "spot", "effect": "NO_EXECUTE"}],
            "maxUnavailable": 1, "version": "1.35", "launchTemplate": "lt-1", "launchTemplateVersion": "2", "tags": tags,
        }),
        Kind::FargateProfile => json!({
            "cluster": "demo", "name": "apps-1a2b3c4d", "executionRole": "arn:aws:iam::123456789012:role/demo-fargate",
            "subnets": ["subnet-2", "subnet-1"],
            "selectors": [{"namespace": "apps", "labels": {}}, {"namespace": "team-*", "labels": {"place": "fargate"}}],
            "tags": tags,
        }),
        Kind::Addon => json!({
            "cluster": "demo", "name": "vpc-cni", "version": "v1.20.4-eksbuild.1", "configuration": {"env": {"A": "b"}},
            "roles": {"aws-node": "arn:aws:iam::123456789012:role/demo-vpc-cni"}, "tags": tags,
        }),
        Kind::PodIdentityAssociation => json!({
            "cluster": "demo", "namespace": "apps", "serviceAccount": "api",
            "role": "arn:aws:iam::123456789012:role/demo-api", "tags": tags,
        }),
        Kind::Function => json!({
            "name": "home_demo_gate", "description": "The way in", "role": "arn:aws:iam::123456789012:role/demo-gate",
            "logGroup": "/landfall/home/demo/gate", "subnets": ["subnet-2", "subnet-1"], "securityGroups": ["sg-1"],
            "code": "bmV3", "layers": [], "environment": {}, "memory": 256, "timeout": 15, "tags": tags,
        }),
        other => panic!("{other} has no sample here"),
    }
}

fn round_trip<T: DeserializeOwned + Serialize>(kind: Kind) {
    let stored = sample(kind);
    let read: T = serde_json::from_value(stored.clone()).unwrap_or_else(|error| panic!("{kind}: {error}"));
    assert_eq!(serde_json::to_value(read).unwrap(), stored, "{kind}");
}

#[test]
fn every_stored_spec_is_read() {
    for kind in Component::Cluster.kinds() {
        match kind {
            Kind::Role => round_trip::<RoleSpec>(kind),
            Kind::LogGroup => round_trip::<LogGroupSpec>(kind),
            Kind::KmsKey => round_trip::<KmsKeySpec>(kind),
            Kind::ControlPlane => round_trip::<ControlPlaneSpec>(kind),
            Kind::OidcProvider => round_trip::<OidcProviderSpec>(kind),
            Kind::AccessEntry => round_trip::<AccessEntrySpec>(kind),
            Kind::LaunchTemplate => round_trip::<LaunchTemplateSpec>(kind),
            Kind::NodeGroup => round_trip::<NodeGroupSpec>(kind),
            Kind::FargateProfile => round_trip::<FargateProfileSpec>(kind),
            Kind::Addon => round_trip::<AddonSpec>(kind),
            Kind::PodIdentityAssociation => round_trip::<PodIdentityAssociationSpec>(kind),
            Kind::Function => round_trip::<FunctionSpec>(kind),
            other => panic!("{other} has no spec here"),
        }
    }
}

#[tokio::test]
async fn a_spec_that_cannot_be_read_is_a_defect_and_asks_aws_nothing() {
    let script = Script::of([]);
    for kind in Component::Cluster.kinds() {
        let mut subject = subject(kind);
        subject.spec = json!({"nothing": "of it"});
        assert_eq!(fault_name(script.kind(kind).observe(&subject).await), FaultName::Internal, "{kind}");
        assert_eq!(fault_name(script.kind(kind).create(&subject).await), FaultName::Internal, "{kind}");
    }
}
