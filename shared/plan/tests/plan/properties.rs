//! What holds for every plan.

use std::collections::BTreeSet;

use domain::{Kind, ResourceId};
use ipnet::Ipv4Net;
use manifest::{EndpointMode, Manifest, Nat, Pods, Route, Zones};
use plan::cluster::*;
use plan::network::*;
use plan::{Change, Desired, Goal, LogGroupSpec, Plan, RoleSpec, classify, diff};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::support::{facts, manifest, manifest_of, planned, records, running};

/// Any manifest of a network that is made.
fn any_manifest() -> impl Strategy<Value = Manifest> {
    let block = (any::<u16>(), 16u8..=24).prop_map(|(number, size)| {
        Ipv4Net::new_assert(std::net::Ipv4Addr::from(0x0a00_0000 | u32::from(number) << 8), size).trunc()
    });
    let pods = prop::option::of((16u8..=24).prop_map(|size| Ipv4Net::new_assert([100, 64, 0, 0].into(), size)));
    let ways = prop::collection::btree_map("[a-z]{1,8}", any_route(), 0..4);
    let nat = prop_oneof![Just(Nat::Single), Just(Nat::HighlyAvailable), Just(Nat::Disable)];
    let switches = (any::<bool>(), any::<bool>(), any::<bool>());
    let services = prop::collection::vec("s3|dynamodb|xray|ecr.api|sts", 0..3);
    (block, pods, ways, nat, switches, services).prop_map(
        |(block, pods, routes, nat, (public, logs, auto), additional)| {
            let mut manifest = manifest("{}");
            let network = &mut manifest.spec.network;
            network.cidr = Some(block);
            network.pods = pods.map(|cidr| Pods { cidr });
            network.routes = routes;
            network.public_subnets = public;
            network.nat = if public { nat } else { Nat::Disable };
            network.flow_logs.enabled = logs;
            network.vpc_endpoints.mode = if auto { EndpointMode::Auto } else { EndpointMode::Disable };
            network.vpc_endpoints.additional = additional;
            manifest
        },
    )
}

fn any_route() -> impl Strategy<Value = Route> {
    (0u8..32, any::<bool>(), 0u8..3).prop_map(|(number, peer, way)| Route {
        cidr: Ipv4Net::new_assert([192, 168, number, 0].into(), 24),
        peer_vpc_id: peer.then(|| format!("vpc-{way}")),
        transit_gateway_id: (!peer).then(|| format!("tgw-{way}")),
    })
}

/// The lines of a spec that ask for any cluster on what there is room for.
fn any_cluster() -> impl Strategy<Value = String> {
    let groups = prop::collection::btree_map("[a-z]{1,8}", any_group(), 0..3);
    let profiles = prop::collection::btree_map("[a-z]{1,8}", "(kube-system|apps|team-\\*)", 0..3);
    let accounts = prop::collection::btree_map("(apps|team-a|other)/[a-z]{1,6}", "(Auto|Irsa)", 0..4);
    let switches = (any::<bool>(), any::<bool>(), any::<bool>());
    (groups, profiles, accounts, switches).prop_map(|(groups, profiles, accounts, (auto, open, nat))| {
        let listed = |items: Vec<String>| items.join(", ");
        let groups = listed(groups.into_iter().map(|(name, group)| format!("{name}: {{{group}}}")).collect());
        let selector = |(name, space)| format!("{name}: {{selectors: [{{namespace: '{space}'}}]}}");
        let profiles = listed(profiles.into_iter().map(selector).collect());
        let account = |(name, way)| format!("{name}: {{secretsPrefix: a, mechanism: {way}}}");
        let accounts = listed(accounts.into_iter().map(account).collect());
        let public = if open { "203.0.113.0/24" } else { "" };
        let auto = if auto { ", autoMode: {}" } else { "" };
        let nat = if nat { "Single" } else { "Disable" };
        format!(
            "network: {{nat: {nat}}}\n\
             cluster: {{apiServer: {{publicAccessCidrs: [{public}], privateAccessCidrs: [10.0.0.0/16]}}, \
               accessEntries: {{a: {{role: deployer, groups: [g]}}}}}}\n\
             compute: {{managedNodeGroups: {{{groups}}}, fargateProfiles: {{{profiles}}}{auto}}}\n\
             serviceAccounts: {{{accounts}}}"
        )
    })
}

