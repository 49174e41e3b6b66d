//! VPCs, blocks, and what the user gave.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::operation::associate_vpc_cidr_block::AssociateVpcCidrBlockOutput;
use aws_sdk_ec2::operation::create_vpc::{CreateVpcError, CreateVpcOutput};
use aws_sdk_ec2::operation::delete_vpc::{DeleteVpcError, DeleteVpcOutput};
use aws_sdk_ec2::operation::describe_route_tables::DescribeRouteTablesOutput;
use aws_sdk_ec2::operation::describe_subnets::DescribeSubnetsOutput;
use aws_sdk_ec2::operation::describe_vpc_attribute::DescribeVpcAttributeOutput;
use aws_sdk_ec2::operation::describe_vpcs::{DescribeVpcsError, DescribeVpcsOutput};
use aws_sdk_ec2::operation::modify_vpc_attribute::{ModifyVpcAttributeError, ModifyVpcAttributeOutput};
use aws_sdk_ec2::types::{
    AttributeBooleanValue, RouteTable, Subnet, Vpc, VpcCidrBlockAssociation, VpcCidrBlockState, VpcCidrBlockStateCode,
    VpcState,
};
use aws_smithy_mocks::{Rule, mock};
use domain::{FaultName, Kind};
use engine::{CallError, Observed, Progress};
use serde_json::json;

use crate::support::*;

fn vpc(id: &str, state: VpcState) -> Vpc {
    let tags = ec2_tags(&subject(Kind::Vpc));
    Vpc::builder().vpc_id(id).cidr_block("10.40.0.0/16").state(state).set_tags(Some(tags)).build()
}

fn listed(vpcs: Vec<Vpc>) -> Rule {
    mock!(Client::describe_vpcs)
        .match_requests(|request| request.filters().iter().any(|filter| filter.name() == Some("tag:landfall:resource")))
        .then_output(move || DescribeVpcsOutput::builder().set_vpcs(Some(vpcs.clone())).build())
}

fn main_table() -> Rule {
    mock!(Client::describe_route_tables).then_output(|| {
        let table = RouteTable::builder().route_table_id("rtb-main").build();
        DescribeRouteTablesOutput::builder().route_tables(table).build()
    })
}

fn attributes(on: bool) -> [Rule; 2] {
    let value = AttributeBooleanValue::builder().value(on).build();
    [value.clone(), value].map(|value| {
        mock!(Client::describe_vpc_attribute).then_output(move || {
            DescribeVpcAttributeOutput::builder()
                .enable_dns_support(value.clone())
                .enable_dns_hostnames(value.clone())
                .build()
        })
    })
}

fn created() -> Rule {
    mock!(Client::create_vpc)
        .match_requests(|request| carries_identity(request.tag_specifications()))
        .then_output(|| CreateVpcOutput::builder().vpc(vpc("vpc-1", VpcState::Pending)).build())
}

fn dns_on() -> [Rule; 2] {
    let support = mock!(Client::modify_vpc_attribute)
        .match_requests(|request| request.enable_dns_support().is_some_and(|on| on.value() == Some(true)))
        .then_output(|| ModifyVpcAttributeOutput::builder().build());
    let names = mock!(Client::modify_vpc_attribute)
        .match_requests(|request| request.enable_dns_hostnames().is_some_and(|on| on.value() == Some(true)))
        .then_output(|| ModifyVpcAttributeOutput::builder().build());
    [support, names]
}

#[tokio::test]
async fn a_vpc_is_made_with_dns_and_gives_its_main_table() {
    let [support, names] = dns_on();
    let script = Script::of([created(), support, names, main_table()]);
    let made = script.kind(Kind::Vpc).create(&subject(Kind::Vpc)).await.unwrap();
    assert_eq!((made.locator.0.as_str(), made.progress), ("vpc-1", Progress::Done));
    assert_eq!(made.outputs["mainRouteTable"], "rtb-main");
}

#[tokio::test]
async fn a_vpc_that_is_not_visible_yet_is_finished_later() {
    let hidden = mock!(Client::modify_vpc_attribute)
        .then_error(|| ModifyVpcAttributeError::generic(code("InvalidVpcID.NotFound")));
    let script = Script::of([created(), hidden]);
    let made = script.kind(Kind::Vpc).create(&subject(Kind::Vpc)).await.unwrap();
    assert_eq!((made.locator.0.as_str(), made.progress), ("vpc-1", Progress::Pending));
}

