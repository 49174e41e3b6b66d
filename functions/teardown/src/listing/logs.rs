//! Log groups of CloudWatch.

use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::types::LogGroup;
use domain::{Fault, Identity, Tags};
use engine::CallError;
use jiff::Timestamp;
use lambda::call_fault;
use plan::cluster::cluster_of_log_group;

use super::{Found, named};

/// Log groups by the beginning of their names.
pub async fn groups(logs: &Client, prefix: &str) -> Result<Vec<Found>, Fault> {
    Ok(listed(logs, prefix).await?.iter().map(found).collect())
}

/// The log group of a control plane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlPlaneLog {
    /// The cluster whose name it has.
    pub cluster: String,
    /// It, with its tags.
    pub group: Found,
    /// Whether it is as EKS makes one by itself: without tags, and kept for ever.
    pub made_by_eks: bool,
}

/// The log groups in which control planes write: those whose names begin so.
/// Source: <https://docs.aws.amazon.com/eks/latest/userguide/control-plane-logs.html>
pub async fn of_control_planes(logs: &Client, prefix: &str) -> Result<Vec<ControlPlaneLog>, Fault> {
    let mut all = Vec::new();
    for listed in listed(logs, prefix).await? {
        let Some(cluster) = cluster_of_log_group(listed.log_group_name().unwrap_or_default()) else { continue };
        let Some(tags) = tags(logs, &listed).await? else { continue };
        let made_by_eks = tags.is_empty() && listed.retention_in_days().is_none();
        let platform = tags.get(Identity::PLATFORM).cloned();
        let group = Found { tags, platform, ..found(&listed) };
        all.push(ControlPlaneLog { cluster: cluster.to_owned(), group, made_by_eks });
    }
    Ok(all)
}

/// Source: <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeLogGroups.html>
async fn listed(logs: &Client, prefix: &str) -> Result<Vec<LogGroup>, Fault> {
    let pages = logs.describe_log_groups().log_group_name_prefix(prefix).into_paginator().items().send();
    let all: Result<Vec<LogGroup>, _> = pages.collect().await;
    all.map_err(aws::reading("logs:DescribeLogGroups")).map_err(call_fault)
}

/// None for a group that has gone since it was listed.
/// Source: <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_ListTagsForResource.html>
async fn tags(logs: &Client, group: &LogGroup) -> Result<Option<Tags>, Fault> {
    // The ARN that tags are listed by has no `:*` at its end.
    let arn = group.arn().unwrap_or_default().trim_end_matches(":*");
    let answer = logs.list_tags_for_resource().resource_arn(arn).send().await;
    match answer.map_err(aws::reading("logs:ListTagsForResource")) {
        Ok(answer) => Ok(Some(answer.tags.unwrap_or_default().into_iter().collect())),
        Err(CallError::NotFound) => Ok(None),
        Err(error) => Err(call_fault(error)),
    }
}

fn found(group: &LogGroup) -> Found {
    let name = group.log_group_name().unwrap_or_default();
    let created = group.creation_time().and_then(|milliseconds| Timestamp::from_millisecond(milliseconds).ok());
    named("log group", name, name, created, "logs delete-log-group --log-group-name")
}
