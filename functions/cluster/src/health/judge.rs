//! What the answers of Kubernetes mean. Pure.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment};
use k8s_openapi::api::core::v1::{ContainerStatus, Node, Pod, PodTemplateSpec};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

/// What keeps a node group from having as many ready nodes as it should. Of more than these, some may come or go all the
/// time.
pub(super) fn nodes(group: &str, desired: u32, nodes: &[Node]) -> Vec<String> {
    let ready = nodes.len() - unready(nodes).count();
    if u32::try_from(ready).unwrap_or(u32::MAX) >= desired {
        return Vec::new();
    }
    let counted = format!("node group {group}: {ready} of {desired} nodes are ready");
    [counted].into_iter().chain(unready(nodes)).collect()
}

/// Why each node that is not ready is not.
pub(super) fn unready(nodes: &[Node]) -> impl Iterator<Item = String> {
    nodes.iter().filter_map(why_unready)
}

fn why_unready(node: &Node) -> Option<String> {
    let name = node.metadata.name.as_deref().unwrap_or_default();
    if node.metadata.deletion_timestamp.is_some() {
        return Some(format!("node {name} is going"));
    }
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref());
    match conditions.into_iter().flatten().find(|condition| condition.type_ == "Ready") {
        Some(ready) if ready.status == "True" => None,
        Some(not) => Some(format!("node {name} is not ready: {}", because(not.reason.as_ref(), not.message.as_ref()))),
        None => Some(format!("node {name} has not said whether it is ready")),
    }
}

/// What runs an add-on's pods.
#[derive(Debug)]
pub(super) struct Workload {
    what: String,
    /// By which its pods are found, if it is there.
    pub(super) selector: Option<String>,
    image: Option<String>,
    counts: Option<Counts>,
}

#[derive(Debug)]
struct Counts {
    /// Whether its controller has seen what is wanted now.
    observed: bool,
    wanted: i32,
    ready: i32,
    /// Whether each node has one: then one that is not ready has none that is.
    of_nodes: bool,
}

impl Workload {
    pub(super) fn of_daemon_set(name: &str, found: Option<DaemonSet>) -> Self {
        let what = format!("DaemonSet {name}");
        let Some(DaemonSet { metadata, spec: Some(spec), status }) = found else { return Self::missing(what) };
        let counts = status.map(|status| Counts {
            observed: status.observed_generation >= metadata.generation,
            wanted: status.desired_number_scheduled,
            ready: status.number_ready,
            of_nodes: true,
        });
        Self { what, selector: Some(selector(&spec.selector)), image: image(&spec.template), counts }
    }

    pub(super) fn of_deployment(name: &str, found: Option<Deployment>) -> Self {
        let what = format!("Deployment {name}");
        let Some(Deployment { metadata, spec: Some(spec), status }) = found else { return Self::missing(what) };
        let wanted = spec.replicas.unwrap_or(1);
        let counts = status.map(|status| Counts {
            observed: status.observed_generation >= metadata.generation,
            wanted,
            ready: status.ready_replicas.unwrap_or_default(),
            of_nodes: false,
        });
        Self { what, selector: Some(selector(&spec.selector)), image: image(&spec.template), counts }
    }

    fn missing(what: String) -> Self {
        Self { what, selector: None, image: None, counts: None }
    }

    /// Whether all of its pods are ready, but for those on as many nodes that are not.
    pub(super) fn is_ready(&self, unready_nodes: usize) -> bool {
        self.counts.as_ref().is_some_and(|counts| {
            let excused = if counts.of_nodes { i32::try_from(unready_nodes).unwrap_or(i32::MAX) } else { 0 };
            counts.observed && counts.ready.saturating_add(excused) >= counts.wanted
        })
    }

    /// What is lacking of one that is not ready, and what the first of its pods that is not tells.
    pub(super) fn lacking(&self, pods: &[Pod]) -> String {
        let what = &self.what;
        let counted = match &self.counts {
            None => return format!("{what} is not there"),
            Some(Counts { observed: false, .. }) => format!("{what} is being rolled out"),
            Some(Counts { ready, wanted, .. }) => format!("{what}: {ready} of {wanted} pods are ready"),
        };
        let told = pods.iter().find_map(|pod| Some(format!("{counted}; {} {}", name(pod), why_not_ready(pod)?)));
        told.unwrap_or(counted)
    }

