//! A gateway endpoint, for S3 or DynamoDB: routes in route tables, at no price.

use std::collections::BTreeSet;

use async_trait::async_trait;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{ResourceType, VpcEndpointType};
use domain::Locator;
use engine::{CallError, Created, Observed, Progress, Resource, Subject};
use plan::FieldChange;
use plan::network::GatewayEndpointSpec;
use serde_json::json;

use super::endpoint::{self, missing};
use crate::ec2;
use resources::seen::{Seen, among, changed, listed_before, observed, outputs, texts};

/// [`domain::Kind::GatewayEndpoint`].
///
/// Idempotent because the create has a client token, and tables are looked up before they are added or taken away. A
/// table that somebody else added is left alone. Leaves nothing behind on failure.
///
/// Permissions: `ec2:CreateVpcEndpoint`, `ec2:CreateTags`, `ec2:DeleteTags`, `ec2:ModifyVpcEndpoint`,
/// `ec2:DeleteVpcEndpoints`, `ec2:DescribeVpcEndpoints`.
/// <https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html>
pub(crate) struct GatewayEndpoint(pub(crate) Client);

#[async_trait]
impl Resource for GatewayEndpoint {
    async fn observe(&self, subject: &Subject) -> Result<Observed, CallError> {
        let spec: GatewayEndpointSpec = subject.spec()?;
        let listed = endpoint::list(&self.0, subject).await?;
        let seen = listed.iter().map(|found| {
            let id = found.vpc_endpoint_id().unwrap_or_default();
            let tags = ec2::tags(found.tags());
            let tables: BTreeSet<String> = found.route_table_ids().iter().cloned().collect();
            let properties = json!({
                "vpc": found.vpc_id(),
                "service": found.service_name(),
                "routeTables": among(&spec.route_tables, &tables),
                "tags": aws::shown_tags(&spec.tags, &tags),
            });
            let phase = endpoint::phase(found);
            Seen { id: id.to_owned(), phase, tags, properties, outputs: outputs([("id", id)]) }
        });
        Ok(observed(subject, seen.collect()))
    }

    async fn create(&self, subject: &Subject) -> Result<Created, CallError> {
        let spec: GatewayEndpointSpec = subject.spec()?;
        let call = self
            .0
            .create_vpc_endpoint()
            .vpc_endpoint_type(VpcEndpointType::Gateway)
            .vpc_id(spec.vpc.as_str())
            .service_name(&spec.service)
            .set_route_table_ids(Some(texts(&spec.route_tables).into_iter().collect()))
            .client_token(subject.token.to_string())
            .tag_specifications(ec2::tagged(ResourceType::VpcEndpoint, subject, &spec.tags));
        let answer = call.send().await.map_err(aws::creating("ec2:CreateVpcEndpoint"))?;
        let created = answer.vpc_endpoint().and_then(|endpoint| endpoint.vpc_endpoint_id());
        let id = resources::answered("ec2:CreateVpcEndpoint", created)?;
        let outputs = outputs([("id", &id)]);
        Ok(Created { locator: Locator(id), outputs, progress: Progress::Pending })
    }

    async fn update(&self, subject: &Subject, changes: &[FieldChange]) -> Result<Progress, CallError> {
        let spec: GatewayEndpointSpec = subject.spec()?;
        let id = subject.locator()?;
        if changed(changes, "routeTables") {
            let found = endpoint::find(&self.0, subject).await?;
            let there: BTreeSet<String> = found.route_table_ids().iter().cloned().collect();
            let wanted = texts(&spec.route_tables);
            let add = missing(&there, &wanted);
            let remove = missing(&wanted, &(&listed_before(changes, "routeTables") & &there));
            if add.is_some() || remove.is_some() {
                let call = self.0.modify_vpc_endpoint().vpc_endpoint_id(id);
                let call = call.set_add_route_table_ids(add).set_remove_route_table_ids(remove);
                call.send().await.map_err(aws::changing("ec2:ModifyVpcEndpoint"))?;
            }
        }
        ec2::retag(&self.0, id, changes).await?;
        Ok(Progress::Done)
    }

    async fn delete(&self, subject: &Subject) -> Result<Progress, CallError> {
        endpoint::delete(&self.0, subject).await
    }
}
