//! The networks that are made and undone. Together they hold every kind of the network.

use std::collections::BTreeMap;

use domain::{AccountId, PlatformName, Region, Target};
use manifest::Manifest;
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
    /// What AWS says of all that the clusters' manifests name.
    pub(crate) facts: Facts,
}

/// A platform, and what becomes of it.
#[derive(Clone, Copy)]
pub(crate) struct Story {
    pub(crate) first: fn(&Before, &PlatformName) -> Plan,
    pub(crate) second: fn(&Before, &PlatformName) -> Plan,
}

/// Of a network alone.
pub(crate) const NETWORK: Story = Story { first: Before::first, second: Before::second };

impl Before {
    /// The first network: every kind that can be made here.
    pub(crate) fn first(&self, platform: &PlatformName) -> Plan {
        let network = format!(
            "cidr: 10.40.0.0/16, availabilityZones: 2, nat: Single, flowLogs: {{enabled: true}}, \
             vpcEndpoints: {{additional: [xray]}}, pods: {{cidr: 100.64.0.0/16}}, \
             routes: {{tooling: {{cidr: 10.9.0.0/16, peerVpcId: {}}}, vpn: {{cidr: 10.200.0.0/16, transitGatewayId: {}}}}}",
            self.peer, self.transit_gateway
        );
        planned(platform, "  tags: {owner: me}", &network, of_zones(None))
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
        planned(platform, "  tags: {owner: you, more: tags}", &network, of_zones(None))
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
        planned(platform, "  tags: {owner: me}", &network, of_zones(Some(given)))
    }
}

/// The account and region of the sandbox.
pub(crate) fn target() -> Target {
    let account = AccountId::parse("111122223333").unwrap();
    Target { account, region: Region::parse("eu-west-1").unwrap() }
}

/// The plan of a manifest with these lines of its `spec` and this network.
pub(crate) fn planned(platform: &PlatformName, spec: &str, network: &str, facts: Facts) -> Plan {
    let manifest = manifest_of(platform, spec, network);
    plan::plan(INSTALLATION, &manifest, &target(), &facts).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

/// The manifest itself.
pub(crate) fn manifest_of(platform: &PlatformName, spec: &str, network: &str) -> Manifest {
    let text = format!(
        "apiVersion: landfall.dev/v1alpha1\nkind: Platform\nmetadata: {{name: {platform}}}\n\
         spec:\n  region: eu-west-1\n{spec}\n  network: {{{network}}}\n"
    );
    manifest::parse(text.as_bytes()).unwrap_or_else(|problems| panic!("{text}\n{problems}")).manifest
}

fn of_zones(given: Option<GivenNetwork>) -> Facts {
    let zones = ["a", "b"].iter().zip(1..).map(|(name, n)| (format!("euw1-az{n}"), format!("eu-west-1{name}")));
    Facts { zones: zones.collect(), given, ..Facts::default() }
}
