//! An interface endpoint with private DNS: an address in each zone, so that a service is reached without a way out.

use std::collections::BTreeSet;

use async_trait::async_trait;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{ResourceType, SecurityGroupIdentifier, VpcEndpoint, VpcEndpointType};
use domain::Locator;
use engine::{CallError, Created, Observed, Progress, Resource, Subject};
use plan::FieldChange;
use plan::UNFINISHED;
use plan::network::InterfaceEndpointSpec;
use serde_json::json;

use super::endpoint::{self, missing};
use crate::ec2;
use resources::seen::{Seen, changed, in_order_of, observed, outputs, put_unfinished, texts};

/// [`domain::Kind::InterfaceEndpoint`]. It takes about a minute to come, and some to go: its interfaces keep subnets and
/// security groups from being deleted until then.
///
/// Idempotent because the create has a client token, and subnets and groups are looked up before they are added or taken
/// away. A subnet or group that somebody else added is drift. Leaves nothing behind on failure but an endpoint in a
/// failed state, which can be deleted.
///
/// Permissions: `ec2:CreateVpcEndpoint`, `ec2:CreateTags`, `ec2:DeleteTags`, `ec2:ModifyVpcEndpoint`,
/// `ec2:DeleteVpcEndpoints`, `ec2:DescribeVpcEndpoints`, `route53:AssociateVPCWithHostedZone`.
/// <https://docs.aws.amazon.com/vpc/latest/privatelink/create-interface-endpoint.html>
pub(crate) struct InterfaceEndpoint(pub(crate) Client);

#[async_trait]
impl Resource for InterfaceEndpoint {
    async fn observe(&self, subject: &Subject) -> Result<Observed, CallError> {
        let spec: InterfaceEndpointSpec = subject.spec()?;
        let listed = endpoint::list(&self.0, subject).await?;
        let seen = listed.iter().map(|found| {
            let id = found.vpc_endpoint_id().unwrap_or_default();
            let tags = ec2::tags(found.tags());
            let mut properties = json!({
                "vpc": found.vpc_id(),
                "service": found.service_name(),
                "subnets": in_order_of(&spec.subnets, &subnets(found)),
                "securityGroups": in_order_of(&spec.security_groups, &groups(found)),
                "tags": aws::shown_tags(&spec.tags, &tags),
            });
            put_unfinished(&mut properties, &[("private DNS", found.private_dns_enabled() != Some(false))]);
            let phase = endpoint::phase(found);
            Seen { id: id.to_owned(), phase, tags, properties, outputs: outputs([("id", id)]) }
        });
        Ok(observed(subject, seen.collect()))
    }

    async fn create(&self, subject: &Subject) -> Result<Created, CallError> {
        let spec: InterfaceEndpointSpec = subject.spec()?;
        let call = self
            .0
            .create_vpc_endpoint()
            .vpc_endpoint_type(VpcEndpointType::Interface)
            .vpc_id(spec.vpc.as_str())
            .service_name(&spec.service)
            .set_subnet_ids(Some(texts(&spec.subnets).into_iter().collect()))
            .set_security_group_ids(Some(texts(&spec.security_groups).into_iter().collect()))
            .private_dns_enabled(true)
            .client_token(subject.token.to_string())
            .tag_specifications(ec2::tagged(ResourceType::VpcEndpoint, subject, &spec.tags));
        let answer = call.send().await.map_err(aws::creating("ec2:CreateVpcEndpoint"))?;
        let created = answer.vpc_endpoint().and_then(|endpoint| endpoint.vpc_endpoint_id());
        let id = resources::answered("ec2:CreateVpcEndpoint", created)?;
        let outputs = outputs([("id", &id)]);
        Ok(Created { locator: Locator(id), outputs, progress: Progress::Pending })
    }

    async fn update(&self, subject: &Subject, changes: &[FieldChange]) -> Result<Progress, CallError> {
        let spec: InterfaceEndpointSpec = subject.spec()?;
        let id = subject.locator()?;
        if ["subnets", "securityGroups", UNFINISHED].iter().any(|field| changed(changes, field)) {
            self.modify(id, &spec, &endpoint::find(&self.0, subject).await?).await?;
        }
        ec2::retag(&self.0, id, changes).await?;
        Ok(Progress::Done)
    }

    async fn delete(&self, subject: &Subject) -> Result<Progress, CallError> {
        endpoint::delete(&self.0, subject).await
    }
}

impl InterfaceEndpoint {
    async fn modify(&self, id: &str, spec: &InterfaceEndpointSpec, found: &VpcEndpoint) -> Result<(), CallError> {
        let (there, wanted) = (subnets(found), texts(&spec.subnets));
        let (add, remove) = (missing(&there, &wanted), missing(&wanted, &there));
        let (there, wanted) = (groups(found), texts(&spec.security_groups));
        let (admit, dismiss) = (missing(&there, &wanted), missing(&wanted, &there));
        let names = (found.private_dns_enabled() == Some(false)).then_some(true);
        if [&add, &remove, &admit, &dismiss].iter().all(|list| list.is_none()) && names.is_none() {
            return Ok(());
        }
        let call = self
            .0
            .modify_vpc_endpoint()
            .vpc_endpoint_id(id)
            .set_add_subnet_ids(add)
            .set_remove_subnet_ids(remove)
            .set_add_security_group_ids(admit)
            .set_remove_security_group_ids(dismiss)
            .set_private_dns_enabled(names);
        call.send().await.map_err(aws::changing("ec2:ModifyVpcEndpoint"))?;
        Ok(())
    }
}

fn subnets(endpoint: &VpcEndpoint) -> BTreeSet<String> {
    endpoint.subnet_ids().iter().cloned().collect()
}

fn groups(endpoint: &VpcEndpoint) -> BTreeSet<String> {
    endpoint.groups().iter().filter_map(SecurityGroupIdentifier::group_id).map(str::to_owned).collect()
}
