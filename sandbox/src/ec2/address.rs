//! Elastic IP addresses.
//!
//! Corrects: filters and unknown ids on Describe, the fields of an association, release of an address in use.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ReleaseAddress.html>

use rand::RngExt;
use serde_json::json;

use super::request::Refusal;
use super::store::{Kind, Store, random_id};
use super::{ACCOUNT, Answer, Call};

pub(super) fn allocate(call: &mut Call<'_>) -> Answer {
    let tags = call.request.new_tags(Kind::Address)?;
    let mut random = rand::rng();
    let public =
        format!("52.{}.{}.{}", random.random_range(16..64), random.random_range(0..=255), random.random_range(1..255));
    let region = call.store.region.clone();
    let document = json!({
        "publicIp": public,
        "domain": "vpc",
        "publicIpv4Pool": "amazon",
        "networkBorderGroup": region,
    });
    let id = call.store.add(Kind::Address, document.clone(), tags);
    let mut answer = document;
    answer["allocationId"] = json!(id);
    Ok(answer)
}

/// An address that a NAT gateway holds is managed by the service, and releasing it fails as if it were someone
/// else's (`AuthFailure`), until the gateway is deleted.
/// <https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-working-with.html#nat-gateway-deleting>
pub(super) fn release(call: &mut Call<'_>) -> Answer {
    let Some(id) = call.request.get("AllocationId") else {
        return Err(Refusal::invalid("You must specify an allocation id when releasing a VPC elastic IP address"));
    };
    let address = call.store.get(Kind::Address, id)?;
    if address.has("serviceManaged", "nat") {
        return Err(Refusal::new("AuthFailure", "You do not have permission to access the specified resource."));
    }
    if !address.text("associationId").is_empty() {
        return Err(Refusal::new("InvalidIPAddress.InUse", format!("Address {} is in use.", address.text("publicIp"))));
    }
    call.store.remove(id);
    Ok(json!({"return": true}))
}

/// Binds an address to an interface; the answer is what the interface prints of it.
pub(super) fn bind(
    store: &mut Store,
    id: &str,
    interface: &str,
    private_ip: &str,
) -> Result<serde_json::Value, Refusal> {
    let address = store.get_mut(Kind::Address, id)?;
    let association = random_id("eipassoc");
    address.document["associationId"] = json!(association);
    address.document["networkInterfaceId"] = json!(interface);
    address.document["networkInterfaceOwnerId"] = json!(ACCOUNT);
    address.document["privateIpAddress"] = json!(private_ip);
    address.document["serviceManaged"] = json!("nat");
    Ok(json!({
        "allocationId": id,
        "associationId": association,
        "ipOwnerId": ACCOUNT,
        "publicIp": address.document["publicIp"],
    }))
}

/// Frees every address that is bound to an interface.
pub(super) fn unbind(store: &mut Store, interface: &str) {
    for address in store.all_mut(Kind::Address).filter(|address| address.has("networkInterfaceId", interface)) {
        if let Some(fields) = address.document.as_object_mut() {
            for field in
                ["associationId", "networkInterfaceId", "networkInterfaceOwnerId", "privateIpAddress", "serviceManaged"]
            {
                fields.remove(field);
            }
        }
    }
}
