//! The control plane, what it stands on, and who may use it.

use std::collections::{BTreeMap, BTreeSet};

use domain::ResourceId;
use manifest::{AccessEntry, LogType, NodePool, SupportType};

use super::versions::UPGRADE_REFUSED;
use super::{
    AccessEntrySpec, AccessPolicy, AutoMode, CONTROL_PLANE, ControlPlaneSpec, Foundation, KmsKeySpec, OidcProviderSpec,
    Wanted, roles,
};
use crate::builder::Builder;
use crate::network::PrivateSubnet;
use crate::{Goal, LogGroupSpec, Problem, Ref};

pub(super) fn add(wanted: &Wanted<'_>, problems: &mut Vec<Problem>, into: &mut Builder) -> Foundation {
    service_block(wanted, problems);
    let key = key(wanted, problems, into);
    let role = roles::control_plane(wanted, &key, into);
    let log_group = LogGroupSpec {
        name: super::log_group(wanted.name()),
        retention_days: wanted.cluster.logging.retention_days,
        tags: wanted.tags.clone(),
    };
    // Before the control plane: EKS would make one that keeps its events for ever.
    let log_group = into.add(Goal::Foundation, "log-group-control-plane", log_group);
    let spec = spec(wanted, key, &role, into);
    let control_plane = into.add_after(Goal::ControlPlane, CONTROL_PLANE, spec, [log_group]);
    let issuer = Ref::output(&control_plane, "issuer");
    let provider = OidcProviderSpec { issuer, tags: wanted.tags.clone() };
    let oidc_provider = into.add(Goal::ControlPlane, "oidc-provider", provider);
    let own_access = own_access(wanted, &control_plane, problems, into);
    let on = Foundation { control_plane, oidc_provider, own_access };
    access_entries(wanted, &on, problems, into);
    on
}

fn spec(wanted: &Wanted<'_>, key: Ref, role: &ResourceId, into: &mut Builder) -> ControlPlaneSpec {
    let (cluster, subnets) = (wanted.cluster, subnets(wanted));
    ControlPlaneSpec {
        name: wanted.name().to_owned(),
        version: wanted.version.clone(),
        force_upgrade: wanted.manifest.spec.acknowledges(UPGRADE_REFUSED),
        role: Ref::output(role, "arn"),
        vpc: wanted.ground.vpc.clone(),
        zones: subnets.iter().map(|private| private.zone.clone()).collect::<BTreeSet<_>>().into_iter().collect(),
        subnets: subnets.iter().map(|private| private.subnet.clone()).collect(),
        security_groups: wanted.ground.api_groups.iter().map(|groups| groups.api_server.clone()).collect(),
        public_access_cidrs: cluster.api_server.public_access_cidrs.clone(),
        service_ipv4_cidr: service_ipv4_cidr(wanted),
        key,
        logging: cluster.logging.types.iter().copied().collect::<BTreeSet<_>>().into_iter().map(log_type).collect(),
        support_type: match cluster.upgrade_policy.support_type {
            SupportType::Standard => "STANDARD".to_owned(),
            SupportType::Extended => "EXTENDED".to_owned(),
        },
        deletion_protection: wanted.manifest.spec.safety.deletion_protection,
        auto_mode: auto_mode(wanted, into),
        tags: wanted.tags.clone(),
    }
}

/// One subnet a zone: of the zones in which the control plane was made while all of these are there, so that a zone which
/// is added later changes nothing; otherwise of all zones, which means another control plane.
pub(super) fn subnets<'a>(wanted: &Wanted<'a>) -> Vec<&'a PrivateSubnet> {
    let all = wanted.ground.one_a_zone();
    let made_in: BTreeSet<&str> = wanted.facts.zones.iter().map(String::as_str).collect();
    let there: Vec<&PrivateSubnet> =
        all.iter().filter(|private| made_in.contains(private.zone.as_str())).copied().collect();
    if !made_in.is_empty() && there.len() == made_in.len() { there } else { all }
}

fn service_ipv4_cidr(wanted: &Wanted<'_>) -> ipnet::Ipv4Net {
    // The manifest's defaults are filled in; this is for one that was made by hand.
    let asked = wanted.cluster.kubernetes_network_config.service_ipv4_cidr;
    asked.unwrap_or_else(|| ipnet::Ipv4Net::new_assert([172, 20, 0, 0].into(), 16))
}

/// Of a given VPC, only AWS knew the blocks.
fn service_block(wanted: &Wanted<'_>, problems: &mut Vec<Problem>) {
    let services = service_ipv4_cidr(wanted);
    for block in &wanted.ground.cidrs {
        if block.contains(&services) || services.contains(block) {
            let path = "spec.cluster.kubernetesNetworkConfig.serviceIpv4Cidr";
            let message = format!("{services} overlaps the VPC's {block}");
            problems.push(Problem::new("CidrOverlap", path, message, "choose blocks that have no address in common"));
        }
    }
}

