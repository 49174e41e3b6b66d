//! Route tables and routes.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::operation::associate_route_table::{AssociateRouteTableError, AssociateRouteTableOutput};
use aws_sdk_ec2::operation::create_route::{CreateRouteError, CreateRouteOutput};
use aws_sdk_ec2::operation::create_route_table::CreateRouteTableOutput;
use aws_sdk_ec2::operation::delete_route::{DeleteRouteError, DeleteRouteOutput};
use aws_sdk_ec2::operation::delete_route_table::{DeleteRouteTableError, DeleteRouteTableOutput};
use aws_sdk_ec2::operation::describe_route_tables::DescribeRouteTablesOutput;
use aws_sdk_ec2::operation::disassociate_route_table::{DisassociateRouteTableError, DisassociateRouteTableOutput};
use aws_sdk_ec2::operation::replace_route::ReplaceRouteOutput;
use aws_sdk_ec2::operation::replace_route_table_association::ReplaceRouteTableAssociationOutput;
use aws_sdk_ec2::types::{Route, RouteTable, RouteTableAssociation, Tag};
use aws_smithy_mocks::{Rule, mock};
use domain::{FaultName, Kind, Locator};
use engine::{CallError, Observed, Progress};
use serde_json::{Value, json};

use crate::support::*;

/// A table with an association `rtbassoc-<subnet>` for each subnet.
fn table(id: &str, subnets: &[&str]) -> RouteTable {
    let association = |subnet: &&str| {
        RouteTableAssociation::builder()
            .subnet_id(*subnet)
            .route_table_association_id(format!("rtbassoc-{subnet}"))
            .build()
    };
    RouteTable::builder()
        .route_table_id(id)
        .vpc_id("vpc-1")
        .set_tags(Some(ec2_tags(&subject(Kind::RouteTable))))
        .set_associations(Some(subnets.iter().map(association).collect()))
        .build()
}

fn listed(tables: Vec<RouteTable>) -> Rule {
    mock!(Client::describe_route_tables)
        .then_output(move || DescribeRouteTablesOutput::builder().set_route_tables(Some(tables.clone())).build())
}

fn created() -> Rule {
    mock!(Client::create_route_table)
        .match_requests(|request| {
            request.client_token() == Some("01JD0000000000000000000001")
                && carries_identity(request.tag_specifications())
        })
        .then_output(|| CreateRouteTableOutput::builder().route_table(table("rtb-1", &[])).build())
}

fn associated(subnet: &'static str) -> Rule {
    mock!(Client::associate_route_table)
        .match_requests(move |request| request.subnet_id() == Some(subnet) && request.route_table_id() == Some("rtb-1"))
        .then_output(|| AssociateRouteTableOutput::builder().build())
}

fn dropped(association: &'static str) -> Rule {
    mock!(Client::disassociate_route_table)
        .match_requests(move |request| request.association_id() == Some(association))
        .then_output(|| DisassociateRouteTableOutput::builder().build())
}

#[tokio::test]
async fn a_table_is_made_and_every_subnet_uses_it_also_one_that_used_another() {
    let moved = mock!(Client::replace_route_table_association)
        .match_requests(|request| {
            request.association_id() == Some("rtbassoc-subnet-2") && request.route_table_id() == Some("rtb-1")
        })
        .then_output(|| ReplaceRouteTableAssociationOutput::builder().build());
    let script = Script::of([created(), listed(vec![table("rtb-7", &["subnet-2"])]), associated("subnet-1"), moved]);
    let made = script.kind(Kind::RouteTable).create(&subject(Kind::RouteTable)).await.unwrap();
    assert_eq!((made.locator.0.as_str(), made.progress), ("rtb-1", Progress::Done));
}

