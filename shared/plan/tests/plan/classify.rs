//! What a changed spec asks for, by table.

use domain::Kind;
use plan::{Change, UNFINISHED, changeable, classify};
use serde_json::{Value, json};

use crate::support::{GIVEN, facts, given_facts, manifest, planned};

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

/// A field that is misspelled here would never be changed in place.
#[test]
fn what_can_be_changed_exists() {
    let network = "{nat: HighlyAvailable, vpcEndpoints: {additional: [xray]}, flowLogs: {enabled: true}, \
         pods: {cidr: 100.64.0.0/16}, routes: {\
           vpn: {cidr: 10.200.0.0/16, transitGatewayId: tgw-00000000000000001}, \
           tooling: {cidr: 10.9.0.0/16, peerVpcId: vpc-00000000000000002}}}";
    let made = planned(&manifest(network), &facts());
    let given = planned(&manifest(&format!("{{{GIVEN}}}")), &given_facts());
    for kind in Kind::ALL {
        let all = made.resources.values().chain(given.resources.values());
        let desired = all.into_iter().find(|desired| desired.kind == *kind);
        let spec = &desired.unwrap_or_else(|| panic!("no plan has a {kind}")).spec;
        for field in changeable(*kind).iter().filter(|field| **field != UNFINISHED) {
            assert!(spec.get(field).is_some(), "a {kind} has no {field}");
        }
    }
}
