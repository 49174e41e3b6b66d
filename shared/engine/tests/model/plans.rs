//! Random plans, made by the planner from random manifests.

use domain::{AccountId, Region, Target};
use plan::{ClusterFacts, Facts, GivenNetwork, GivenSubnet, InstanceType, KubernetesVersion, Plan, SupportStatus};
use rand::RngExt as _;
use rand::rngs::SmallRng;

/// A plan of a network of its own, or of additions to a given one.
pub(crate) fn any(random: &mut SmallRng, given: bool) -> Plan {
    let owner = ["me", "you"][random.random_range(0..2)];
    let network = if given { additions(random) } else { own(random) };
    let text = format!(
        "apiVersion: landfall.dev/v1alpha1\nkind: Platform\nmetadata: {{name: demo}}\nspec:\n  region: eu-west-1\n  \
         tags: {{owner: {owner}}}\n  network: {{{network}}}\n{}",
        if given && random.random_ratio(3, 4) { cluster(random) } else { String::new() }
    );
    let manifest = manifest::parse(text.as_bytes()).unwrap_or_else(|problems| panic!("{text}\n{problems}")).manifest;
    let facts = facts(given);
    plan::plan("test", &manifest, &target(), &facts).unwrap_or_else(|problems| panic!("{text}\n{problems:?}"))
}

/// A cluster in the given network. Another block of services is another control plane, of the same name.
fn cluster(random: &mut SmallRng) -> String {
    let version = ["1.34", "1.35"][random.random_range(0..2)];
    let services = ["172.20.0.0/16", "172.21.0.0/16"][usize::from(random.random_ratio(1, 4))];
    let logs = ["api", "api, audit"][random.random_range(0..2)];
    let entry = ["", "jenkins: {role: deployer, policies: [AmazonEKSViewPolicy]}"][random.random_range(0..2)];
    let size = random.random_range(1..=3);
    let machine = ["m7g.large", "m6i.large"][usize::from(random.random_ratio(1, 3))];
    let disk = [20, 40][random.random_range(0..2)];
    let nodes =
        format!("managedNodeGroups: {{core: {{instanceTypes: [{machine}], minSize: {size}, diskSize: {disk}}}}}");
    let fargate = [
        "",
        ", fargateProfiles: {apps: {selectors: [{namespace: apps}]}, more: {selectors: [{namespace: more}]}}",
        ", fargateProfiles: {apps: {selectors: [{namespace: other}]}}",
    ][random.random_range(0..3)];
    let accounts =
        ["", "  serviceAccounts: {apps/api: {secretsPrefix: a/}, web/web: {mechanism: Irsa, secretsPrefix: b/}}\n"];
    let accounts = accounts[random.random_range(0..2)];
    format!(
        "  cluster: {{version: '{version}', kubernetesNetworkConfig: {{serviceIpv4Cidr: {services}}}, apiServer: {{publicAccessCidrs: [203.0.113.7/32]}}, \
         logging: {{types: [{logs}]}}, accessEntries: {{me: {{user: me, policies: [AmazonEKSClusterAdminPolicy]}}, {entry}}}}}\n  \
         compute: {{{nodes}{fargate}}}\n{accounts}"
    )
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
    Facts { zones, given: given.then_some(network), cluster: Some(cluster_facts()), ..Facts::default() }
}

/// What AWS says to all that [`cluster`] names.
fn cluster_facts() -> ClusterFacts {
    let minors = ["1.34", "1.35"];
    let version = |minor: &str| KubernetesVersion {
        version: minor.to_owned(),
        status: SupportStatus::StandardSupport,
        end_of_standard_support: None,
        end_of_extended_support: None,
    };
    let addons = |minor: &str| {
        let named = plan::cluster::EKS_ADDONS.iter().map(|name| ((*name).to_owned(), format!("{name}-of-{minor}")));
        (minor.to_owned(), named.collect())
    };
    let arn = |who: &str| (who.to_owned(), format!("arn:aws:iam::111122223333:{who}"));
    let machine = |(name, architecture): (&str, &str)| {
        (name.to_owned(), InstanceType { architectures: vec![architecture.to_owned()], vcpus: 2, memory: 8192 })
    };
    ClusterFacts {
        gate_code: "Z2F0ZQ==".to_owned(),
        role: "arn:aws:iam::111122223333:role/landfall".to_owned(),
        versions: minors.map(version).into(),
        addons: minors.map(addons).into(),
        principals: ["user/me", "role/deployer"].map(arn).into(),
        instance_types: [("m7g.large", "arm64"), ("m6i.large", "x86_64")].map(machine).into(),
        ..ClusterFacts::default()
    }
}
