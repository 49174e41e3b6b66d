//! Zones, and the network that the manifest names. Asked of EC2.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{Filter, Subnet, Vpc, VpcCidrBlockStateCode, VpcEndpoint};
use domain::{Fault, FaultName, Identity, Region};
use engine::CallError;
use ipnet::Ipv4Net;
use manifest::Network;
use plan::{GivenNetwork, GivenSubnet};

/// The region's own zones that are open to this account, by id. Local zones and wavelength zones are no home for a
/// cluster.
pub(crate) async fn zones(client: &Client) -> Result<BTreeMap<String, String>, CallError> {
    let answer = client
        .describe_availability_zones()
        .filters(filter("zone-type", "availability-zone"))
        .filters(filter("state", "available"))
        .send()
        .await
        .map_err(aws::reading("ec2:DescribeAvailabilityZones"))?;
    let named =
        |zone: &aws_sdk_ec2::types::AvailabilityZone| Some((zone.zone_id()?.to_owned(), zone.zone_name()?.to_owned()));
    Ok(answer.availability_zones().iter().filter_map(named).collect())
}

/// The VPC that the manifest names, with its subnets that the manifest names; none if it names none, or AWS has none.
pub(crate) async fn given(
    client: &Client,
    region: &Region,
    network: &Network,
) -> Result<Option<GivenNetwork>, CallError> {
    let Some(vpc_id) = &network.vpc_id else { return Ok(None) };
    let vpcs = client.describe_vpcs().filters(filter("vpc-id", vpc_id)).send().await;
    let vpcs = vpcs.map_err(aws::reading("ec2:DescribeVpcs"))?;
    let Some(vpc) = vpcs.vpcs().first() else { return Ok(None) };
    Ok(Some(GivenNetwork {
        vpc_id: vpc_id.clone(),
        cidrs: blocks(vpc)?,
        subnets: subnets(client, network, vpc_id).await?,
        endpoints: endpoints(client, region, vpc_id).await?,
    }))
}

async fn subnets(client: &Client, network: &Network, vpc_id: &str) -> Result<BTreeMap<String, GivenSubnet>, CallError> {
    let asked = network.subnets.iter().flat_map(|subnets| subnets.private.iter().chain(&subnets.public));
    let asked: BTreeSet<&str> = asked.map(String::as_str).collect();
    let request = client.describe_subnets().filters(filter("vpc-id", vpc_id));
    let mut pages = request.into_paginator().items().send();
    let tables = tables(client, vpc_id).await?;
    let mut found = BTreeMap::new();
    while let Some(subnet) = pages.next().await {
        let subnet = subnet.map_err(aws::reading("ec2:DescribeSubnets"))?;
        let Some(id) = subnet.subnet_id().filter(|id| asked.contains(id)) else { continue };
        found.insert(id.to_owned(), of_subnet(id, &subnet, tables.get(id))?);
    }
    Ok(found)
}

fn of_subnet(id: &str, subnet: &Subnet, table: Option<&String>) -> Result<GivenSubnet, CallError> {
    Ok(GivenSubnet {
        zone: subnet.availability_zone_id().unwrap_or_default().to_owned(),
        cidr: block(id, subnet.cidr_block())?,
        free: u32::try_from(subnet.available_ip_address_count().unwrap_or_default()).unwrap_or_default(),
        route_table: table.cloned(),
    })
}

/// The route table of each subnet that has one of its own.
async fn tables(client: &Client, vpc_id: &str) -> Result<BTreeMap<String, String>, CallError> {
    let request = client.describe_route_tables().filters(filter("vpc-id", vpc_id));
    let mut pages = request.into_paginator().items().send();
    let mut found = BTreeMap::new();
    while let Some(table) = pages.next().await {
        let table = table.map_err(aws::reading("ec2:DescribeRouteTables"))?;
        for association in table.associations() {
            if let (Some(subnet), Some(table)) = (association.subnet_id(), table.route_table_id()) {
                found.insert(subnet.to_owned(), table.to_owned());
            }
        }
    }
    Ok(found)
}

/// The short names of the services whose endpoints the VPC has from others. Ours are ours to keep.
async fn endpoints(client: &Client, region: &Region, vpc_id: &str) -> Result<Vec<String>, CallError> {
    let request = client.describe_vpc_endpoints().filters(filter("vpc-id", vpc_id));
    let mut pages = request.into_paginator().items().send();
    let mut found = BTreeSet::new();
    while let Some(endpoint) = pages.next().await {
        let endpoint = endpoint.map_err(aws::reading("ec2:DescribeVpcEndpoints"))?;
        found.extend(foreign_service(&endpoint, region));
    }
    Ok(found.into_iter().collect())
}

fn foreign_service(endpoint: &VpcEndpoint, region: &Region) -> Option<String> {
    let ours = endpoint.tags().iter().any(|tag| tag.key() == Some(Identity::PLATFORM));
    let state = endpoint.state().map(|state| state.as_str().to_lowercase());
    let lives = matches!(state.as_deref(), Some("available" | "pending" | "pendingacceptance"));
    let marker = format!(".{region}.");
    let service = endpoint.service_name().and_then(|name| name.split_once(&marker)).map(|(_, short)| short.to_owned());
    service.filter(|_| lives && !ours)
}

/// The IPv4 blocks of a VPC that are in force, the primary first.
fn blocks(vpc: &Vpc) -> Result<Vec<Ipv4Net>, CallError> {
    let id = vpc.vpc_id().unwrap_or_default();
    let primary = block(id, vpc.cidr_block())?;
    let associated = vpc.cidr_block_association_set().iter().filter(|set| {
        set.cidr_block_state().and_then(|state| state.state()) == Some(&VpcCidrBlockStateCode::Associated)
    });
    let mut blocks = vec![primary];
    for set in associated {
        let more = block(id, set.cidr_block())?;
        if more != primary {
            blocks.push(more);
        }
    }
    Ok(blocks)
}

fn block(of: &str, text: Option<&str>) -> Result<Ipv4Net, CallError> {
    let text = text.unwrap_or_default();
    text.parse().map_err(|_| {
        let message = format!("{of} has `{text}` as its IPv4 block, which cannot be used");
        CallError::Fault(Fault::new(FaultName::UnusableNetwork, message))
    })
}

fn filter(name: &str, value: &str) -> Filter {
    Filter::builder().name(name).values(value).build()
}
