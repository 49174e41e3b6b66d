//! What EKS and its agents make for a cluster of their own accord, and may leave behind: no record names it.
//!
//! It guarantees: as long as EKS has a cluster of that name, whosever, nothing counts as left of it. Interfaces and the
//! security group in a platform's VPC the cluster's own deletion takes away. A log group may come later: the control plane's
//! last logs arrive when it is gone, and make their group again. That one is deleted here, if it is as only EKS makes it: its
//! name is of exactly this cluster, it has no tag and is kept for ever, and it was made in this life of a platform that had
//! a cluster. All else is named, never deleted.
//!
//! Sources: <https://github.com/terraform-aws-modules/terraform-aws-eks/issues/2763>,
//! <https://github.com/terraform-aws-modules/terraform-aws-eks/issues/2446>

use std::collections::BTreeSet;

use domain::{Fault, PlatformName};
use engine::CallError;
use jiff::Timestamp;
use lambda::call_fault;
use ledger::{Ledger, Platform};
use plan::cluster::{AUTO_MODE_MARK, GROUP_MARK, INTERFACE_MARK, LOG_GROUPS, NODE_MARK, log_group, owned_mark};

use crate::Clients;
use crate::listing::{Found, ec2, eks, logs};

/// One way in which was searched, and what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Searched {
    /// What was listed, in the service's word.
    pub what: &'static str,
    /// By what.
    pub by: String,
    /// What is left, each with the cluster that it is of.
    pub found: Vec<(String, Found)>,
}

/// The listing of the log groups of control planes.
const LOG_GROUP: &str = "log groups of control planes";

/// What is left of clusters that are gone: of one, or of all. Each thing stands there once.
pub async fn list(clients: &Clients, only: Option<&PlatformName>) -> Result<Vec<Searched>, Fault> {
    let there = eks::names(&clients.eks).await?;
    if only.is_some_and(|name| there.contains(name.as_str())) {
        return Ok(Vec::new());
    }
    let mut all = marked(&clients.ec2, only).await?;
    if let Some(name) = only {
        all.extend(owned(&clients.ec2, name).await?);
    }
    all.push(log_groups(clients, only).await?);
    let mut seen = BTreeSet::new();
    for searched in &mut all {
        searched.found.retain(|(cluster, found)| !there.contains(cluster) && seen.insert(found.locator.clone()));
    }
    Ok(all)
}

/// The cluster that a life of a platform had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// Its name, which is the platform's.
    pub cluster: PlatformName,
    /// When that life began.
    pub since: Timestamp,
}

impl Past {
    /// That of this life; none if no manifest asked for a cluster that was accepted in it.
    pub async fn of(ledger: &Ledger, platform: &Platform) -> Result<Option<Self>, Fault> {
        for number in (1..=platform.revision).rev() {
            let Some(revision) = ledger.revision(&platform.name, number).await? else { continue };
            if revision.at < platform.created {
                break;
            }
            if !revision.manifest["spec"]["cluster"].is_null() {
                return Ok(Some(Self { cluster: platform.name.clone(), since: platform.created }));
            }
        }
        Ok(None)
    }

    /// What is left of it.
    pub async fn remains(&self, clients: &Clients) -> Result<Vec<Searched>, Fault> {
        let mut all = list(clients, Some(&self.cluster)).await?;
        for searched in &mut all {
            searched.found.retain(|(_, found)| self.may_have_left(found));
        }
        Ok(all)
    }

    /// Whether something may have been made since: where nothing tells when, it may.
    pub fn may_have_left(&self, found: &Found) -> bool {
        found.created.is_none_or(|at| at >= self.since)
    }
}

/// Deletes the log group that EKS made again, and answers whether there was one: 1 or 0. What else is left, the proof names.
pub async fn sweep(clients: &Clients, past: &Past) -> Result<usize, Fault> {
    let groups = past.remains(clients).await?.into_iter().filter(|one| one.what == LOG_GROUP).flat_map(|one| one.found);
    let mut swept = 0;
    for (_, group) in groups {
        let answer = clients.logs.delete_log_group().log_group_name(&group.locator).send().await;
        match answer.map_err(aws::deleting("logs:DeleteLogGroup")) {
            Ok(_) | Err(CallError::NotFound) => swept += 1,
            Err(error) => return Err(call_fault(error)),
        }
        tracing::info!(group = group.locator, "the log group that EKS made again is deleted");
    }
    Ok(swept)
}

/// What EKS and its agents have marked as a cluster's.
async fn marked(client: &aws_sdk_ec2::Client, only: Option<&PlatformName>) -> Result<Vec<Searched>, Fault> {
    let by = |key: &str| match only {
        Some(name) => vec![ec2::tag(key, name.as_str())],
        None => vec![ec2::filter("tag-key", key)],
    };
    let searched = |what, key: &str, found: Vec<Found>| Searched {
        what,
        by: only.map_or_else(|| format!("the tag {key}"), |name| format!("the tag {key} = {name}")),
        found: found.into_iter().filter_map(|found| Some((found.tags.get(key)?.clone(), found))).collect(),
    };
    Ok(vec![
        searched("network interfaces", INTERFACE_MARK, ec2::interfaces(client, by(INTERFACE_MARK)).await?),
        searched("security groups", GROUP_MARK, ec2::security_groups(client, by(GROUP_MARK)).await?),
        searched("instances", NODE_MARK, ec2::instances(client, by(NODE_MARK)).await?),
        searched("instances", AUTO_MODE_MARK, ec2::instances(client, by(AUTO_MODE_MARK)).await?),
        searched("launch templates", NODE_MARK, ec2::launch_templates(client, by(NODE_MARK)).await?),
    ])
}

