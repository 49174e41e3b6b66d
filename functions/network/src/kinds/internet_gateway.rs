//! An internet gateway, attached to its VPC.

use async_trait::async_trait;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::error::ProvideErrorMetadata;
use aws_sdk_ec2::types::{InternetGateway as Listed, ResourceType};
use domain::Locator;
use engine::{CallError, Created, Observed, Progress, Resource, Subject};
use plan::FieldChange;
use plan::UNFINISHED;
use plan::network::InternetGatewaySpec;
use serde_json::json;

use crate::ec2;
use resources::seen::{Phase, Seen, changed, observed, outputs, put_unfinished};

/// [`domain::Kind::InternetGateway`].
///
/// Idempotent because it is found by its tags; the create takes no token and is sent once. Leaves behind on failure a
/// gateway that is not attached: `observe` shows it as unfinished and `update` attaches it. Its delete detaches it first,
/// from whatever it is attached to.
///
/// Permissions: `ec2:CreateInternetGateway`, `ec2:CreateTags`, `ec2:DeleteTags`, `ec2:AttachInternetGateway`,
/// `ec2:DetachInternetGateway`, `ec2:DeleteInternetGateway`, `ec2:DescribeInternetGateways`.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AttachInternetGateway.html>
pub(crate) struct InternetGateway(pub(crate) Client);

#[async_trait]
impl Resource for InternetGateway {
    async fn observe(&self, subject: &Subject) -> Result<Observed, CallError> {
        let spec: InternetGatewaySpec = subject.spec()?;
        let seen = |gateway: &Listed| {
            let id = gateway.internet_gateway_id().unwrap_or_default();
            let tags = ec2::tags(gateway.tags());
            let vpc = gateway.attachments().iter().find_map(|attachment| attachment.vpc_id());
            let mut properties = json!({"tags": aws::shown_tags(&spec.tags, &tags)});
            put_unfinished(&mut properties, &[("attachment", vpc == Some(spec.vpc.as_str()))]);
            Seen { id: id.to_owned(), phase: Phase::Resting, tags, properties, outputs: outputs([("id", id)]) }
        };
        Ok(observed(subject, self.list(subject).await?.iter().map(seen).collect()))
    }

    async fn create(&self, subject: &Subject) -> Result<Created, CallError> {
        let spec: InternetGatewaySpec = subject.spec()?;
        let tags = ec2::tagged(ResourceType::InternetGateway, subject, &spec.tags);
        let call = self.0.create_internet_gateway().tag_specifications(tags);
        let answer = call.customize().config_override(ec2::once()).send().await;
        let answer = answer.map_err(aws::creating("ec2:CreateInternetGateway"))?;
        let gateway = answer.internet_gateway();
        let id = resources::answered(
            "ec2:CreateInternetGateway",
            gateway.and_then(|gateway| gateway.internet_gateway_id()),
        )?;
        let progress = resources::finished(self.attach(&id, spec.vpc.as_str()).await);
        let outputs = outputs([("id", &id)]);
        Ok(Created { locator: Locator(id), outputs, progress })
    }

    async fn update(&self, subject: &Subject, changes: &[FieldChange]) -> Result<Progress, CallError> {
        let spec: InternetGatewaySpec = subject.spec()?;
        let id = subject.locator()?;
        if changed(changes, UNFINISHED) {
            self.attach(id, spec.vpc.as_str()).await?;
        }
        ec2::retag(&self.0, id, changes).await?;
        Ok(Progress::Done)
    }

    async fn delete(&self, subject: &Subject) -> Result<Progress, CallError> {
        let id = subject.locator()?;
        let listed = self.list(subject).await?;
        for vpc in listed.iter().flat_map(|gateway| gateway.attachments()).filter_map(|attached| attached.vpc_id()) {
            self.detach(id, vpc).await?;
        }
        let answer = self.0.delete_internet_gateway().internet_gateway_id(id).send().await;
        answer.map_err(aws::deleting("ec2:DeleteInternetGateway"))?;
        Ok(Progress::Done)
    }
}

impl InternetGateway {
    async fn list(&self, subject: &Subject) -> Result<Vec<Listed>, CallError> {
        let filters = ec2::find(subject, "internet-gateway-id");
        let call = self.0.describe_internet_gateways().set_filters(Some(filters));
        let listed = call.into_paginator().items().send().collect::<Result<_, _>>().await;
        listed.map_err(aws::reading("ec2:DescribeInternetGateways"))
    }

    async fn attach(&self, id: &str, vpc: &str) -> Result<(), CallError> {
        match self.0.attach_internet_gateway().internet_gateway_id(id).vpc_id(vpc).send().await {
            Err(error) if error.code() != Some("Resource.AlreadyAssociated") => {
                Err(aws::changing("ec2:AttachInternetGateway")(error))
            }
            _ => Ok(()),
        }
    }

    async fn detach(&self, id: &str, vpc: &str) -> Result<(), CallError> {
        match self.0.detach_internet_gateway().internet_gateway_id(id).vpc_id(vpc).send().await {
            Err(error) if error.code() != Some("Gateway.NotAttached") => {
                Err(aws::deleting("ec2:DetachInternetGateway")(error))
            }
            _ => Ok(()),
        }
    }
}
