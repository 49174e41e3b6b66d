//! Whether Kubernetes works, asked through the gate once EKS is done with everything: nodes are ready, the add-ons' pods
//! are, DNS has somebody who answers, pods on Fargate have the control plane's minor, and a pod that comes is scheduled and
//! runs.
//!
//! It guarantees: it changes two things only. It evicts pods on Fargate of another minor, as [`fargate`] says, and that only
//! once all before works, so that the way back stays short. And it makes its own test pod, which is gone when it answers
//! that all is well, or that it is not. What it waits for it names, and it waits no longer than the installation's patience,
//! which begins anew with each pod that moves.

mod fargate;
mod judge;
mod target;
mod trial;

use std::collections::BTreeMap;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_credential_types::provider::SharedCredentialsProvider;
use domain::{Class, Fault, FaultName};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment};
use k8s_openapi::api::core::v1::{Namespace, Node, Pod};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::Client;
use kube_core::params::ListParams;
use lambda::{Examined, Triple, call_fault};

use crate::Clients;
use fargate::Found;
use judge::Workload;
use target::{Cluster, Group};

const SYSTEM: &str = "kube-system";
/// The label by which a node says of which node group it is.
/// <https://docs.aws.amazon.com/eks/latest/userguide/managed-node-groups.html>
const GROUP: &str = "eks.amazonaws.com/nodegroup";
/// When to look again.
const AGAIN: Duration = Duration::from_secs(5);
/// How much of what is lacking is told: an answer travels through the state machine.
const TOLD: usize = 4;

/// Who looks.
#[derive(Debug, Clone)]
pub struct Health {
    eks: aws_sdk_eks::Client,
    lambda: aws_sdk_lambda::Client,
    credentials: SharedCredentialsProvider,
    patience: Duration,
}

impl Health {
    /// With the credentials of the function, to whose role Landfall's own access entry belongs; none without any.
    /// `patience` is for how long something may be lacking.
    pub fn new(config: &SdkConfig, clients: &Clients, patience: Duration) -> Option<Self> {
        let (eks, lambda) = (clients.eks.clone(), clients.lambda.clone());
        Some(Self { eks, lambda, credentials: config.credentials_provider()?, patience })
    }

    /// Looks once.
    ///
    /// # Errors
    /// [`FaultName::Unhealthy`] if something is lacking for too long; otherwise as the ways there fail.
    ///
    /// Permissions: `lambda:InvokeFunction` on the gate, `eks:DescribeNodegroup`.
    pub async fn look(&self, examined: Examined) -> Result<Triple, Fault> {
        let Some(cluster) = Cluster::of(&examined) else { return Ok(Triple::ready("everything is as planned")) };
        let client = Client {
            lambda: self.lambda.clone(),
            credentials: self.credentials.clone(),
            gate: cluster.gate.clone(),
            address: cluster.address.clone(),
        };
        let groups = self.desired(&cluster).await?;
        let patience = SignedDuration::try_from(self.patience).unwrap_or(SignedDuration::MAX);
        let found = match find(&client, &cluster, &groups, &examined).await {
            Err(fault) if is_on_the_way(&fault) && examined.now < examined.since + patience => {
                let message = format!("there is no way to the Kubernetes API yet: {}", fault.message);
                return Ok(Triple::pending(AGAIN, message));
            }
            found => found?,
        };
        let is_overdue = overdue_at(examined.since, patience, &found) <= examined.now;
        if is_overdue && !found.lacking.is_empty() {
            trial::clear(&client, cluster.places()).await;
        }
        verdict(&cluster, &found, is_overdue)
    }

    /// How many nodes EKS wants each group to have now: whoever scales may have changed it.
    async fn desired(&self, cluster: &Cluster) -> Result<BTreeMap<String, u32>, Fault> {
        let mut desired = BTreeMap::new();
        for Group { name, .. } in &cluster.groups {
            let call = self.eks.describe_nodegroup().cluster_name(&cluster.address.cluster).nodegroup_name(name);
            let answer = call.send().await.map_err(aws::reading("eks:DescribeNodegroup")).map_err(call_fault)?;
            let scaling = answer.nodegroup.and_then(|group| group.scaling_config);
            let count = scaling.and_then(|scaling| scaling.desired_size).unwrap_or_default();
            desired.insert(name.clone(), u32::try_from(count).unwrap_or_default());
        }
        Ok(desired)
    }
}

/// Whether it is the way to Kubernetes that fails, and may come to be: an API server that starts anew, interfaces that Lambda
/// brings back, an access entry that the cluster has not heard of yet. What AWS itself denies stays denied.
fn is_on_the_way(fault: &Fault) -> bool {
    fault.class() == Class::Transient || fault.name == FaultName::AccessDenied && fault.answer.is_none()
}

