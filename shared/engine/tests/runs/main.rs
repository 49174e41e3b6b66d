//! Whole runs of the engine against a model of AWS.

mod changes;
mod faults;

use domain::Kind;
use plan::{Goal, Plan};
use serde_json::{Value, json};
use testkit::{Harness, Verb, desired, plan_of};

fn reference(name: &str) -> Value {
    json!({"$of": format!("network/{name}"), "output": "id"})
}

/// A VPC, a subnet in it, an address, a NAT gateway, a table and the route to the gateway.
fn network(cidr: &str, tag: &str) -> Plan {
    let tags = json!({"team": tag});
    let spec = |value: Value| value;
    plan_of([
        desired("vpc", Kind::Vpc, Goal::Foundation, spec(json!({"cidr": cidr, "tags": tags})), &[]),
        desired(
            "subnet",
            Kind::Subnet,
            Goal::Foundation,
            json!({"vpc": reference("vpc"), "cidr": "10.0.0.0/24", "tags": tags}),
            &["vpc"],
        ),
        desired(
            "table",
            Kind::RouteTable,
            Goal::Foundation,
            json!({"vpc": reference("vpc"), "subnets": [reference("subnet")], "tags": tags}),
            &["vpc", "subnet"],
        ),
        desired(
            "address",
            Kind::ElasticIp,
            Goal::Egress,
            json!({"subnet": reference("subnet"), "tags": tags}),
            &["subnet"],
        ),
        desired(
            "nat",
            Kind::NatGateway,
            Goal::Egress,
            json!({"subnet": reference("subnet"), "address": reference("address"), "tags": tags}),
            &["subnet", "address"],
        ),
        desired(
            "route",
            Kind::Route,
            Goal::Egress,
            json!({"table": reference("table"), "destination": "0.0.0.0/0", "via": {"natGateway": reference("nat")}}),
            &["table", "nat"],
        ),
    ])
}

fn without(mut plan: Plan, names: &[&str]) -> Plan {
    plan.resources.retain(|id, _| !names.contains(&id.name()));
    plan
}

fn empty() -> Plan {
    plan_of([])
}

/// The calls that changed something: the model has nothing to retire.
fn mutations(harness: &Harness) -> Vec<(Verb, String)> {
    let calls = harness.world.take_calls().into_iter();
    calls
        .filter(|call| !matches!(call.verb, Verb::Observe | Verb::Retire))
        .map(|call| (call.verb, call.id.name().to_owned()))
        .collect()
}
