//! A public IPv4 address.

use async_trait::async_trait;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::error::ProvideErrorMetadata;
use aws_sdk_ec2::types::{DomainType, ResourceType};
use domain::{Fault, FaultName, Locator};
use engine::{CallError, Created, Observed, Progress, Resource, Subject};
use plan::FieldChange;
use plan::network::ElasticIpSpec;
use serde_json::json;

use crate::ec2;
use resources::seen::{Phase, Seen, observed, outputs};

/// [`domain::Kind::ElasticIp`]. Its locator is the allocation.
///
/// Idempotent because it is found by its tags; the create takes no token and is sent once. Leaves nothing behind on
/// failure.
///
/// Permissions: `ec2:AllocateAddress`, `ec2:CreateTags`, `ec2:DeleteTags`, `ec2:ReleaseAddress`,
/// `ec2:DescribeAddresses`.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AllocateAddress.html>
pub(crate) struct ElasticIp(pub(crate) Client);

#[async_trait]
impl Resource for ElasticIp {
    async fn observe(&self, subject: &Subject) -> Result<Observed, CallError> {
        let spec: ElasticIpSpec = subject.spec()?;
        let call = self.0.describe_addresses().set_filters(Some(ec2::find(subject, "allocation-id")));
        let answer = call.send().await.map_err(aws::reading("ec2:DescribeAddresses"))?;
        let seen = answer.addresses().iter().map(|address| {
            let id = address.allocation_id().unwrap_or_default();
            let tags = ec2::tags(address.tags());
            Seen {
                id: id.to_owned(),
                phase: Phase::Resting,
                properties: json!({"tags": aws::shown_tags(&spec.tags, &tags)}),
                tags,
                outputs: outputs([("id", id), ("address", address.public_ip().unwrap_or_default())]),
            }
        });
        Ok(observed(subject, seen.collect()))
    }

    async fn create(&self, subject: &Subject) -> Result<Created, CallError> {
        let spec: ElasticIpSpec = subject.spec()?;
        let tags = ec2::tagged(ResourceType::ElasticIp, subject, &spec.tags);
        let call = self.0.allocate_address().domain(DomainType::Vpc).tag_specifications(tags);
        let answer = call.customize().config_override(ec2::once()).send().await;
        let answer = answer.map_err(aws::creating("ec2:AllocateAddress"))?;
        let id = resources::answered("ec2:AllocateAddress", answer.allocation_id())?;
        let outputs = outputs([("id", &id), ("address", answer.public_ip().unwrap_or_default())]);
        Ok(Created { locator: Locator(id), outputs, progress: Progress::Done })
    }

    async fn update(&self, subject: &Subject, changes: &[FieldChange]) -> Result<Progress, CallError> {
        ec2::retag(&self.0, subject.locator()?, changes).await?;
        Ok(Progress::Done)
    }

    async fn delete(&self, subject: &Subject) -> Result<Progress, CallError> {
        let id = subject.locator()?;
        match self.0.release_address().allocation_id(id).send().await {
            Ok(_) => Ok(Progress::Done),
            // What EC2 says of an address that a NAT gateway has not let go yet: the gateway shows as deleted some
            // seconds before. A permission that is missing is UnauthorizedOperation.
            Err(error) if error.code() == Some("AuthFailure") => {
                let message = format!("the address {id} is still in use");
                Err(CallError::Fault(Fault::new(FaultName::DependencyStillThere, message)))
            }
            Err(error) => Err(aws::deleting("ec2:ReleaseAddress")(error)),
        }
    }
}
