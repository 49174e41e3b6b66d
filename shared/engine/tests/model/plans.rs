//! Random plans, made by the planner from random manifests.

use domain::{AccountId, Region, Target};
use plan::{Facts, GivenNetwork, GivenSubnet, Plan};
use rand::RngExt as _;
use rand::rngs::SmallRng;

/// A plan of a network of its own, or of additions to a given one.
pub(crate) fn any(random: &mut SmallRng, given: bool) -> Plan {
    let owner = ["me", "you"][random.random_range(0..2)];
    let network = if given { additions(random) } else { own(random) };
    let text = format!(
        "apiVersion: landfall.dev/v1alpha1\nkind: Platform\nmetadata: {{name: demo}}\nspec:\n  region: eu-west-1\n  \
         tags: {{owner: {owner}}}\n  network: {{{network}}}\n"
    );
    let manifest = manifest::parse(text.as_bytes()).unwrap_or_else(|problems| panic!("{text}\n{problems}")).manifest;
    let facts = facts(given);
    plan::plan("test", &manifest, &target(), &facts).unwrap_or_else(|problems| panic!("{text}\n{problems:?}"))
}

/// The plan of a platform that goes.
pub(crate) fn empty() -> Plan {
    Plan::empty(target())
}

/// The ids of what a given network consists of.
pub(crate) const GIVEN: [&str; 3] = ["vpc-00000000000000001", "subnet-0000000000000000a", "subnet-0000000000000000b"];

fn own(random: &mut SmallRng) -> String {
    let cidr = ["10.40.0.0/16", "10.41.0.0/16"][usize::from(random.random_ratio(1, 4))];
    let zones = random.random_range(2..=3);
    let public = random.random_ratio(3, 4);
    let nat = if public { ["Single", "HighlyAvailable", "Disable"][random.random_range(0..3)] } else { "Disable" };
    let pods = if random.random_ratio(1, 4) { ", pods: {cidr: 100.64.0.0/16}" } else { "" };
    let common = additions_of(random);
    format!("cidr: {cidr}, availabilityZones: {zones}, publicSubnets: {public}, nat: {nat}{pods}, {common}")
}

fn additions(random: &mut SmallRng) -> String {
    let [vpc, first, second] = GIVEN;
    format!("vpcId: {vpc}, subnets: {{private: [{first}, {second}]}}, {}", additions_of(random))
}

fn additions_of(random: &mut SmallRng) -> String {
    let logs = random.random_ratio(1, 2);
    let mode = if random.random_ratio(1, 2) { "Auto" } else { "Disable" };
    let additional = ["", "xray", "sts, dynamodb"][random.random_range(0..3)];
    let routes = [
        "",
        "vpn: {cidr: 192.168.1.0/24, transitGatewayId: tgw-00000000000000001}",
        "tools: {cidr: 192.168.2.0/24, peerVpcId: vpc-00000000000000009}",
    ][random.random_range(0..3)];
    format!(
        "flowLogs: {{enabled: {logs}}}, vpcEndpoints: {{mode: {mode}, additional: [{additional}]}}, routes: {{{routes}}}"
    )
}

fn target() -> Target {
    Target { account: AccountId::parse("111122223333").unwrap(), region: Region::parse("eu-west-1").unwrap() }
}

fn facts(given: bool) -> Facts {
    let zones = (1..=3).map(|n| (format!("euw1-az{n}"), format!("eu-west-1{}", char::from(b'a' + n - 1)))).collect();
    let subnet = |zone: &str, cidr: &str, table: &str| GivenSubnet {
        zone: zone.to_owned(),
        cidr: cidr.parse().unwrap(),
        free: 200,
        route_table: Some(table.to_owned()),
    };
    let subnets = [
        (GIVEN[1].to_owned(), subnet("euw1-az1", "10.9.0.0/24", "rtb-0000000000000000a")),
        (GIVEN[2].to_owned(), subnet("euw1-az2", "10.9.1.0/24", "rtb-0000000000000000b")),
    ];
    let network = GivenNetwork {
        vpc_id: GIVEN[0].to_owned(),
        cidrs: vec!["10.9.0.0/16".parse().unwrap()],
        subnets: subnets.into(),
        endpoints: Vec::new(),
    };
    Facts { zones, given: given.then_some(network), ..Facts::default() }
}
