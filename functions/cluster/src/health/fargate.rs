//! Pods on Fargate follow the control plane's minor.
//!
//! Each has a node of its own, whose kubelet is of the minor that the control plane had when the pod started, and stays so.
//! EKS starts the pods of node groups anew with their nodes, those on Fargate it does not; and it wants them at the control
//! plane's minor before it takes that to the next one.
//! <https://docs.aws.amazon.com/eks/latest/userguide/update-cluster.html>
//!
//! It guarantees: a pod goes by the Eviction API alone, which minds PodDisruptionBudgets, and once in a run at most; of one
//! controller one pod at a time, and one that is ready only while all its others are. A pod without a controller stays:
//! nobody would make it again.

use std::collections::BTreeMap;

use domain::Fault;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::Client;
use kube_core::params::ListParams;

use super::judge::{name, phase, why_not_ready};

/// The label by which a node says that it is Fargate's.
/// <https://docs.aws.amazon.com/eks/latest/userguide/fargate.html>
const NODES: &str = "eks.amazonaws.com/compute-type=fargate";
/// The label that all pods on Fargate have.
/// <https://docs.aws.amazon.com/eks/latest/userguide/fargate-profile.html>
pub(super) const PODS: &str = "eks.amazonaws.com/fargate-profile";
/// How many pods are evicted in one look.
const AT_ONCE: usize = 10;
/// How many pods are named.
const NAMED: usize = 5;

/// What came of a look.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// What is not done yet, in sentences.
    pub(super) lacking: Vec<String>,
    /// When those pods were made that controllers made since the run verifies.
    pub(super) moved: Vec<Timestamp>,
    /// Until when the last of the pods that go may take.
    pub(super) going: Option<Timestamp>,
    /// The pods that stay as they are, because nobody would make them again.
    pub(super) stay: Vec<String>,
    /// Whether a test pod shows that pods come and run.
    pub(super) tried: bool,
}

/// Evicts what may go now, if anything may.
pub(super) async fn follow(client: &Client, may_go: bool, since: Timestamp, now: Timestamp) -> Result<Found, Fault> {
    let minor = minor(&client.version().await?);
    let nodes: Vec<Node> = client.list(None, &ListParams::default().labels(NODES)).await?;
    let pods: Vec<Pod> = client.list(None, &ListParams::default().labels(PODS)).await?;
    let mut behind = Behind::of(&minor, &nodes, &pods, since);
    let turns = if may_go { in_turn(std::mem::take(&mut behind.next), now) } else { Vec::new() };
    for pod in turns {
        match client.evict(&pod).await? {
            None => behind.going = behind.going.max(Some(now)),
            Some(why) => behind.waiting.push(format!("{} stays for now: {why}", full_name(&pod))),
        }
    }
    let lacking = behind.lacking(&minor);
    Ok(Found { lacking, moved: behind.moved, going: behind.going, stay: behind.stay, tried: false })
}

/// Some of the pods, others each time: who may not go keeps nobody else from it.
fn in_turn(mut pods: Vec<Pod>, now: Timestamp) -> Vec<Pod> {
    if pods.len() > AT_ONCE {
        let turn = usize::try_from(now.as_second()).unwrap_or_default() % pods.len();
        pods.rotate_left(turn);
        pods.truncate(AT_ONCE);
    }
    pods
}

/// The pods whose kubelet is of another minor than the control plane: an older one after an upgrade, a newer one after the
/// way back.
#[derive(Debug, Default)]
struct Behind {
    /// All that have a controller, with the minor of their kubelet. Those that go are among them: EKS counts their nodes.
    all: Vec<String>,
    /// Those of them that may go now.
    next: Vec<Pod>,
    /// For what the others wait.
    waiting: Vec<String>,
    /// When others were made since the run verifies.
    moved: Vec<Timestamp>,
    /// Until when the last of those that go may take.
    going: Option<Timestamp>,
    /// Those without a controller.
    stay: Vec<String>,
}

