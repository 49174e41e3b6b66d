//! The networks that are made and undone. Together they hold every kind.

use std::collections::BTreeMap;

use domain::{AccountId, PlatformName, Region, Target};
use plan::{Facts, GivenNetwork, GivenSubnet, Plan};

use crate::stage::INSTALLATION;

/// What stands in AWS before us, by id.
#[derive(Debug, Clone)]
pub(crate) struct Before {
    /// A VPC to peer with, `10.9.0.0/16`.
    pub(crate) peer: String,
    /// A transit gateway.
    pub(crate) transit_gateway: String,
    /// A VPC to add to, `10.60.0.0/16`.
    pub(crate) vpc: String,
    /// Its subnets: `10.60.0.0/24` in the first zone and `10.60.1.0/24` in the second.
    pub(crate) subnets: [String; 2],
}

impl Before {
    /// The first network: every kind that can be made here.
    pub(crate) fn first(&self, platform: &PlatformName) -> Plan {
        let network = format!(
            "cidr: 10.40.0.0/16, availabilityZones: 2, nat: Single, flowLogs: {{enabled: true}}, \
             vpcEndpoints: {{additional: [xray]}}, pods: {{cidr: 100.64.0.0/16}}, \
             routes: {{tooling: {{cidr: 10.9.0.0/16, peerVpcId: {}}}, vpn: {{cidr: 10.200.0.0/16, transitGatewayId: {}}}}}",
            self.peer, self.transit_gateway
        );
        planned(platform, "tags: {owner: me}", &network, None)
    }

    /// What becomes of it: other tags on everything, more of some things, less of others, and some made anew.
    pub(crate) fn second(&self, platform: &PlatformName) -> Plan {
        let network = format!(
            "cidr: 10.40.0.0/16, availabilityZones: 2, nat: HighlyAvailable, \
             flowLogs: {{enabled: true, retentionDays: 90}}, vpcEndpoints: {{additional: [sts, xray]}}, \
             pods: {{cidr: 100.65.0.0/16}}, \
             routes: {{tooling: {{cidr: 10.9.0.0/17, peerVpcId: {}}}, vpn: {{cidr: 10.200.0.0/16, transitGatewayId: {}}}}}",
            self.peer, self.transit_gateway
        );
        planned(platform, "tags: {owner: you, more: tags}", &network, None)
    }

    /// What is added to a network that was there before.
    pub(crate) fn given(&self, platform: &PlatformName) -> Plan {
        let network = format!(
            "vpcId: {}, subnets: {{private: [{}, {}]}}, flowLogs: {{enabled: true}}, \
             vpcEndpoints: {{additional: [xray]}}, routes: {{tooling: {{cidr: 10.9.0.0/16, peerVpcId: {}}}}}",
            self.vpc, self.subnets[0], self.subnets[1], self.peer
        );
        let subnet = |zone: &str, cidr: &str| GivenSubnet {
            zone: zone.to_owned(),
            cidr: cidr.parse().unwrap(),
            free: 250,
            route_table: None,
        };
        let [first, second] = self.subnets.clone();
        let given = GivenNetwork {
            vpc_id: self.vpc.clone(),
            cidrs: vec!["10.60.0.0/16".parse().unwrap()],
            subnets: BTreeMap::from([
                (first, subnet("euw1-az1", "10.60.0.0/24")),
                (second, subnet("euw1-az2", "10.60.1.0/24")),
            ]),
            endpoints: Vec::new(),
        };
        planned(platform, "tags: {owner: me}", &network, Some(given))
    }
}

/// The account and region of the sandbox.
pub(crate) fn target() -> Target {
    let account = AccountId::parse("111122223333").unwrap();
    Target { account, region: Region::parse("eu-west-1").unwrap() }
}

fn planned(platform: &PlatformName, spec: &str, network: &str, given: Option<GivenNetwork>) -> Plan {
    let text = format!(
        "apiVersion: landfall.dev/v1alpha1\nkind: Platform\nmetadata: {{name: {platform}}}\n\
         spec:\n  region: eu-west-1\n  {spec}\n  network: {{{network}}}\n"
    );
    let manifest = manifest::parse(text.as_bytes()).unwrap_or_else(|problems| panic!("{problems}")).manifest;
    let zones = ["a", "b"].iter().zip(1..).map(|(name, n)| (format!("euw1-az{n}"), format!("eu-west-1{name}")));
    let facts = Facts { zones: zones.collect(), given, ..Facts::default() };
    plan::plan(INSTALLATION, &manifest, &target(), &facts).unwrap_or_else(|problems| panic!("{problems:#?}"))
}
