//! A subnet in one zone.

use async_trait::async_trait;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{AttributeBooleanValue, ResourceType, Subnet as Listed, SubnetState};
use domain::{Locator, Tags};
use engine::{CallError, Created, Observed, Progress, Resource, Subject};
use ipnet::Ipv4Net;
use plan::FieldChange;
use plan::network::SubnetSpec;
use serde_json::json;

use crate::ec2::{self, filter};
use resources::seen::{Phase, Seen, changed, is_subject, observed, outputs};

/// [`domain::Kind::Subnet`]. The zone is given by id, because names differ from account to account.
///
/// Idempotent because it is found by its tags; the create takes no token and is sent once. A subnet of somebody else in
/// the same block is foreign. Leaves behind on failure a subnet that gives no public addresses: `observe` shows it and
/// `update` switches them on. Deleted only when no interface is left in it.
///
/// Permissions: `ec2:CreateSubnet`, `ec2:CreateTags`, `ec2:DeleteTags`, `ec2:ModifySubnetAttribute`,
/// `ec2:DeleteSubnet`, `ec2:DescribeSubnets`.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSubnet.html>
pub(crate) struct Subnet(pub(crate) Client);

#[async_trait]
impl Resource for Subnet {
    async fn observe(&self, subject: &Subject) -> Result<Observed, CallError> {
        let spec: SubnetSpec = subject.spec()?;
        let filters = match subject.locator {
            Some(_) => ec2::find(subject, "subnet-id"),
            None => vec![filter("vpc-id", [spec.vpc.as_str()])],
        };
        let listed: Vec<Listed> = self
            .0
            .describe_subnets()
            .set_filters(Some(filters))
            .into_paginator()
            .items()
            .send()
            .collect::<Result<_, _>>()
            .await
            .map_err(aws::reading("ec2:DescribeSubnets"))?;
        let (ours, others): (Vec<Listed>, Vec<Listed>) = listed
            .into_iter()
            .partition(|subnet| subject.locator.is_some() || is_subject(subject, &ec2::tags(subnet.tags())));
        let in_the_way =
            |subnet: &&Listed| overlaps(subnet, spec.cidr) && !subject.identity.owns(&ec2::tags(subnet.tags()));
        match others.iter().find(in_the_way).and_then(|subnet| subnet.subnet_id()) {
            Some(id) if ours.is_empty() => Ok(Observed::Foreign(Locator(id.to_owned()))),
            _ => Ok(observed(subject, ours.iter().map(|subnet| seen(subnet, &spec)).collect())),
        }
    }

    async fn create(&self, subject: &Subject) -> Result<Created, CallError> {
        let spec: SubnetSpec = subject.spec()?;
        let mut tags = spec.tags.clone();
        tags.extend(role_tags(spec.role_tag.as_deref()));
        let call = self
            .0
            .create_subnet()
            .vpc_id(spec.vpc.as_str())
            .availability_zone_id(&spec.zone)
            .cidr_block(spec.cidr.to_string())
            .tag_specifications(ec2::tagged(ResourceType::Subnet, subject, &tags));
        let answer = call.customize().config_override(ec2::once()).send().await;
        let answer = answer.map_err(aws::creating("ec2:CreateSubnet"))?;
        let id = resources::answered("ec2:CreateSubnet", answer.subnet().and_then(|subnet| subnet.subnet_id()))?;
        // A new subnet gives none.
        let rest = if spec.public_addresses { self.give_public_addresses(&id, true).await } else { Ok(()) };
        let outputs = outputs([("id", &id)]);
        Ok(Created { locator: Locator(id), outputs, progress: resources::finished(rest) })
    }

    async fn update(&self, subject: &Subject, changes: &[FieldChange]) -> Result<Progress, CallError> {
        let spec: SubnetSpec = subject.spec()?;
        let id = subject.locator()?;
        if changed(changes, "publicAddresses") {
            self.give_public_addresses(id, spec.public_addresses).await?;
        }
        if let Some(change) = changes.iter().find(|change| change.field == "roleTag") {
            ec2::put_tags(&self.0, id, role_tags(spec.role_tag.as_deref())).await?;
            let old = change.old.as_str().filter(|old| Some(*old) != spec.role_tag.as_deref());
            ec2::remove_tags(&self.0, id, old.map(str::to_owned).into_iter().collect()).await?;
        }
        ec2::retag(&self.0, id, changes).await?;
        Ok(Progress::Done)
    }

    async fn delete(&self, subject: &Subject) -> Result<Progress, CallError> {
        let answer = self.0.delete_subnet().subnet_id(subject.locator()?).send().await;
        answer.map_err(aws::deleting("ec2:DeleteSubnet"))?;
        Ok(Progress::Done)
    }
}

impl Subnet {
    async fn give_public_addresses(&self, id: &str, on: bool) -> Result<(), CallError> {
        let value = AttributeBooleanValue::builder().value(on).build();
        let call = self.0.modify_subnet_attribute().subnet_id(id).map_public_ip_on_launch(value);
        call.send().await.map_err(aws::changing("ec2:ModifySubnetAttribute"))?;
        Ok(())
    }
}

fn seen(subnet: &Listed, spec: &SubnetSpec) -> Seen {
    let id = subnet.subnet_id().unwrap_or_default();
    let tags = ec2::tags(subnet.tags());
    let phase = match subnet.state() {
        Some(SubnetState::Available) => Phase::Resting,
        Some(SubnetState::Failed) => Phase::Failed("AWS reports the subnet as failed".to_owned()),
        Some(SubnetState::FailedInsufficientCapacity) => Phase::Failed("the zone has no capacity for it".to_owned()),
        _ => Phase::Working,
    };
    let properties = json!({
        "vpc": subnet.vpc_id(),
        "zone": subnet.availability_zone_id(),
        "cidr": subnet.cidr_block(),
        "roleTag": spec.role_tag.as_ref().filter(|key| tags.contains_key(*key)),
        "publicAddresses": subnet.map_public_ip_on_launch().unwrap_or_default(),
        "tags": aws::shown_tags(&spec.tags, &tags),
    });
    Seen { id: id.to_owned(), phase, tags, properties, outputs: outputs([("id", id)]) }
}

fn overlaps(subnet: &Listed, cidr: Ipv4Net) -> bool {
    let other: Option<Ipv4Net> = subnet.cidr_block().and_then(|block| block.parse().ok());
    other.is_some_and(|other| other.contains(&cidr) || cidr.contains(&other))
}

/// Load balancer controllers look for the key; the value is always 1.
fn role_tags(key: Option<&str>) -> Tags {
    key.map(|key| (key.to_owned(), "1".to_owned())).into_iter().collect()
}