impl Behind {
    fn of(minor: &str, nodes: &[Node], pods: &[Pod], since: Timestamp) -> Self {
        let others: BTreeMap<&str, String> = nodes
            .iter()
            .filter_map(|node| Some((node.metadata.name.as_deref()?, kubelet(node)?)))
            .filter(|(_, kubelet)| kubelet != minor)
            .collect();
        let kubelet_of = |pod: &Pod| others.get(pod.spec.as_ref()?.node_name.as_deref()?);
        let mut behind = Self::default();
        let mut controlled: BTreeMap<&str, Vec<&Pod>> = BTreeMap::new();
        for pod in pods.iter().filter(|pod| !matches!(phase(pod), "Succeeded" | "Failed")) {
            match controller(pod) {
                Some(controller) => controlled.entry(controller).or_default().push(pod),
                None if kubelet_of(pod).is_some() && !is_leaving(pod) => behind.stay.push(full_name(pod)),
                None => {}
            }
        }
        for all in controlled.values() {
            let (leaving, there): (Vec<&Pod>, Vec<&Pod>) = all.iter().partition(|pod| is_leaving(pod));
            let told = |pod: &&Pod| Some(format!("{} ({})", full_name(pod), kubelet_of(pod)?));
            behind.all.extend(all.iter().filter_map(told));
            let going = leaving.iter().filter(|pod| kubelet_of(pod).is_some());
            behind.going = going
                .filter_map(|pod| pod.metadata.deletion_timestamp.as_ref())
                .map(|time| time.0)
                .chain(behind.going)
                .max();
            let new = there.iter().filter(|pod| kubelet_of(pod).is_none());
            behind.moved.extend(new.filter_map(|pod| made(pod)).filter(|time| *time >= since));
            let mut old: Vec<&Pod> = there.iter().copied().filter(|pod| kubelet_of(pod).is_some()).collect();
            old.sort_by_key(|pod| (is_ready(pod), name(pod)));
            match old.first().map(|pod| turn(pod, &leaving, &there, since)) {
                Some(Turn::Now(pod)) => behind.next.push(pod.clone()),
                Some(Turn::Later(why)) => behind.waiting.push(why),
                None => {}
            }
        }
        behind
    }

    fn lacking(&self, minor: &str) -> Vec<String> {
        if self.all.is_empty() {
            return Vec::new();
        }
        let count = match self.all.len() {
            1 => "1 pod on Fargate does".to_owned(),
            count => format!("{count} pods on Fargate do"),
        };
        let mut told = format!("{count} not run {minor} yet: {}", self.all[..self.all.len().min(NAMED)].join(", "));
        if self.all.len() > NAMED {
            told.push_str(&format!(" and {} more", self.all.len() - NAMED));
        }
        [told].into_iter().chain(self.waiting.iter().cloned()).collect()
    }
}

enum Turn<'a> {
    Now(&'a Pod),
    Later(String),
}

/// Whether the first of a controller's old pods may go. One that is not ready serves nobody, so it need not wait.
fn turn<'a>(first: &'a Pod, leaving: &[&Pod], there: &[&'a Pod], since: Timestamp) -> Turn<'a> {
    let later = |why: String| Turn::Later(format!("{} {why}", full_name(first)));
    if made(first).is_some_and(|time| time >= since) {
        return later("has started anew, and Fargate gave it this kubelet again".to_owned());
    }
    if let Some(leaving) = leaving.first() {
        return later(format!("waits until {} is gone", name(leaving)));
    }
    match there.iter().find(|pod| !is_ready(pod)) {
        Some(unready) if is_ready(first) => {
            let why = why_not_ready(unready).unwrap_or_else(|| "was just made".to_owned());
            later(format!("waits for {}, which {why}", name(unready)))
        }
        _ => Turn::Now(first),
    }
}

/// The minor of a node's kubelet, once it has registered.
fn kubelet(node: &Node) -> Option<String> {
    Some(minor(&node.status.as_ref()?.node_info.as_ref()?.kubelet_version))
}

/// `1.35` of `v1.35.4-eks-7f9249a`.
fn minor(version: &str) -> String {
    version.trim_start_matches('v').split('.').take(2).collect::<Vec<_>>().join(".")
}

/// The id of what would make the pod again.
fn controller(pod: &Pod) -> Option<&str> {
    let owners = pod.metadata.owner_references.iter().flatten();
    owners.filter(|owner| owner.controller == Some(true)).map(|owner| owner.uid.as_str()).next()
}

fn made(pod: &Pod) -> Option<Timestamp> {
    pod.metadata.creation_timestamp.as_ref().map(|time| time.0)
}

fn is_leaving(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_some()
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions.into_iter().flatten().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

fn full_name(pod: &Pod) -> String {
    format!("{}/{}", pod.metadata.namespace.as_deref().unwrap_or_default(), name(pod))
}

#[cfg(test)]
mod tests;