fn any_group() -> impl Strategy<Value = String> {
    let types = prop_oneof![Just("m7g.large"), Just("m6i.large, m5.large")];
    (types, any::<bool>(), 1u8..4).prop_map(|(types, tainted, most)| {
        let taints = if tainted { ", taints: [{key: a, effect: NoSchedule}]" } else { "" };
        format!("instanceTypes: [{types}], minSize: 1, maxSize: {most}{taints}")
    })
}

/// The most zones for which a manifest's block has room.
fn room(manifest: &Manifest) -> u8 {
    match manifest.spec.network.cidr.unwrap().prefix_len() {
        24 => 2,
        22 | 23 => 4,
        _ => 6,
    }
}

fn over(manifest: &Manifest, zones: u8) -> Manifest {
    let mut manifest = manifest.clone();
    manifest.spec.network.availability_zones = Zones::Count(zones);
    manifest
}

/// Every resource that a spec refers to.
fn references(value: &Value) -> Vec<ResourceId> {
    match value {
        Value::Object(map) => match map.get("$of") {
            Some(of) => vec![serde_json::from_value(of.clone()).unwrap()],
            None => map.values().flat_map(references).collect(),
        },
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

/// Reads a spec as its kind's own type and writes it again.
fn same_spec(desired: &Desired) -> bool {
    fn again<T: DeserializeOwned + serde::Serialize>(spec: &Value) -> bool {
        serde_json::to_value(T::deserialize(spec).unwrap()).unwrap() == *spec
    }
    let read = match desired.kind {
        Kind::Vpc => again::<VpcSpec>,
        Kind::GivenVpc => again::<GivenVpcSpec>,
        Kind::GivenSubnet => again::<GivenSubnetSpec>,
        Kind::VpcCidr => again::<VpcCidrSpec>,
        Kind::InternetGateway => again::<InternetGatewaySpec>,
        Kind::Subnet => again::<SubnetSpec>,
        Kind::RouteTable => again::<RouteTableSpec>,
        Kind::Route => again::<RouteSpec>,
        Kind::ElasticIp => again::<ElasticIpSpec>,
        Kind::NatGateway => again::<NatGatewaySpec>,
        Kind::SecurityGroup => again::<SecurityGroupSpec>,
        Kind::GatewayEndpoint => again::<GatewayEndpointSpec>,
        Kind::InterfaceEndpoint => again::<InterfaceEndpointSpec>,
        Kind::Peering => again::<PeeringSpec>,
        Kind::TransitGatewayAttachment => again::<TransitGatewayAttachmentSpec>,
        Kind::LogGroup => again::<LogGroupSpec>,
        Kind::Role => again::<RoleSpec>,
        Kind::FlowLog => again::<FlowLogSpec>,
        Kind::KmsKey => again::<KmsKeySpec>,
        Kind::ControlPlane => again::<ControlPlaneSpec>,
        Kind::OidcProvider => again::<OidcProviderSpec>,
        Kind::AccessEntry => again::<AccessEntrySpec>,
        Kind::LaunchTemplate => again::<LaunchTemplateSpec>,
        Kind::NodeGroup => again::<NodeGroupSpec>,
        Kind::FargateProfile => again::<FargateProfileSpec>,
        Kind::Addon => again::<AddonSpec>,
        Kind::PodIdentityAssociation => again::<PodIdentityAssociationSpec>,
        Kind::Function => again::<FunctionSpec>,
    };
    read(&desired.spec)
}

fn subnets(plan: &Plan) -> Vec<Ipv4Net> {
    let subnets = plan.resources.values().filter(|desired| desired.kind == Kind::Subnet);
    subnets.map(|desired| SubnetSpec::deserialize(&desired.spec).unwrap().cidr).collect()
}

/// What everything needs is planned before it, for no later goal, and what it refers to is among that.
fn sound(plan: &Plan) -> Result<(), TestCaseError> {
    let mut before = BTreeSet::new();
    for component in domain::Component::ALL {
        for id in plan.in_order(*component) {
            let desired = &plan.resources[id];
            prop_assert!(desired.kind.components().contains(&id.component()));
            prop_assert!(same_spec(desired));
            let needs: BTreeSet<&ResourceId> = desired.needs.iter().map(|need| &need.resource).collect();
            for of in references(&desired.spec) {
                prop_assert!(needs.contains(&of), "{id} refers to {of} and does not need it");
            }
            for need in needs {
                prop_assert!(before.contains(need), "{id} needs {need}, which is not planned before it");
                let (own, other) = (desired.goal, plan.resources[need].goal);
                let in_time = match own {
                    Goal::Foundation => other == Goal::Foundation,
                    Goal::Egress => other <= Goal::Egress,
                    Goal::ControlPlane => matches!(other, Goal::Foundation | Goal::ControlPlane),
                    Goal::Compute => true,
                };
                prop_assert!(in_time, "{id} is {own:?} and needs {need}, which is {other:?}");
            }
            before.insert(id);
        }
    }
    prop_assert_eq!(before.len(), plan.resources.len());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn subnets_fit_and_never_overlap(manifest in any_manifest(), zones in 1u8..=6) {
        let network = &manifest.spec.network;
        let blocks = [network.cidr, network.pods.as_ref().map(|pods| pods.cidr)];
        let cut = subnets(&planned(&over(&manifest, zones.min(room(&manifest))), &facts()));
        for (index, subnet) in cut.iter().enumerate() {
            prop_assert!(blocks.iter().flatten().any(|block| block.contains(subnet)));
            prop_assert!(cut[index + 1..].iter().all(|other| !other.contains(subnet) && !subnet.contains(other)));
        }
    }

    #[test]
    fn everything_refers_to_what_is_planned(manifest in any_manifest(), zones in 1u8..=6) {
        sound(&planned(&over(&manifest, zones.min(room(&manifest))), &facts()))?;
    }

    #[test]
    fn so_does_everything_of_a_cluster(spec in any_cluster()) {
        let plan = planned(&manifest_of(&spec), &facts());
        sound(&plan)?;
        // What IAM takes as a name is unique and short.
        let roles = plan.resources.values().filter(|desired| desired.kind == Kind::Role);
        let names: Vec<&str> = roles.map(|role| role.spec["name"].as_str().unwrap()).collect();
        prop_assert!(names.iter().all(|name| name.len() <= 64));
        prop_assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        prop_assert_eq!(diff(&planned(&manifest_of(&spec), &running("1.35", &plan)), &records(&plan)), []);
    }

    #[test]
    fn a_zone_that_is_added_joins_lists_and_changes_nothing_else(manifest in any_manifest(), zones in 1u8..=5) {
        let zones = zones.min(room(&manifest) - 1);
        let small = planned(&over(&manifest, zones), &facts());
        let large = planned(&over(&manifest, zones + 1), &small.facts);
        for (id, before) in &small.resources {
            let after = &large.resources[id];
            match classify(before.kind, &before.spec, &after.spec) {
                Change::None => {}
                Change::InPlace(changes) => for change in changes {
                    prop_assert!(["subnets", "routeTables"].contains(&change.field.as_str()), "{id}: {change:?}");
                    let (old, new) = (change.old.as_array().unwrap(), change.new.as_array().unwrap());
                    prop_assert!(old.iter().all(|item| new.contains(item)), "{id}: {change:?}");
                },
                Change::Replace(changes) => prop_assert!(false, "{id} is replaced: {changes:?}"),
            }
        }
        // And when it goes again, all is as it was.
        prop_assert_eq!(planned(&over(&manifest, zones), &large.facts).resources, small.resources);
    }

    #[test]
    fn what_was_carried_out_asks_for_nothing(manifest in any_manifest(), zones in 1u8..=6) {
        let manifest = over(&manifest, zones.min(room(&manifest)));
        let plan = planned(&manifest, &facts());
        prop_assert_eq!(diff(&plan, &records(&plan)), []);
        prop_assert_eq!(&planned(&manifest, &plan.facts), &plan);
        let stored = serde_json::to_string(&plan).unwrap();
        prop_assert_eq!(serde_json::from_str::<Plan>(&stored).unwrap(), plan);
    }
}
