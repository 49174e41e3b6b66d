//! A CloudWatch log group.

use async_trait::async_trait;
use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::types::LogGroup as Listed;
use domain::{Locator, Outputs, Tags};
use engine::{CallError, Created, Observed, Progress, Resource, Subject};
use plan::{FieldChange, LogGroupSpec};
use serde_json::json;

use crate::finished;
use crate::seen::{Phase, Seen, changed, is_subject, observed, outputs};

/// [`domain::Kind::LogGroup`]. Its locator is its name.
///
/// Idempotent because a name is there once; a group of that name without our tags is foreign. Leaves behind on failure a
/// group that keeps its events for ever: `observe` shows it and `update` sets the days.
///
/// Permissions: `logs:CreateLogGroup`, `logs:PutRetentionPolicy`, `logs:TagResource`, `logs:UntagResource`,
/// `logs:DeleteLogGroup`, `logs:DescribeLogGroups`, `logs:ListTagsForResource`.
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html>
pub struct LogGroup(pub Client);

#[async_trait]
impl Resource for LogGroup {
    async fn observe(&self, subject: &Subject) -> Result<Observed, CallError> {
        let spec: LogGroupSpec = subject.spec()?;
        let Some(group) = self.find(&spec.name).await? else { return Ok(Observed::Absent) };
        let answer = self.0.list_tags_for_resource().resource_arn(arn(subject, &spec.name)).send().await;
        let answer = answer.map_err(aws::reading("logs:ListTagsForResource"))?;
        let tags: Tags = answer.tags().into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect();
        if !is_subject(subject, &tags) {
            return Ok(Observed::Foreign(Locator(spec.name)));
        }
        let properties = json!({
            "name": spec.name,
            "retentionDays": group.retention_in_days(),
            "tags": aws::shown_tags(&spec.tags, &tags),
        });
        let outputs = known(subject, &spec);
        Ok(observed(subject, vec![Seen { id: spec.name, phase: Phase::Resting, tags, properties, outputs }]))
    }

    async fn create(&self, subject: &Subject) -> Result<Created, CallError> {
        let spec: LogGroupSpec = subject.spec()?;
        let tags = subject.create_tags(&spec.tags).into_iter().collect();
        let answer = self.0.create_log_group().log_group_name(&spec.name).set_tags(Some(tags)).send().await;
        answer.map_err(aws::creating("logs:CreateLogGroup"))?;
        let progress = finished(self.keep_for(&spec).await);
        Ok(Created { outputs: known(subject, &spec), locator: Locator(spec.name), progress })
    }

    async fn update(&self, subject: &Subject, changes: &[FieldChange]) -> Result<Progress, CallError> {
        let spec: LogGroupSpec = subject.spec()?;
        if changed(changes, "retentionDays") {
            self.keep_for(&spec).await?;
        }
        if let Some(change) = crate::tag_change(changes) {
            let arn = arn(subject, &spec.name);
            if !change.put.is_empty() {
                let tags = change.put.into_iter().collect();
                let answer = self.0.tag_resource().resource_arn(&arn).set_tags(Some(tags)).send().await;
                answer.map_err(aws::changing("logs:TagResource"))?;
            }
            if !change.remove.is_empty() {
                let answer = self.0.untag_resource().resource_arn(&arn).set_tag_keys(Some(change.remove)).send().await;
                answer.map_err(aws::changing("logs:UntagResource"))?;
            }
        }
        Ok(Progress::Done)
    }

    async fn delete(&self, subject: &Subject) -> Result<Progress, CallError> {
        let answer = self.0.delete_log_group().log_group_name(subject.locator()?).send().await;
        answer.map_err(aws::deleting("logs:DeleteLogGroup"))?;
        Ok(Progress::Done)
    }
}

impl LogGroup {
    /// The group of exactly that name; the call lists all that begin with it.
    async fn find(&self, name: &str) -> Result<Option<Listed>, CallError> {
        let call = self.0.describe_log_groups().log_group_name_prefix(name);
        let listed: Result<Vec<Listed>, _> = call.into_paginator().items().send().collect().await;
        let listed = listed.map_err(aws::reading("logs:DescribeLogGroups"))?;
        Ok(listed.into_iter().find(|group| group.log_group_name() == Some(name)))
    }

    async fn keep_for(&self, spec: &LogGroupSpec) -> Result<(), CallError> {
        let days = i32::try_from(spec.retention_days).unwrap_or(i32::MAX);
        let answer = self.0.put_retention_policy().log_group_name(&spec.name).retention_in_days(days).send().await;
        answer.map_err(aws::changing("logs:PutRetentionPolicy"))?;
        Ok(())
    }
}

fn arn(subject: &Subject, name: &str) -> String {
    let target = &subject.target;
    format!("arn:{}:logs:{}:{}:log-group:{name}", aws::partition(&target.region), target.region, target.account)
}

fn known(subject: &Subject, spec: &LogGroupSpec) -> Outputs {
    outputs([("arn", &arn(subject, &spec.name)), ("name", &spec.name)])
}
