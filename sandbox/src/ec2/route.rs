//! Route tables, their associations and routes.
//!
//! Corrects: duplicate and missing routes, `blackhole`, the main table, local routes of secondary blocks, deletion
//! while associated, one association per subnet.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateRoute.html>
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteRouteTable.html>
//! <https://docs.aws.amazon.com/vpc/latest/userguide/route-table-options.html>

use std::collections::BTreeMap;

use ipnet::Ipv4Net;
use serde_json::{Value, json};

use super::request::{Refusal, Request};
use super::store::{Kind, Store, random_id};
use super::{ACCOUNT, Answer, Call, internet_gateway, transit, vpc};

pub(super) fn create_table(call: &mut Call<'_>) -> Answer {
    let vpc = call.request.required("VpcId")?;
    let tags = call.request.new_tags(Kind::RouteTable)?;
    let id = add_table(call.store, vpc, tags)?;
    let record = call.store.get(Kind::RouteTable, &id)?;
    let mut table = record.document.clone();
    table["tagSet"] = record.tag_set();
    Ok(json!({ "routeTable": table }))
}

pub(super) fn delete_table(call: &mut Call<'_>) -> Answer {
    let id = call.request.required("RouteTableId")?;
    if !call.store.get(Kind::RouteTable, id)?.list("associationSet").is_empty() {
        return Err(Refusal::dependency("routeTable", id));
    }
    call.store.remove(id);
    Ok(json!({"return": true}))
}

pub(super) fn associate(call: &mut Call<'_>) -> Answer {
    let table = call.request.required("RouteTableId")?;
    let subnet = call.request.required("SubnetId")?;
    let of = call.store.get(Kind::Subnet, subnet)?.text("vpcId").to_owned();
    if !call.store.get(Kind::RouteTable, table)?.has("vpcId", &of) {
        return Err(Refusal::invalid(format!("Route table {table} and subnet {subnet} belong to different networks")));
    }
    let bound = call.store.all(Kind::RouteTable).find_map(|other| {
        let one = other.list("associationSet").iter().find(|one| one["subnetId"] == subnet)?;
        Some((other.id.clone(), one["routeTableAssociationId"].clone()))
    });
    let id = match bound {
        // The same association again is answered with the one that exists.
        Some((other, id)) if other == table => id,
        Some((other, _)) => {
            return Err(Refusal::new(
                "Resource.AlreadyAssociated",
                format!(
                    "the specified association for route table {table} conflicts with an existing association with {other}"
                ),
            ));
        }
        None => {
            let id = json!(random_id("rtbassoc"));
            let made = json!({
                "routeTableAssociationId": id,
                "routeTableId": table,
                "subnetId": subnet,
                "main": false,
                "associationState": {"state": "associated"},
            });
            call.store.get_mut(Kind::RouteTable, table)?.list_mut("associationSet").push(made);
            id
        }
    };
    Ok(json!({"associationId": id, "associationState": {"state": "associated"}}))
}

pub(super) fn disassociate(call: &mut Call<'_>) -> Answer {
    let association = take_association(call, call.request.required("AssociationId")?, false)?;
    debug_assert!(association.is_object());
    Ok(json!({"return": true}))
}

pub(super) fn replace_association(call: &mut Call<'_>) -> Answer {
    let table = call.request.required("RouteTableId")?.to_owned();
    call.store.get(Kind::RouteTable, &table)?;
    let mut association = take_association(call, call.request.required("AssociationId")?, true)?;
    let id = random_id("rtbassoc");
    association["routeTableAssociationId"] = json!(id);
    association["routeTableId"] = json!(table);
    call.store.get_mut(Kind::RouteTable, &table)?.list_mut("associationSet").push(association);
    Ok(json!({"newAssociationId": id, "associationState": {"state": "associated"}}))
}

pub(super) fn create(call: &mut Call<'_>) -> Answer {
    let id = call.request.required("RouteTableId")?;
    let mut route = target(call, id)?;
    let destination = destination(call.request)?;
    let table = call.store.get_mut(Kind::RouteTable, id)?;
    if table.list("routeSet").iter().any(|one| same(one, &destination)) {
        return Err(Refusal::new(
            "RouteAlreadyExists",
            format!("The route identified by {} already exists.", destination.1),
        ));
    }
    route[destination.0] = json!(destination.1);
    route["origin"] = json!("CreateRoute");
    table.list_mut("routeSet").push(route);
    Ok(json!({"return": true}))
}

