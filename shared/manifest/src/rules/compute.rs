//! Rules on what pods run on, judged by where each pod lands.

use crate::rules::Finding;
use crate::{
    ClusterAddon, ClusterAddons, Compute, EndpointMode, FargateProfile, ManagedNodeGroup, Nat, Spec, WITHOUT_NAT,
};

/// Eight digits and a hyphen are added to these names, of which EKS allows 63 and 100 characters.
/// Source: <https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateNodegroup.html>
const NODE_GROUP_NAME: usize = 63 - 9;
const FARGATE_PROFILE_NAME: usize = 100 - 9;

/// Far above the quotas of EKS, and few enough that every rule stays quick.
/// Source: <https://docs.aws.amazon.com/general/latest/gr/eks.html>
const GROUPS: usize = 100;

/// Source: <https://docs.aws.amazon.com/eks/latest/userguide/node-taints-managed-node-groups.html>
const TAINTS: usize = 50;

pub(super) fn judge(spec: &Spec, findings: &mut Vec<Finding>) {
    let (Some(cluster), Some(compute)) = (&spec.cluster, &spec.compute) else { return };
    let counts =
        [("managedNodeGroups", compute.managed_node_groups.len()), ("fargateProfiles", compute.fargate_profiles.len())];
    for (field, count) in counts.into_iter().filter(|(_, count)| *count > GROUPS) {
        let message = format!("{count} are more than {GROUPS}");
        findings.push(Finding::error("TooMany", format!("spec.compute.{field}"), message, "join some of them"));
    }
    for (name, group) in &compute.managed_node_groups {
        let path = format!("spec.compute.managedNodeGroups.{name}");
        named(&path, name, NODE_GROUP_NAME, findings);
        node_group(&path, group, spec, findings);
    }
    for (name, profile) in &compute.fargate_profiles {
        let path = format!("spec.compute.fargateProfiles.{name}");
        named(&path, name, FARGATE_PROFILE_NAME, findings);
        fargate_profile(&path, name, profile, findings);
    }
    unused_addons(&cluster.addons, compute, findings);
    tainted(compute, findings);
    endpoints(spec, compute, findings);
}

fn named(path: &str, name: &str, most: usize, findings: &mut Vec<Finding>) {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.len() > most || !name.starts_with(|c: char| c.is_ascii_alphanumeric()) || !name.chars().all(allowed) {
        let message = format!("`{name}` is no name for this");
        let fix = format!("write up to {most} letters, digits, hyphens and underscores; what EKS calls it is longer");
        findings.push(Finding::error("BadName", path, message, fix));
    }
}

fn node_group(path: &str, group: &ManagedNodeGroup, spec: &Spec, findings: &mut Vec<Finding>) {
    if group.instance_types.is_empty() {
        let fix = "name one, like [m6i.large]";
        findings.push(Finding::error(
            "NoInstanceTypes",
            format!("{path}.instanceTypes"),
            "no instance type is named",
            fix,
        ));
    }
    if group.taints.len() > TAINTS {
        let message = format!("{} taints are more than {TAINTS}, the most that EKS allows", group.taints.len());
        findings.push(Finding::error("TooMany", format!("{path}.taints"), message, "name fewer"));
    }
    let desired = group.desired_size.unwrap_or(group.min_size);
    if group.min_size > group.max_size || !(group.min_size..=group.max_size).contains(&desired) {
        let message = format!("{} to {} nodes, now {desired}, is no range", group.min_size, group.max_size);
        let fix = "write minSize ≤ desiredSize ≤ maxSize";
        findings.push(Finding::error("BadSizes", path, message, fix));
    }
    for (index, zone) in group.availability_zones.iter().enumerate() {
        if !zone.starts_with(spec.region.as_str()) {
            let message = format!("the zone {zone} is not in {}", spec.region);
            let fix = format!("write a zone like {}a", spec.region);
            findings.push(Finding::error("ForeignZone", format!("{path}.availabilityZones.{index}"), message, fix));
        }
    }
}

