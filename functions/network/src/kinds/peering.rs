//! A peering connection to another VPC of the same account and region, accepted.

use async_trait::async_trait;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{ResourceType, VpcPeeringConnection as Listed, VpcPeeringConnectionStateReasonCode as Code};
use domain::Locator;
use engine::{CallError, Created, Observed, Progress, Resource, Subject};
use plan::FieldChange;
use plan::UNFINISHED;
use plan::network::PeeringSpec;
use serde_json::json;

use crate::ec2;
use resources::seen::{Phase, Seen, changed, observed, outputs, put_unfinished};

/// [`domain::Kind::Peering`].
///
/// Idempotent because it is found by its tags; the create takes no token and is sent once. Leaves behind on failure a
/// connection that is not accepted: `observe` shows it as unfinished and `update` accepts it. One that failed (the blocks
/// overlap) or was rejected cannot be deleted; AWS drops it after some hours, and for us it is gone.
///
/// Permissions: `ec2:CreateVpcPeeringConnection`, `ec2:CreateTags`, `ec2:DeleteTags`,
/// `ec2:AcceptVpcPeeringConnection`, `ec2:DeleteVpcPeeringConnection`, `ec2:DescribeVpcPeeringConnections`.
/// <https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-basics.html>
pub(crate) struct Peering(pub(crate) Client);

#[async_trait]
impl Resource for Peering {
    async fn observe(&self, subject: &Subject) -> Result<Observed, CallError> {
        let spec: PeeringSpec = subject.spec()?;
        Ok(observed(subject, self.list(subject).await?.iter().map(|one| seen(one, &spec)).collect()))
    }

    async fn create(&self, subject: &Subject) -> Result<Created, CallError> {
        let spec: PeeringSpec = subject.spec()?;
        let call = self
            .0
            .create_vpc_peering_connection()
            .vpc_id(spec.vpc.as_str())
            .peer_vpc_id(&spec.peer_vpc)
            .tag_specifications(ec2::tagged(ResourceType::VpcPeeringConnection, subject, &spec.tags));
        let answer = call.customize().config_override(ec2::once()).send().await;
        let answer = answer.map_err(aws::creating("ec2:CreateVpcPeeringConnection"))?;
        let created = answer.vpc_peering_connection().and_then(|peering| peering.vpc_peering_connection_id());
        let id = resources::answered("ec2:CreateVpcPeeringConnection", created)?;
        // Whether or not it can be accepted already, it is not active yet.
        resources::finished(self.accept(&id).await);
        let outputs = outputs([("id", &id)]);
        Ok(Created { locator: Locator(id), outputs, progress: Progress::Pending })
    }

    async fn update(&self, subject: &Subject, changes: &[FieldChange]) -> Result<Progress, CallError> {
        let id = subject.locator()?;
        if changed(changes, UNFINISHED) {
            self.accept(id).await?;
        }
        ec2::retag(&self.0, id, changes).await?;
        Ok(Progress::Done)
    }

    async fn delete(&self, subject: &Subject) -> Result<Progress, CallError> {
        let id = subject.locator()?;
        if self.list(subject).await?.iter().all(|one| matches!(phase(one), Phase::Dead(_) | Phase::Gone)) {
            return Err(CallError::NotFound);
        }
        let answer = self.0.delete_vpc_peering_connection().vpc_peering_connection_id(id).send().await;
        answer.map_err(aws::deleting("ec2:DeleteVpcPeeringConnection"))?;
        Ok(Progress::Pending)
    }
}

impl Peering {
    async fn list(&self, subject: &Subject) -> Result<Vec<Listed>, CallError> {
        let filters = ec2::find(subject, "vpc-peering-connection-id");
        let call = self.0.describe_vpc_peering_connections().set_filters(Some(filters));
        let listed = call.into_paginator().items().send().collect::<Result<_, _>>().await;
        listed.map_err(aws::reading("ec2:DescribeVpcPeeringConnections"))
    }

    async fn accept(&self, id: &str) -> Result<(), CallError> {
        let answer = self.0.accept_vpc_peering_connection().vpc_peering_connection_id(id).send().await;
        answer.map_err(aws::changing("ec2:AcceptVpcPeeringConnection"))?;
        Ok(())
    }
}

fn seen(peering: &Listed, spec: &PeeringSpec) -> Seen {
    let id = peering.vpc_peering_connection_id().unwrap_or_default();
    let tags = ec2::tags(peering.tags());
    let mut properties = json!({
        "vpc": peering.requester_vpc_info().and_then(|vpc| vpc.vpc_id()),
        "peerVpc": peering.accepter_vpc_info().and_then(|vpc| vpc.vpc_id()),
        "tags": aws::shown_tags(&spec.tags, &tags),
    });
    let accepted = peering.status().and_then(|status| status.code()) != Some(&Code::PendingAcceptance);
    put_unfinished(&mut properties, &[("acceptance", accepted)]);
    Seen { id: id.to_owned(), phase: phase(peering), tags, properties, outputs: outputs([("id", id)]) }
}

fn phase(peering: &Listed) -> Phase {
    let status = peering.status();
    match status.and_then(|status| status.code()) {
        Some(Code::Active | Code::PendingAcceptance) => Phase::Resting,
        Some(Code::Deleting) => Phase::Leaving,
        Some(Code::Deleted) => Phase::Gone,
        Some(code @ (Code::Failed | Code::Rejected | Code::Expired)) => {
            let why = status.and_then(|status| status.message()).unwrap_or("AWS gave no reason");
            Phase::Dead(format!("the peering is {code}: {why}"))
        }
        _ => Phase::Working,
    }
}
