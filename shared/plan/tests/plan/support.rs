//! Manifests, facts and records to test with.

use std::collections::BTreeMap;
use std::fmt::Write;

use domain::{AccountId, Component, Generation, Kind, Locator, Record, Region, ResourceId, State, Target};
use jiff::Timestamp;
use manifest::Manifest;
use plan::{
    ClusterFacts, Desired, Facts, GivenNetwork, GivenSubnet, InstanceType, KubernetesVersion, Plan, Problem,
    SupportStatus, Until, plan, resolve,
};
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
    Facts { zones: zones.collect(), cluster: Some(cluster_facts()), ..Facts::default() }
}

/// What EKS offers, and who is there, before a control plane is made.
pub(crate) fn cluster_facts() -> ClusterFacts {
    let version = |minor: u8| KubernetesVersion {
        version: format!("1.{minor}"),
        status: if minor < 33 { SupportStatus::ExtendedSupport } else { SupportStatus::StandardSupport },
        end_of_standard_support: None,
        end_of_extended_support: None,
    };
    let addons = |minor: u8| {
        let names = ["vpc-cni", "kube-proxy", "coredns", "eks-pod-identity-agent"];
        (format!("1.{minor}"), names.map(|name| (name.to_owned(), format!("{name}-of-1.{minor}"))).into())
    };
    let arn = |who: &str| (who.to_owned(), format!("arn:aws:iam::111122223333:{who}"));
    let machine = |(name, architecture): (&str, &str)| {
        let architectures = vec![architecture.to_owned()];
        (name.to_owned(), InstanceType { architectures, vcpus: 2, memory: 8192 })
    };
    let machines = [("m6i.large", "x86_64"), ("m5.large", "x86_64"), ("m7g.large", "arm64")];
    ClusterFacts {
        role: "arn:aws:iam::111122223333:role/landfall/main/main-cluster".to_owned(),
        gate_code: "Z2F0ZQ==".to_owned(),
        versions: (32..=36).map(version).collect(),
        addons: (33..=36).map(addons).collect(),
        principals: ["role/deployer", "role/platform-admin", "permissionSet/AdministratorAccess"].map(arn).into(),
        key: None,
        instance_types: machines.map(machine).into(),
        ..ClusterFacts::default()
    }
}

/// The facts of a platform whose control plane runs that minor, in the zones of `plan`.
pub(crate) fn running(minor: &str, plan: &Plan) -> Facts {
    let mut facts = plan.facts.clone();
    let control_plane = ResourceId::new(Component::Cluster, "control-plane");
    let zones = &plan.resources[&control_plane].spec["zones"];
    let cluster = facts.cluster.as_mut().unwrap();
    cluster.current = Some(minor.to_owned());
    cluster.zones = serde_json::from_value(zones.clone()).unwrap();
    facts
}

/// The manifest of a platform in Ireland with these lines in its spec.
pub(crate) fn manifest_of(spec: &str) -> Manifest {
    let indented: String = spec.lines().map(|line| format!("  {line}\n")).collect();
    let text = format!(
        "apiVersion: landfall.dev/v1alpha1\nkind: Platform\nmetadata: {{name: demo}}\nspec:\n  region: eu-west-1\n{indented}"
    );
    manifest::parse(text.as_bytes()).unwrap_or_else(|problems| panic!("{problems}")).manifest
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
        let Desired { kind, goal, spec, needs } = &plan.resources[id];
        writeln!(text, "{id} ({kind}, {goal:?})").unwrap();
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

/// A control plane gives the minor that it was asked for.
fn version(desired: &Desired) -> Option<(String, String)> {
    (desired.kind == Kind::ControlPlane)
        .then(|| ("version".to_owned(), desired.spec["version"].as_str().unwrap().to_owned()))
}

/// The records of a platform on which a plan was carried out.
pub(crate) fn records(plan: &Plan) -> Vec<Record> {
    records_of(plan, Generation::FIRST)
}

/// The same, where everything is of that generation.
pub(crate) fn records_of(plan: &Plan, generation: Generation) -> Vec<Record> {
    let names = ["id", "arn", "name", "address", "mainRouteTable", "issuer", "host", "securityGroup", "version"];
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
            outputs: names.map(output).into_iter().chain(version(desired)).collect(),
            adopted: desired.kind.is_given(),
            created: Timestamp::UNIX_EPOCH,
            updated: Timestamp::UNIX_EPOCH,
        };
        records.insert(id.clone(), record);
    }
    records.into_values().collect()
}
