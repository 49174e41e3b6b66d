//! The form of every spec: what a plan stores is what a kind reads, now and later.

use domain::{Component, FaultName, Kind};
use plan::network::*;
use plan::{LogGroupSpec, RoleSpec};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::support::{Script, fault_name, subject};

/// A spec of each kind, as it stands in a record.
pub(crate) fn sample(kind: Kind) -> Value {
    let tags = json!({"owner": "me"});
    match kind {
        Kind::Vpc => json!({"cidr": "10.40.0.0/16", "tags": tags}),
        Kind::GivenVpc => json!({"id": "vpc-1", "cidrs": ["10.40.0.0/16", "10.41.0.0/16"]}),
        Kind::GivenSubnet => json!({"id": "subnet-1", "zone": "euw1-az1", "cidr": "10.40.0.0/20"}),
        Kind::VpcCidr => json!({"vpc": "vpc-1", "cidr": "100.64.0.0/16"}),
        Kind::InternetGateway => json!({"vpc": "vpc-1", "tags": tags}),
        Kind::Subnet => json!({
            "vpc": "vpc-1", "zone": "euw1-az1", "cidr": "10.40.0.0/20", "roleTag": "kubernetes.io/role/elb",
            "publicAddresses": true, "tags": tags,
        }),
        Kind::RouteTable => json!({"vpc": "vpc-1", "subnets": ["subnet-2", "subnet-1"], "tags": tags}),
        Kind::Route => json!({"table": "rtb-1", "destination": "0.0.0.0/0", "via": {"natGateway": "nat-1"}}),
        Kind::ElasticIp => json!({"subnet": "subnet-1", "tags": tags}),
        Kind::NatGateway => json!({"subnet": "subnet-1", "address": "eipalloc-1", "tags": tags}),
        Kind::SecurityGroup => json!({
            "vpc": "vpc-1", "name": "demo-endpoints", "description": "Clients of the endpoints",
            "ingress": [{"port": 443, "from": "10.40.0.0/16"}, {"port": 443, "from": "100.64.0.0/16"}], "tags": tags,
        }),
        Kind::GatewayEndpoint => json!({
            "vpc": "vpc-1", "service": "com.amazonaws.eu-west-1.s3", "routeTables": ["rtb-2", "rtb-1"], "tags": tags,
        }),
        Kind::InterfaceEndpoint => json!({
            "vpc": "vpc-1", "service": "com.amazonaws.eu-west-1.sts", "subnets": ["subnet-2", "subnet-1"],
            "securityGroups": ["sg-1"], "tags": tags,
        }),
        Kind::Peering => json!({"vpc": "vpc-1", "peerVpc": "vpc-9", "tags": tags}),
        Kind::TransitGatewayAttachment => json!({
            "vpc": "vpc-1", "transitGateway": "tgw-1", "subnets": ["subnet-2", "subnet-1"], "tags": tags,
        }),
        Kind::LogGroup => json!({"name": "/landfall/home/demo/flow-logs", "retentionDays": 30, "tags": tags}),
        Kind::Role => json!({
            "name": "demo-flow-logs", "path": "/landfall/home/demo/", "description": "VPC flow logs write with this role",
            "trust": {"Version": "2012-10-17"}, "policies": {"write-flow-logs": {"Version": "2012-10-17", "Statement": []}},
            "managedPolicies": ["arn:aws:iam::123456789012:policy/shared"],
            "permissionsBoundary": "arn:aws:iam::123456789012:policy/corp", "tags": tags,
        }),
        Kind::FlowLog => json!({
            "vpc": "vpc-1", "logGroup": "/landfall/home/demo/flow-logs",
            "role": "arn:aws:iam::123456789012:role/landfall/home/demo/demo-flow-logs", "tags": tags,
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
    for kind in Component::Network.kinds() {
        match kind {
            Kind::Vpc => round_trip::<VpcSpec>(kind),
            Kind::GivenVpc => round_trip::<GivenVpcSpec>(kind),
            Kind::GivenSubnet => round_trip::<GivenSubnetSpec>(kind),
            Kind::VpcCidr => round_trip::<VpcCidrSpec>(kind),
            Kind::InternetGateway => round_trip::<InternetGatewaySpec>(kind),
            Kind::Subnet => round_trip::<SubnetSpec>(kind),
            Kind::RouteTable => round_trip::<RouteTableSpec>(kind),
            Kind::Route => round_trip::<RouteSpec>(kind),
            Kind::ElasticIp => round_trip::<ElasticIpSpec>(kind),
            Kind::NatGateway => round_trip::<NatGatewaySpec>(kind),
            Kind::SecurityGroup => round_trip::<SecurityGroupSpec>(kind),
            Kind::GatewayEndpoint => round_trip::<GatewayEndpointSpec>(kind),
            Kind::InterfaceEndpoint => round_trip::<InterfaceEndpointSpec>(kind),
            Kind::Peering => round_trip::<PeeringSpec>(kind),
            Kind::TransitGatewayAttachment => round_trip::<TransitGatewayAttachmentSpec>(kind),
            Kind::LogGroup => round_trip::<LogGroupSpec>(kind),
            Kind::Role => round_trip::<RoleSpec>(kind),
            Kind::FlowLog => round_trip::<FlowLogSpec>(kind),
            other => panic!("{other} has no spec here"),
        }
    }
}

#[tokio::test]
async fn a_spec_that_cannot_be_read_is_a_defect_and_asks_aws_nothing() {
    let script = Script::of([]);
    for kind in Component::Network.kinds() {
        let mut subject = subject(kind);
        subject.spec = json!({"nothing": "of it"});
        assert_eq!(fault_name(script.kind(kind).observe(&subject).await), FaultName::Internal, "{kind}");
        assert_eq!(fault_name(script.kind(kind).create(&subject).await), FaultName::Internal, "{kind}");
    }
}
