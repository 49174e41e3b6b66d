//! Typed listings: what a service itself says is there. The proof counts nothing else.
//!
//! Every listing reads all pages. What a service shows for a while after its deletion (a NAT gateway in state `deleted`)
//! is not there any more.

use aws_sdk_ec2::types::{Filter, Tag};
use domain::{Fault, Tags};
use lambda::call_fault;

/// One thing that a service shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What it is, in the service's word.
    pub what: &'static str,
    /// By what the service finds it.
    pub locator: String,
    /// Its tags.
    pub tags: Tags,
    /// The command that removes it.
    pub command: String,
}

impl Found {
    fn new(what: &'static str, locator: Option<&str>, tags: Tags, command: &str) -> Self {
        let locator = locator.unwrap_or_default().to_owned();
        let command = format!("aws {command} {locator}");
        Self { what, locator, tags, command }
    }
}

/// A filter of EC2.
pub fn filter(name: &str, value: &str) -> Filter {
    Filter::builder().name(name).values(value).build()
}

fn tags(tags: &[Tag]) -> Tags {
    tags.iter().filter_map(|tag| Some((tag.key()?.to_owned(), tag.value()?.to_owned()))).collect()
}

/// Defines a listing of one EC2 operation: the items of all its pages that are alive, as [`Found`].
macro_rules! ec2_listing {
    ($(#[$doc:meta])* $name:ident, $operation:ident, $action:literal, $what:literal, $filter:ident, $id:ident, $tags:ident, $command:literal $(, $alive:expr)?) => {
        $(#[$doc])*
        pub async fn $name(ec2: &aws_sdk_ec2::Client, filters: Vec<Filter>) -> Result<Vec<Found>, Fault> {
            let mut pages = ec2.$operation().$filter(Some(filters)).into_paginator().items().send();
            let mut found = Vec::new();
            while let Some(item) = pages.next().await {
                let item = item.map_err(aws::reading($action)).map_err(call_fault)?;
                $(if !($alive)(&item) { continue; })?
                found.push(Found::new($what, item.$id(), tags(item.$tags()), $command));
            }
            Ok(found)
        }
    };
}

fn state_is_alive(state: Option<&str>) -> bool {
    !matches!(state.map(str::to_ascii_lowercase).as_deref(), Some("deleted" | "rejected" | "expired" | "failed"))
}

ec2_listing!(
    /// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcs.html>
    vpcs, describe_vpcs, "ec2:DescribeVpcs", "VPC", set_filters, vpc_id, tags, "ec2 delete-vpc --vpc-id"
);
ec2_listing!(
    /// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSubnets.html>
    subnets, describe_subnets, "ec2:DescribeSubnets", "subnet", set_filters, subnet_id, tags, "ec2 delete-subnet --subnet-id"
);
ec2_listing!(
    /// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInternetGateways.html>
    internet_gateways, describe_internet_gateways, "ec2:DescribeInternetGateways", "internet gateway", set_filters, internet_gateway_id, tags,
    "ec2 delete-internet-gateway --internet-gateway-id"
);
ec2_listing!(
    /// The main table of a VPC goes with it and is left out.
    /// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeRouteTables.html>
    route_tables, describe_route_tables, "ec2:DescribeRouteTables", "route table", set_filters, route_table_id, tags,
    "ec2 delete-route-table --route-table-id",
    |table: &aws_sdk_ec2::types::RouteTable| !table.associations().iter().any(|association| association.main() == Some(true))
);
ec2_listing!(
    /// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNatGateways.html>
    nat_gateways, describe_nat_gateways, "ec2:DescribeNatGateways", "NAT gateway", set_filter, nat_gateway_id, tags,
    "ec2 delete-nat-gateway --nat-gateway-id",
    |gateway: &aws_sdk_ec2::types::NatGateway| state_is_alive(gateway.state().map(|state| state.as_str()))
);
ec2_listing!(
    /// A VPC's `default` group goes with it and is left out.
    /// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSecurityGroups.html>
    security_groups, describe_security_groups, "ec2:DescribeSecurityGroups", "security group", set_filters, group_id, tags,
    "ec2 delete-security-group --group-id",
    |group: &aws_sdk_ec2::types::SecurityGroup| group.group_name() != Some("default")
);
ec2_listing!(
    /// One that failed, expired or was rejected stays until somebody deletes it.
    /// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcEndpoints.html>
    endpoints, describe_vpc_endpoints, "ec2:DescribeVpcEndpoints", "VPC endpoint", set_filters, vpc_endpoint_id, tags,
    "ec2 delete-vpc-endpoints --vpc-endpoint-ids",
    |endpoint: &aws_sdk_ec2::types::VpcEndpoint| {
        endpoint.state().is_none_or(|state| !state.as_str().eq_ignore_ascii_case("deleted"))
    }
);
ec2_listing!(
    /// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcPeeringConnections.html>
    peerings, describe_vpc_peering_connections, "ec2:DescribeVpcPeeringConnections", "peering connection", set_filters, vpc_peering_connection_id, tags,
    "ec2 delete-vpc-peering-connection --vpc-peering-connection-id",
    |peering: &aws_sdk_ec2::types::VpcPeeringConnection| {
        state_is_alive(peering.status().and_then(|status| status.code()).map(|code| code.as_str()))
    }
);
ec2_listing!(
    /// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeTransitGatewayVpcAttachments.html>
    transit_gateway_attachments, describe_transit_gateway_vpc_attachments, "ec2:DescribeTransitGatewayVpcAttachments", "transit gateway attachment", set_filters,
    transit_gateway_attachment_id, tags, "ec2 delete-transit-gateway-vpc-attachment --transit-gateway-attachment-id",
    |attachment: &aws_sdk_ec2::types::TransitGatewayVpcAttachment| {
        state_is_alive(attachment.state().map(|state| state.as_str()))
    }
);
ec2_listing!(
    /// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeFlowLogs.html>
    flow_logs, describe_flow_logs, "ec2:DescribeFlowLogs", "flow log", set_filter, flow_log_id, tags, "ec2 delete-flow-logs --flow-log-ids"
);
ec2_listing!(
    /// Interfaces that AWS manages for a NAT gateway or an endpoint are left out: they go with it.
    /// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkInterfaces.html>
    interfaces, describe_network_interfaces, "ec2:DescribeNetworkInterfaces", "network interface", set_filters, network_interface_id, tag_set,
    "ec2 delete-network-interface --network-interface-id",
    |interface: &aws_sdk_ec2::types::NetworkInterface| interface.requester_managed() != Some(true)
);

/// Elastic IPs. Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeAddresses.html>
pub async fn addresses(ec2: &aws_sdk_ec2::Client, filters: Vec<Filter>) -> Result<Vec<Found>, Fault> {
    let answer = ec2.describe_addresses().set_filters(Some(filters)).send().await;
    let answer = answer.map_err(aws::reading("ec2:DescribeAddresses")).map_err(call_fault)?;
    let found = |address: &aws_sdk_ec2::types::Address| {
        Found::new("Elastic IP", address.allocation_id(), tags(address.tags()), "ec2 release-address --allocation-id")
    };
    Ok(answer.addresses().iter().map(found).collect())
}

/// Log groups by prefix. Source: <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeLogGroups.html>
pub async fn log_groups(logs: &aws_sdk_cloudwatchlogs::Client, prefix: &str) -> Result<Vec<Found>, Fault> {
    let mut pages = logs.describe_log_groups().log_group_name_prefix(prefix).into_paginator().items().send();
    let mut found = Vec::new();
    while let Some(group) = pages.next().await {
        let group = group.map_err(aws::reading("logs:DescribeLogGroups")).map_err(call_fault)?;
        let command = "logs delete-log-group --log-group-name";
        found.push(Found::new("log group", group.log_group_name(), Tags::new(), command));
    }
    Ok(found)
}

/// Roles by path; IAM knows no region. Source: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRoles.html>
pub async fn roles(iam: &aws_sdk_iam::Client, path: &str) -> Result<Vec<Found>, Fault> {
    let mut pages = iam.list_roles().path_prefix(path).into_paginator().items().send();
    let mut found = Vec::new();
    while let Some(role) = pages.next().await {
        let role = role.map_err(aws::reading("iam:ListRoles")).map_err(call_fault)?;
        found.push(Found::new("role", Some(role.role_name()), Tags::new(), "iam delete-role --role-name"));
    }
    Ok(found)
}
