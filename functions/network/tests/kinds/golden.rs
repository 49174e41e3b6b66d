//! Every record that was ever written is read and deleted by the kinds of today.
//!
//! `tests/golden` keeps one record of each form in which a kind was ever written, as `<Kind>.<number>.json`. Those that
//! are there never change; what is written in a new form adds a file (`tests/tests/undo/records.rs` adds it, and fails
//! without).

use std::path::{Path, PathBuf};

use aws_sdk_ec2::types::{
    TransitGatewayAttachmentState, TransitGatewayVpcAttachment, VpcPeeringConnection, VpcPeeringConnectionStateReason,
    VpcPeeringConnectionStateReasonCode,
};
use aws_sdk_iam::operation::get_role::GetRoleError;
use aws_sdk_iam::operation::list_role_policies::ListRolePoliciesOutput;
use aws_smithy_mocks::{Rule, mock};
use domain::{Component, FaultName, Kind, Record};
use engine::{CallError, Subject};
use network::{Clients, kinds};
use testkit::mocked;

use crate::support::{code, identity};

/// An answer with nothing in it.
macro_rules! empty {
    ($sdk:ident, $call:ident, $output:ident) => {
        mock!($sdk::Client::$call).then_output(|| $sdk::operation::$call::$output::builder().build())
    };
}

/// An answer to a request where each of these fields has that value.
macro_rules! expects {
    ($sdk:ident, $call:ident, $output:ident, $($field:ident = $value:expr),+) => {{
        let request = ($($value.to_owned(),)+);
        mock!($sdk::Client::$call)
            .match_requests(move |asked| {
                let ($($field,)+) = &request;
                $(asked.$field() == Some($field.as_str()))&&+
            })
            .then_output(|| $sdk::operation::$call::$output::builder().build())
    }};
}

/// The same for a request about a list of one.
macro_rules! expects_one {
    ($call:ident, $output:ident, $field:ident = $value:expr) => {{
        let value = [$value.to_owned()];
        mock!(aws_sdk_ec2::Client::$call)
            .match_requests(move |asked| asked.$field() == value)
            .then_output(|| aws_sdk_ec2::operation::$call::$output::builder().build())
    }};
}

/// What AWS shows when it is asked for the resource, and the calls that take it away.
fn script(record: &Record) -> (Vec<Rule>, Vec<Rule>) {
    let id = record.locator.as_ref().unwrap().0.as_str();
    let spec = |field: &str| record.spec[field].as_str().unwrap();
    match record.kind {
        Kind::Vpc => (
            vec![empty!(aws_sdk_ec2, describe_vpcs, DescribeVpcsOutput)],
            vec![expects!(aws_sdk_ec2, delete_vpc, DeleteVpcOutput, vpc_id = id)],
        ),
        Kind::GivenVpc => (vec![empty!(aws_sdk_ec2, describe_vpcs, DescribeVpcsOutput)], vec![]),
        Kind::GivenSubnet => (vec![empty!(aws_sdk_ec2, describe_subnets, DescribeSubnetsOutput)], vec![]),
        Kind::VpcCidr => (
            vec![empty!(aws_sdk_ec2, describe_vpcs, DescribeVpcsOutput)],
            vec![expects!(
                aws_sdk_ec2,
                disassociate_vpc_cidr_block,
                DisassociateVpcCidrBlockOutput,
                association_id = id
            )],
        ),
        Kind::InternetGateway => (
            vec![empty!(aws_sdk_ec2, describe_internet_gateways, DescribeInternetGatewaysOutput)],
            vec![expects!(aws_sdk_ec2, delete_internet_gateway, DeleteInternetGatewayOutput, internet_gateway_id = id)],
        ),
        Kind::Subnet => (
            vec![empty!(aws_sdk_ec2, describe_subnets, DescribeSubnetsOutput)],
            vec![expects!(aws_sdk_ec2, delete_subnet, DeleteSubnetOutput, subnet_id = id)],
        ),
        Kind::RouteTable => (
            vec![empty!(aws_sdk_ec2, describe_route_tables, DescribeRouteTablesOutput)],
            vec![expects!(aws_sdk_ec2, delete_route_table, DeleteRouteTableOutput, route_table_id = id)],
        ),
        Kind::Route => (
            vec![empty!(aws_sdk_ec2, describe_route_tables, DescribeRouteTablesOutput)],
            vec![expects!(
                aws_sdk_ec2,
                delete_route,
                DeleteRouteOutput,
                route_table_id = spec("table"),
                destination_cidr_block = spec("destination")
            )],
        ),
        Kind::ElasticIp => (
            vec![empty!(aws_sdk_ec2, describe_addresses, DescribeAddressesOutput)],
            vec![expects!(aws_sdk_ec2, release_address, ReleaseAddressOutput, allocation_id = id)],
        ),
        Kind::NatGateway => (
            vec![empty!(aws_sdk_ec2, describe_nat_gateways, DescribeNatGatewaysOutput)],
            vec![expects!(aws_sdk_ec2, delete_nat_gateway, DeleteNatGatewayOutput, nat_gateway_id = id)],
        ),
        Kind::SecurityGroup => (
            vec![empty!(aws_sdk_ec2, describe_security_groups, DescribeSecurityGroupsOutput)],
            vec![expects!(aws_sdk_ec2, delete_security_group, DeleteSecurityGroupOutput, group_id = id)],
        ),
        Kind::GatewayEndpoint | Kind::InterfaceEndpoint => (
            vec![empty!(aws_sdk_ec2, describe_vpc_endpoints, DescribeVpcEndpointsOutput)],
            vec![expects_one!(delete_vpc_endpoints, DeleteVpcEndpointsOutput, vpc_endpoint_ids = id)],
        ),
        Kind::Peering => (
            vec![active_peering(id)],
            vec![expects!(
                aws_sdk_ec2,
                delete_vpc_peering_connection,
                DeleteVpcPeeringConnectionOutput,
                vpc_peering_connection_id = id
            )],
        ),
        Kind::TransitGatewayAttachment => (
            vec![available_attachment(id)],
            vec![expects!(
                aws_sdk_ec2,
                delete_transit_gateway_vpc_attachment,
                DeleteTransitGatewayVpcAttachmentOutput,
                transit_gateway_attachment_id = id
            )],
        ),
        Kind::LogGroup => (
            vec![empty!(aws_sdk_cloudwatchlogs, describe_log_groups, DescribeLogGroupsOutput)],
            vec![expects!(aws_sdk_cloudwatchlogs, delete_log_group, DeleteLogGroupOutput, log_group_name = id)],
        ),
        Kind::Role => (
            vec![mock!(aws_sdk_iam::Client::get_role).then_error(|| GetRoleError::generic(code("NoSuchEntity")))],
            vec![
                mock!(aws_sdk_iam::Client::list_role_policies).then_output(|| {
                    ListRolePoliciesOutput::builder().set_policy_names(Some(Vec::new())).build().unwrap()
                }),
                expects!(aws_sdk_iam, list_attached_role_policies, ListAttachedRolePoliciesOutput, role_name = id),
                expects!(aws_sdk_iam, delete_role, DeleteRoleOutput, role_name = id),
            ],
        ),
        Kind::FlowLog => (
            vec![empty!(aws_sdk_ec2, describe_flow_logs, DescribeFlowLogsOutput)],
            vec![expects_one!(delete_flow_logs, DeleteFlowLogsOutput, flow_log_ids = id)],
        ),
        other => panic!("{other} is not of the network"),
    }
}

