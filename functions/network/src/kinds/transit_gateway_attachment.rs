//! A VPC's attachment to a transit gateway.

use std::collections::BTreeSet;

use async_trait::async_trait;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{ResourceType, TransitGatewayAttachmentState as State, TransitGatewayVpcAttachment as Listed};
use domain::Locator;
use engine::{CallError, Created, Observed, Progress, Resource, Subject};
use plan::FieldChange;
use plan::network::TransitGatewayAttachmentSpec;
use serde_json::json;

use super::endpoint::missing;
use crate::ec2;
use resources::seen::{Phase, Seen, changed, in_order_of, observed, outputs, texts};

/// [`domain::Kind::TransitGatewayAttachment`]. Where the gateway's owner must accept attachments, it stays pending until
/// he did.
///
/// Idempotent because it is found by its tags, and a gateway has one attachment a VPC; the create takes no token and is
/// sent once. Leaves behind on failure an attachment in the state `failed`, which cannot be deleted; AWS drops it, and
/// for us it is gone.
///
/// Permissions: `ec2:CreateTransitGatewayVpcAttachment`, `ec2:CreateTags`, `ec2:DeleteTags`,
/// `ec2:ModifyTransitGatewayVpcAttachment`, `ec2:DeleteTransitGatewayVpcAttachment`,
/// `ec2:DescribeTransitGatewayVpcAttachments`, `iam:CreateServiceLinkedRole` for the account's first.
/// <https://docs.aws.amazon.com/vpc/latest/tgw/tgw-vpc-attachments.html>
pub(crate) struct TransitGatewayAttachment(pub(crate) Client);

#[async_trait]
impl Resource for TransitGatewayAttachment {
    async fn observe(&self, subject: &Subject) -> Result<Observed, CallError> {
        let spec: TransitGatewayAttachmentSpec = subject.spec()?;
        Ok(observed(subject, self.list(subject).await?.iter().map(|one| seen(one, &spec)).collect()))
    }

    async fn create(&self, subject: &Subject) -> Result<Created, CallError> {
        let spec: TransitGatewayAttachmentSpec = subject.spec()?;
        let call = self
            .0
            .create_transit_gateway_vpc_attachment()
            .vpc_id(spec.vpc.as_str())
            .transit_gateway_id(&spec.transit_gateway)
            .set_subnet_ids(Some(texts(&spec.subnets).into_iter().collect()))
            .tag_specifications(ec2::tagged(ResourceType::TransitGatewayAttachment, subject, &spec.tags));
        let answer = call.customize().config_override(ec2::once()).send().await;
        let answer = answer.map_err(aws::creating("ec2:CreateTransitGatewayVpcAttachment"))?;
        let created = answer.transit_gateway_vpc_attachment().and_then(|one| one.transit_gateway_attachment_id());
        let id = resources::answered("ec2:CreateTransitGatewayVpcAttachment", created)?;
        let outputs = outputs([("id", &id)]);
        Ok(Created { locator: Locator(id), outputs, progress: Progress::Pending })
    }

    async fn update(&self, subject: &Subject, changes: &[FieldChange]) -> Result<Progress, CallError> {
        let spec: TransitGatewayAttachmentSpec = subject.spec()?;
        let id = subject.locator()?;
        if changed(changes, "subnets") {
            let there: BTreeSet<String> = self.list(subject).await?.iter().flat_map(subnets).collect();
            let wanted = texts(&spec.subnets);
            let (add, remove) = (missing(&there, &wanted), missing(&wanted, &there));
            if add.is_some() || remove.is_some() {
                let call = self.0.modify_transit_gateway_vpc_attachment().transit_gateway_attachment_id(id);
                let call = call.set_add_subnet_ids(add).set_remove_subnet_ids(remove);
                call.send().await.map_err(aws::changing("ec2:ModifyTransitGatewayVpcAttachment"))?;
            }
        }
        ec2::retag(&self.0, id, changes).await?;
        Ok(Progress::Done)
    }

    async fn delete(&self, subject: &Subject) -> Result<Progress, CallError> {
        let id = subject.locator()?;
        if self.list(subject).await?.iter().all(|one| matches!(phase(one), Phase::Dead(_) | Phase::Gone)) {
            return Err(CallError::NotFound);
        }
        let answer = self.0.delete_transit_gateway_vpc_attachment().transit_gateway_attachment_id(id).send().await;
        answer.map_err(aws::deleting("ec2:DeleteTransitGatewayVpcAttachment"))?;
        Ok(Progress::Pending)
    }
}

impl TransitGatewayAttachment {
    async fn list(&self, subject: &Subject) -> Result<Vec<Listed>, CallError> {
        let filters = ec2::find(subject, "transit-gateway-attachment-id");
        let call = self.0.describe_transit_gateway_vpc_attachments().set_filters(Some(filters));
        let listed = call.into_paginator().items().send().collect::<Result<_, _>>().await;
        listed.map_err(aws::reading("ec2:DescribeTransitGatewayVpcAttachments"))
    }
}

fn subnets(attachment: &Listed) -> BTreeSet<String> {
    attachment.subnet_ids().iter().cloned().collect()
}

fn seen(attachment: &Listed, spec: &TransitGatewayAttachmentSpec) -> Seen {
    let id = attachment.transit_gateway_attachment_id().unwrap_or_default();
    let tags = ec2::tags(attachment.tags());
    let properties = json!({
        "vpc": attachment.vpc_id(),
        "transitGateway": attachment.transit_gateway_id(),
        "subnets": in_order_of(&spec.subnets, &subnets(attachment)),
        "tags": aws::shown_tags(&spec.tags, &tags),
    });
    Seen { id: id.to_owned(), phase: phase(attachment), tags, properties, outputs: outputs([("id", id)]) }
}

fn phase(attachment: &Listed) -> Phase {
    match attachment.state() {
        Some(State::Available) => Phase::Resting,
        Some(State::Deleting) => Phase::Leaving,
        Some(State::Deleted) => Phase::Gone,
        Some(state @ (State::Failed | State::Rejected)) => Phase::Dead(format!("the attachment is {state}")),
        _ => Phase::Working,
    }
}
