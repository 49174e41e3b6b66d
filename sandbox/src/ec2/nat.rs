//! NAT gateways.
//!
//! Corrects: the states `pending`, `failed`, `deleting` and `deleted` and their durations, addresses and interfaces,
//! client tokens, filters, the listing of deleted gateways for an hour.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNatGateway.html>
//! <https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-troubleshooting.html>

use serde_json::{Value, json};

use super::interface::{self, Managed};
use super::request::Refusal;
use super::store::{Kind, Store, now};
use super::{Answer, Call, address, internet_gateway};
use crate::durations::Durations;

pub(super) fn create(call: &mut Call<'_>) -> Answer {
    let subnet = call.request.required("SubnetId")?.to_owned();
    let vpc = call.store.get(Kind::Subnet, &subnet)?.text("vpcId").to_owned();
    let connectivity = call.request.get("ConnectivityType").unwrap_or("public");
    let allocation = match connectivity {
        "public" => Some(call.request.required("AllocationId")?.to_owned()),
        _ => None,
    };
    let failure = why_it_fails(call.store, &vpc, allocation.as_deref())?;
    let tags = call.request.new_tags(Kind::NatGateway)?;
    let token = call.request.get("ClientToken").map(str::to_owned);
    let id = call.store.add(
        Kind::NatGateway,
        json!({
            "subnetId": subnet,
            "vpcId": vpc,
            "connectivityType": connectivity,
            "createTime": now(),
            "state": "pending",
            "natGatewayAddressSet": [{"allocationId": allocation}],
        }),
        tags,
    );
    match failure {
        Some((code, message)) => {
            let nat = call.store.get_mut(Kind::NatGateway, &id)?;
            nat.document["coming"] = json!({"failureCode": code, "failureMessage": message});
        }
        None => equip(call.store, &id, &subnet, allocation.as_deref())?,
    }
    call.store.schedule(&id, call.durations.nat_gateway_pending());
    let record = call.store.get(Kind::NatGateway, &id)?;
    let mut nat = record.document.clone();
    nat["tagSet"] = record.tag_set();
    Ok(json!({"natGateway": nat, "clientToken": token}))
}

pub(super) fn delete(call: &mut Call<'_>) -> Answer {
    let id = call.request.required("NatGatewayId")?;
    let nat = call.store.get_mut(Kind::NatGateway, id)?;
    match nat.text("state") {
        "deleted" => return Err(Kind::NatGateway.not_found(id)),
        "deleting" => {}
        _ => {
            nat.document["state"] = json!("deleting");
            nat.document["deleteTime"] = json!(now());
            call.store.schedule(id, call.durations.nat_gateway_deleting());
        }
    }
    Ok(json!({"natGatewayId": id}))
}

/// Ends the change under way.
pub(super) fn settle(store: &mut Store, id: &str, durations: Durations) {
    let Ok(nat) = store.get_mut(Kind::NatGateway, id) else { return };
    let coming = nat.document["coming"].take();
    match nat.text("state") {
        "pending" if coming.is_null() => nat.document["state"] = json!("available"),
        "pending" => {
            nat.document["state"] = json!("failed");
            nat.document["failureCode"] = coming["failureCode"].clone();
            nat.document["failureMessage"] = coming["failureMessage"].clone();
            store.schedule(id, durations.nat_gateway_listed());
        }
        "deleting" => {
            nat.document["state"] = json!("deleted");
            release(store, id);
            store.schedule(id, durations.nat_gateway_listed());
        }
        // One that failed is deleted by itself.
        "failed" => {
            release(store, id);
            store.remove(id);
        }
        _ => store.remove(id),
    }
}

/// Gives up the interface, and with it the address.
fn release(store: &mut Store, id: &str) {
    let Ok(nat) = store.get(Kind::NatGateway, id) else { return };
    let interface = nat.document["natGatewayAddressSet"][0]["networkInterfaceId"].as_str().map(str::to_owned);
    if let Some(interface) = interface {
        interface::remove_managed(store, &interface);
    }
}

fn equip(store: &mut Store, id: &str, subnet: &str, allocation: Option<&str>) -> Result<(), Refusal> {
    let (interface, private_ip) = interface::add_managed(
        store,
        &Managed {
            subnet,
            interface_type: "nat_gateway",
            description: format!("Interface for NAT Gateway {id}"),
            requester: "amazon-nat-gateway",
            groups: &[],
        },
    )?;
    let mut addresses = json!({
        "networkInterfaceId": interface,
        "privateIp": private_ip,
        "isPrimary": true,
        "status": "succeeded",
    });
    if let Some(allocation) = allocation {
        let association = address::bind(store, allocation, &interface, &private_ip)?;
        for field in ["allocationId", "associationId", "publicIp"] {
            addresses[field] = association[field].clone();
        }
        store.get_mut(Kind::Interface, &interface)?.document["association"] = association;
    }
    store.get_mut(Kind::NatGateway, id)?.document["natGatewayAddressSet"] = json!([addresses]);
    Ok(())
}

// These do not refuse the call: the gateway is made, and ends as failed.
fn why_it_fails(store: &Store, vpc: &str, allocation: Option<&str>) -> Result<Option<(Value, String)>, Refusal> {
    let Some(allocation) = allocation else { return Ok(None) };
    if !store.get(Kind::Address, allocation)?.text("associationId").is_empty() {
        return Ok(Some((
            json!("Resource.AlreadyAssociated"),
            format!("Elastic IP address [{allocation}] is already associated"),
        )));
    }
    if internet_gateway::of(store, vpc).is_none() {
        return Ok(Some((json!("Gateway.NotAttached"), format!("Network {vpc} has no Internet gateway attached"))));
    }
    Ok(None)
}
