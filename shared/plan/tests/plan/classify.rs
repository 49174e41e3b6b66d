//! What a changed spec asks for, by table.

use domain::Kind;
use plan::{Change, HEALTH, UNFINISHED, changeable, classify};
use serde_json::{Value, json};

use crate::support::{GIVEN, facts, given_facts, manifest, manifest_of, planned};

fn word(change: &Change) -> &'static str {
    match change {
        Change::None => "none",
        Change::InPlace(_) => "in place",
        Change::Replace(_) => "replace",
    }
}

#[test]
fn by_table() {
    let tags = |value: &str| json!({"cidr": "10.0.0.0/16", "tags": {"owner": value}});
    let list = |items: Value| json!({"vpc": "vpc-1", "subnets": items});
    let route = |table: &str, via: Value| json!({"table": table, "destination": "0.0.0.0/0", "via": via});
    let gateway = |id: &str| json!({"natGateway": id});
    let cases = [
        (Kind::Vpc, tags("me"), tags("me"), "none"),
        (Kind::Vpc, tags("me"), tags("you"), "in place"),
        (Kind::Vpc, json!({"cidr": "10.0.0.0/16"}), json!({"cidr": "10.1.0.0/16"}), "replace"),
        (Kind::Vpc, json!({"cidr": "10.0.0.0/16", "tags": {}}), json!({"cidr": "10.1.0.0/16", "tags": 1}), "replace"),
        (Kind::RouteTable, list(json!(["a", "b"])), list(json!(["b", "a"])), "none"),
        (Kind::RouteTable, list(json!(["a", "b"])), list(json!(["a"])), "in place"),
        (Kind::RouteTable, list(json!(["a"])), list(json!(["a", "b"])), "in place"),
        (Kind::Route, route("t", gateway("a")), route("t", gateway("b")), "in place"),
        (Kind::Route, route("t", gateway("a")), route("t", json!({"internetGateway": "a"})), "in place"),
        (Kind::Route, route("t", gateway("a")), route("u", gateway("a")), "replace"),
        (Kind::Role, json!({"permissionsBoundary": null}), json!({}), "none"),
        (Kind::Role, json!({}), json!({"permissionsBoundary": "arn"}), "in place"),
        (Kind::Role, json!({"logGroupArn": "arn"}), json!({"trust": {}, "policies": {"a": {}}}), "in place"),
        (Kind::ControlPlane, json!({"version": "1.34"}), json!({"version": "1.35"}), "in place"),
        (Kind::ControlPlane, json!({"subnets": ["a"]}), json!({"subnets": ["b"]}), "in place"),
        (Kind::ControlPlane, json!({"zones": ["a"]}), json!({"zones": ["a", "b"]}), "replace"),
        (Kind::ControlPlane, json!({"serviceIpv4Cidr": "a"}), json!({"serviceIpv4Cidr": "b"}), "replace"),
        (Kind::ControlPlane, json!({"key": "a"}), json!({"key": "b"}), "replace"),
        (Kind::NodeGroup, json!({"minSize": 1}), json!({"minSize": 2}), "in place"),
        (Kind::NodeGroup, json!({"instanceTypes": ["a"]}), json!({"instanceTypes": ["b"]}), "replace"),
        (Kind::AccessEntry, json!({"principal": "a"}), json!({"principal": "b"}), "replace"),
        (Kind::FargateProfile, json!({"selectors": []}), json!({"selectors": [{}]}), "replace"),
        (Kind::Addon, json!({"configuration": null}), json!({"configuration": {"a": 1}}), "in place"),
        (Kind::PodIdentityAssociation, json!({"role": "a"}), json!({"role": "b"}), "in place"),
        (Kind::Function, json!({"code": "a"}), json!({"code": "b"}), "in place"),
        (Kind::Function, json!({"name": "a"}), json!({"name": "b"}), "replace"),
        (Kind::Subnet, json!({"cidr": "10.0.0.0/24"}), json!({}), "replace"),
        (Kind::Subnet, Value::Null, Value::Null, "none"),
    ];
    for (kind, old, new, expected) in cases {
        assert_eq!(word(&classify(kind, &old, &new)), expected, "{kind}: {old} → {new}");
    }
}

#[test]
fn a_change_says_what_was_and_what_will_be() {
    let Change::InPlace(changes) = classify(Kind::LogGroup, &json!({"retentionDays": 30}), &json!({})) else {
        panic!("a retention changes in place")
    };
    assert_eq!(changes.len(), 1);
    assert_eq!(
        (changes[0].field.as_str(), &changes[0].old, &changes[0].new),
        ("retentionDays", &json!(30), &Value::Null)
    );
}

/// A field that is misspelled here would never be changed in place. `logGroupArn` is of roles as they once were.
#[test]
fn what_can_be_changed_exists() {
    let network = "{nat: HighlyAvailable, vpcEndpoints: {additional: [xray]}, flowLogs: {enabled: true}, \
         pods: {cidr: 100.64.0.0/16}, routes: {\
           vpn: {cidr: 10.200.0.0/16, transitGatewayId: tgw-00000000000000001}, \
           tooling: {cidr: 10.9.0.0/16, peerVpcId: vpc-00000000000000002}}}";
    let made = planned(&manifest(network), &facts());
    let given = planned(&manifest(&format!("{{{GIVEN}}}")), &given_facts());
    let cluster = "cluster: {accessEntries: {a: {role: deployer, groups: [g]}}, apiServer: {publicAccessCidrs: [203.0.113.7/32]}}\n\
         compute: {managedNodeGroups: {core: {}}, fargateProfiles: {apps: {selectors: [{namespace: apps}]}}}\n\
         serviceAccounts: {other/api: {secretsPrefix: a}}";
    let cluster = planned(&manifest_of(cluster), &facts());
    for kind in Kind::ALL {
        let all = cluster.resources.values().chain(made.resources.values()).chain(given.resources.values());
        let desired = all.into_iter().find(|desired| desired.kind == *kind);
        let spec = &desired.unwrap_or_else(|| panic!("no plan has a {kind}")).spec;
        for field in changeable(*kind).iter().filter(|field| ![HEALTH, UNFINISHED, "logGroupArn"].contains(field)) {
            assert!(spec.get(field).is_some(), "a {kind} has no {field}");
        }
    }
}
