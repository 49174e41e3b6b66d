//! Gateway and interface endpoints.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::operation::create_vpc_endpoint::CreateVpcEndpointOutput;
use aws_sdk_ec2::operation::delete_vpc_endpoints::DeleteVpcEndpointsOutput;
use aws_sdk_ec2::operation::describe_vpc_endpoints::DescribeVpcEndpointsOutput;
use aws_sdk_ec2::operation::modify_vpc_endpoint::ModifyVpcEndpointOutput;
use aws_sdk_ec2::types::builders::VpcEndpointBuilder;
use aws_sdk_ec2::types::{
    LastError, SecurityGroupIdentifier, State, UnsuccessfulItem, UnsuccessfulItemError, VpcEndpoint, VpcEndpointType,
};
use aws_smithy_mocks::{Rule, mock};
use domain::{FaultName, Kind};
use engine::{CallError, Observed, Progress};
use serde_json::json;

use crate::support::*;

fn endpoint(kind: Kind, state: &str) -> VpcEndpointBuilder {
    let service = if kind == Kind::GatewayEndpoint { "s3" } else { "sts" };
    VpcEndpoint::builder()
        .vpc_endpoint_id("vpce-1")
        .vpc_id("vpc-1")
        .service_name(format!("com.amazonaws.eu-west-1.{service}"))
        .state(State::from(state))
        .last_error(LastError::builder().message("no address").build())
        .set_tags(Some(ec2_tags(&subject(kind))))
}

fn gateway(state: &str, tables: &[&str]) -> VpcEndpoint {
    let tables = tables.iter().map(|table| (*table).to_owned()).collect();
    endpoint(Kind::GatewayEndpoint, state).set_route_table_ids(Some(tables)).build()
}

fn interface(state: &str, subnets: &[&str], private_dns: bool) -> VpcEndpoint {
    endpoint(Kind::InterfaceEndpoint, state)
        .set_subnet_ids(Some(subnets.iter().map(|subnet| (*subnet).to_owned()).collect()))
        .groups(SecurityGroupIdentifier::builder().group_id("sg-1").build())
        .private_dns_enabled(private_dns)
        .build()
}

fn listed(endpoints: Vec<VpcEndpoint>) -> Rule {
    mock!(Client::describe_vpc_endpoints)
        .then_output(move || DescribeVpcEndpointsOutput::builder().set_vpc_endpoints(Some(endpoints.clone())).build())
}

#[tokio::test]
async fn endpoints_are_made_with_a_token() {
    let made = |kind: VpcEndpointType| {
        mock!(Client::create_vpc_endpoint)
            .match_requests(move |request| {
                let private = kind == VpcEndpointType::Interface;
                request.vpc_endpoint_type() == Some(&kind)
                    && request.client_token() == Some("01JD0000000000000000000001")
                    && request.private_dns_enabled() == private.then_some(true)
                    && carries_identity(request.tag_specifications())
            })
            .then_output(|| CreateVpcEndpointOutput::builder().vpc_endpoint(gateway("pending", &[])).build())
    };
    let script = Script::of([made(VpcEndpointType::Gateway), made(VpcEndpointType::Interface)]);
    for kind in [Kind::GatewayEndpoint, Kind::InterfaceEndpoint] {
        let made = script.kind(kind).create(&subject(kind)).await.unwrap();
        assert_eq!((made.locator.0.as_str(), made.progress), ("vpce-1", Progress::Pending));
    }
}

#[tokio::test]
async fn an_endpoint_goes_through_its_states_in_whatever_case() {
    let all = ["subnet-1", "subnet-2"];
    let script = Script::of(
        ["pending", "available", "Available", "deleting", "deleted", "failed"]
            .map(|state| listed(vec![interface(state, &all, true)])),
    );
    let (kind, subject) = (script.kind(Kind::InterfaceEndpoint), found(Kind::InterfaceEndpoint, "vpce-1"));
    assert!(matches!(kind.observe(&subject).await, Ok(Observed::Pending(_))));
    as_wanted(&subject, kind.observe(&subject).await.unwrap());
    as_wanted(&subject, kind.observe(&subject).await.unwrap());
    assert!(matches!(kind.observe(&subject).await, Ok(Observed::Pending(_))));
    assert_eq!(kind.observe(&subject).await, Ok(Observed::Absent));
    let failed = kind.observe(&subject).await;
    assert!(matches!(failed, Ok(Observed::Failed(_, why)) if why == "the endpoint is failed: no address"));
}