#[tokio::test]
async fn a_vpc_without_dns_is_shown_as_unfinished_and_the_update_finishes_it() {
    let [first, second] = attributes(false);
    let [support, names] = dns_on();
    let script =
        Script::of([listed(vec![vpc("vpc-1", VpcState::Available)]), main_table(), first, second, support, names]);
    let actual = present(script.kind(Kind::Vpc).observe(&subject(Kind::Vpc)).await.unwrap());
    assert_eq!(actual.properties["unfinished"], json!(["DNS support", "DNS names"]));
    let change = change("unfinished", actual.properties["unfinished"].clone(), json!(null));
    let progress = script.kind(Kind::Vpc).update(&found(Kind::Vpc, "vpc-1"), &[change]).await.unwrap();
    assert_eq!(progress, Progress::Done);
}

#[tokio::test]
async fn a_finished_vpc_is_as_wanted() {
    let [first, second] = attributes(true);
    let script = Script::of([listed(vec![vpc("vpc-1", VpcState::Available)]), main_table(), first, second]);
    let subject = subject(Kind::Vpc);
    let actual = as_wanted(&subject, script.kind(Kind::Vpc).observe(&subject).await.unwrap());
    assert_eq!(actual.outputs["mainRouteTable"], "rtb-main");
}

#[tokio::test]
async fn a_pending_vpc_is_pending_and_two_of_them_are_many() {
    let script = Script::of([
        listed(vec![]),
        listed(vec![vpc("vpc-1", VpcState::Pending)]),
        listed(vec![vpc("vpc-1", VpcState::Pending), vpc("vpc-2", VpcState::Pending)]),
    ]);
    let (kind, subject) = (script.kind(Kind::Vpc), subject(Kind::Vpc));
    assert_eq!(kind.observe(&subject).await, Ok(Observed::Absent));
    assert!(matches!(kind.observe(&subject).await, Ok(Observed::Pending(_))));
    assert!(matches!(kind.observe(&subject).await, Ok(Observed::Many(all)) if all.len() == 2));
}

#[tokio::test]
async fn a_vpc_is_asked_for_once_whatever_the_answer() {
    let throttled = || mock!(Client::create_vpc).then_error(|| CreateVpcError::generic(code("RequestLimitExceeded")));
    let broken = mock!(Client::create_vpc).then_error(|| CreateVpcError::generic(code("InternalError")));
    let quota = mock!(Client::create_vpc).then_error(|| CreateVpcError::generic(code("VpcLimitExceeded")));
    let lost = mock!(Client::create_vpc).sequence().http_status(200, Some("cut off".into())).build();
    let script = Script::of([throttled(), broken, quota, lost]);
    let (kind, subject) = (script.kind(Kind::Vpc), subject(Kind::Vpc));
    assert_eq!(fault_name(kind.create(&subject).await), FaultName::Throttled);
    assert_eq!(fault_name(kind.create(&subject).await), FaultName::ServiceUnavailable);
    assert_eq!(fault_name(kind.create(&subject).await), FaultName::QuotaExceeded);
    assert!(matches!(kind.create(&subject).await, Err(CallError::Unknown(_))));
}

#[tokio::test]
async fn a_throttled_look_is_repeated() {
    let again = mock!(Client::describe_vpcs)
        .sequence()
        .http_status(503, Some(ec2_error("RequestLimitExceeded")))
        .output(|| DescribeVpcsOutput::builder().build())
        .build();
    let denied = mock!(Client::describe_vpcs).then_error(|| DescribeVpcsError::generic(code("UnauthorizedOperation")));
    let script = Script::of([again.clone(), denied]);
    let (kind, subject) = (script.kind(Kind::Vpc), subject(Kind::Vpc));
    assert_eq!(kind.observe(&subject).await, Ok(Observed::Absent));
    assert_eq!(again.num_calls(), 2);
    assert_eq!(fault_name(kind.observe(&subject).await), FaultName::AccessDenied);
}

fn ec2_error(code: &str) -> String {
    format!(
        "<Response><Errors><Error><Code>{code}</Code><Message>no</Message></Error></Errors><RequestID>r</RequestID></Response>"
    )
}

#[tokio::test]
async fn a_vpc_in_use_is_a_conflict_and_a_missing_one_is_gone() {
    let used = mock!(Client::delete_vpc).then_error(|| DeleteVpcError::generic(code("DependencyViolation")));
    let gone = mock!(Client::delete_vpc).then_error(|| DeleteVpcError::generic(code("InvalidVpcID.NotFound")));
    let done = mock!(Client::delete_vpc)
        .match_requests(|request| request.vpc_id() == Some("vpc-1"))
        .then_output(|| DeleteVpcOutput::builder().build());
    let script = Script::of([used, gone, done]);
    let (kind, subject) = (script.kind(Kind::Vpc), found(Kind::Vpc, "vpc-1"));
    assert_eq!(fault_name(kind.delete(&subject).await), FaultName::DependencyStillThere);
    assert_eq!(kind.delete(&subject).await, Err(CallError::NotFound));
    assert_eq!(kind.delete(&subject).await, Ok(Progress::Done));
}

