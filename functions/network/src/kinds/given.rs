//! What the user gave: looked at, never made, changed or deleted.

use std::collections::BTreeSet;

use async_trait::async_trait;
use aws_sdk_ec2::Client;
use domain::{Fault, FaultName};
use engine::{CallError, Created, Observed, Progress, Resource, Subject};
use plan::FieldChange;
use plan::network::{GivenSubnetSpec, GivenVpcSpec};
use serde_json::json;

use crate::ec2::{self, filter};
use resources::seen::{Phase, Seen, observed, outputs};

/// [`domain::Kind::GivenVpc`].
///
/// Idempotent because it changes nothing; leaves nothing behind. Of its blocks it shows those that the spec names:
/// others that the user adds are no concern of ours.
///
/// Permissions: `ec2:DescribeVpcs`, `ec2:DescribeRouteTables`.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcs.html>
pub(crate) struct GivenVpc(pub(crate) Client);

/// [`domain::Kind::GivenSubnet`].
///
/// Idempotent because it changes nothing; leaves nothing behind.
///
/// Permissions: `ec2:DescribeSubnets`.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSubnets.html>
pub(crate) struct GivenSubnet(pub(crate) Client);

#[async_trait]
impl Resource for GivenVpc {
    async fn observe(&self, subject: &Subject) -> Result<Observed, CallError> {
        let spec: GivenVpcSpec = subject.spec()?;
        let answer = self.0.describe_vpcs().filters(filter("vpc-id", [spec.id.as_str()])).send().await;
        let answer = answer.map_err(aws::reading("ec2:DescribeVpcs"))?;
        let mut all = Vec::new();
        for vpc in answer.vpcs() {
            let there: BTreeSet<&str> =
                vpc.cidr_block_association_set().iter().filter_map(|block| block.cidr_block()).collect();
            let cidrs: Vec<String> =
                spec.cidrs.iter().map(ToString::to_string).filter(|cidr| there.contains(cidr.as_str())).collect();
            let table = ec2::main_route_table(&self.0, &spec.id).await?.unwrap_or_default();
            all.push(Seen {
                id: spec.id.clone(),
                phase: Phase::Resting,
                tags: ec2::tags(vpc.tags()),
                properties: json!({"id": spec.id, "cidrs": cidrs}),
                outputs: outputs([("id", &spec.id), ("mainRouteTable", &table)]),
            });
        }
        Ok(observed(subject, all))
    }

    async fn create(&self, subject: &Subject) -> Result<Created, CallError> {
        let spec: GivenVpcSpec = subject.spec()?;
        Err(not_there("VPC", &spec.id))
    }

    async fn update(&self, _subject: &Subject, _changes: &[FieldChange]) -> Result<Progress, CallError> {
        Ok(Progress::Done)
    }

    async fn delete(&self, _subject: &Subject) -> Result<Progress, CallError> {
        Ok(Progress::Done)
    }
}

#[async_trait]
impl Resource for GivenSubnet {
    async fn observe(&self, subject: &Subject) -> Result<Observed, CallError> {
        let spec: GivenSubnetSpec = subject.spec()?;
        let answer = self.0.describe_subnets().filters(filter("subnet-id", [spec.id.as_str()])).send().await;
        let answer = answer.map_err(aws::reading("ec2:DescribeSubnets"))?;
        let seen = answer.subnets().iter().map(|subnet| Seen {
            id: spec.id.clone(),
            phase: Phase::Resting,
            tags: ec2::tags(subnet.tags()),
            properties: json!({"id": spec.id, "zone": subnet.availability_zone_id(), "cidr": subnet.cidr_block()}),
            outputs: outputs([("id", &spec.id)]),
        });
        Ok(observed(subject, seen.collect()))
    }

    async fn create(&self, subject: &Subject) -> Result<Created, CallError> {
        let spec: GivenSubnetSpec = subject.spec()?;
        Err(not_there("subnet", &spec.id))
    }

    async fn update(&self, _subject: &Subject, _changes: &[FieldChange]) -> Result<Progress, CallError> {
        Ok(Progress::Done)
    }

    async fn delete(&self, _subject: &Subject) -> Result<Progress, CallError> {
        Ok(Progress::Done)
    }
}

fn not_there(what: &str, id: &str) -> CallError {
    let message = format!("the manifest names the {what} {id}, and it is not there");
    CallError::Fault(Fault::new(FaultName::UnusableNetwork, message).next("correct the manifest and upload it again"))
}
