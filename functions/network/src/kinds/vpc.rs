//! A VPC, with DNS support and DNS names switched on, as EKS and private endpoints need them.

use async_trait::async_trait;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{AttributeBooleanValue, ResourceType, Vpc as Listed, VpcAttributeName, VpcState};
use domain::{Locator, Outputs};
use engine::{CallError, Created, Observed, Progress, Resource, Subject};
use plan::FieldChange;
use plan::UNFINISHED;
use plan::network::VpcSpec;
use serde_json::json;

use crate::ec2;
use resources::seen::{Phase, Seen, changed, observed, outputs, put_unfinished};

/// [`domain::Kind::Vpc`].
///
/// Idempotent because it is found by its tags; the create takes no token and is sent once. Leaves behind on failure a
/// VPC whose DNS is not switched on: `observe` shows it as unfinished and `update` does it. Deleted only when nothing is
/// left in it.
///
/// Permissions: `ec2:CreateVpc`, `ec2:CreateTags`, `ec2:DeleteTags`, `ec2:ModifyVpcAttribute`, `ec2:DeleteVpc`,
/// `ec2:DescribeVpcs`, `ec2:DescribeVpcAttribute`, `ec2:DescribeRouteTables`.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpc.html>
pub(crate) struct Vpc(pub(crate) Client);

#[async_trait]
impl Resource for Vpc {
    async fn observe(&self, subject: &Subject) -> Result<Observed, CallError> {
        let spec: VpcSpec = subject.spec()?;
        let call = self.0.describe_vpcs().set_filters(Some(ec2::find(subject, "vpc-id")));
        let listed: Vec<Listed> = call
            .into_paginator()
            .items()
            .send()
            .collect::<Result<_, _>>()
            .await
            .map_err(aws::reading("ec2:DescribeVpcs"))?;
        let mut all = Vec::new();
        for vpc in &listed {
            all.push(self.seen(vpc, &spec).await?);
        }
        Ok(observed(subject, all))
    }

    async fn create(&self, subject: &Subject) -> Result<Created, CallError> {
        let spec: VpcSpec = subject.spec()?;
        let call = self.0.create_vpc().cidr_block(spec.cidr.to_string()).tag_specifications(ec2::tagged(
            ResourceType::Vpc,
            subject,
            &spec.tags,
        ));
        let answer = call.customize().config_override(ec2::once()).send().await;
        let answer = answer.map_err(aws::creating("ec2:CreateVpc"))?;
        let id = resources::answered("ec2:CreateVpc", answer.vpc().and_then(|vpc| vpc.vpc_id()))?;
        let mut outputs = outputs([("id", &id)]);
        let progress = resources::finished(self.finish(&id, &mut outputs).await);
        Ok(Created { locator: Locator(id), outputs, progress })
    }

    async fn update(&self, subject: &Subject, changes: &[FieldChange]) -> Result<Progress, CallError> {
        let id = subject.locator()?;
        if changed(changes, UNFINISHED) {
            self.switch_dns_on(id).await?;
        }
        ec2::retag(&self.0, id, changes).await?;
        Ok(Progress::Done)
    }

    async fn delete(&self, subject: &Subject) -> Result<Progress, CallError> {
        let answer = self.0.delete_vpc().vpc_id(subject.locator()?).send().await;
        answer.map_err(aws::deleting("ec2:DeleteVpc"))?;
        Ok(Progress::Done)
    }
}

impl Vpc {
    async fn seen(&self, vpc: &Listed, spec: &VpcSpec) -> Result<Seen, CallError> {
        let id = vpc.vpc_id().unwrap_or_default();
        let tags = ec2::tags(vpc.tags());
        let mut properties = json!({"cidr": vpc.cidr_block(), "tags": aws::shown_tags(&spec.tags, &tags)});
        let mut known = outputs([("id", id)]);
        let mut phase = match vpc.state() {
            Some(VpcState::Available) => Phase::Resting,
            Some(state) if state.as_str() == "deleting" => Phase::Leaving,
            _ => Phase::Working,
        };
        if phase == Phase::Resting {
            match ec2::main_route_table(&self.0, id).await? {
                Some(table) => known.extend(outputs([("mainRouteTable", &table)])),
                // Its VPC is visible already: so will it be.
                None => phase = Phase::Working,
            }
            let support = self.attribute(id, VpcAttributeName::EnableDnsSupport).await?;
            let names = self.attribute(id, VpcAttributeName::EnableDnsHostnames).await?;
            put_unfinished(&mut properties, &[("DNS support", support), ("DNS names", names)]);
        }
        Ok(Seen { id: id.to_owned(), phase, tags, properties, outputs: known })
    }

    /// One attribute in a call: EC2 takes no more.
    async fn attribute(&self, id: &str, name: VpcAttributeName) -> Result<bool, CallError> {
        let answer = self.0.describe_vpc_attribute().vpc_id(id).attribute(name.clone()).send().await;
        let answer = answer.map_err(aws::reading("ec2:DescribeVpcAttribute"))?;
        let value = match name {
            VpcAttributeName::EnableDnsSupport => answer.enable_dns_support(),
            _ => answer.enable_dns_hostnames(),
        };
        Ok(value.and_then(|value| value.value()).unwrap_or_default())
    }

    async fn finish(&self, id: &str, outputs: &mut Outputs) -> Result<(), CallError> {
        self.switch_dns_on(id).await?;
        let table = ec2::main_route_table(&self.0, id).await?.ok_or(CallError::NotFound)?;
        outputs.insert("mainRouteTable".to_owned(), table);
        Ok(())
    }

    /// Names need support, so support goes first.
    async fn switch_dns_on(&self, id: &str) -> Result<(), CallError> {
        let on = AttributeBooleanValue::builder().value(true).build();
        let call = self.0.modify_vpc_attribute().vpc_id(id).enable_dns_support(on.clone());
        call.send().await.map_err(aws::changing("ec2:ModifyVpcAttribute"))?;
        let call = self.0.modify_vpc_attribute().vpc_id(id).enable_dns_hostnames(on);
        call.send().await.map_err(aws::changing("ec2:ModifyVpcAttribute"))?;
        Ok(())
    }
}