#[tokio::test]
async fn tables_that_others_added_stay() {
    let there = ["rtb-9", "rtb-1", "rtb-2"];
    let modified = mock!(Client::modify_vpc_endpoint)
        .match_requests(|request| {
            request.add_route_table_ids() == ["rtb-2"] && request.remove_route_table_ids() == ["rtb-3"]
        })
        .then_output(|| ModifyVpcEndpointOutput::builder().build());
    let script = Script::of([
        listed(vec![gateway("available", &there)]),
        listed(vec![gateway("available", &["rtb-9", "rtb-1", "rtb-3"])]),
        modified,
        listed(vec![gateway("available", &there)]),
    ]);
    let (kind, subject) = (script.kind(Kind::GatewayEndpoint), found(Kind::GatewayEndpoint, "vpce-1"));
    as_wanted(&subject, kind.observe(&subject).await.unwrap());
    let change = change("routeTables", json!(["rtb-1", "rtb-3"]), json!(["rtb-2", "rtb-1"]));
    assert_eq!(kind.update(&subject, std::slice::from_ref(&change)).await, Ok(Progress::Done));
    // Once it is as wanted, the same change asks AWS for nothing.
    assert_eq!(kind.update(&subject, &[change]).await, Ok(Progress::Done));
}

#[tokio::test]
async fn subnets_and_private_names_are_brought_to_the_spec() {
    let drifted = || listed(vec![interface("available", &["subnet-1", "subnet-8"], false)]);
    let modified = mock!(Client::modify_vpc_endpoint)
        .match_requests(|request| {
            request.add_subnet_ids() == ["subnet-2"]
                && request.remove_subnet_ids() == ["subnet-8"]
                && request.private_dns_enabled() == Some(true)
                && request.add_security_group_ids().is_empty()
        })
        .then_output(|| ModifyVpcEndpointOutput::builder().build());
    let script = Script::of([drifted(), drifted(), modified]);
    let (kind, subject) = (script.kind(Kind::InterfaceEndpoint), found(Kind::InterfaceEndpoint, "vpce-1"));
    let actual = present(kind.observe(&subject).await.unwrap());
    assert_eq!(actual.properties["subnets"], json!(["subnet-1", "subnet-8"]));
    assert_eq!(actual.properties["unfinished"], json!(["private DNS"]));
    let change = change("subnets", actual.properties["subnets"].clone(), json!(["subnet-2", "subnet-1"]));
    assert_eq!(kind.update(&subject, &[change]).await, Ok(Progress::Done));
}

#[tokio::test]
async fn a_delete_that_answers_200_may_still_have_failed() {
    let answered = |failed: Option<&'static str>| {
        mock!(Client::delete_vpc_endpoints).then_output(move || {
            let item = failed.map(|code| {
                let error = UnsuccessfulItemError::builder().code(code).message("because").build();
                UnsuccessfulItem::builder().resource_id("vpce-1").error(error).build()
            });
            DeleteVpcEndpointsOutput::builder().set_unsuccessful(Some(item.into_iter().collect())).build()
        })
    };
    let script = Script::of([
        answered(None),
        answered(Some("InvalidVpcEndpointId.NotFound")),
        answered(Some("InvalidParameter")),
    ]);
    let (kind, subject) = (script.kind(Kind::GatewayEndpoint), found(Kind::GatewayEndpoint, "vpce-1"));
    assert_eq!(kind.delete(&subject).await, Ok(Progress::Pending));
    assert_eq!(kind.delete(&subject).await, Err(CallError::NotFound));
    assert_eq!(fault_name(kind.delete(&subject).await), FaultName::DeleteFailed);
}
