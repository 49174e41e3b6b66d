//! VPC endpoints: what the gateway form and the interface form share.

use std::collections::BTreeSet;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::VpcEndpoint;
use engine::{CallError, Progress, Subject};

use crate::ec2;
use resources::seen::Phase;

pub(super) async fn list(client: &Client, subject: &Subject) -> Result<Vec<VpcEndpoint>, CallError> {
    let call = client.describe_vpc_endpoints().set_filters(Some(ec2::find(subject, "vpc-endpoint-id")));
    let listed = call.into_paginator().items().send().collect::<Result<_, _>>().await;
    listed.map_err(aws::reading("ec2:DescribeVpcEndpoints"))
}

/// The one endpoint that a change is about.
pub(super) async fn find(client: &Client, subject: &Subject) -> Result<VpcEndpoint, CallError> {
    list(client, subject).await?.into_iter().next().ok_or(CallError::NotFound)
}

/// EC2 answers states in lowercase, though its model says otherwise.
pub(super) fn phase(endpoint: &VpcEndpoint) -> Phase {
    let state = endpoint.state().map(|state| state.as_str().to_ascii_lowercase()).unwrap_or_default();
    match state.as_str() {
        "available" => Phase::Resting,
        "deleting" => Phase::Leaving,
        "deleted" => Phase::Gone,
        "failed" | "rejected" | "expired" | "partial" => {
            let why = endpoint.last_error().and_then(|error| error.message()).unwrap_or("AWS gave no reason");
            Phase::Failed(format!("the endpoint is {state}: {why}"))
        }
        _ => Phase::Working,
    }
}

/// The call answers 200 also for what it did not delete.
///
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteVpcEndpoints.html>
pub(super) async fn delete(client: &Client, subject: &Subject) -> Result<Progress, CallError> {
    let answer = client.delete_vpc_endpoints().vpc_endpoint_ids(subject.locator()?).send().await;
    let answer = answer.map_err(aws::deleting("ec2:DeleteVpcEndpoints"))?;
    ec2::none_failed(aws::Verb::Delete, "ec2:DeleteVpcEndpoints", answer.unsuccessful())?;
    Ok(Progress::Pending)
}

/// What to add to `there`, if anything, to have all of `wanted`.
pub(super) fn missing(there: &BTreeSet<String>, wanted: &BTreeSet<String>) -> Option<Vec<String>> {
    Some(wanted.difference(there).cloned().collect()).filter(|list: &Vec<String>| !list.is_empty())
}