fn with_block(state: VpcCidrBlockStateCode) -> Rule {
    mock!(Client::describe_vpcs).then_output(move || {
        let state = VpcCidrBlockState::builder().state(state.clone()).status_message("no room").build();
        let blocks = ["10.40.0.0/16", "100.64.0.0/16"].map(|cidr| {
            VpcCidrBlockAssociation::builder()
                .association_id(format!("vpc-cidr-assoc-{cidr}"))
                .cidr_block(cidr)
                .cidr_block_state(state.clone())
                .build()
        });
        let vpc = Vpc::builder().vpc_id("vpc-1").set_cidr_block_association_set(Some(blocks.into())).build();
        DescribeVpcsOutput::builder().vpcs(vpc).build()
    })
}

#[tokio::test]
async fn a_block_goes_through_its_states() {
    use VpcCidrBlockStateCode::*;
    let script = Script::of([Associating, Associated, Disassociating, Disassociated, Failed].map(with_block));
    let (kind, subject) = (script.kind(Kind::VpcCidr), subject(Kind::VpcCidr));
    assert!(matches!(kind.observe(&subject).await, Ok(Observed::Pending(_))));
    let actual = as_wanted(&subject, kind.observe(&subject).await.unwrap());
    assert_eq!(actual.locator.0, "vpc-cidr-assoc-100.64.0.0/16");
    assert!(matches!(kind.observe(&subject).await, Ok(Observed::Pending(_))));
    assert_eq!(kind.observe(&subject).await, Ok(Observed::Absent));
    assert!(matches!(kind.observe(&subject).await, Ok(Observed::Failed(_, why)) if why == "no room"));
}

#[tokio::test]
async fn a_block_is_added_by_association() {
    let added = mock!(Client::associate_vpc_cidr_block)
        .match_requests(|request| request.cidr_block() == Some("100.64.0.0/16"))
        .then_output(|| {
            let block = VpcCidrBlockAssociation::builder().association_id("vpc-cidr-assoc-1").build();
            AssociateVpcCidrBlockOutput::builder().cidr_block_association(block).build()
        });
    let script = Script::of([added]);
    let made = script.kind(Kind::VpcCidr).create(&subject(Kind::VpcCidr)).await.unwrap();
    assert_eq!((made.outputs["id"].as_str(), made.progress), ("vpc-cidr-assoc-1", Progress::Pending));
}

#[tokio::test]
async fn a_given_vpc_may_have_more_blocks_and_no_fewer() {
    let having = |cidrs: &'static [&'static str]| {
        mock!(Client::describe_vpcs).then_output(|| {
            let block = |cidr: &&str| VpcCidrBlockAssociation::builder().cidr_block(*cidr).build();
            let blocks = cidrs.iter().map(block).collect();
            let vpc = Vpc::builder().vpc_id("vpc-1").set_cidr_block_association_set(Some(blocks)).build();
            DescribeVpcsOutput::builder().vpcs(vpc).build()
        })
    };
    let script = Script::of([
        having(&["10.9.0.0/16", "10.41.0.0/16", "10.40.0.0/16"]),
        main_table(),
        having(&["10.40.0.0/16"]),
        main_table(),
    ]);
    let (kind, subject) = (script.kind(Kind::GivenVpc), subject(Kind::GivenVpc));
    as_wanted(&subject, kind.observe(&subject).await.unwrap());
    let fewer = present(kind.observe(&subject).await.unwrap());
    assert_eq!(fewer.properties["cidrs"], json!(["10.40.0.0/16"]));
}

#[tokio::test]
async fn what_was_given_is_never_made_or_deleted() {
    let nothing = mock!(Client::describe_subnets).then_output(|| DescribeSubnetsOutput::builder().build());
    let there = mock!(Client::describe_subnets).then_output(|| {
        let subnet =
            Subnet::builder().subnet_id("subnet-1").availability_zone_id("euw1-az1").cidr_block("10.40.0.0/20");
        DescribeSubnetsOutput::builder().subnets(subnet.build()).build()
    });
    let script = Script::of([nothing, there]);
    let (kind, subject) = (script.kind(Kind::GivenSubnet), subject(Kind::GivenSubnet));
    assert_eq!(kind.observe(&subject).await, Ok(Observed::Absent));
    as_wanted(&subject, kind.observe(&subject).await.unwrap());
    for kind in [Kind::GivenVpc, Kind::GivenSubnet] {
        let subject = found(kind, "vpc-1");
        assert_eq!(fault_name(script.kind(kind).create(&subject).await), FaultName::UnusableNetwork);
        assert_eq!(script.kind(kind).delete(&subject).await, Ok(Progress::Done));
    }
}
