//! What carrying out a plan changes, given what was carried out before.

use std::fmt::Write;

use domain::{Generation, Record, State};
use insta::assert_snapshot;
use plan::{Action, Plan, PlannedChange, diff};

use crate::support::{
    GIVEN, given_facts, manifest, manifest_with, planned, planned_network, records, records_of, shown_value, target,
};

/// A line a change, then a line a reason.
pub(crate) fn told(changes: &[PlannedChange]) -> String {
    let mut text = String::new();
    for PlannedChange { action, resource, kind, reasons, destroys } in changes {
        let destroys = if *destroys { ", destroys" } else { "" };
        writeln!(text, "{action:?} {resource} ({kind}{destroys})").unwrap();
        for reason in reasons {
            writeln!(text, "  {}: {} → {}", reason.field, shown_value(&reason.old), shown_value(&reason.new)).unwrap();
        }
    }
    text
}

/// What changes when a platform goes from one network to another.
fn between(old: &str, new: &str) -> String {
    let old = planned_network(old);
    let new = planned(&manifest(new), &old.facts);
    told(&diff(&new, &records(&old)))
}

#[test]
fn nothing_changed() {
    assert_eq!(between("{}", "{}"), "");
    // The order in which zones are named says nothing.
    let zones = |names: &str| format!("{{availabilityZones: [{names}], vpcEndpoints: {{additional: [xray]}}}}");
    assert_eq!(between(&zones("eu-west-1b, eu-west-1a"), &zones("eu-west-1a, eu-west-1b")), "");
}

#[test]
fn the_first_time() {
    let changes = diff(&planned_network("{}"), &[]);
    assert!(changes.iter().all(|change| change.action == Action::Create && !change.destroys));
    assert_eq!(changes.len(), planned_network("{}").resources.len());
}

#[test]
fn a_tag_changed() {
    let old = planned_network(
        "{availabilityZones: 2, nat: Disable, vpcEndpoints: {mode: Disable}, routes: {\
        tooling: {cidr: 10.9.0.0/16, peerVpcId: vpc-00000000000000002}}}",
    );
    let mut new = manifest(
        "{availabilityZones: 2, nat: Disable, vpcEndpoints: {mode: Disable}, routes: {\
        tooling: {cidr: 10.9.0.0/16, peerVpcId: vpc-00000000000000002}}}",
    );
    new.spec.tags.insert("owner".into(), "you".into());
    assert_snapshot!(told(&diff(&planned(&new, &old.facts), &records(&old))));
}

#[test]
fn a_zone_added() {
    assert_snapshot!(between("{availabilityZones: 2}", "{availabilityZones: 3}"));
}

#[test]
fn a_zone_removed() {
    let zones = |names: &str| format!("{{availabilityZones: [{names}], nat: HighlyAvailable}}");
    assert_snapshot!(between(&zones("eu-west-1a, eu-west-1b"), &zones("eu-west-1b")));
}

#[test]
fn nat_in_every_zone() {
    assert_snapshot!(between("{}", "{nat: HighlyAvailable}"));
}

#[test]
fn no_nat_any_more() {
    let without_endpoints = |nat: &str| format!("{{nat: {nat}, vpcEndpoints: {{mode: Disable, additional: [xray]}}}}");
    assert_snapshot!(between(&without_endpoints("Single"), &without_endpoints("Disable")));
}

#[test]
fn an_endpoint_removed() {
    let endpoints = |names: &str| format!("{{vpcEndpoints: {{additional: [{names}]}}}}");
    assert_snapshot!(between(&endpoints("xray, sts"), &endpoints("sts")), @"Delete network/endpoint-xray (InterfaceEndpoint)");
}

#[test]
fn routes_renamed_and_led_elsewhere() {
    let routes = |name: &str, way: &str| {
        format!(
            "{{availabilityZones: 1, publicSubnets: false, nat: Disable, routes: {{{name}: {{cidr: 10.9.0.0/16, {way}}}}}}}"
        )
    };
    let peer = "peerVpcId: vpc-00000000000000002";
    assert_eq!(between(&routes("a", peer), &routes("b", peer)), "");
    assert_snapshot!(between(&routes("a", peer), &routes("a", "transitGatewayId: tgw-00000000000000001")));
}

#[test]
fn another_block() {
    let network = |cidr: &str| format!("{{cidr: {cidr}, availabilityZones: 1, vpcEndpoints: {{mode: Disable}}}}");
    assert_snapshot!(between(&network("10.0.0.0/16"), &network("10.1.0.0/16")));
}

#[test]
fn a_given_vpc_is_used_and_forgotten() {
    let given = planned(&manifest(&format!("{{{GIVEN}, vpcEndpoints: {{additional: [xray]}}}}")), &given_facts());
    assert_snapshot!(told(&diff(&given, &[])));
    assert_snapshot!(told(&diff(&Plan::empty(target()), &records(&given))));
}

#[test]
fn a_teardown() {
    let plan = planned_network("{availabilityZones: 1, vpcEndpoints: {mode: Disable}}");
    assert_snapshot!(told(&diff(&Plan::empty(target()), &records(&plan))));
}

#[test]
fn a_permissions_boundary_added() {
    let network = "{flowLogs: {enabled: true}}";
    let old = planned(&manifest_with("tags: {}", network), &given_facts());
    let new = planned(&manifest_with("permissionsBoundary: corp", network), &old.facts);
    assert_snapshot!(told(&diff(&new, &records(&old))));
}

/// A record of another state than ready.
fn in_state(records: &mut [Record], name: &str, state: State) {
    let record = records.iter_mut().find(|record| record.id.name() == name).unwrap();
    record.state = state;
}

#[test]
fn what_is_gone_is_made_again_and_what_used_it_follows() {
    let plan = planned_network("{availabilityZones: 2, vpcEndpoints: {mode: Disable}}");
    let mut records = records(&plan);
    in_state(&mut records, "nat-euw1-az1", State::Gone);
    assert_snapshot!(told(&diff(&plan, &records)));
}

#[test]
fn an_old_generation_goes_and_a_roll_back_finds_it() {
    let network = |cidr: &str| {
        let private = "availabilityZones: 1, publicSubnets: false, nat: Disable";
        planned_network(&format!("{{cidr: {cidr}, {private}, vpcEndpoints: {{mode: Disable, additional: [sts]}}}}"))
    };
    let (first, second) = (network("10.0.0.0/16"), network("10.1.0.0/16"));
    let mut both = records(&first);
    both.extend(records_of(&second, Generation::FIRST.next()));
    assert_snapshot!(told(&diff(&second, &both)));
    let deleted: Vec<_> = diff(&first, &both).into_iter().map(|change| change.action).collect();
    assert!(deleted.iter().all(|action| *action == Action::Delete), "{deleted:?}");
}
