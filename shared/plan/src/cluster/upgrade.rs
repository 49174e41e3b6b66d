//! The whole way of an upgrade, of which a plan carries out the first step: what each further plan will ask for.
//!
//! Worked out by making those plans, so it says what will be done as long as the facts stay what they are.

use std::collections::BTreeMap;

use domain::{Component, Kind, Record, ResourceId, Target};
use manifest::Manifest;
use serde::{Deserialize, Serialize};

use super::versions::{minor, refused};
use super::{AddonSpec, CONTROL_PLANE, ControlPlaneSpec};
use crate::{Facts, Plan, Problem};

/// How an upgrade goes, or the way back by one minor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Upgrade {
    /// The minor that runs.
    pub from: String,
    /// The minor that runs at the end.
    pub to: String,
    /// One minor each, in order. The next is begun when the one before was verified.
    pub steps: Vec<UpgradeStep>,
    /// What may go wrong, or stay behind.
    pub risks: Vec<Problem>,
}

/// One minor: the control plane first, then the add-ons that nodes need, the nodes, and CoreDNS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpgradeStep {
    /// The minor that it brings everything to.
    pub version: String,
    /// The add-ons that change, by name.
    pub addons: BTreeMap<String, VersionChange>,
    /// The node groups that change. Their nodes are replaced, one after the other.
    pub node_groups: Vec<ResourceId>,
}

/// From one version to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VersionChange {
    /// The version that is there; none if the add-on is new.
    pub from: Option<String>,
    /// The version that comes.
    pub to: String,
}

/// The upgrade that `first`, the plan of this manifest, begins. None if no control plane runs, or its minor stays.
///
/// # Errors
/// If a later step cannot be planned, for example because EKS does not offer the minor in between.
pub fn upgrade(
    installation: &str,
    manifest: &Manifest,
    first: &Plan,
    records: &[Record],
) -> Result<Option<Upgrade>, Vec<Problem>> {
    let Some(from) = first.facts.cluster.as_ref().and_then(|facts| facts.current.clone()) else { return Ok(None) };
    let Some(version) = minor_of(first).filter(|version| *version != from) else { return Ok(None) };
    let mut to = version;
    let mut addons = addons_there(records);
    let mut steps = vec![step(first, &mut addons)];
    let mut next = first.next.clone();
    while next.is_some() {
        let plan = after(installation, manifest, &first.target, &first.facts, to)?;
        steps.push(step(&plan, &mut addons));
        to = minor_of(&plan).unwrap_or_default();
        next = plan.next;
    }
    let risks = risks(manifest, &from, &steps, &first.facts);
    Ok(Some(Upgrade { from, to, steps, risks }))
}

/// The plan that is made when the control plane runs this minor, and everything else has followed.
fn after(
    installation: &str,
    manifest: &Manifest,
    target: &Target,
    facts: &Facts,
    minor: String,
) -> Result<Plan, Vec<Problem>> {
    let mut facts = facts.clone();
    if let Some(cluster) = &mut facts.cluster {
        cluster.current = Some(minor);
        // What EKS says of a later minor it says when that is the next one.
        cluster.refusals.clear();
    }
    crate::plan(installation, manifest, target, &facts)
}

fn minor_of(plan: &Plan) -> Option<String> {
    let desired = plan.resources.get(&ResourceId::new(Component::Cluster, CONTROL_PLANE))?;
    Some(ControlPlaneSpec::deserialize(&desired.spec).ok()?.version)
}

/// The versions of the add-ons that are there, by the records' ids.
fn addons_there(records: &[Record]) -> BTreeMap<ResourceId, String> {
    let of = |record: &Record| Some((record.id.clone(), AddonSpec::deserialize(&record.spec).ok()?.version));
    records.iter().filter(|record| record.kind == Kind::Addon).filter_map(of).collect()
}