#[tokio::test]
async fn a_subnet_that_could_not_be_associated_is_left_to_the_update() {
    let hidden = mock!(Client::associate_route_table)
        .then_error(|| AssociateRouteTableError::generic(code("InvalidSubnetID.NotFound")));
    let script = Script::of([created(), listed(vec![]), hidden]);
    let made = script.kind(Kind::RouteTable).create(&subject(Kind::RouteTable)).await.unwrap();
    assert_eq!(made.progress, Progress::Pending);
}

#[tokio::test]
async fn what_is_shown_has_the_order_of_the_spec_and_leaves_out_what_others_added() {
    let script = Script::of([
        listed(vec![table("rtb-1", &["subnet-1", "subnet-9", "subnet-2"])]),
        listed(vec![table("rtb-1", &["subnet-1"])]),
    ]);
    let (kind, subject) = (script.kind(Kind::RouteTable), subject(Kind::RouteTable));
    as_wanted(&subject, kind.observe(&subject).await.unwrap());
    let actual = present(kind.observe(&subject).await.unwrap());
    assert_eq!(actual.properties["subnets"], json!(["subnet-1"]));
}

#[tokio::test]
async fn an_update_adds_what_is_missing_and_drops_only_what_was_ours() {
    let script = Script::of([
        listed(vec![table("rtb-1", &["subnet-1", "subnet-3"]), table("rtb-5", &["subnet-4"])]),
        associated("subnet-2"),
        dropped("rtbassoc-subnet-3"),
    ]);
    let change = change("subnets", json!(["subnet-1", "subnet-3", "subnet-4"]), json!(["subnet-2", "subnet-1"]));
    let progress = script.kind(Kind::RouteTable).update(&found(Kind::RouteTable, "rtb-1"), &[change]).await;
    assert_eq!(progress, Ok(Progress::Done));
}

#[tokio::test]
async fn a_table_lets_its_subnets_go_before_it_is_deleted() {
    let gone = mock!(Client::disassociate_route_table)
        .then_error(|| DisassociateRouteTableError::generic(code("InvalidAssociationID.NotFound")));
    let deleted = mock!(Client::delete_route_table).then_output(|| DeleteRouteTableOutput::builder().build());
    let used =
        mock!(Client::delete_route_table).then_error(|| DeleteRouteTableError::generic(code("DependencyViolation")));
    let missing = mock!(Client::delete_route_table)
        .then_error(|| DeleteRouteTableError::generic(code("InvalidRouteTableID.NotFound")));
    let script = Script::of([
        listed(vec![table("rtb-1", &["subnet-1", "subnet-2", "subnet-9"])]),
        dropped("rtbassoc-subnet-1"),
        gone,
        deleted,
        listed(vec![]),
        used,
        listed(vec![]),
        missing,
    ]);
    let (kind, subject) = (script.kind(Kind::RouteTable), found(Kind::RouteTable, "rtb-1"));
    assert_eq!(kind.delete(&subject).await, Ok(Progress::Done));
    assert_eq!(fault_name(kind.delete(&subject).await), FaultName::DependencyStillThere);
    assert_eq!(kind.delete(&subject).await, Err(CallError::NotFound));
}

fn with_route(ours: bool, target: impl Fn(aws_sdk_ec2::types::builders::RouteBuilder) -> Route) -> Rule {
    let route = target(Route::builder().destination_cidr_block("0.0.0.0/0"));
    let local = Route::builder().destination_cidr_block("10.40.0.0/16").gateway_id("local").build();
    let tags: Vec<Tag> = if ours { ec2_tags(&subject(Kind::RouteTable)) } else { Vec::new() };
    let table = RouteTable::builder().route_table_id("rtb-1").routes(local).routes(route).set_tags(Some(tags)).build();
    listed(vec![table])
}

