//! Typed listings: what a service itself says is there. Proof and orphan finder count nothing else.
//!
//! Every listing reads all pages. What a service shows for a while after its deletion (a NAT gateway in state `deleted`)
//! is not there any more.

use aws_sdk_ec2::primitives::DateTime;
use aws_sdk_ec2::types::{Filter, InternetGateway, NatGateway, RouteTable, Tag};
use domain::{Fault, Identity, Tags, Token};
use jiff::Timestamp;
use lambda::call_fault;

use crate::Clients;

/// One thing that a service shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What it is, in the service's word.
    pub what: &'static str,
    /// By what the service finds it.
    pub locator: String,
    /// Its tags; empty where the service lists without them.
    pub tags: Tags,
    /// The platform that its tag or its path names.
    pub platform: Option<String>,
    /// When it was made: by its service's word, else by its attempt tag.
    pub created: Option<Timestamp>,
    /// The command that removes it.
    pub command: String,
}

/// A filter of EC2.
pub fn filter(name: &str, value: &str) -> Filter {
    Filter::builder().name(name).values(value).build()
}

/// The path under which an installation's platforms have their roles and log groups.
pub fn path(installation: &str) -> String {
    format!("/landfall/{installation}/")
}

/// Of everything in EC2 that platforms may own: what is listed, and what passes the filters.
pub async fn network(ec2: &aws_sdk_ec2::Client, filters: &[Filter]) -> Result<Vec<(&'static str, Vec<Found>)>, Fault> {
    let by = || filters.to_vec();
    Ok(vec![
        ("VPCs", vpcs(ec2, by()).await?),
        ("subnets", subnets(ec2, by()).await?),
        ("internet gateways", internet_gateways(ec2, by()).await?),
        ("route tables", route_tables(ec2, by()).await?),
        ("NAT gateways", nat_gateways(ec2, by()).await?),
        ("Elastic IPs", addresses(ec2, by()).await?),
        ("security groups", security_groups(ec2, by()).await?),
        ("VPC endpoints", endpoints(ec2, by()).await?),
        ("peering connections", peerings(ec2, by()).await?),
        ("transit gateway attachments", transit_gateway_attachments(ec2, by()).await?),
        ("flow logs", flow_logs(ec2, by()).await?),
        ("network interfaces", interfaces(ec2, by()).await?),
    ])
}