    /// The registry of its image: that from which EKS's own images come in this region.
    /// <https://docs.aws.amazon.com/eks/latest/userguide/add-ons-images.html>
    pub(super) fn registry(&self) -> Option<&str> {
        let (host, _) = self.image.as_deref()?.split_once('/')?;
        host.contains('.').then_some(host)
    }
}

/// A selector of labels as a query has it. Those of EKS's add-ons have no expressions.
fn selector(selector: &LabelSelector) -> String {
    let labels: Vec<String> =
        selector.match_labels.iter().flatten().map(|(key, value)| format!("{key}={value}")).collect();
    labels.join(",")
}

fn image(template: &PodTemplateSpec) -> Option<String> {
    template.spec.as_ref()?.containers.first()?.image.clone()
}

/// Whether nobody answers for names.
pub(super) fn dns(slices: &[EndpointSlice]) -> Option<String> {
    let mut endpoints = slices.iter().flat_map(|slice| slice.endpoints.iter().flatten());
    // What says nothing counts as ready: https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/#ready
    let answers = endpoints.any(|endpoint| endpoint.conditions.as_ref().is_none_or(|is| is.ready.unwrap_or(true)));
    (!answers).then(|| "Service kube-dns has no ready endpoint".to_owned())
}

/// Where the test pod is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Trial {
    /// Not there.
    Missing,
    /// Of another run, or going.
    Stale,
    /// Ended without having run, and why: evicted, for example, or with its node.
    Failed(String),
    /// Running.
    Runs,
    /// Not running, and why.
    Waits(String),
}

/// What the test pod shows. `label` is what one of this run has.
pub(super) fn trial(pod: Option<&Pod>, label: (&str, &str)) -> Trial {
    let Some(pod) = pod else { return Trial::Missing };
    let (key, value) = label;
    let is_ours =
        pod.metadata.labels.as_ref().and_then(|labels: &BTreeMap<_, _>| labels.get(key)).is_some_and(|is| is == value);
    if !is_ours || pod.metadata.deletion_timestamp.is_some() {
        return Trial::Stale;
    }
    match phase(pod) {
        "Running" | "Succeeded" => Trial::Runs,
        "Failed" => Trial::Failed(why_not_ready(pod).unwrap_or_else(|| "is Failed".to_owned())),
        _ => Trial::Waits(why_not_ready(pod).unwrap_or_else(|| "it was just made".to_owned())),
    }
}

/// Its name.
pub(super) fn name(pod: &Pod) -> &str {
    pod.metadata.name.as_deref().unwrap_or_default()
}

/// Its phase.
pub(super) fn phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or_default()
}

/// What a pod that is not ready tells: that it finds no node, for what its containers wait, how they ended, or its phase.
pub(super) fn why_not_ready(pod: &Pod) -> Option<String> {
    let status = pod.status.as_ref()?;
    let condition = |kind: &str| status.conditions.iter().flatten().find(|condition| condition.type_ == kind);
    if condition("Ready").is_some_and(|ready| ready.status == "True") {
        return None;
    }
    if let Some(not) = condition("PodScheduled").filter(|scheduled| scheduled.status != "True") {
        return Some(format!("finds no node: {}", because(not.reason.as_ref(), not.message.as_ref())));
    }
    let containers = status.init_container_statuses.iter().chain(&status.container_statuses).flatten();
    if let Some(why) = containers.filter_map(held_up).next() {
        return Some(why);
    }
    if status.reason.is_some() || status.message.is_some() {
        return Some(format!("is {}: {}", phase(pod), because(status.reason.as_ref(), status.message.as_ref())));
    }
    Some(format!("is {} and not ready", phase(pod)))
}

fn held_up(container: &ContainerStatus) -> Option<String> {
    let state = container.state.as_ref()?;
    let (name, waiting, terminated) = (&container.name, state.waiting.as_ref(), state.terminated.as_ref());
    if let Some(waiting) = waiting {
        let why = because(waiting.reason.as_ref(), waiting.message.as_ref());
        return Some(format!("has its container {name} waiting: {why}"));
    }
    let ended = terminated.filter(|ended| ended.exit_code != 0)?;
    let why = because(ended.reason.as_ref(), ended.message.as_ref());
    Some(format!("has its container {name} ended with code {}: {why}", ended.exit_code))
}

fn because(reason: Option<&String>, message: Option<&String>) -> String {
    let parts: Vec<&str> = [reason, message].into_iter().flatten().map(|part| part.trim()).collect();
    if parts.is_empty() { "no reason is given".to_owned() } else { parts.join(": ") }
}

#[cfg(test)]
mod tests;
