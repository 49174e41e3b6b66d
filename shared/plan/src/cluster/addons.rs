//! The add-ons without which no node works, as far as there are nodes for them.
//!
//! On Fargate run no DaemonSets, and Auto Mode brings along what its nodes need:
//! <https://docs.aws.amazon.com/eks/latest/userguide/eks-add-ons.html>.

use std::collections::BTreeMap;

use domain::ResourceId;
use manifest::{ClusterAddon, Taint, TaintEffect};
use serde_json::{Map, Value, json};

use super::fargate::COREDNS;
use super::roles::{self, Role};
use super::{AddonSpec, Foundation, Wanted};
use crate::builder::Builder;
use crate::{Goal, Need, Problem, Ref, Until};

/// Those that run on each node. Nodes need them, and not the other way around: they are active before there is a node.
pub(super) fn daemons(
    wanted: &Wanted<'_>,
    on: &Foundation,
    problems: &mut Vec<Problem>,
    into: &mut Builder,
) -> Vec<ResourceId> {
    if wanted.compute.managed_node_groups.is_empty() {
        return Vec::new();
    }
    let asked = &wanted.cluster.addons;
    let mut adding = Adding { wanted, on, problems, into };
    let agent = Addon { name: "eks-pod-identity-agent", asked: &asked.eks_pod_identity_agent, ..Addon::default() };
    let agent = adding.add(agent, Vec::new());
    let proxy = adding.add(Addon { name: "kube-proxy", asked: &asked.kube_proxy, ..Addon::default() }, Vec::new());
    let role = cni_role(wanted, adding.into);
    let cni = Addon {
        name: "vpc-cni",
        asked: &asked.vpc_cni,
        ours: pod_network(wanted, on),
        roles: BTreeMap::from([("aws-node".to_owned(), Ref::output(&role, "arn"))]),
    };
    // Its role comes by the agent.
    let cni = adding.add(cni, vec![Need { resource: agent.clone(), until: Until::Ready }]);
    vec![agent, proxy, cni]
}

/// CoreDNS, wherever it runs: not before there is such a place, without which EKS calls it degraded. In an upgrade it goes
/// with the nodes.
pub(super) fn coredns<'a>(
    wanted: &Wanted<'_>,
    on: &Foundation,
    places: impl Iterator<Item = &'a ResourceId>,
    problems: &mut Vec<Problem>,
    into: &mut Builder,
) {
    let compute = wanted.compute;
    if compute.managed_node_groups.is_empty() && compute.fargate_profiles.is_empty() {
        return;
    }
    let (namespace, labels) = COREDNS;
    let mut ours = Map::new();
    if !compute.has_nodes() || compute.is_on_fargate(namespace, labels) {
        ours.insert("computeType".to_owned(), json!("Fargate"));
    } else if compute.only_tainted_groups() {
        ours.insert("tolerations".to_owned(), tolerations(wanted));
    }
    let mut needs = wanted.runs_after(on);
    needs.extend(places.map(|place| Need { resource: place.clone(), until: Until::Ready }));
    let addon = Addon { name: "coredns", asked: &wanted.cluster.addons.coredns, ours, roles: BTreeMap::new() };
    Adding { wanted, on, problems, into }.add(addon, needs);
}

/// One add-on: what the manifest says of it, and what Landfall does.
struct Addon<'a> {
    name: &'static str,
    asked: &'a Option<ClusterAddon>,
    ours: Map<String, Value>,
    roles: BTreeMap<String, Ref>,
}

impl Default for Addon<'_> {
    fn default() -> Self {
        Self { name: "", asked: &None, ours: Map::new(), roles: BTreeMap::new() }
    }
}

struct Adding<'a, 'b> {
    wanted: &'a Wanted<'a>,
    on: &'a Foundation,
    problems: &'b mut Vec<Problem>,
    into: &'b mut Builder,
}

