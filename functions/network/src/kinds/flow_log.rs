//! The flow log of all traffic of a VPC, into a log group.

use async_trait::async_trait;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::error::ProvideErrorMetadata;
use aws_sdk_ec2::types::{FlowLog as Listed, FlowLogsResourceType, LogDestinationType, ResourceType, TrafficType};
use domain::{Fault, FaultName, Locator};
use engine::{CallError, Created, Observed, Progress, Resource, Subject};
use plan::FieldChange;
use plan::network::FlowLogSpec;
use serde_json::json;

use crate::ec2;
use resources::seen::{Phase, Seen, observed, outputs};

/// [`domain::Kind::FlowLog`].
///
/// Idempotent because the create has a client token. Leaves nothing behind on failure. A role that was just made may
/// not be assumable yet: EC2 answers that as an invalid parameter, and it is waited for.
///
/// Permissions: `ec2:CreateFlowLogs`, `ec2:CreateTags`, `ec2:DeleteTags`, `ec2:DeleteFlowLogs`, `ec2:DescribeFlowLogs`,
/// `iam:PassRole`.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateFlowLogs.html>
pub(crate) struct FlowLog(pub(crate) Client);

#[async_trait]
impl Resource for FlowLog {
    async fn observe(&self, subject: &Subject) -> Result<Observed, CallError> {
        let spec: FlowLogSpec = subject.spec()?;
        let call = self.0.describe_flow_logs().set_filter(Some(ec2::find(subject, "flow-log-id")));
        let listed: Vec<Listed> = call
            .into_paginator()
            .items()
            .send()
            .collect::<Result<_, _>>()
            .await
            .map_err(aws::reading("ec2:DescribeFlowLogs"))?;
        let seen = listed.iter().map(|log| {
            let id = log.flow_log_id().unwrap_or_default();
            let tags = ec2::tags(log.tags());
            let properties = json!({
                "vpc": log.resource_id(),
                "logGroup": log.log_group_name(),
                "role": log.deliver_logs_permission_arn(),
                "tags": aws::shown_tags(&spec.tags, &tags),
            });
            Seen { id: id.to_owned(), phase: Phase::Resting, tags, properties, outputs: outputs([("id", id)]) }
        });
        Ok(observed(subject, seen.collect()))
    }

    async fn create(&self, subject: &Subject) -> Result<Created, CallError> {
        let spec: FlowLogSpec = subject.spec()?;
        let call = self
            .0
            .create_flow_logs()
            .resource_type(FlowLogsResourceType::Vpc)
            .resource_ids(spec.vpc.as_str())
            .traffic_type(TrafficType::All)
            .log_destination_type(LogDestinationType::CloudWatchLogs)
            .log_group_name(spec.log_group.as_str())
            .deliver_logs_permission_arn(spec.role.as_str())
            .client_token(subject.token.to_string())
            .tag_specifications(ec2::tagged(ResourceType::VpcFlowLog, subject, &spec.tags));
        let answer = match call.send().await {
            Ok(answer) => answer,
            Err(error) if error.code() == Some("InvalidParameter") => {
                let text = error.message().unwrap_or("AWS gave no reason");
                return Err(CallError::Fault(Fault::new(FaultName::UpdateInProgress, text)));
            }
            Err(error) => return Err(aws::creating("ec2:CreateFlowLogs")(error)),
        };
        ec2::none_failed(aws::Verb::Create, "ec2:CreateFlowLogs", answer.unsuccessful())?;
        let id = resources::answered("ec2:CreateFlowLogs", answer.flow_log_ids().first().map(String::as_str))?;
        let outputs = outputs([("id", &id)]);
        Ok(Created { locator: Locator(id), outputs, progress: Progress::Done })
    }

    async fn update(&self, subject: &Subject, changes: &[FieldChange]) -> Result<Progress, CallError> {
        ec2::retag(&self.0, subject.locator()?, changes).await?;
        Ok(Progress::Done)
    }

    async fn delete(&self, subject: &Subject) -> Result<Progress, CallError> {
        let answer = self.0.delete_flow_logs().flow_log_ids(subject.locator()?).send().await;
        let answer = answer.map_err(aws::deleting("ec2:DeleteFlowLogs"))?;
        ec2::none_failed(aws::Verb::Delete, "ec2:DeleteFlowLogs", answer.unsuccessful())?;
        Ok(Progress::Done)
    }
}
