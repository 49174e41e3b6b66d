//! A public NAT gateway.

use async_trait::async_trait;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{NatGateway as Listed, NatGatewayState, ResourceType};
use domain::Locator;
use engine::{CallError, Created, Observed, Progress, Resource, Subject};
use plan::FieldChange;
use plan::network::NatGatewaySpec;
use serde_json::json;

use crate::ec2;
use resources::seen::{Phase, Seen, observed, outputs};

/// [`domain::Kind::NatGateway`]. It takes a minute or two to come and to go.
///
/// Idempotent because the create has a client token. Leaves behind on failure a gateway in the state `failed`, which can
/// be deleted and lets its address go. A deleted one stays in lists for about an hour and counts as absent.
///
/// Permissions: `ec2:CreateNatGateway`, `ec2:CreateTags`, `ec2:DeleteTags`, `ec2:DeleteNatGateway`,
/// `ec2:DescribeNatGateways`.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_NatGateway.html>
pub(crate) struct NatGateway(pub(crate) Client);

#[async_trait]
impl Resource for NatGateway {
    async fn observe(&self, subject: &Subject) -> Result<Observed, CallError> {
        let spec: NatGatewaySpec = subject.spec()?;
        let call = self.0.describe_nat_gateways().set_filter(Some(ec2::find(subject, "nat-gateway-id")));
        let listed: Vec<Listed> = call
            .into_paginator()
            .items()
            .send()
            .collect::<Result<_, _>>()
            .await
            .map_err(aws::reading("ec2:DescribeNatGateways"))?;
        let seen = listed.iter().map(|gateway| {
            let id = gateway.nat_gateway_id().unwrap_or_default();
            let tags = ec2::tags(gateway.tags());
            let address = gateway.nat_gateway_addresses().iter().find_map(|address| address.allocation_id());
            let properties = json!({
                "subnet": gateway.subnet_id(),
                "address": address,
                "tags": aws::shown_tags(&spec.tags, &tags),
            });
            Seen { id: id.to_owned(), phase: phase(gateway), tags, properties, outputs: outputs([("id", id)]) }
        });
        Ok(observed(subject, seen.collect()))
    }

    async fn create(&self, subject: &Subject) -> Result<Created, CallError> {
        let spec: NatGatewaySpec = subject.spec()?;
        let call = self
            .0
            .create_nat_gateway()
            .subnet_id(spec.subnet.as_str())
            .allocation_id(spec.address.as_str())
            .client_token(subject.token.to_string())
            .tag_specifications(ec2::tagged(ResourceType::Natgateway, subject, &spec.tags));
        let answer = call.send().await.map_err(aws::creating("ec2:CreateNatGateway"))?;
        let id =
            resources::answered("ec2:CreateNatGateway", answer.nat_gateway().and_then(|nat| nat.nat_gateway_id()))?;
        let outputs = outputs([("id", &id)]);
        Ok(Created { locator: Locator(id), outputs, progress: Progress::Pending })
    }

    async fn update(&self, subject: &Subject, changes: &[FieldChange]) -> Result<Progress, CallError> {
        ec2::retag(&self.0, subject.locator()?, changes).await?;
        Ok(Progress::Done)
    }

    async fn delete(&self, subject: &Subject) -> Result<Progress, CallError> {
        let answer = self.0.delete_nat_gateway().nat_gateway_id(subject.locator()?).send().await;
        answer.map_err(aws::deleting("ec2:DeleteNatGateway"))?;
        Ok(Progress::Pending)
    }
}

fn phase(gateway: &Listed) -> Phase {
    match gateway.state() {
        Some(NatGatewayState::Available) => Phase::Resting,
        Some(NatGatewayState::Deleting) => Phase::Leaving,
        Some(NatGatewayState::Deleted) => Phase::Gone,
        Some(NatGatewayState::Failed) => Phase::Failed(format!(
            "{}: {}",
            gateway.failure_code().unwrap_or("no code"),
            gateway.failure_message().unwrap_or("AWS gave no reason")
        )),
        _ => Phase::Working,
    }
}
