//! What a plan has to know of AWS, asked with the caller's credentials. Admit asks the same before a run.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{Filter, RouteTable, Subnet, VpcCidrBlockAssociation, VpcCidrBlockStateCode, VpcEndpoint};
use domain::{Identity, Region};
use manifest::Manifest;
use plan::{Facts, GivenNetwork, GivenSubnet, Slots};

use crate::failure::Failure;
use crate::sdk;

/// Asks for the zones of the region, and for the VPC that the manifest names. The numbers of zones come from `slots`.
pub async fn ask(client: &Client, manifest: &Manifest, slots: &Slots) -> Result<Facts, Failure> {
    let network = &manifest.spec.network;
    let given = match &network.vpc_id {
        Some(vpc_id) => given(client, manifest, vpc_id).await?,
        None => None,
    };
    Ok(Facts { zones: zones(client).await?, slots: slots.clone(), given })
}

/// The ordinary zones that the account may use, by id.
async fn zones(client: &Client) -> Result<BTreeMap<String, String>, Failure> {
    let call = client.describe_availability_zones().filters(filter("zone-type", "availability-zone"));
    let call = call.filters(filter("state", "available"));
    let answer =
        call.send().await.map_err(|error| sdk::failure("The zones of the region could not be listed", &error))?;
    let zones = answer.availability_zones.unwrap_or_default().into_iter();
    Ok(zones.filter_map(|zone| Some((zone.zone_id?, zone.zone_name?))).collect())
}

/// The VPC with the subnets that the manifest names; none if there is no such VPC.
async fn given(client: &Client, manifest: &Manifest, vpc_id: &str) -> Result<Option<GivenNetwork>, Failure> {
    let message = format!("The VPC {vpc_id} could not be looked at");
    let in_vpc = || filter("vpc-id", vpc_id);
    let answer = client.describe_vpcs().filters(in_vpc()).send().await;
    let answer = answer.map_err(|error| sdk::failure(&message, &error))?;
    let Some(vpc) = answer.vpcs.unwrap_or_default().into_iter().next() else { return Ok(None) };
    let primary = vpc.cidr_block.clone();
    let in_force = |block: &VpcCidrBlockAssociation| {
        block.cidr_block_state().and_then(|state| state.state()) == Some(&VpcCidrBlockStateCode::Associated)
    };
    let further = vpc.cidr_block_association_set.unwrap_or_default().into_iter().filter(in_force);
    let further = further.filter_map(|block| block.cidr_block);
    let further = further.filter(|block| Some(block) != primary.as_ref());
    let cidrs = primary.clone().into_iter().chain(further).filter_map(|block| block.parse().ok()).collect();

    let subnets = client.describe_subnets().filters(in_vpc()).into_paginator().items().send();
    let subnets: Vec<Subnet> =
        subnets.collect::<Result<_, _>>().await.map_err(|error| sdk::failure(&message, &error))?;
    let tables = client.describe_route_tables().filters(in_vpc()).into_paginator().items().send();
    let tables: Vec<RouteTable> =
        tables.collect::<Result<_, _>>().await.map_err(|error| sdk::failure(&message, &error))?;
    let endpoints = client.describe_vpc_endpoints().filters(in_vpc()).into_paginator().items().send();
    let endpoints: Vec<_> =
        endpoints.collect::<Result<_, _>>().await.map_err(|error| sdk::failure(&message, &error))?;

    let services: BTreeSet<String> =
        endpoints.iter().filter_map(|endpoint| foreign_service(endpoint, &manifest.spec.region)).collect();
    let named = manifest.spec.network.subnets.clone().unwrap_or_default();
    let is_named = |id: &String| named.private.contains(id) || named.public.contains(id);
    let by_id = |subnet: &Subnet| Some((subnet.subnet_id.clone().filter(is_named)?, given_subnet(subnet, &tables)?));
    Ok(Some(GivenNetwork {
        vpc_id: vpc_id.to_owned(),
        cidrs,
        subnets: subnets.iter().filter_map(by_id).collect(),
        endpoints: services.into_iter().collect(),
    }))
}

fn given_subnet(subnet: &Subnet, tables: &[RouteTable]) -> Option<GivenSubnet> {
    let uses =
        |table: &&RouteTable| table.associations().iter().any(|association| association.subnet_id == subnet.subnet_id);
    Some(GivenSubnet {
        zone: subnet.availability_zone_id.clone()?,
        cidr: subnet.cidr_block.as_ref()?.parse().ok()?,
        free: u32::try_from(subnet.available_ip_address_count?).ok()?,
        route_table: tables.iter().find(uses).and_then(|table| table.route_table_id.clone()),
    })
}

/// The short name of the service of an endpoint that others made. Landfall's own are planned, not found.
fn foreign_service(endpoint: &VpcEndpoint, region: &Region) -> Option<String> {
    let ours = endpoint.tags().iter().any(|tag| tag.key() == Some(Identity::PLATFORM));
    let state = endpoint.state().map(|state| state.as_str().to_lowercase());
    let lives = matches!(state.as_deref(), Some("available" | "pending" | "pendingacceptance"));
    let (_, short) = endpoint.service_name()?.split_once(&format!(".{region}."))?;
    (lives && !ours).then(|| short.to_owned())
}

fn filter(name: &str, value: &str) -> Filter {
    Filter::builder().name(name).values(value).build()
}