/// Source: <https://docs.aws.amazon.com/eks/latest/userguide/fargate-profile.html>
fn fargate_profile(path: &str, name: &str, profile: &FargateProfile, findings: &mut Vec<Finding>) {
    if name.starts_with("eks-") {
        let message = "EKS keeps names that begin with `eks-` for itself";
        findings.push(Finding::error("BadName", path, message, "choose another name"));
    }
    if !(1..=5).contains(&profile.selectors.len()) {
        let message = format!("{} selectors are named", profile.selectors.len());
        let fix = "name one to five; another profile takes five more";
        findings.push(Finding::error("OutOfRange", format!("{path}.selectors"), message, fix));
    }
}

/// On Fargate run no DaemonSets, and Auto Mode brings its own.
/// Sources: <https://docs.aws.amazon.com/eks/latest/userguide/fargate.html>,
/// <https://docs.aws.amazon.com/eks/latest/userguide/eks-add-ons.html#addon-consider-auto>
fn unused_addons(addons: &ClusterAddons, compute: &Compute, findings: &mut Vec<Finding>) {
    if !compute.managed_node_groups.is_empty() {
        return;
    }
    let refuse = |name: &str, set: &Option<ClusterAddon>, reason: &str| {
        let fix = "take it out, or add a node group \
                   (https://docs.aws.amazon.com/eks/latest/userguide/fargate.html)";
        set.as_ref().map(|_| Finding::error("UnusedAddon", format!("spec.cluster.addons.{name}"), reason, fix))
    };
    let reason = match &compute.auto_mode {
        Some(_) => "Auto Mode has its own, and there is no other node",
        None => "it runs on every node, and there is none: Fargate runs no DaemonSets",
    };
    findings.extend(refuse("vpc-cni", &addons.vpc_cni, reason));
    findings.extend(refuse("kube-proxy", &addons.kube_proxy, reason));
    findings.extend(refuse("eks-pod-identity-agent", &addons.eks_pod_identity_agent, reason));
    if compute.auto_mode.is_some() && compute.fargate_profiles.is_empty() {
        findings.extend(refuse("coredns", &addons.coredns, reason));
    }
}

fn tainted(compute: &Compute, findings: &mut Vec<Finding>) {
    let elsewhere = compute.auto_mode.is_some() || !compute.fargate_profiles.is_empty();
    if compute.only_tainted_groups() && !elsewhere {
        let message = "every node has a taint: a pod without a toleration runs nowhere";
        let fix = "add a group without taints, or acknowledge `OnlyTaintedNodes`";
        findings.push(Finding::warning("OnlyTaintedNodes", "spec.compute.managedNodeGroups", message, fix));
    }
}

/// What a given VPC has, only AWS knows.
/// Source: <https://docs.aws.amazon.com/eks/latest/userguide/private-clusters.html>
fn endpoints(spec: &Spec, compute: &Compute, findings: &mut Vec<Finding>) {
    let network = &spec.network;
    let closed = network.vpc_id.is_none() && network.nat == Nat::Disable;
    if !closed || network.vpc_endpoints.mode == EndpointMode::Auto || compute.is_empty() {
        return;
    }
    let named = |service: &&&str| !network.vpc_endpoints.additional.iter().any(|other| other == **service);
    let missing: Vec<&str> = WITHOUT_NAT.iter().chain(&["s3"]).filter(named).copied().collect();
    if !missing.is_empty() {
        let message = "without NAT, nodes reach neither EKS nor their images";
        let fix = format!(
            "write `vpcEndpoints: {{mode: Auto}}`, or add {} \
             (https://docs.aws.amazon.com/eks/latest/userguide/private-clusters.html)",
            missing.join(", ")
        );
        findings.push(Finding::error("MissingEndpoints", "spec.network.vpcEndpoints", message, fix));
    }
}
