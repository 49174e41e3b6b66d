//! What EC2 shows: networks, and what nodes are made of.

use aws_sdk_ec2::primitives::DateTime;
use aws_sdk_ec2::types::{Filter, Instance, InternetGateway, NatGateway, NetworkInterface, RouteTable, Tag, Volume};
use domain::Fault;
use lambda::call_fault;

use super::{Found, after, tagged, time};

/// A filter of EC2.
pub fn filter(name: &str, value: &str) -> Filter {
    Filter::builder().name(name).values(value).build()
}

/// The filter of what carries this tag.
pub fn tag(key: &str, value: &str) -> Filter {
    filter(&format!("tag:{key}"), value)
}

/// Of everything in EC2 that platforms may own: what is listed, and what passes the filters.
pub async fn all(ec2: &aws_sdk_ec2::Client, filters: &[Filter]) -> Result<Vec<(&'static str, Vec<Found>)>, Fault> {
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
        ("launch templates", launch_templates(ec2, by()).await?),
        ("instances", instances(ec2, by()).await?),
        ("volumes", volumes(ec2, by()).await?),
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
            let mut all = Vec::new();
            while let Some(item) = pages.next().await {
                let item = item.map_err(aws::reading($action)).map_err(call_fault)?;
                $(if !($alive)(&item) { continue; })?
                let _created: Option<&DateTime> = None;
                $(let _created = item.$created();)?
                let one = found($what, item.$id(), item.$tags(), _created, $command);
                $(let one = after(one, ($first)(&item));)?
                all.push(one);
            }
            Ok(all)
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
    /// Interfaces that AWS manages for a NAT gateway or an endpoint, and those of instances, are left out: they go with
    /// what they belong to.
    /// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkInterfaces.html>
    interfaces, describe_network_interfaces, "ec2:DescribeNetworkInterfaces", "network interface", set_filters, network_interface_id, tag_set,
    "ec2 delete-network-interface --network-interface-id",
    alive: |interface: &NetworkInterface| {
        let instance = interface.attachment().and_then(|attachment| attachment.instance_id());
        interface.requester_managed() != Some(true) && instance.is_none()
    }
);
ec2_listing!(
    /// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeLaunchTemplates.html>
    launch_templates, describe_launch_templates, "ec2:DescribeLaunchTemplates", "launch template", set_filters, launch_template_id, tags,
    "ec2 delete-launch-template --launch-template-id",
    created: create_time
);
ec2_listing!(
    /// A volume that goes with its instance is left out.
    /// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVolumes.html>
    volumes, describe_volumes, "ec2:DescribeVolumes", "volume", set_filters, volume_id, tags, "ec2 delete-volume --volume-id",
    alive: |volume: &Volume| {
        let goes_along = volume.attachments().iter().any(|attachment| attachment.delete_on_termination() == Some(true));
        state_is_alive(volume.state().map(|state| state.as_str())) && !goes_along
    },
    created: create_time
);

/// Instances; EC2 shows one that is terminated for about an hour.
/// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html>
pub async fn instances(ec2: &aws_sdk_ec2::Client, filters: Vec<Filter>) -> Result<Vec<Found>, Fault> {
    let mut pages = ec2.describe_instances().set_filters(Some(filters)).into_paginator().items().send();
    let mut all = Vec::new();
    while let Some(reservation) = pages.next().await {
        let reservation = reservation.map_err(aws::reading("ec2:DescribeInstances")).map_err(call_fault)?;
        for instance in reservation.instances().iter().filter(|instance| is_alive(instance)) {
            let (id, tags, launched) = (instance.instance_id(), instance.tags(), instance.launch_time());
            all.push(found("instance", id, tags, launched, "ec2 terminate-instances --instance-ids"));
        }
    }
    Ok(all)
}

/// Elastic IPs. Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeAddresses.html>
pub async fn addresses(ec2: &aws_sdk_ec2::Client, filters: Vec<Filter>) -> Result<Vec<Found>, Fault> {
    let answer = ec2.describe_addresses().set_filters(Some(filters)).send().await;
    let answer = answer.map_err(aws::reading("ec2:DescribeAddresses")).map_err(call_fault)?;
    let one = |address: &aws_sdk_ec2::types::Address| {
        found("Elastic IP", address.allocation_id(), address.tags(), None, "ec2 release-address --allocation-id")
    };
    Ok(answer.addresses().iter().map(one).collect())
}

fn found(what: &'static str, id: Option<&str>, tags: &[Tag], created: Option<&DateTime>, command: &str) -> Found {
    let pair = |tag: &Tag| Some((tag.key()?.to_owned(), tag.value()?.to_owned()));
    tagged(what, id.unwrap_or_default(), tags.iter().filter_map(pair).collect(), time(created), command)
}

fn is_alive(instance: &Instance) -> bool {
    let state = instance.state().and_then(|state| state.name());
    state.is_none_or(|state| !state.as_str().eq_ignore_ascii_case("terminated"))
}

fn state_is_alive(state: Option<&str>) -> bool {
    !matches!(state.map(str::to_ascii_lowercase).as_deref(), Some("deleted" | "rejected" | "expired" | "failed"))
}