fn log_type(log: LogType) -> String {
    let name = match log {
        LogType::Api => "api",
        LogType::Audit => "audit",
        LogType::Authenticator => "authenticator",
        LogType::ControllerManager => "controllerManager",
        LogType::Scheduler => "scheduler",
    };
    name.to_owned()
}

fn auto_mode(wanted: &Wanted<'_>, into: &mut Builder) -> Option<AutoMode> {
    let pools: BTreeSet<NodePool> = wanted.compute.auto_mode.as_ref()?.node_pools.iter().copied().collect();
    let name = |pool: &NodePool| match pool {
        NodePool::GeneralPurpose => "general-purpose".to_owned(),
        NodePool::System => "system".to_owned(),
    };
    let node_role = (!pools.is_empty()).then(|| Ref::output(&roles::auto_nodes(wanted, into), "arn"));
    Some(AutoMode { node_pools: pools.iter().map(name).collect(), node_role })
}

/// The key that is named, or one of the platform's own.
fn key(wanted: &Wanted<'_>, problems: &mut Vec<Problem>, into: &mut Builder) -> Ref {
    match (&wanted.cluster.encryption_config.key_arn, &wanted.facts.key) {
        (Some(_), Some(arn)) => Ref::Known(arn.clone()),
        (Some(asked), None) => {
            let message = format!("there is no enabled, symmetric key {asked} in {}", wanted.names.target.region);
            let fix = "name a key of the platform's account and region, or none: then one is made";
            problems.push(Problem::new("KeyNotFound", "spec.cluster.encryptionConfig.keyArn", message, fix));
            Ref::Known(asked.clone())
        }
        (None, _) => {
            let spec = KmsKeySpec {
                alias: format!("alias{}cluster", wanted.names.path()),
                description: format!("Encrypts what Kubernetes stores in {}", wanted.name()),
                tags: wanted.tags.clone(),
            };
            Ref::output(&into.add(Goal::Foundation, "key", spec), "arn")
        }
    }
}

/// Landfall's own entry, by which it cleans up what runs. Every other entry needs it, so it is the last to go.
fn own_access(
    wanted: &Wanted<'_>,
    control_plane: &ResourceId,
    problems: &mut Vec<Problem>,
    into: &mut Builder,
) -> ResourceId {
    if wanted.facts.role.is_empty() {
        let message = "the role by which Landfall speaks to the cluster is not known";
        let fix = "bring the installation up to this version of Landfall";
        problems.push(Problem::new("NoOwnRole", "spec.cluster", message, fix));
    }
    let spec = AccessEntrySpec {
        cluster: Ref::output(control_plane, "name"),
        principal: wanted.facts.role.clone(),
        groups: Vec::new(),
        policies: vec![policy(wanted, "AmazonEKSClusterAdminPolicy", &[])],
        tags: wanted.tags.clone(),
    };
    into.add(Goal::ControlPlane, "access-entry-landfall", spec)
}

fn access_entries(wanted: &Wanted<'_>, on: &Foundation, problems: &mut Vec<Problem>, into: &mut Builder) {
    let mut taken = BTreeMap::from([(wanted.facts.role.as_str(), "Landfall itself")]);
    for (name, entry) in &wanted.cluster.access_entries {
        let Some(who) = entry.principals().into_iter().next() else { continue };
        let path = format!("spec.cluster.accessEntries.{name}");
        let Some(principal) = wanted.facts.principals.get(&who) else {
            let message = format!("there is no {who} in the account");
            let fix = "write the name as IAM has it; a permission set must be provisioned to the account";
            problems.push(Problem::new("PrincipalNotFound", path, message, fix));
            continue;
        };
        if let Some(other) = taken.insert(principal, name) {
            let message = format!("{who} is the principal of {other} too, and EKS allows one entry for each");
            problems.push(Problem::new("DuplicatePrincipal", path, message, "take one of them out"));
        }
        let spec = access_entry(wanted, on, entry, principal);
        // Of the principal, not of the user's name for it: EKS has one entry for each principal.
        let id = format!("access-entry-{}", who.replace('/', ".").replace(',', "_"));
        into.add_after(Goal::ControlPlane, id, spec, [on.own_access.clone()]);
    }
}

fn access_entry(wanted: &Wanted<'_>, on: &Foundation, entry: &AccessEntry, principal: &str) -> AccessEntrySpec {
    AccessEntrySpec {
        cluster: on.cluster(),
        principal: principal.to_owned(),
        groups: entry.groups.clone(),
        policies: entry.policies.iter().map(|name| policy(wanted, name, &entry.namespaces)).collect(),
        tags: wanted.tags.clone(),
    }
}

/// Source: <https://docs.aws.amazon.com/eks/latest/userguide/access-policies.html>
fn policy(wanted: &Wanted<'_>, name: &str, namespaces: &[String]) -> AccessPolicy {
    let arn = format!("arn:{}:eks::aws:cluster-access-policy/{name}", wanted.names.partition());
    AccessPolicy { arn, namespaces: namespaces.to_vec() }
}