#[tokio::test]
async fn a_route_is_shown_by_where_it_leads() {
    for (via, target) in [
        (json!({"natGateway": "nat-1"}), "nat"),
        (json!({"internetGateway": "igw-1"}), "igw"),
        (json!({"peering": "pcx-1"}), "pcx"),
        (json!({"transitGateway": "tgw-1"}), "tgw"),
    ] {
        let script = Script::of([with_route(true, |route| match target {
            "nat" => route.nat_gateway_id("nat-1").build(),
            "igw" => route.gateway_id("igw-1").build(),
            "pcx" => route.vpc_peering_connection_id("pcx-1").build(),
            _ => route.transit_gateway_id("tgw-1").build(),
        })]);
        let subject = with(subject(Kind::Route), "via", via);
        let actual = as_wanted(&subject, script.kind(Kind::Route).observe(&subject).await.unwrap());
        assert_eq!(actual.locator.0, "rtb-1/0.0.0.0/0");
    }
}

#[tokio::test]
async fn in_a_given_table_what_leads_elsewhere_was_there_before() {
    let foreign = Observed::Foreign(Locator("rtb-1/0.0.0.0/0".into()));
    let transit: Value = json!({"transitGateway": "tgw-1"});
    let script = Script::of([
        with_route(false, |route| route.nat_gateway_id("nat-9").build()),
        with_route(false, |route| route.nat_gateway_id("nat-1").build()),
        with_route(false, |route| route.transit_gateway_id("tgw-1").build()),
        with_route(false, |route| route.transit_gateway_id("tgw-1").build()),
    ]);
    let kind = script.kind(Kind::Route);
    assert_eq!(kind.observe(&subject(Kind::Route)).await.unwrap(), foreign);
    present(kind.observe(&subject(Kind::Route)).await.unwrap());
    assert_eq!(kind.observe(&with(subject(Kind::Route), "via", transit.clone())).await.unwrap(), foreign);
    present(kind.observe(&with(found(Kind::Route, "rtb-1/0.0.0.0/0"), "via", transit)).await.unwrap());
}

#[tokio::test]
async fn a_route_without_its_table_is_absent() {
    let bare = RouteTable::builder().route_table_id("rtb-1").build();
    let script = Script::of([listed(vec![]), listed(vec![bare])]);
    let (kind, subject) = (script.kind(Kind::Route), subject(Kind::Route));
    assert_eq!(kind.observe(&subject).await, Ok(Observed::Absent));
    assert_eq!(kind.observe(&subject).await, Ok(Observed::Absent));
}

#[tokio::test]
async fn a_route_is_made_replaced_and_deleted() {
    let made = mock!(Client::create_route)
        .match_requests(|request| request.nat_gateway_id() == Some("nat-1") && request.gateway_id().is_none())
        .then_output(|| CreateRouteOutput::builder().build());
    let there = mock!(Client::create_route).then_error(|| CreateRouteError::generic(code("RouteAlreadyExists")));
    let replaced = mock!(Client::replace_route)
        .match_requests(|request| request.nat_gateway_id() == Some("nat-2"))
        .then_output(|| ReplaceRouteOutput::builder().build());
    let deleted = mock!(Client::delete_route)
        .match_requests(|request| request.destination_cidr_block() == Some("0.0.0.0/0"))
        .then_output(|| DeleteRouteOutput::builder().build());
    let gone = mock!(Client::delete_route).then_error(|| DeleteRouteError::generic(code("InvalidRoute.NotFound")));
    let script = Script::of([made, there, replaced, deleted, gone]);
    let (kind, subject) = (script.kind(Kind::Route), found(Kind::Route, "rtb-1/0.0.0.0/0"));
    assert_eq!(kind.create(&subject).await.unwrap().progress, Progress::Done);
    assert_eq!(fault_name(kind.create(&subject).await), FaultName::UpdateInProgress);
    let other = with(subject.clone(), "via", json!({"natGateway": "nat-2"}));
    let change = change("via", json!({"natGateway": "nat-1"}), json!({"natGateway": "nat-2"}));
    assert_eq!(kind.update(&other, &[change]).await, Ok(Progress::Done));
    assert_eq!(kind.delete(&subject).await, Ok(Progress::Done));
    assert_eq!(kind.delete(&subject).await, Err(CallError::NotFound));
}