/// What a look finds: what is lacking, in sentences, and how far the pods on Fargate are. The test pod comes last: it can
/// only run where all else does.
async fn find(
    client: &Client,
    cluster: &Cluster,
    desired: &BTreeMap<String, u32>,
    examined: &Examined,
) -> Result<Found, Fault> {
    let mut lacking = Vec::new();
    // Whatever else there is to ask about: so that nothing counts as working that nobody has spoken to.
    if client.get::<Namespace>(None, SYSTEM).await?.is_none() {
        lacking.push(format!("namespace {SYSTEM} is not there"));
    }
    let mut unready = 0;
    for (group, desired) in desired {
        let nodes: Vec<Node> = client.list(None, &ListParams::default().labels(&format!("{GROUP}={group}"))).await?;
        unready += judge::unready(&nodes).count();
        lacking.extend(judge::nodes(group, *desired, &nodes));
    }
    let workloads = workloads(client, cluster).await?;
    for workload in workloads.iter().filter(|workload| !workload.is_ready(unready)) {
        let pods: Vec<Pod> = match &workload.selector {
            Some(labels) => client.list(Some(SYSTEM), &ListParams::default().labels(labels)).await?,
            None => Vec::new(),
        };
        lacking.push(workload.lacking(&pods));
    }
    if cluster.has_dns() {
        let of_dns = ListParams::default().labels("kubernetes.io/service-name=kube-dns");
        let slices: Vec<EndpointSlice> = client.list(Some(SYSTEM), &of_dns).await?;
        lacking.extend(judge::dns(&slices));
    }
    let mut found = Found::default();
    if cluster.has_fargate() {
        found = fargate::follow(client, lacking.is_empty(), examined.since, examined.now).await?;
    }
    lacking.append(&mut found.lacking);
    if lacking.is_empty()
        && let Some(registry) = workloads.iter().find_map(Workload::registry)
        && let Some(place) = place(client, cluster, desired).await?
    {
        found.tried = true;
        lacking.extend(trial::step(client, &place, registry, &examined.run.to_string()).await?);
        if lacking.is_empty() {
            // It may have been in another place before.
            trial::clear(client, cluster.places().into_iter().filter(|other| *other != place.namespace)).await;
        }
    }
    Ok(Found { lacking, ..found })
}

/// When what is lacking still has been so for too long. Pods that move one after the other need patience for each, but not
/// for ever: others may come all the time. What goes has its own time.
fn overdue_at(since: Timestamp, patience: SignedDuration, found: &Found) -> Timestamp {
    let most = found.moved.iter().fold(since, |until, _| until + patience);
    let moved = found.moved.iter().copied().max().unwrap_or(since).min(most);
    found.going.unwrap_or(moved).max(moved) + patience
}

async fn workloads(client: &Client, cluster: &Cluster) -> Result<Vec<Workload>, Fault> {
    let mut workloads = Vec::new();
    for (addon, name) in target::DAEMON_SETS {
        if cluster.addons.contains(*addon) {
            workloads.push(Workload::of_daemon_set(name, client.get::<DaemonSet>(Some(SYSTEM), name).await?));
        }
    }
    if cluster.has_dns() {
        let name = target::COREDNS;
        workloads.push(Workload::of_deployment(name, client.get::<Deployment>(Some(SYSTEM), name).await?));
    }
    Ok(workloads)
}

/// Where a pod may come, if anywhere: on a node, or in a namespace that is there and of Fargate.
async fn place(
    client: &Client,
    cluster: &Cluster,
    desired: &BTreeMap<String, u32>,
) -> Result<Option<trial::Place>, Fault> {
    if desired.values().any(|count| *count > 0) {
        return Ok(Some(cluster.on_nodes()));
    }
    for place in cluster.on_fargate() {
        if client.get::<Namespace>(None, &place.namespace).await?.is_some() {
            return Ok(Some(place));
        }
    }
    Ok(None)
}

fn verdict(cluster: &Cluster, found: &Found, is_overdue: bool) -> Result<Triple, Fault> {
    if found.lacking.is_empty() {
        let works = if found.tried { "Kubernetes works" } else { "Kubernetes answers, with no place yet to try a pod" };
        let mut message = format!("everything is as planned, and {works}");
        if !found.stay.is_empty() {
            let pods = first(&found.stay, ", ");
            tracing::warn!(pods, "pods on Fargate are on another minor still: nobody would make them again");
            message.push_str(&format!("; without a controller, and so on another minor still: {pods}"));
        }
        return Ok(Triple::ready(message));
    }
    let (name, told) = (&cluster.address.cluster, first(&found.lacking, "; "));
    if is_overdue {
        let on_fargate = match cluster.has_fargate() {
            true => format!(" (pods on Fargate: `kubectl get pods -A -o wide -l {}`)", fargate::PODS),
            false => String::new(),
        };
        let next = format!("look with `landfall shell {name}` and `kubectl`{on_fargate}, mend it, then retry");
        return Err(Fault::new(FaultName::Unhealthy, format!("the cluster {name} does not work: {told}")).next(next));
    }
    Ok(Triple::pending(AGAIN, told))
}

/// The first of them, and how many more there are.
fn first(all: &[String], between: &str) -> String {
    let mut told = all.iter().take(TOLD).cloned().collect::<Vec<_>>().join(between);
    if all.len() > TOLD {
        told.push_str(&format!("{between}and {} more", all.len() - TOLD));
    }
    told
}

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
