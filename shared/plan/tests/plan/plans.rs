//! Plans of whole platforms.

use insta::assert_snapshot;
use plan::Facts;

use crate::support::{
    GIVEN, facts, given_facts, manifest, manifest_with, planned, planned_network, shown, try_planned,
};

#[test]
fn of_a_manifest_that_says_nothing() {
    assert_snapshot!(shown(&planned_network("{}")));
}

#[test]
fn with_everything() {
    let network = "{cidr: 10.40.0.0/16, availabilityZones: [eu-west-1c, eu-west-1a], nat: HighlyAvailable, \
         vpcEndpoints: {additional: [xray, dynamodb]}, flowLogs: {enabled: true, retentionDays: 90}, \
         pods: {cidr: 100.64.0.0/16}, routes: {\
           vpn: {cidr: 10.200.0.0/16, transitGatewayId: tgw-00000000000000001}, \
           office: {cidr: 10.201.0.0/16, transitGatewayId: tgw-00000000000000001}, \
           tooling: {cidr: 10.9.0.0/16, peerVpcId: vpc-00000000000000002}}}";
    let manifest = manifest_with("permissionsBoundary: corp-boundary", network);
    assert_snapshot!(shown(&planned(&manifest, &facts())));
}

#[test]
fn without_a_way_out() {
    assert_snapshot!(shown(&planned_network("{availabilityZones: 2, publicSubnets: false, nat: Disable}")));
}

#[test]
fn in_a_given_vpc() {
    let network = format!(
        "{{{GIVEN}, vpcEndpoints: {{additional: [xray]}}, flowLogs: {{enabled: true}}, routes: {{\
           vpn: {{cidr: 10.200.0.0/16, transitGatewayId: tgw-00000000000000001}}}}}}"
    );
    assert_snapshot!(shown(&planned(&manifest(&network), &given_facts())));
}

/// Only what is named is used: nothing is made, not even an S3 endpoint, which this VPC has.
#[test]
fn of_a_given_vpc_alone() {
    let plan = planned(&manifest(&format!("{{{GIVEN}}}")), &given_facts());
    assert!(plan.resources.values().all(|desired| desired.kind.is_given()));
    assert_eq!(plan.resources.len(), 4);
}

#[test]
fn the_numbers_of_zones_are_kept_in_the_plan() {
    let first = planned_network("{availabilityZones: [eu-west-1c, eu-west-1a]}");
    let number = |facts: &Facts, zone: &str| facts.slots.get(zone).copied();
    assert_eq!([number(&first.facts, "euw1-az3"), number(&first.facts, "euw1-az1")], [Some(0), Some(1)]);
    let second = planned(&manifest("{availabilityZones: 3}"), &first.facts);
    assert_eq!(second.facts.slots.into_values().collect::<Vec<_>>(), [1, 2, 0]);
}

#[test]
fn what_cannot_be_planned() {
    let mut facts = given_facts();
    facts.slots = [("euw1-az1".into(), 0), ("euw1-az2".into(), 1), ("euw1-az3".into(), 2)].into();
    let mut small = facts.clone();
    for subnet in small.given.iter_mut().flat_map(|given| given.subnets.values_mut()) {
        subnet.free = 3;
        subnet.zone = "euw1-az1".to_owned();
    }
    let mut one_zone = small.clone();
    for subnet in one_zone.given.iter_mut().flat_map(|given| given.subnets.values_mut()) {
        subnet.free = 300;
    }
    let given = format!("{{{GIVEN}}}");
    let cases = [
        ("a zone too many for the block", "{cidr: 10.0.0.0/24, availabilityZones: 3}".to_owned(), &facts),
        ("a zone after two others", "{cidr: 10.0.0.0/24, availabilityZones: [eu-west-1c]}".to_owned(), &facts),
        ("unknown zones", "{availabilityZones: [eu-west-1x, eu-west-1a, eu-west-1y]}".to_owned(), &facts),
        ("another VPC", given.replace("vpc-00000000000000001", "vpc-00000000000000009"), &facts),
        ("an unknown subnet", given.replace("0000c", "0000d"), &facts),
        ("full subnets", given.clone(), &small),
        ("private subnets in one zone", given.clone(), &one_zone),
        (
            "a route into the VPC itself",
            format!("{{{GIVEN}, routes: {{x: {{cidr: 10.9.8.0/24, peerVpcId: vpc-00000000000000002}}}}}}"),
            &facts,
        ),
    ];
    let mut text = String::new();
    for (name, network, facts) in cases {
        text.push_str(&format!("{name}\n"));
        for problem in try_planned(&manifest(&network), facts).unwrap_err() {
            text.push_str(&format!("  {problem}\n"));
        }
    }
    assert_snapshot!(text);
}
