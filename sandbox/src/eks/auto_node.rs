//! The nodes of EKS Auto Mode: instances that EKS launches for pods and ends without them, in the cluster's own subnets.
//!
//! They are EC2 managed instances with EKS's tags, called by their instance's id in Kubernetes.
//! <https://docs.aws.amazon.com/eks/latest/userguide/automode-learn-instances.html>,
//! <https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonEKSComputePolicy.html> (the tags),
//! <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/amazon-ec2-managed-instances.html>

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::auto_plan::{Step, View, decide};
use super::nodes::{self, Machine};
use super::request::texts;
use super::store::{Kind, Store};
use super::{Job, Place, auto_pool, version};
use crate::kubernetes::{Claim, Demand, Node, Taint};

/// One node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AutoNode {
    /// Its instance's id, which is its name too.
    pub(super) id: String,
    /// Its instance, as that of a node group is kept.
    pub(super) instance: Value,
    /// What it was launched for.
    pub(super) claim: Claim,
    /// The minor of its kubelet.
    pub(super) version: String,
    /// Whether it has joined the cluster.
    pub(super) has_joined: bool,
    /// Whether it takes no pods any more, and loses those that it has.
    pub(super) is_disrupted: bool,
    /// The node whose pods it is to take.
    pub(super) replaces: Option<String>,
    /// Since when nobody has needed it.
    pub(super) idle_since: Option<Timestamp>,
}

/// All nodes of a cluster.
pub(super) fn all(store: &Store, cluster: &str) -> Vec<AutoNode> {
    let records = store.within(Kind::AutoNode, cluster).into_iter();
    records.filter_map(|record| AutoNode::deserialize(&record.document).ok()).collect()
}

/// What the kubelet registers; nothing before it has joined.
pub(super) fn wanted(node: &AutoNode, region: &str) -> Option<Node> {
    let Claim { pool, instance_type, zone } = &node.claim;
    let size = auto_pool::described(instance_type).filter(|_| node.has_joined)?;
    let mut taints = auto_pool::taints(pool);
    if node.is_disrupted {
        // <https://karpenter.sh/docs/concepts/disruption/#control-flow>
        let key = "karpenter.sh/disrupted".to_owned();
        taints.push(Taint { key, value: String::new(), effect: "NoSchedule".into() });
    }
    Some(Node {
        name: node.id.clone(),
        provider_id: format!("aws:///{zone}/{}", node.id),
        address: node.instance["address"].as_str().unwrap_or_default().to_owned(),
        zone: zone.clone(),
        region: region.to_owned(),
        instance_type: instance_type.clone(),
        labels: auto_pool::labels(pool).into_iter().chain(size.labels).collect(),
        taints,
        cpu: size.cpu,
        memory: size.memory,
        pods: size.pods,
        kubelet_version: version::kubelet(&node.version),
    })
}

/// Does what the pods of a cluster ask for; whether anything was to be done.
pub(super) fn demanded(place: &mut Place<'_>, cluster: &str, demand: &Demand) -> bool {
    let Ok(record) = place.store.cluster(cluster) else { return false };
    let version = record.text("version").to_owned();
    let pools = texts(&record.document["computeConfig"]["nodePools"]);
    let (nodes, now, idle) = (all(place.store, cluster), Timestamp::now(), place.durations.auto_node_idle());
    let steps = decide(&View { nodes: &nodes, pools: &pools, version: &version, demand, now, idle });
    for step in &steps {
        match step {
            Step::Launch { claim, replaces } => launch(place, cluster, claim, replaces.as_ref(), &version),
            Step::Disrupt(id) => change(place, cluster, id, |node| node.is_disrupted = true),
            Step::Rest(id) => change(place, cluster, id, |node| node.idle_since = Some(now)),
            Step::Wake(id) => change(place, cluster, id, |node| node.idle_since = None),
            Step::End(id) => end(place, cluster, nodes.iter().filter(|node| node.id == *id)),
        }
    }
    if !steps.is_empty() {
        place.jobs.push(Job::Instruct { region: place.region.to_owned(), cluster: cluster.to_owned() });
    }
    !steps.is_empty()
}

/// A node that was launched is up.
pub(super) fn joined(place: &mut Place<'_>, cluster: &str, id: &str) {
    change(place, cluster, id, |node| node.has_joined = true);
}

/// Ends all nodes of a cluster, whatever runs on them.
pub(super) fn end_all(place: &mut Place<'_>, cluster: &str) {
    let nodes = all(place.store, cluster);
    end(place, cluster, nodes.iter());
}

fn end<'a>(place: &mut Place<'_>, cluster: &str, nodes: impl Iterator<Item = &'a AutoNode>) {
    let mut instances = Vec::new();
    for node in nodes {
        place.store.remove(Kind::AutoNode, cluster, &node.id);
        instances.push(node.instance.clone());
    }
    nodes::terminate(place, &instances, false);
}

// In a subnet that is full nothing comes; the claim is made again.
fn launch(place: &mut Place<'_>, cluster: &str, claim: &Claim, replaces: Option<&String>, version: &str) {
    let Ok(record) = place.store.cluster(cluster) else { return };
    let subnets = texts(&record.document["resourcesVpcConfig"]["subnetIds"]);
    let subnets = subnets.iter().filter_map(|id| place.ec2.subnet(place.region, id));
    for subnet in subnets.filter(|subnet| subnet.zone == claim.zone) {
        let machine = Machine {
            cluster,
            subnet: &subnet,
            instance_type: claim.instance_type.clone(),
            image: "ami-0eks0auto00000000",
            spot: false,
            with_cni: false,
            operator: Some("eks.amazonaws.com"),
            tags: tags(cluster, &claim.pool),
        };
        let Some(instance) = nodes::start(place, machine) else { continue };
        let id = instance["id"].as_str().unwrap_or_default().to_owned();
        let node = AutoNode {
            id: id.clone(),
            instance,
            claim: claim.clone(),
            version: version.to_owned(),
            has_joined: false,
            is_disrupted: false,
            replaces: replaces.cloned(),
            idle_since: None,
        };
        place.store.add(Kind::AutoNode, cluster, &id, json!(node));
        place.store.schedule(Kind::AutoNode, cluster, &id, place.durations.auto_node_joining());
        return;
    }
}

fn change(place: &mut Place<'_>, cluster: &str, id: &str, change: impl FnOnce(&mut AutoNode)) {
    let Ok(record) = place.store.get_mut(Kind::AutoNode, cluster, id) else { return };
    if let Ok(mut node) = AutoNode::deserialize(&record.document) {
        change(&mut node);
        record.document = json!(node);
    }
}

fn tags(cluster: &str, pool: &str) -> BTreeMap<String, String> {
    [
        ("aws:eks:cluster-name".to_owned(), cluster),
        ("eks:eks-cluster-name".to_owned(), cluster),
        ("eks:kubernetes-node-class-name".to_owned(), "default"),
        ("eks:kubernetes-node-pool-name".to_owned(), pool),
        (format!("kubernetes.io/cluster/{cluster}"), "owned"),
    ]
    .into_iter()
    .map(|(key, value)| (key, value.to_owned()))
    .collect()
}