/// What Kubernetes says that it owns.
async fn owned(client: &aws_sdk_ec2::Client, cluster: &PlatformName) -> Result<Vec<Searched>, Fault> {
    let key = owned_mark(cluster.as_str());
    let by = || vec![ec2::tag(&key, "owned")];
    let searched = |what, found: Vec<Found>| Searched {
        what,
        by: format!("the tag {key} = owned"),
        found: found.into_iter().map(|found| (cluster.to_string(), found)).collect(),
    };
    Ok(vec![
        searched("instances", ec2::instances(client, by()).await?),
        searched("volumes", ec2::volumes(client, by()).await?),
        searched("security groups", ec2::security_groups(client, by()).await?),
    ])
}

/// The log groups that EKS made.
async fn log_groups(clients: &Clients, only: Option<&PlatformName>) -> Result<Searched, Fault> {
    let prefix = only.map_or_else(|| LOG_GROUPS.to_owned(), |name| log_group(name.as_str()));
    let mut listed = logs::of_control_planes(&clients.logs, &prefix).await?;
    listed.retain(|log| log.made_by_eks && only.is_none_or(|name| log.cluster == name.as_str()));
    let found = listed.into_iter().map(|log| (log.cluster, log.group)).collect();
    Ok(Searched { what: LOG_GROUP, by: format!("the name {prefix}"), found })
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudwatchlogs::types::LogGroup;
    use aws_sdk_ec2::types::SecurityGroup;
    use aws_sdk_eks::types::Cluster;
    use domain::Tags;

    use super::*;
    use crate::account::{self, Account};

    fn past() -> Past {
        Past { cluster: PlatformName::parse("demo").unwrap(), since: Timestamp::from_second(100).unwrap() }
    }

    fn log(name: &str, created: i64, days: Option<i32>, tags: Tags) -> (LogGroup, Tags) {
        let group = LogGroup::builder().log_group_name(name).creation_time(created * 1000);
        let arn = format!("arn:aws:logs:eu-west-1:111122223333:log-group:{name}:*");
        (group.arn(arn).set_retention_in_days(days).build(), tags)
    }

    async fn swept(account: &Account) -> usize {
        let (clients, deleted) = account.clients();
        let swept = sweep(&clients, &past()).await.unwrap();
        assert_eq!(deleted.num_calls(), swept);
        swept
    }

    #[tokio::test]
    async fn the_log_group_that_eks_made_again_is_deleted_and_no_other() {
        let name = "/aws/eks/demo/cluster";
        let with = |log_groups| Account { log_groups, ..Account::default() };
        assert_eq!(swept(&with(vec![log(name, 200, None, Tags::new())])).await, 1);
        let tags = Tags::from([("owner".to_owned(), "somebody".to_owned())]);
        let others = [
            ("tagged", log(name, 200, None, tags)),
            ("kept for some days", log(name, 200, Some(7), Tags::new())),
            ("older than the platform", log(name, 50, None, Tags::new())),
            ("another cluster's", log("/aws/eks/demo-2/cluster", 200, None, Tags::new())),
            ("no control plane's", log("/aws/eks/demo/cluster/more", 200, None, Tags::new())),
        ];
        for (why, group) in others {
            assert_eq!(swept(&with(vec![group])).await, 0, "{why}");
        }
    }

    #[tokio::test]
    async fn while_there_is_a_cluster_of_the_name_nothing_is_left_of_it() {
        let group = SecurityGroup::builder().group_id("sg-1").group_name("eks-cluster-sg-demo-1");
        let group = group.tags(account::tag("aws:eks:cluster-name", "demo")).build();
        let log_groups = vec![log("/aws/eks/demo/cluster", 200, None, Tags::new())];
        let gone = Account { groups: vec![group], log_groups, ..Account::default() };
        let there = Account { clusters: vec![Cluster::builder().name("demo").build()], ..gone.clone() };
        let locators = async |account: &Account, only: Option<&PlatformName>| {
            let searched = list(&account.clients().0, only).await.unwrap();
            let found = searched.into_iter().flat_map(|one| one.found);
            found.map(|(cluster, found)| format!("{cluster}: {}", found.locator)).collect::<Vec<_>>()
        };
        for only in [None, Some(&past().cluster)] {
            assert_eq!(locators(&gone, only).await, ["demo: sg-1", "demo: /aws/eks/demo/cluster"]);
            assert!(locators(&there, only).await.is_empty());
        }
        assert_eq!(swept(&there).await, 0);
    }
}
