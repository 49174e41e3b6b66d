//! What a plan must know of the account: zones, and the network that the manifest names. Asked of EC2.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{Filter, Subnet, Vpc, VpcCidrBlockStateCode, VpcEndpoint};
use domain::{Fault, FaultName, Identity, Region};
use ipnet::Ipv4Net;
use lambda::call_fault;
use manifest::Network;
use plan::{Facts, GivenNetwork, GivenSubnet, Slots};

/// The facts for a manifest. `slots` are the numbers that the platform's zones were given so far.
///
/// A VPC or subnet that is not there is left out: the plan says which are missing.
pub(crate) async fn gather(client: &Client, region: &Region, network: &Network, slots: Slots) -> Result<Facts, Fault> {
    let zones = zones(client).await?;
    let given = match &network.vpc_id {
        Some(vpc_id) => given(client, region, network, vpc_id).await?,
        None => None,
    };
    Ok(Facts { zones, slots, given, cluster: None })
}

/// The region's own zones that are open to this account, by id. Local zones and wavelength zones are no home for a
/// cluster.
async fn zones(client: &Client) -> Result<BTreeMap<String, String>, Fault> {
    let answer = client
        .describe_availability_zones()
        .filters(filter("zone-type", "availability-zone"))
        .filters(filter("state", "available"))
        .send()
        .await
        .map_err(aws::reading("ec2:DescribeAvailabilityZones"))
        .map_err(call_fault)?;
    let named =
        |zone: &aws_sdk_ec2::types::AvailabilityZone| Some((zone.zone_id()?.to_owned(), zone.zone_name()?.to_owned()));
    Ok(answer.availability_zones().iter().filter_map(named).collect())
}

async fn given(
    client: &Client,
    region: &Region,
    network: &Network,
    vpc_id: &str,
) -> Result<Option<GivenNetwork>, Fault> {
    let vpcs = client
        .describe_vpcs()
        .filters(filter("vpc-id", vpc_id))
        .send()
        .await
        .map_err(aws::reading("ec2:DescribeVpcs"))
        .map_err(call_fault)?;
    let Some(vpc) = vpcs.vpcs().first() else { return Ok(None) };
    Ok(Some(GivenNetwork {
        vpc_id: vpc_id.to_owned(),
        cidrs: blocks(vpc)?,
        subnets: subnets(client, network, vpc_id).await?,
        endpoints: endpoints(client, region, vpc_id).await?,
    }))
}

async fn subnets(client: &Client, network: &Network, vpc_id: &str) -> Result<BTreeMap<String, GivenSubnet>, Fault> {
    let asked = network.subnets.iter().flat_map(|subnets| subnets.private.iter().chain(&subnets.public));
    let asked: BTreeSet<&str> = asked.map(String::as_str).collect();
    let request = client.describe_subnets().filters(filter("vpc-id", vpc_id));
    let mut pages = request.into_paginator().items().send();
    let tables = tables(client, vpc_id).await?;
    let mut found = BTreeMap::new();
    while let Some(subnet) = pages.next().await {
        let subnet = subnet.map_err(aws::reading("ec2:DescribeSubnets")).map_err(call_fault)?;
        let Some(id) = subnet.subnet_id().filter(|id| asked.contains(id)) else { continue };
        found.insert(id.to_owned(), of_subnet(id, &subnet, tables.get(id))?);
    }
    Ok(found)
}

fn of_subnet(id: &str, subnet: &Subnet, table: Option<&String>) -> Result<GivenSubnet, Fault> {
    Ok(GivenSubnet {
        zone: subnet.availability_zone_id().unwrap_or_default().to_owned(),
        cidr: block(id, subnet.cidr_block())?,
        free: u32::try_from(subnet.available_ip_address_count().unwrap_or_default()).unwrap_or_default(),
        route_table: table.cloned(),
    })
}

/// The route table of each subnet that has one of its own.
async fn tables(client: &Client, vpc_id: &str) -> Result<BTreeMap<String, String>, Fault> {
    let request = client.describe_route_tables().filters(filter("vpc-id", vpc_id));
    let mut pages = request.into_paginator().items().send();
    let mut found = BTreeMap::new();
    while let Some(table) = pages.next().await {
        let table = table.map_err(aws::reading("ec2:DescribeRouteTables")).map_err(call_fault)?;
        for association in table.associations() {
            if let (Some(subnet), Some(table)) = (association.subnet_id(), table.route_table_id()) {
                found.insert(subnet.to_owned(), table.to_owned());
            }
        }
    }
    Ok(found)
}

/// The short names of the services whose endpoints the VPC has from others. Ours are ours to keep.
async fn endpoints(client: &Client, region: &Region, vpc_id: &str) -> Result<Vec<String>, Fault> {
    let request = client.describe_vpc_endpoints().filters(filter("vpc-id", vpc_id));
    let mut pages = request.into_paginator().items().send();
    let mut found = BTreeSet::new();
    while let Some(endpoint) = pages.next().await {
        let endpoint = endpoint.map_err(aws::reading("ec2:DescribeVpcEndpoints")).map_err(call_fault)?;
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
fn blocks(vpc: &Vpc) -> Result<Vec<Ipv4Net>, Fault> {
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

fn block(of: &str, text: Option<&str>) -> Result<Ipv4Net, Fault> {
    let text = text.unwrap_or_default();
    text.parse().map_err(|_| {
        Fault::new(FaultName::UnusableNetwork, format!("{of} has `{text}` as its IPv4 block, which cannot be used"))
    })
}

fn filter(name: &str, value: &str) -> Filter {
    Filter::builder().name(name).values(value).build()
}
