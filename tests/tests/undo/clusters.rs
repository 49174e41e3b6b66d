//! The clusters that are made and undone, in the network that was there before. Together they hold every kind of the
//! cluster.

use aws_config::SdkConfig;
use domain::{PlatformName, Region};
use facts::{Clients, Known};
use plan::{ClusterFacts, Facts, Plan, Slots};

use crate::plans::{Before, Story, manifest_of, planned};
use crate::stage::GATE;

/// A cluster with nodes, and with all that can stand on one.
pub(crate) const NODES: Story = Story { first: Before::nodes, second: Before::other_nodes };

/// A cluster whose pods run on Fargate, under a key that was there before.
pub(crate) const FARGATE: Story = Story { first: Before::fargate, second: Before::other_fargate };

/// The alias of that key.
pub(crate) const GIVEN_KEY: &str = "alias/undo-given";

const NODES_AT_FIRST: &str = "
  tags: {owner: me}
  cluster:
    version: '1.34'
    apiServer: {publicAccessCidrs: [203.0.113.7/32]}
    logging: {types: [api], retentionDays: 30}
    accessEntries:
      jenkins: {role: deployer, policies: [AmazonEKSEditPolicy], namespaces: [apps]}
      mona: {user: mona, groups: [viewers]}
  compute:
    managedNodeGroups:
      core: {instanceTypes: [m7g.large], minSize: 1, maxSize: 2, labels: {role: core}}
      spare: {instanceTypes: [m7g.large], minSize: 0, maxSize: 1, taints: [{key: spare, effect: NoSchedule}]}
  serviceAccounts:
    apps/api: {policies: [AmazonS3ReadOnlyAccess], secretsPrefix: apps/}
    apps/web: {policies: [AmazonS3ReadOnlyAccess], mechanism: Irsa}";

const NODES_LATER: &str = "
  tags: {owner: you, more: tags}
  cluster:
    version: '1.34'
    apiServer: {publicAccessCidrs: [203.0.113.8/32]}
    upgradePolicy: {supportType: EXTENDED}
    logging: {types: [api, audit], retentionDays: 90}
    accessEntries:
      jenkins: {role: deployer, policies: [AmazonEKSViewPolicy]}
      mona: {user: mona, groups: [editors]}
    addons: {coredns: {configuration: {replicaCount: 3}}}
  compute:
    managedNodeGroups:
      core: {instanceTypes: [m7g.large], minSize: 2, maxSize: 3, labels: {role: other}, taints: [{key: core, effect: NoSchedule}], diskSize: 40}
      spare: {instanceTypes: [m6g.large], minSize: 0, maxSize: 1}
  serviceAccounts:
    apps/api: {policies: [AmazonSQSReadOnlyAccess]}
    apps/worker: {policies: [AmazonS3ReadOnlyAccess]}";

const FARGATE_AT_FIRST: &str = "
  tags: {owner: me}
  cluster:
    version: '1.34'
    apiServer: {publicAccessCidrs: [203.0.113.7/32]}
    encryptionConfig: {keyArn: alias/undo-given}
    logging: {types: []}
    accessEntries:
      jenkins: {role: deployer, policies: [AmazonEKSEditPolicy], namespaces: [apps]}
  compute:
    fargateProfiles:
      apps: {selectors: [{namespace: apps}]}
      team: {selectors: [{namespace: team-*, labels: {place: fargate}}]}
  serviceAccounts:
    apps/api: {secretsPrefix: apps/}";

const FARGATE_LATER: &str = "
  tags: {owner: you}
  cluster:
    version: '1.34'
    apiServer: {publicAccessCidrs: [203.0.113.7/32]}
    encryptionConfig: {keyArn: alias/undo-given}
    logging: {types: []}
    accessEntries:
      jenkins: {role: deployer, policies: [AmazonEKSEditPolicy], namespaces: [apps]}
  compute:
    fargateProfiles:
      apps: {selectors: [{namespace: apps}, {namespace: more}]}
  serviceAccounts:
    apps/api: {secretsPrefix: other/}";

impl Before {
    fn nodes(&self, platform: &PlatformName) -> Plan {
        self.cluster(platform, NODES_AT_FIRST, None)
    }

    /// Everything about it changes that EKS changes, one group of nodes is made anew, and some of the rest goes.
    fn other_nodes(&self, platform: &PlatformName) -> Plan {
        self.cluster(platform, NODES_LATER, Some("1.34"))
    }

    /// The same with the next minor.
    pub(crate) fn nodes_upgraded(&self, platform: &PlatformName) -> Plan {
        self.cluster(platform, &NODES_LATER.replace("1.34", "1.35"), Some("1.34"))
    }

    fn fargate(&self, platform: &PlatformName) -> Plan {
        self.cluster(platform, FARGATE_AT_FIRST, None)
    }

    /// One profile is made anew, and one goes.
    fn other_fargate(&self, platform: &PlatformName) -> Plan {
        self.cluster(platform, FARGATE_LATER, Some("1.34"))
    }

    fn cluster(&self, platform: &PlatformName, spec: &str, current: Option<&str>) -> Plan {
        let mut facts = self.facts.clone();
        if let (Some(cluster), Some(current)) = (&mut facts.cluster, current) {
            cluster.current = Some(current.to_owned());
            cluster.zones = vec!["euw1-az1".to_owned(), "euw1-az2".to_owned()];
        }
        planned(platform, spec, &network(&self.vpc, &self.subnets), facts)
    }
}

fn network(vpc: &str, subnets: &[String; 2]) -> String {
    format!("vpcId: {vpc}, subnets: {{private: [{}, {}]}}, vpcEndpoints: {{mode: Disable}}", subnets[0], subnets[1])
}

/// Asks AWS about all that the manifests here name. `role` is Landfall's own.
pub(crate) async fn facts(config: &SdkConfig, role: &str, vpc: &str, subnets: &[String; 2]) -> Facts {
    let clients = Clients::new(config, &Region::parse("eu-west-1").unwrap());
    let platform = "undo".parse().unwrap();
    let (mut all, mut last) = (ClusterFacts::default(), Facts::default());
    for spec in [NODES_AT_FIRST, NODES_LATER, &NODES_LATER.replace("1.34", "1.35"), FARGATE_AT_FIRST] {
        let manifest = manifest_of(&platform, spec, &network(vpc, subnets));
        let known = Known { slots: Slots::new(), role, gate: GATE, records: &[] };
        last = facts::gather(&clients, &manifest, known).await.unwrap();
        all = joined(all, last.cluster.take().unwrap());
    }
    Facts { cluster: Some(all), ..last }
}

fn joined(mut all: ClusterFacts, more: ClusterFacts) -> ClusterFacts {
    all.addons.extend(more.addons);
    all.principals.extend(more.principals);
    all.instance_types.extend(more.instance_types);
    let (role, gate_code, versions) = (more.role, more.gate_code, more.versions);
    ClusterFacts { role, gate_code, versions, key: all.key.or(more.key), ..all }
}