pub(super) fn replace(call: &mut Call<'_>) -> Answer {
    let id = call.request.required("RouteTableId")?;
    let mut route = target(call, id)?;
    let destination = destination(call.request)?;
    let table = call.store.get_mut(Kind::RouteTable, id)?;
    let Some(old) = table.list_mut("routeSet").iter_mut().find(|one| same(one, &destination)) else {
        return Err(Refusal::invalid(format!(
            "There is no route defined for '{}' in the route table. Use CreateRoute instead.",
            destination.1
        )));
    };
    route[destination.0] = json!(destination.1);
    route["origin"] = json!("CreateRoute");
    *old = route;
    Ok(json!({"return": true}))
}

pub(super) fn delete(call: &mut Call<'_>) -> Answer {
    let id = call.request.required("RouteTableId")?;
    let destination = destination(call.request)?;
    let routes = call.store.get_mut(Kind::RouteTable, id)?.list_mut("routeSet");
    let Some(at) = routes.iter().position(|one| same(one, &destination)) else {
        return Err(Refusal::new(
            "InvalidRoute.NotFound",
            format!("no route with destination-cidr-block {} in route table {id}", destination.1),
        ));
    };
    if routes[at]["gatewayId"] == "local" {
        return Err(Refusal::invalid(format!("cannot remove local route {} in route table {id}", destination.1)));
    }
    routes.remove(at);
    Ok(json!({"return": true}))
}

pub(super) fn add_main_table(store: &mut Store, vpc: &str) {
    let Ok(id) = add_table(store, vpc, BTreeMap::new()) else { return };
    if let Some(table) = store.any_mut(&id) {
        table.list_mut("associationSet").push(json!({
            "routeTableAssociationId": random_id("rtbassoc"),
            "routeTableId": id,
            "main": true,
            "associationState": {"state": "associated"},
        }));
    }
}

pub(super) fn is_main(document: &Value) -> bool {
    document["associationSet"].as_array().is_some_and(|set| set.iter().any(|one| one["main"] == true))
}

/// Every table of a VPC reaches a new block of the VPC.
pub(super) fn add_local(store: &mut Store, vpc: &str, block: Ipv4Net) {
    for table in store.all_mut(Kind::RouteTable).filter(|table| table.has("vpcId", vpc)) {
        table.list_mut("routeSet").push(local(block));
    }
}

pub(super) fn remove_local(store: &mut Store, vpc: &str, block: Ipv4Net) {
    let destination = ("destinationCidrBlock", block.to_string());
    for table in store.all_mut(Kind::RouteTable).filter(|table| table.has("vpcId", vpc)) {
        table.list_mut("routeSet").retain(|one| !same(one, &destination));
    }
}

pub(super) fn forget_subnet(store: &mut Store, subnet: &str) {
    for table in store.all_mut(Kind::RouteTable) {
        table.list_mut("associationSet").retain(|one| one["subnetId"] != subnet);
    }
}

/// A gateway endpoint is a route to its service's prefix list.
/// <https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html>
pub(super) fn add_endpoint(store: &mut Store, table: &str, prefix_list: &str, endpoint: &str) -> Result<(), Refusal> {
    let record = store.get_mut(Kind::RouteTable, table)?;
    if record.list("routeSet").iter().any(|one| one["destinationPrefixListId"] == prefix_list) {
        return Err(Refusal::new(
            "RouteAlreadyExists",
            format!("route table {table} already has a route with destination-prefix-list-id {prefix_list}"),
        ));
    }
    record.list_mut("routeSet").push(json!({
        "destinationPrefixListId": prefix_list,
        "gatewayId": endpoint,
        "origin": "CreateRoute",
    }));
    Ok(())
}

pub(super) fn remove_endpoint(store: &mut Store, table: Option<&str>, endpoint: &str) {
    let tables = store.all_mut(Kind::RouteTable).filter(|record| table.is_none_or(|table| record.id == table));
    for record in tables {
        record.list_mut("routeSet").retain(|one| one["gatewayId"] != endpoint);
    }
}