fn active_peering(id: &str) -> Rule {
    let status = VpcPeeringConnectionStateReason::builder().code(VpcPeeringConnectionStateReasonCode::Active).build();
    let peering = VpcPeeringConnection::builder().vpc_peering_connection_id(id).status(status).build();
    mock!(aws_sdk_ec2::Client::describe_vpc_peering_connections).then_output(move || {
        aws_sdk_ec2::operation::describe_vpc_peering_connections::DescribeVpcPeeringConnectionsOutput::builder()
            .vpc_peering_connections(peering.clone())
            .build()
    })
}

fn available_attachment(id: &str) -> Rule {
    let attachment = TransitGatewayVpcAttachment::builder()
        .transit_gateway_attachment_id(id)
        .state(TransitGatewayAttachmentState::Available)
        .build();
    mock!(aws_sdk_ec2::Client::describe_transit_gateway_vpc_attachments).then_output(move || {
        aws_sdk_ec2::operation::describe_transit_gateway_vpc_attachments::DescribeTransitGatewayVpcAttachmentsOutput::builder()
            .transit_gateway_vpc_attachments(attachment.clone())
            .build()
    })
}

/// The golden records of a kind.
fn golden(kind: Kind) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    (1..).map(|n| folder.join(format!("{kind}.{n}.json"))).take_while(|path| path.exists()).collect()
}

fn subject(record: &Record) -> Subject {
    Subject {
        identity: identity(),
        target: record.target.clone(),
        id: record.id.clone(),
        generation: record.generation,
        kind: record.kind,
        locator: record.locator.clone(),
        spec: record.spec.clone(),
        token: domain::Token::random(),
        adopted: record.adopted,
        changing_since: None,
        leaving: false,
    }
}

#[tokio::test]
async fn every_golden_record_is_read_and_deleted() {
    for kind in Component::Network.kinds() {
        let golden = golden(kind);
        assert!(!golden.is_empty(), "{kind} has no golden record");
        for path in golden {
            let text = std::fs::read_to_string(&path).unwrap();
            let record: Record = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path:?}: {error}"));
            assert_eq!(record.kind, kind, "{path:?}");
            let written = serde_json::to_value(&record).unwrap();
            let mut stored: serde_json::Value = serde_json::from_str(&text).unwrap();
            // A kind may bear another name by now.
            stored["kind"] = written["kind"].clone();
            assert_eq!(written, stored, "{path:?} loses a field");

            let (shown, deletes) = script(&record);
            let rules: Vec<Rule> = shown.iter().chain(&deletes).cloned().collect();
            let clients = Clients {
                ec2: mocked!(aws_sdk_ec2, MatchAny, &rules),
                iam: mocked!(aws_sdk_iam, MatchAny, &rules),
                logs: mocked!(aws_sdk_cloudwatchlogs, MatchAny, &rules),
            };
            let (kinds, subject) = (kinds(&clients), subject(&record));
            let seen = kinds[&kind].observe(&subject).await;
            let unread = matches!(&seen, Err(CallError::Fault(fault)) if fault.name == FaultName::Internal);
            assert!(!unread, "{path:?}: {seen:?}");
            let deleted = kinds[&kind].delete(&subject).await;
            assert!(deleted.is_ok(), "{path:?}: {deleted:?}");
            for rule in deletes {
                assert_eq!(rule.num_calls(), 1, "{path:?}");
            }
        }
    }
}

#[test]
fn no_golden_record_is_left_out() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let read: Vec<PathBuf> = Component::Network.kinds().flat_map(golden).collect();
    let there = std::fs::read_dir(folder).unwrap().count();
    assert_eq!(read.len(), there, "a number is missing, or a kind that was shipped is gone");
}
