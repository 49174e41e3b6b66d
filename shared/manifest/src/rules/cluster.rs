//! Rules on the control plane: who may come in, from where, and on which addresses.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;

use crate::rules::Finding;
use crate::rules::network::{overlap, range_of, retention};
use crate::{AccessEntry, Cluster, Network, Spec};

/// The blocks that EKS takes for services where the manifest names none, in this order.
const SERVICE_BLOCKS: [[u8; 4]; 2] = [[172, 20, 0, 0], [10, 100, 0, 0]];

/// EKS allows that many blocks on the public endpoint.
/// Source: <https://docs.aws.amazon.com/eks/latest/userguide/service-quotas.html>
const PUBLIC_BLOCKS: usize = 40;

pub(super) fn judge(spec: &Spec, findings: &mut Vec<Finding>) {
    let Some(cluster) = &spec.cluster else {
        without_cluster(spec, findings);
        return;
    };
    version(cluster, findings);
    service_block(cluster, &spec.network, findings);
    reachable(cluster, &spec.network, findings);
    log_in(cluster, findings);
    retention("spec.cluster.logging.retentionDays", cluster.logging.retention_days, findings);
}

/// The first block for services that overlaps nothing of the network; the first of all if none is free, which a rule then
/// reports.
pub(crate) fn free_service_block(network: &Network) -> Ipv4Net {
    let blocks = SERVICE_BLOCKS.map(|address| Ipv4Net::new_assert(address.into(), 16));
    let free = |block: &&Ipv4Net| neighbours(network).iter().all(|(_, other)| !overlapping(**block, *other));
    *blocks.iter().find(free).unwrap_or(&blocks[0])
}

/// What pods must be able to reach, beside services.
fn neighbours(network: &Network) -> Vec<(String, Ipv4Net)> {
    let vpc = network.cidr.filter(|_| network.vpc_id.is_none()).map(|cidr| ("the VPC's".to_owned(), cidr));
    let pods = network.pods.as_ref().map(|pods| ("the pods'".to_owned(), pods.cidr));
    let routes = network.routes.iter().map(|(name, route)| (format!("that of the route `{name}`,"), route.cidr));
    vpc.into_iter().chain(pods).chain(routes).collect()
}

fn overlapping(one: Ipv4Net, other: Ipv4Net) -> bool {
    one.contains(&other) || other.contains(&one)
}

fn without_cluster(spec: &Spec, findings: &mut Vec<Finding>) {
    let written =
        [("spec.compute", spec.compute.is_some()), ("spec.serviceAccounts", !spec.service_accounts.is_empty())];
    for (path, _) in written.into_iter().filter(|(_, written)| *written) {
        let fix = "add `cluster: {}`, or take this out";
        findings.push(Finding::error("WithoutCluster", path, "there is no cluster that this could belong to", fix));
    }
}

fn version(cluster: &Cluster, findings: &mut Vec<Finding>) {
    let minor = cluster.version.strip_prefix("1.").and_then(|minor| minor.parse::<u8>().ok());
    if minor.is_none_or(|minor| format!("1.{minor}") != cluster.version) {
        let message = format!("`{}` is no minor of Kubernetes", cluster.version);
        let fix = "write it like \"1.35\"; EKS chooses the patch";
        findings.push(Finding::error("BadVersion", "spec.cluster.version", message, fix));
    }
}

/// Source: <https://docs.aws.amazon.com/eks/latest/APIReference/API_KubernetesNetworkConfigRequest.html>
fn service_block(cluster: &Cluster, network: &Network, findings: &mut Vec<Finding>) {
    let path = "spec.cluster.kubernetesNetworkConfig.serviceIpv4Cidr";
    let Some(block) = cluster.kubernetes_network_config.service_ipv4_cidr else { return };
    let private = range_of(block).is_some_and(|range| range != "100.64.0.0/10");
    if !private || !(12..=24).contains(&block.prefix_len()) {
        let message = format!("EKS gives services no addresses of {block}");
        let fix = "write a block of /12 to /24 in 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16";
        findings.push(Finding::error("BadServiceCidr", path, message, fix));
    }
    for (whose, other) in neighbours(network) {
        overlap(path, block, &whose, other, findings);
    }
}

