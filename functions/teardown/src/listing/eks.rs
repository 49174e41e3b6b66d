//! Clusters of EKS.

use std::collections::BTreeSet;

use aws_sdk_eks::Client;
use aws_sdk_eks::types::Cluster;
use domain::Fault;
use engine::CallError;
use lambda::call_fault;

use super::{Found, after, tagged, time};

/// The names of all clusters. One that is being deleted is there still.
/// Source: <https://docs.aws.amazon.com/eks/latest/APIReference/API_ListClusters.html>
pub async fn names(eks: &Client) -> Result<BTreeSet<String>, Fault> {
    let names: Result<Vec<String>, _> = eks.list_clusters().into_paginator().items().send().collect().await;
    let names = names.map_err(aws::reading("eks:ListClusters")).map_err(call_fault)?;
    Ok(names.into_iter().collect())
}

/// Clusters of these names, with their tags. What is in a cluster goes with it, but for nodes: see [`with_its_nodes`].
/// Source: <https://docs.aws.amazon.com/eks/latest/APIReference/API_DescribeCluster.html>
pub async fn clusters(eks: &Client, names: &BTreeSet<String>) -> Result<Vec<Found>, Fault> {
    let mut found = Vec::new();
    for name in names {
        let answer = eks.describe_cluster().name(name).send().await;
        match answer.map_err(aws::reading("eks:DescribeCluster")) {
            Ok(answer) => found.extend(answer.cluster.map(|cluster| of(name, &cluster))),
            Err(CallError::NotFound) => {}
            Err(error) => return Err(call_fault(error)),
        }
    }
    Ok(found)
}

/// The same cluster with a command that removes it: it goes only without node groups, and without Fargate profiles, of
/// which EKS deletes one at a time.
/// Source: <https://docs.aws.amazon.com/eks/latest/userguide/delete-cluster.html>
pub async fn with_its_nodes(eks: &Client, cluster: Found) -> Result<Found, Fault> {
    let name = cluster.locator.clone();
    let mut first = Vec::new();
    let groups: Result<Vec<String>, _> =
        eks.list_nodegroups().cluster_name(&name).into_paginator().items().send().collect().await;
    for group in known(groups.map_err(aws::reading("eks:ListNodegroups")))? {
        let which = format!("--cluster-name {name} --nodegroup-name {group}");
        first.extend([format!("eks delete-nodegroup {which}"), format!("eks wait nodegroup-deleted {which}")]);
    }
    let profiles: Result<Vec<String>, _> =
        eks.list_fargate_profiles().cluster_name(&name).into_paginator().items().send().collect().await;
    for profile in known(profiles.map_err(aws::reading("eks:ListFargateProfiles")))? {
        let which = format!("--cluster-name {name} --fargate-profile-name {profile}");
        first.extend([
            format!("eks delete-fargate-profile {which}"),
            format!("eks wait fargate-profile-deleted {which}"),
        ]);
    }
    Ok(after(cluster, first))
}

/// A cluster that has gone since it was listed has nothing in it.
fn known(listed: Result<Vec<String>, CallError>) -> Result<Vec<String>, Fault> {
    match listed {
        Err(CallError::NotFound) => Ok(Vec::new()),
        other => other.map_err(call_fault),
    }
}

fn of(name: &str, cluster: &Cluster) -> Found {
    let tags = cluster.tags().into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect();
    let found = tagged("EKS cluster", name, tags, time(cluster.created_at()), "eks delete-cluster --name");
    if cluster.deletion_protection() != Some(true) {
        return found;
    }
    let unprotect = format!("eks update-cluster-config --name {name} --no-deletion-protection");
    after(found, vec![unprotect, format!("eks wait cluster-active --name {name}")])
}
