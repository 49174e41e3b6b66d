//! Manifests, facts and records to test with.

use std::collections::BTreeMap;
use std::fmt::Write;

use domain::{AccountId, Component, Generation, Locator, Outputs, Record, Region, ResourceId, State, Target};
use jiff::Timestamp;
use manifest::Manifest;
use plan::{Desired, Facts, GivenNetwork, GivenSubnet, Plan, Problem, Until, plan, resolve};
use serde_json::Value;

/// The manifest of a platform in Ireland with this network, in YAML's flow form.
pub(crate) fn manifest(network: &str) -> Manifest {
    manifest_with("tags: {owner: me}", network)
}

/// The same with other lines of the spec.
pub(crate) fn manifest_with(spec: &str, network: &str) -> Manifest {
    let text = format!(
        "apiVersion: landfall.dev/v1alpha1\nkind: Platform\nmetadata: {{name: demo}}\n\
         spec:\n  region: eu-west-1\n  {spec}\n  network: {network}\n"
    );
    manifest::parse(text.as_bytes()).unwrap_or_else(|problems| panic!("{problems}")).manifest
}

pub(crate) fn target() -> Target {
    let account = AccountId::parse("111122223333").unwrap();
    Target { account, region: Region::parse("eu-west-1").unwrap() }
}

/// Six zones, more than Ireland has.
pub(crate) fn facts() -> Facts {
    let zones = (1..=6).map(|n| (format!("euw1-az{n}"), format!("eu-west-1{}", char::from(b'a' + n - 1))));
    Facts { zones: zones.collect(), ..Facts::default() }
}

/// The facts of a VPC with two private subnets, one of them on the main route table, and a public one.
pub(crate) fn given_facts() -> Facts {
    let subnet = |zone: &str, cidr: &str, table: Option<&str>| GivenSubnet {
        zone: zone.to_owned(),
        cidr: cidr.parse().unwrap(),
        free: 200,
        route_table: table.map(str::to_owned),
    };
    let subnets = BTreeMap::from([
        ("subnet-0000000000000000a".to_owned(), subnet("euw1-az1", "10.9.0.0/24", Some("rtb-0000000000000000a"))),
        ("subnet-0000000000000000b".to_owned(), subnet("euw1-az2", "10.9.1.0/24", None)),
        ("subnet-0000000000000000c".to_owned(), subnet("euw1-az1", "10.9.2.0/24", Some("rtb-0000000000000000c"))),
    ]);
    let given = GivenNetwork {
        vpc_id: "vpc-00000000000000001".to_owned(),
        cidrs: vec!["10.9.0.0/16".parse().unwrap()],
        subnets,
        endpoints: vec!["s3".to_owned()],
    };
    Facts { given: Some(given), ..facts() }
}

/// The network of [`given_facts`].
pub(crate) const GIVEN: &str = "vpcId: vpc-00000000000000001, subnets: {\
     private: [subnet-0000000000000000a, subnet-0000000000000000b], public: [subnet-0000000000000000c]}";

pub(crate) fn try_planned(manifest: &Manifest, facts: &Facts) -> Result<Plan, Vec<Problem>> {
    plan("main", manifest, &target(), facts)
}

pub(crate) fn planned(manifest: &Manifest, facts: &Facts) -> Plan {
    try_planned(manifest, facts).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

/// The plan of a network with the facts of [`facts`].
pub(crate) fn planned_network(network: &str) -> Plan {
    planned(&manifest(network), &facts())
}

/// A plan for people: a line a resource, then what it is made from and what else it needs.
pub(crate) fn shown(plan: &Plan) -> String {
    let mut text = String::new();
    for id in Component::ALL.iter().flat_map(|component| plan.in_order(*component)) {
        let Desired { kind, goal, spec, needs, exclusive } = &plan.resources[id];
        let lock = exclusive.as_ref().map(|lock| format!(", one at a time: {lock}")).unwrap_or_default();
        writeln!(text, "{id} ({kind}, {goal:?}{lock})").unwrap();
        for (field, value) in sorted(spec.as_object().unwrap()) {
            writeln!(text, "  {field}: {}", shown_value(value)).unwrap();
        }
        let also = needs.iter().filter(|need| !spec.to_string().contains(&format!("\"{}\"", need.resource)));
        for need in also {
            let until = if need.until == Until::Ready { String::new() } else { format!(", {:?}", need.until) };
            writeln!(text, "  after {}{until}", need.resource).unwrap();
        }
    }
    text
}

pub(crate) fn shown_value(value: &Value) -> String {
    match value {
        Value::Object(map) => match (map.get("$of"), map.get("output")) {
            (Some(Value::String(of)), Some(Value::String(output))) => format!("<{of} {output}>"),
            _ => {
                let fields: Vec<_> =
                    sorted(map).into_iter().map(|(key, value)| format!("{key}: {}", shown_value(value))).collect();
                format!("{{{}}}", fields.join(", "))
            }
        },
        Value::Array(items) => format!("[{}]", items.iter().map(shown_value).collect::<Vec<_>>().join(", ")),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// In order of name: which order a map has depends on what else is built with it.
fn sorted(map: &serde_json::Map<String, Value>) -> BTreeMap<&String, &Value> {
    map.iter().collect()
}

/// The records of a platform on which a plan was carried out.
pub(crate) fn records(plan: &Plan) -> Vec<Record> {
    records_of(plan, Generation::FIRST)
}

/// The same, where everything is of that generation.
pub(crate) fn records_of(plan: &Plan, generation: Generation) -> Vec<Record> {
    let mut records: BTreeMap<ResourceId, Record> = BTreeMap::new();
    for id in Component::ALL.iter().flat_map(|component| plan.in_order(*component)) {
        let desired = &plan.resources[id];
        let spec = resolve(&desired.spec, &|of| records.get(of).map(|record| &record.outputs)).unwrap();
        let needs = desired.needs.iter().map(|need| records[&need.resource].edge()).collect();
        let output = |name: &str| (name.to_owned(), format!("{name} of {id}#{generation}"));
        let record = Record {
            id: id.clone(),
            generation,
            kind: desired.kind,
            schema: Record::SCHEMA,
            attempts: 1,
            confirmed: None,
            target: plan.target.clone(),
            locator: Some(Locator(format!("id of {id}#{generation}"))),
            spec,
            needs,
            state: State::Ready,
            outputs: Outputs::from(["id", "arn", "name", "address", "mainRouteTable"].map(output)),
            adopted: desired.kind.is_given(),
            created: Timestamp::UNIX_EPOCH,
            updated: Timestamp::UNIX_EPOCH,
        };
        records.insert(id.clone(), record);
    }
    records.into_values().collect()
}
