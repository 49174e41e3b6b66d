//! A further IPv4 block of a VPC.

use async_trait::async_trait;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{VpcCidrBlockAssociation, VpcCidrBlockStateCode};
use domain::{Locator, Tags};
use engine::{CallError, Created, Observed, Progress, Resource, Subject};
use plan::FieldChange;
use plan::network::VpcCidrSpec;
use serde_json::json;

use crate::ec2::{self, filter};
use resources::seen::{Phase, Seen, observed, outputs};

/// [`domain::Kind::VpcCidr`]. Its locator is the id of the association.
///
/// Idempotent because a VPC has a block once: it is found by VPC and block. It takes no tags, so a block that stands is
/// taken for ours; Admit plans none that a given VPC had before. Leaves nothing behind on failure: AWS disassociates a
/// failed block on demand.
///
/// Permissions: `ec2:AssociateVpcCidrBlock`, `ec2:DisassociateVpcCidrBlock`, `ec2:DescribeVpcs`.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AssociateVpcCidrBlock.html>
pub(crate) struct VpcCidr(pub(crate) Client);

#[async_trait]
impl Resource for VpcCidr {
    async fn observe(&self, subject: &Subject) -> Result<Observed, CallError> {
        let spec: VpcCidrSpec = subject.spec()?;
        let cidr = spec.cidr.to_string();
        let answer = self.0.describe_vpcs().filters(filter("vpc-id", [spec.vpc.as_str()])).send().await;
        let answer = answer.map_err(aws::reading("ec2:DescribeVpcs"))?;
        let blocks = answer.vpcs().iter().flat_map(|vpc| vpc.cidr_block_association_set());
        let seen = blocks.filter(|block| block.cidr_block() == Some(&cidr)).map(|block| {
            let id = block.association_id().unwrap_or_default();
            Seen {
                id: id.to_owned(),
                phase: phase(block),
                tags: Tags::new(),
                properties: json!({"vpc": spec.vpc, "cidr": cidr}),
                outputs: outputs([("id", id)]),
            }
        });
        Ok(observed(subject, seen.collect()))
    }

    async fn create(&self, subject: &Subject) -> Result<Created, CallError> {
        let spec: VpcCidrSpec = subject.spec()?;
        let call = self.0.associate_vpc_cidr_block().vpc_id(spec.vpc.as_str()).cidr_block(spec.cidr.to_string());
        let answer = call.customize().config_override(ec2::once()).send().await;
        let answer = answer.map_err(aws::creating("ec2:AssociateVpcCidrBlock"))?;
        let block = answer.cidr_block_association();
        let id = resources::answered("ec2:AssociateVpcCidrBlock", block.and_then(|block| block.association_id()))?;
        let outputs = outputs([("id", &id)]);
        Ok(Created { locator: Locator(id), outputs, progress: Progress::Pending })
    }

    /// Nothing of it can be changed.
    async fn update(&self, _subject: &Subject, _changes: &[FieldChange]) -> Result<Progress, CallError> {
        Ok(Progress::Done)
    }

    async fn delete(&self, subject: &Subject) -> Result<Progress, CallError> {
        let answer = self.0.disassociate_vpc_cidr_block().association_id(subject.locator()?).send().await;
        answer.map_err(aws::deleting("ec2:DisassociateVpcCidrBlock"))?;
        Ok(Progress::Pending)
    }
}

fn phase(block: &VpcCidrBlockAssociation) -> Phase {
    let state = block.cidr_block_state();
    match state.and_then(|state| state.state()) {
        Some(VpcCidrBlockStateCode::Associated) => Phase::Resting,
        Some(VpcCidrBlockStateCode::Disassociating) => Phase::Leaving,
        Some(VpcCidrBlockStateCode::Disassociated) => Phase::Gone,
        Some(VpcCidrBlockStateCode::Failed) => {
            let why = state.and_then(|state| state.status_message()).unwrap_or("AWS gave no reason");
            Phase::Failed(why.to_owned())
        }
        _ => Phase::Working,
    }
}