/// Source: <https://docs.aws.amazon.com/eks/latest/userguide/cluster-endpoint.html>
fn reachable(cluster: &Cluster, network: &Network, findings: &mut Vec<Finding>) {
    let path = "spec.cluster.apiServer";
    let (public, private) = (&cluster.api_server.public_access_cidrs, &cluster.api_server.private_access_cidrs);
    if public.is_empty() && private.is_empty() {
        let message = "no way to the API server: it is closed to the internet, and to every network";
        let fix = "add `publicAccessCidrs` or `privateAccessCidrs`, or acknowledge `NoWayToApiServer`; Landfall has a way of \
                   its own (https://docs.aws.amazon.com/eks/latest/userguide/cluster-endpoint.html)";
        findings.push(Finding::warning("NoWayToApiServer", path, message, fix));
    }
    for (index, block) in public.iter().enumerate() {
        let place = format!("{path}.publicAccessCidrs.{index}");
        if block.prefix_len() == 0 {
            let message = "the whole internet may try to log in";
            let fix = "write the blocks that you come from, or acknowledge `OpenApiServer`";
            findings.push(Finding::warning("OpenApiServer", place, message, fix));
        } else if range_of(*block).is_some() {
            let message = format!("{block} is private, and nobody comes from there through the internet");
            let fix = "write it under `privateAccessCidrs`";
            findings.push(Finding::error("PrivateCidr", place, message, fix));
        }
    }
    if public.len() > PUBLIC_BLOCKS {
        let message = format!("{} blocks are more than {PUBLIC_BLOCKS}, the most that EKS allows", public.len());
        let fix = "join blocks, or lead people through a VPN";
        findings.push(Finding::error("TooManyCidrs", format!("{path}.publicAccessCidrs"), message, fix));
    }
    // Which ways a given VPC has, only AWS knows.
    let Some(vpc) = network.cidr.filter(|_| network.vpc_id.is_none()) else { return };
    for (index, block) in private.iter().enumerate() {
        let inside = [Some(vpc), network.pods.as_ref().map(|pods| pods.cidr)];
        let routed = network.routes.values().map(|route| route.cidr);
        if !inside.into_iter().flatten().chain(routed).any(|known| known.contains(block)) {
            let message = format!("no route leads back to {block}");
            let fix = "add it to `network.routes`, or acknowledge `UnroutedPrivateAccess`";
            let place = format!("{path}.privateAccessCidrs.{index}");
            findings.push(Finding::warning("UnroutedPrivateAccess", place, message, fix));
        }
    }
}

/// Source: <https://docs.aws.amazon.com/eks/latest/userguide/access-entries.html>
fn log_in(cluster: &Cluster, findings: &mut Vec<Finding>) {
    let path = "spec.cluster.accessEntries";
    let can = |entry: &AccessEntry| !entry.policies.is_empty() || !entry.groups.is_empty();
    if !cluster.access_entries.values().any(can) {
        let message = "nobody can log in: the cluster has no administrator but Landfall";
        let fix = "add `{admins: {permissionSet: AdministratorAccess, policies: [AmazonEKSClusterAdminPolicy]}}`, or \
                   acknowledge `NobodyCanLogIn`";
        findings.push(Finding::warning("NobodyCanLogIn", path, message, fix));
    }
    let mut known: BTreeMap<String, &str> = BTreeMap::new();
    for (name, entry) in &cluster.access_entries {
        let place = format!("{path}.{name}");
        let named = entry.principals();
        if named.len() != 1 {
            let message = format!("`{name}` must be for one role, permission set or user, and names {}", named.len());
            findings.push(Finding::error(
                "AccessEntryPrincipal",
                &place,
                message,
                "write one of `role`, `permissionSet`, `user`",
            ));
        }
        for principal in named {
            if let Some(other) = known.insert(principal.clone(), name) {
                let message = format!("`{other}` is for {principal} too, and EKS allows one entry for each");
                findings.push(Finding::error("DuplicatePrincipal", &place, message, "join the two"));
            }
        }
        if entry.policies.is_empty() && !entry.namespaces.is_empty() {
            let message = "namespaces narrow policies, and there are none";
            findings.push(Finding::error(
                "NamespacesWithoutPolicies",
                format!("{place}.namespaces"),
                message,
                "add `policies`",
            ));
        }
        groups(&place, entry, findings);
    }
}

/// EKS gives nobody the groups of Kubernetes itself.
/// Source: <https://docs.aws.amazon.com/eks/latest/userguide/creating-access-entries.html>
fn groups(place: &str, entry: &AccessEntry, findings: &mut Vec<Finding>) {
    let reserved = ["system:", "eks:", "aws:", "amazon:", "iam:"];
    for (index, group) in entry.groups.iter().enumerate() {
        if reserved.iter().any(|start| group.starts_with(start)) {
            let message = format!("EKS makes nobody a member of `{group}`");
            let fix = "name a group of yours, or use the policy AmazonEKSClusterAdminPolicy";
            findings.push(Finding::error("ReservedGroup", format!("{place}.groups.{index}"), message, fix));
        }
    }
}