/// Defines a listing of one EC2 operation: the items of all its pages that are `alive`, as [`Found`]; when each was
/// `created`, where EC2 tells; and what must be done `first` so that the command removes it.
macro_rules! ec2_listing {
    ($(#[$doc:meta])* $name:ident, $operation:ident, $action:literal, $what:literal, $filter:ident, $id:ident, $tags:ident, $command:literal
     $(, alive: $alive:expr)? $(, created: $created:ident)? $(, first: $first:expr)?) => {
        $(#[$doc])*
        pub async fn $name(ec2: &aws_sdk_ec2::Client, filters: Vec<Filter>) -> Result<Vec<Found>, Fault> {
            let mut pages = ec2.$operation().$filter(Some(filters)).into_paginator().items().send();
            let mut found = Vec::new();
            while let Some(item) = pages.next().await {
                let item = item.map_err(aws::reading($action)).map_err(call_fault)?;
                $(if !($alive)(&item) { continue; })?
                let one = tagged($what, item.$id(), item.$tags(), $command);
                $(let one = Found { created: time(item.$created()).or(one.created), ..one };)?
                $(let one = after(one, ($first)(&item));)?
                found.push(one);
            }
            Ok(found)
        }
    };
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
    /// One that is attached cannot be deleted.
    /// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInternetGateways.html>
    internet_gateways, describe_internet_gateways, "ec2:DescribeInternetGateways", "internet gateway", set_filters, internet_gateway_id, tags,
    "ec2 delete-internet-gateway --internet-gateway-id",
    first: |gateway: &InternetGateway| {
        let id = gateway.internet_gateway_id().unwrap_or_default().to_owned();
        let vpcs = gateway.attachments().iter().filter_map(|attachment| attachment.vpc_id());
        vpcs.map(|vpc| format!("ec2 detach-internet-gateway --internet-gateway-id {id} --vpc-id {vpc}")).collect()
    }
);
ec2_listing!(
    /// The main table of a VPC goes with it and is left out. One that subnets use cannot be deleted.
    /// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeRouteTables.html>
    route_tables, describe_route_tables, "ec2:DescribeRouteTables", "route table", set_filters, route_table_id, tags,
    "ec2 delete-route-table --route-table-id",
    alive: |table: &RouteTable| !table.associations().iter().any(|association| association.main() == Some(true)),
    first: |table: &RouteTable| {
        let ids = table.associations().iter().filter_map(|association| association.route_table_association_id());
        ids.map(|id| format!("ec2 disassociate-route-table --association-id {id}")).collect()
    }
);
ec2_listing!(
    /// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNatGateways.html>
    nat_gateways, describe_nat_gateways, "ec2:DescribeNatGateways", "NAT gateway", set_filter, nat_gateway_id, tags,
    "ec2 delete-nat-gateway --nat-gateway-id",
    alive: |gateway: &NatGateway| state_is_alive(gateway.state().map(|state| state.as_str())),
    created: create_time
);
ec2_listing!(
    /// A VPC's `default` group goes with it and is left out.
    /// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSecurityGroups.html>
    security_groups, describe_security_groups, "ec2:DescribeSecurityGroups", "security group", set_filters, group_id, tags,
    "ec2 delete-security-group --group-id",
    alive: |group: &aws_sdk_ec2::types::SecurityGroup| group.group_name() != Some("default")
);
ec2_listing!(
    /// One that failed, expired or was rejected stays until somebody deletes it.
    /// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcEndpoints.html>
    endpoints, describe_vpc_endpoints, "ec2:DescribeVpcEndpoints", "VPC endpoint", set_filters, vpc_endpoint_id, tags,
    "ec2 delete-vpc-endpoints --vpc-endpoint-ids",
    alive: |endpoint: &aws_sdk_ec2::types::VpcEndpoint| {
        endpoint.state().is_none_or(|state| !state.as_str().eq_ignore_ascii_case("deleted"))
    },
    created: creation_timestamp
);
ec2_listing!(
    /// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcPeeringConnections.html>
    peerings, describe_vpc_peering_connections, "ec2:DescribeVpcPeeringConnections", "peering connection", set_filters, vpc_peering_connection_id, tags,
    "ec2 delete-vpc-peering-connection --vpc-peering-connection-id",
    alive: |peering: &aws_sdk_ec2::types::VpcPeeringConnection| {
        state_is_alive(peering.status().and_then(|status| status.code()).map(|code| code.as_str()))
    }
);
ec2_listing!(
    /// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeTransitGatewayVpcAttachments.html>
    transit_gateway_attachments, describe_transit_gateway_vpc_attachments, "ec2:DescribeTransitGatewayVpcAttachments", "transit gateway attachment", set_filters,
    transit_gateway_attachment_id, tags, "ec2 delete-transit-gateway-vpc-attachment --transit-gateway-attachment-id",
    alive: |attachment: &aws_sdk_ec2::types::TransitGatewayVpcAttachment| {
        state_is_alive(attachment.state().map(|state| state.as_str()))
    },
    created: creation_time
);
ec2_listing!(
    /// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeFlowLogs.html>
    flow_logs, describe_flow_logs, "ec2:DescribeFlowLogs", "flow log", set_filter, flow_log_id, tags, "ec2 delete-flow-logs --flow-log-ids",
    created: creation_time
);
ec2_listing!(
    /// Interfaces that AWS manages for a NAT gateway or an endpoint are left out: they go with it.
    /// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkInterfaces.html>
    interfaces, describe_network_interfaces, "ec2:DescribeNetworkInterfaces", "network interface", set_filters, network_interface_id, tag_set,
    "ec2 delete-network-interface --network-interface-id",
    alive: |interface: &aws_sdk_ec2::types::NetworkInterface| interface.requester_managed() != Some(true)
);

/// Elastic IPs. Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeAddresses.html>
pub async fn addresses(ec2: &aws_sdk_ec2::Client, filters: Vec<Filter>) -> Result<Vec<Found>, Fault> {
    let answer = ec2.describe_addresses().set_filters(Some(filters)).send().await;
    let answer = answer.map_err(aws::reading("ec2:DescribeAddresses")).map_err(call_fault)?;
    let found = |address: &aws_sdk_ec2::types::Address| {
        tagged("Elastic IP", address.allocation_id(), address.tags(), "ec2 release-address --allocation-id")
    };
    Ok(answer.addresses().iter().map(found).collect())
}

/// Log groups by prefix. Source: <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeLogGroups.html>
pub async fn log_groups(clients: &Clients, prefix: &str) -> Result<Vec<Found>, Fault> {
    let mut pages = clients.logs.describe_log_groups().log_group_name_prefix(prefix).into_paginator().items().send();
    let mut found = Vec::new();
    while let Some(group) = pages.next().await {
        let group = group.map_err(aws::reading("logs:DescribeLogGroups")).map_err(call_fault)?;
        let name = group.log_group_name().unwrap_or_default();
        let created = group.creation_time().and_then(|milliseconds| Timestamp::from_millisecond(milliseconds).ok());
        found.push(named("log group", name, name, created, "logs delete-log-group --log-group-name"));
    }
    Ok(found)
}

/// Roles by path; IAM knows no region. Source: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRoles.html>
pub async fn roles(clients: &Clients, path: &str) -> Result<Vec<Found>, Fault> {
    let mut pages = clients.iam.list_roles().path_prefix(path).into_paginator().items().send();
    let mut found = Vec::new();
    while let Some(role) = pages.next().await {
        let role = role.map_err(aws::reading("iam:ListRoles")).map_err(call_fault)?;
        let created = time(Some(role.create_date()));
        found.push(named("role", role.role_name(), role.path(), created, "iam delete-role --role-name"));
    }
    Ok(found)
}

/// The same role with a command that removes it: a role goes only without its policies.
/// Source: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRole.html>
pub async fn with_its_policies(clients: &Clients, role: Found) -> Result<Found, Fault> {
    let mut pages = clients.iam.list_role_policies().role_name(&role.locator).into_paginator().items().send();
    let mut first = Vec::new();
    while let Some(policy) = pages.next().await {
        let policy = policy.map_err(aws::reading("iam:ListRolePolicies")).map_err(call_fault)?;
        first.push(format!("iam delete-role-policy --role-name {} --policy-name {policy}", role.locator));
    }
    Ok(after(role, first))
}

fn tagged(what: &'static str, locator: Option<&str>, tags: &[Tag], command: &str) -> Found {
    let locator = locator.unwrap_or_default().to_owned();
    let command = format!("aws {command} {locator}");
    let pair = |tag: &Tag| Some((tag.key()?.to_owned(), tag.value()?.to_owned()));
    let tags: Tags = tags.iter().filter_map(pair).collect();
    let platform = tags.get(Identity::PLATFORM).cloned();
    let created = tags.get(Identity::ATTEMPT).and_then(|attempt| Token::parse(attempt)).map(Token::at);
    Found { what, locator, tags, platform, created, command }
}

/// `path` is `/landfall/<installation>/<platform>/…`.
fn named(what: &'static str, name: &str, path: &str, created: Option<Timestamp>, command: &str) -> Found {
    let platform = path.split('/').nth(3).filter(|segment| !segment.is_empty()).map(str::to_owned);
    let (locator, command) = (name.to_owned(), format!("aws {command} {name}"));
    Found { what, locator, tags: Tags::new(), platform, created, command }
}

fn after(found: Found, first: Vec<String>) -> Found {
    let mut steps: Vec<String> = first.into_iter().map(|step| format!("aws {step}")).collect();
    steps.push(found.command);
    Found { command: steps.join(" && "), ..found }
}

fn time(time: Option<&DateTime>) -> Option<Timestamp> {
    Timestamp::from_second(time?.secs()).ok()
}

fn state_is_alive(state: Option<&str>) -> bool {
    !matches!(state.map(str::to_ascii_lowercase).as_deref(), Some("deleted" | "rejected" | "expired" | "failed"))
}