fn step(plan: &Plan, before: &mut BTreeMap<ResourceId, String>) -> UpgradeStep {
    let of_kind = |kind: Kind| plan.resources.iter().filter(move |(_, desired)| desired.kind == kind);
    let mut addons = BTreeMap::new();
    for (id, desired) in of_kind(Kind::Addon) {
        let Ok(AddonSpec { name, version, .. }) = AddonSpec::deserialize(&desired.spec) else { continue };
        let from = before.insert(id.clone(), version.clone());
        if from.as_ref() != Some(&version) {
            addons.insert(name, VersionChange { from, to: version });
        }
    }
    UpgradeStep {
        version: minor_of(plan).unwrap_or_default(),
        addons,
        node_groups: of_kind(Kind::NodeGroup).map(|(id, _)| id.clone()).collect(),
    }
}

fn risks(manifest: &Manifest, from: &str, steps: &[UpgradeStep], facts: &Facts) -> Vec<Problem> {
    let mut risks: Vec<Problem> = way_back(from, steps).into_iter().collect();
    risks.extend(insisted(steps, facts));
    let compute = manifest.spec.compute.clone().unwrap_or_default();
    if !compute.managed_node_groups.is_empty() {
        risks.push(Problem::new(
            "NodesReplaced",
            "spec.compute.managedNodeGroups",
            "each node is replaced, and its pods are evicted",
            "see that no PodDisruptionBudget forbids every eviction: EKS gives up after a while",
        ));
    }
    if !compute.fargate_profiles.is_empty() {
        let message = "each pod on Fargate is evicted and started anew; one that nothing controls is left, and EKS goes to \
                       no further minor then";
        let fix =
            "see that no PodDisruptionBudget forbids every eviction, and delete pods that nothing controls yourself";
        risks.push(Problem::new("PodsRestarted", "spec.compute.fargateProfiles", message, fix));
    }
    risks.extend(pinned(manifest, steps, facts));
    risks
}

/// What the manifest insists on: a plan whose facts know of refusals was made only for that.
fn insisted(steps: &[UpgradeStep], facts: &Facts) -> Option<Problem> {
    let facts = facts.cluster.as_ref().filter(|facts| !facts.refusals.is_empty())?;
    let mut risk = refused(&steps.first()?.version, facts);
    risk.fix = "EKS is told to do it all the same, because `UpgradeRefused` is acknowledged".to_owned();
    Some(risk)
}

/// None for what is a way back itself.
///
/// <https://docs.aws.amazon.com/eks/latest/userguide/rollback-cluster.html>
fn way_back(from: &str, steps: &[UpgradeStep]) -> Option<Problem> {
    steps.last().filter(|step| minor(&step.version) > minor(from))?;
    let before_last = steps.iter().rev().nth(1).map_or(from, |step| step.version.as_str());
    let message = format!("EKS goes back one minor, to {before_last}, for seven days, and then no more");
    Some(Problem::new("OneWay", "spec.cluster.version", message, "try it on a platform of its own first"))
}

/// Add-ons that the manifest keeps at another version than EKS would choose for the last minor.
fn pinned(manifest: &Manifest, steps: &[UpgradeStep], facts: &Facts) -> Vec<Problem> {
    let addons = manifest.spec.cluster.iter().map(|cluster| &cluster.addons);
    let asked = addons.flat_map(|addons| {
        [
            ("vpc-cni", &addons.vpc_cni),
            ("kube-proxy", &addons.kube_proxy),
            ("coredns", &addons.coredns),
            ("eks-pod-identity-agent", &addons.eks_pod_identity_agent),
        ]
    });
    let last = steps.last().map(|step| step.version.as_str()).unwrap_or_default();
    let offered = facts.cluster.as_ref().and_then(|facts| facts.addons.get(last));
    let of = |(name, addon): (&str, &Option<manifest::ClusterAddon>)| {
        let version = addon.as_ref()?.version.as_ref()?;
        let chosen = offered?.get(name).filter(|chosen| *chosen != version)?;
        let message = format!("{name} stays at {version}, and EKS would choose {chosen} for Kubernetes {last}");
        let fix =
            format!("leave its version out, or see with `aws eks describe-addon-versions` that it goes with {last}");
        Some(Problem::new("PinnedAddon", format!("spec.cluster.addons.{name}.version"), message, fix))
    };
    asked.filter_map(of).collect()
}