/// `active`, or `blackhole` when the target is gone.
pub(super) fn state(store: &Store, vpc: &str, route: &Value) -> &'static str {
    let id = |field: &str| route[field].as_str();
    let alive = if let Some(nat) = id("natGatewayId") {
        store.find(Kind::NatGateway, nat).is_some_and(|nat| matches!(nat.text("state"), "available" | "pending"))
    } else if let Some(peering) = id("vpcPeeringConnectionId") {
        store.find(Kind::Peering, peering).is_some_and(|one| one.document["status"]["code"] == "active")
    } else if let Some(gateway) = id("gatewayId").filter(|id| id.starts_with("igw-")) {
        internet_gateway::of(store, vpc).as_deref() == Some(gateway)
    } else if let Some(transit) = id("transitGatewayId") {
        transit::attached(store, transit, vpc)
    } else if let Some(interface) = id("networkInterfaceId") {
        store.find(Kind::Interface, interface).is_some()
    } else {
        true
    };
    if alive { "active" } else { "blackhole" }
}

fn add_table(store: &mut Store, vpc: &str, tags: BTreeMap<String, String>) -> Result<String, Refusal> {
    let routes: Vec<Value> = vpc::blocks(store, vpc)?.into_iter().map(local).collect();
    Ok(store.add(
        Kind::RouteTable,
        json!({"vpcId": vpc, "routeSet": routes, "associationSet": [], "propagatingVgwSet": [], "ownerId": ACCOUNT}),
        tags,
    ))
}

fn local(block: Ipv4Net) -> Value {
    json!({"destinationCidrBlock": block.to_string(), "gatewayId": "local", "origin": "CreateRouteTable"})
}

fn destination(request: &Request) -> Result<(&'static str, String), Refusal> {
    if let Some(list) = request.get("DestinationPrefixListId") {
        return Ok(("destinationPrefixListId", list.to_owned()));
    }
    if let Some(block) = request.get("DestinationIpv6CidrBlock") {
        return Ok(("destinationIpv6CidrBlock", block.to_owned()));
    }
    Ok(("destinationCidrBlock", request.cidr("DestinationCidrBlock")?.to_string()))
}

fn same(route: &Value, destination: &(&'static str, String)) -> bool {
    route[destination.0] == destination.1.as_str()
}

// The target must exist, and be in or attached to the table's VPC.
fn target(call: &Call<'_>, table: &str) -> Result<Value, Refusal> {
    let vpc = call.store.get(Kind::RouteTable, table)?.text("vpcId");
    let get = |name| call.request.get(name);
    if let Some(id) = get("GatewayId") {
        if internet_gateway::of(call.store, vpc).as_deref() != Some(id) {
            return Err(match call.store.find(Kind::InternetGateway, id) {
                None => Refusal::new("InvalidGatewayID.NotFound", format!("The gateway ID '{id}' does not exist")),
                Some(_) => Refusal::invalid(format!(
                    "route table {table} and network gateway {id} belong to different networks"
                )),
            });
        }
        return Ok(json!({"gatewayId": id}));
    }
    if let Some(id) = get("NatGatewayId") {
        let found =
            call.store.find(Kind::NatGateway, id).filter(|nat| matches!(nat.text("state"), "available" | "pending"));
        if found.is_none() {
            return Err(Refusal::new(
                "InvalidNatGatewayID.NotFound",
                format!("The natGateway ID '{id}' does not exist"),
            ));
        }
        return Ok(json!({"natGatewayId": id}));
    }
    if let Some(id) = get("VpcPeeringConnectionId") {
        let peering = call.store.get(Kind::Peering, id)?;
        if peering.document["status"]["code"] == "deleted" {
            return Err(Kind::Peering.not_found(id));
        }
        return Ok(json!({"vpcPeeringConnectionId": id}));
    }
    if let Some(id) = get("TransitGatewayId") {
        if !transit::attached(call.store, id, vpc) {
            return Err(Kind::TransitGateway.not_found(id));
        }
        return Ok(json!({"transitGatewayId": id}));
    }
    if let Some(id) = get("NetworkInterfaceId") {
        call.store.get(Kind::Interface, id)?;
        return Ok(json!({"networkInterfaceId": id}));
    }
    Err(Refusal::new("MissingParameter", "The request must contain exactly one route target"))
}

fn take_association(call: &mut Call<'_>, association: &str, main_too: bool) -> Answer {
    for table in call.store.all_mut(Kind::RouteTable) {
        let set = table.list_mut("associationSet");
        if let Some(at) = set.iter().position(|one| one["routeTableAssociationId"] == association) {
            if set[at]["main"] == true && !main_too {
                return Err(Refusal::invalid(format!(
                    "cannot disassociate the main route table association {association}"
                )));
            }
            return Ok(set.remove(at));
        }
    }
    Err(Refusal::new("InvalidAssociationID.NotFound", format!("The association ID '{association}' does not exist")))
}
