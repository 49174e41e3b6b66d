//! One route in a route table.

use async_trait::async_trait;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{Route as Listed, RouteTable};
use domain::{Locator, Outputs, Tags};
use engine::{CallError, Created, Observed, Progress, Resource, Subject};
use plan::network::{RouteSpec, Via};
use plan::{FieldChange, Ref};
use serde_json::{Value, json};

use crate::ec2::{self, filter};
use resources::seen::{Phase, Seen, observed};

/// [`domain::Kind::Route`]. Its locator is `table/destination`, as `rtb-0a/10.0.0.0/8`.
///
/// Idempotent because a table has one route to a destination; the create takes no token and is sent once. A route takes
/// no tags: in a table of ours every route is ours; in a table that the user gave, one that leads elsewhere, or to a
/// transit gateway, was there before and is foreign. Leaves nothing behind on failure.
///
/// Permissions: `ec2:CreateRoute`, `ec2:ReplaceRoute`, `ec2:DeleteRoute`, `ec2:DescribeRouteTables`.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateRoute.html>
pub(crate) struct Route(pub(crate) Client);

#[async_trait]
impl Resource for Route {
    async fn observe(&self, subject: &Subject) -> Result<Observed, CallError> {
        let spec: RouteSpec = subject.spec()?;
        let call = self.0.describe_route_tables().filters(filter("route-table-id", [spec.table.as_str()]));
        let answer = call.send().await.map_err(aws::reading("ec2:DescribeRouteTables"))?;
        let destination = spec.destination.to_string();
        let found = answer.route_tables().iter().find_map(|table| {
            let route = table.routes().iter().find(|route| route.destination_cidr_block() == Some(&destination))?;
            Some((table, route))
        });
        let Some((table, route)) = found else { return Ok(Observed::Absent) };
        if subject.locator.is_none() && is_foreign(subject, &spec, table, route) {
            return Ok(Observed::Foreign(locator(&spec)));
        }
        let seen = Seen {
            id: locator(&spec).0,
            phase: Phase::Resting,
            tags: Tags::new(),
            properties: json!({"table": spec.table, "destination": destination, "via": shown_via(route)}),
            outputs: Outputs::new(),
        };
        Ok(observed(subject, vec![seen]))
    }

    async fn create(&self, subject: &Subject) -> Result<Created, CallError> {
        let spec: RouteSpec = subject.spec()?;
        let (gateway, nat, peering, transit) = targets(&spec.via);
        let call = self
            .0
            .create_route()
            .route_table_id(spec.table.as_str())
            .destination_cidr_block(spec.destination.to_string())
            .set_gateway_id(gateway)
            .set_nat_gateway_id(nat)
            .set_vpc_peering_connection_id(peering)
            .set_transit_gateway_id(transit);
        let answer = call.customize().config_override(ec2::once()).send().await;
        answer.map_err(aws::creating("ec2:CreateRoute"))?;
        Ok(Created { locator: locator(&spec), outputs: Outputs::new(), progress: Progress::Done })
    }

    async fn update(&self, subject: &Subject, _changes: &[FieldChange]) -> Result<Progress, CallError> {
        let spec: RouteSpec = subject.spec()?;
        let (gateway, nat, peering, transit) = targets(&spec.via);
        let call = self
            .0
            .replace_route()
            .route_table_id(spec.table.as_str())
            .destination_cidr_block(spec.destination.to_string())
            .set_gateway_id(gateway)
            .set_nat_gateway_id(nat)
            .set_vpc_peering_connection_id(peering)
            .set_transit_gateway_id(transit);
        call.send().await.map_err(aws::changing("ec2:ReplaceRoute"))?;
        Ok(Progress::Done)
    }

    async fn delete(&self, subject: &Subject) -> Result<Progress, CallError> {
        let spec: RouteSpec = subject.spec()?;
        let call = self.0.delete_route().route_table_id(spec.table.as_str());
        let answer = call.destination_cidr_block(spec.destination.to_string()).send().await;
        answer.map_err(aws::deleting("ec2:DeleteRoute"))?;
        Ok(Progress::Done)
    }
}

fn locator(spec: &RouteSpec) -> Locator {
    Locator(format!("{}/{}", spec.table.as_str(), spec.destination))
}

fn is_foreign(subject: &Subject, spec: &RouteSpec, table: &RouteTable, route: &Listed) -> bool {
    let table_is_ours = subject.identity.owns(&ec2::tags(table.tags()));
    let leads_to_ours = shown_via(route) == json!(spec.via) && !matches!(spec.via, Via::TransitGateway(_));
    !table_is_ours && !leads_to_ours
}

/// Where a listed route leads, in the form of the spec.
fn shown_via(route: &Listed) -> Value {
    let known = |id: &str| Ref::Known(id.to_owned());
    if let Some(id) = route.nat_gateway_id() {
        json!(Via::NatGateway(known(id)))
    } else if let Some(id) = route.vpc_peering_connection_id() {
        json!(Via::Peering(known(id)))
    } else if let Some(id) = route.transit_gateway_id() {
        json!(Via::TransitGateway(id.to_owned()))
    } else if let Some(id) = route.gateway_id() {
        json!(Via::InternetGateway(known(id)))
    } else {
        Value::Null
    }
}

/// The internet gateway, NAT gateway, peering and transit gateway of a call: one of them.
fn targets(via: &Via) -> (Option<String>, Option<String>, Option<String>, Option<String>) {
    let text = |target: &Ref| Some(target.as_str().to_owned());
    match via {
        Via::InternetGateway(target) => (text(target), None, None, None),
        Via::NatGateway(target) => (None, text(target), None, None),
        Via::Peering(target) => (None, None, text(target), None),
        Via::TransitGateway(target) => (None, None, None, Some(target.clone())),
    }
}