impl Adding<'_, '_> {
    fn add(&mut self, addon: Addon<'_>, mut needs: Vec<Need>) -> ResourceId {
        let Addon { name, asked, ours: mut configuration, roles } = addon;
        let (wanted, asked) = (self.wanted, asked.clone().unwrap_or_default());
        configuration.extend(asked.configuration);
        let offered = wanted.facts.addons.get(&wanted.version).and_then(|addons| addons.get(name));
        let version = asked.version.or_else(|| offered.cloned());
        if version.is_none() && wanted.is_offered {
            let message = format!("EKS offers no {name} for Kubernetes {}", wanted.version);
            let fix = "name a version that `aws eks describe-addon-versions` lists";
            self.problems.push(Problem::new("UnknownAddon", format!("spec.cluster.addons.{name}"), message, fix));
        }
        let spec = AddonSpec {
            cluster: self.on.cluster(),
            name: name.to_owned(),
            version: version.unwrap_or_default(),
            configuration: if configuration.is_empty() { Value::Null } else { Value::Object(configuration) },
            roles,
            tags: wanted.tags.clone(),
        };
        needs.push(Need { resource: self.on.own_access.clone(), until: Until::Ready });
        self.into.add_needing(Goal::Compute, format!("addon-{name}"), spec, needs)
    }
}

/// Source: <https://docs.aws.amazon.com/eks/latest/userguide/cni-iam-role.html>
fn cni_role(wanted: &Wanted<'_>, into: &mut Builder) -> ResourceId {
    let role = Role {
        description: format!("Gives the pods of {} their addresses", wanted.name()),
        trust: roles::by_pod_identity(wanted, "kube-system", "aws-node"),
        managed: vec![wanted.names.managed_policy("AmazonEKS_CNI_Policy")],
        policies: BTreeMap::new(),
    };
    roles::add(wanted, Goal::Foundation, "role-vpc-cni".to_owned(), "vpc-cni", role, into)
}

/// Where pods have subnets of their own, the interfaces of each node stand in that of its zone.
/// Source: <https://docs.aws.amazon.com/eks/latest/userguide/cni-custom-network-tutorial.html>
fn pod_network(wanted: &Wanted<'_>, on: &Foundation) -> Map<String, Value> {
    let zone = |id: &String| wanted.zones.zones.get(id).cloned();
    let group = Ref::output(&on.control_plane, "securityGroup");
    let subnets: Map<String, Value> = wanted
        .ground
        .private
        .iter()
        .filter_map(|private| {
            Some((zone(&private.zone)?, json!({"id": private.pods.as_ref()?, "securityGroups": [group]})))
        })
        .collect();
    if subnets.is_empty() {
        return Map::new();
    }
    let env = json!({
        "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG": "true",
        "ENI_CONFIG_LABEL_DEF": "topology.kubernetes.io/zone",
    });
    let config = json!({"create": true, "region": wanted.names.target.region, "subnets": subnets});
    Map::from_iter([("env".to_owned(), env), ("eniConfig".to_owned(), config)])
}

/// Those that CoreDNS comes with, and those of the taints of all groups.
fn tolerations(wanted: &Wanted<'_>) -> Value {
    let mut all = vec![
        json!({"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}),
        json!({"key": "CriticalAddonsOnly", "operator": "Exists"}),
    ];
    for taint in wanted.compute.managed_node_groups.values().flat_map(|group| &group.taints) {
        let toleration = toleration(taint);
        if taint.key != "CriticalAddonsOnly" && !all.contains(&toleration) {
            all.push(toleration);
        }
    }
    Value::Array(all)
}

fn toleration(taint: &Taint) -> Value {
    let effect = match taint.effect {
        TaintEffect::NoSchedule => "NoSchedule",
        TaintEffect::NoExecute => "NoExecute",
        TaintEffect::PreferNoSchedule => "PreferNoSchedule",
    };
    match &taint.value {
        Some(value) => json!({"key": taint.key, "operator": "Equal", "value": value, "effect": effect}),
        None => json!({"key": taint.key, "operator": "Exists", "effect": effect}),
    }
}
