//! Internet gateways.
//!
//! Corrects: one gateway per VPC, detaching under mapped public addresses, deleting while attached.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DetachInternetGateway.html>
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteInternetGateway.html>

use serde_json::json;

use super::request::Refusal;
use super::store::{Kind, Store};
use super::{ACCOUNT, Answer, Call};

pub(super) fn create(call: &mut Call<'_>) -> Answer {
    let tags = call.request.new_tags(Kind::InternetGateway)?;
    let id = call.store.add(Kind::InternetGateway, json!({"attachmentSet": [], "ownerId": ACCOUNT}), tags);
    let record = call.store.get(Kind::InternetGateway, &id)?;
    let mut gateway = record.document.clone();
    gateway["tagSet"] = record.tag_set();
    Ok(json!({ "internetGateway": gateway }))
}

pub(super) fn attach(call: &mut Call<'_>) -> Answer {
    let id = call.request.required("InternetGatewayId")?;
    let vpc = call.request.required("VpcId")?;
    call.store.get(Kind::Vpc, vpc)?;
    if let Some(attached) = call.store.get(Kind::InternetGateway, id)?.list("attachmentSet").first() {
        let to = attached["vpcId"].as_str().unwrap_or_default();
        return Err(Refusal::new(
            "Resource.AlreadyAssociated",
            format!("resource {id} is already attached to network {to}"),
        ));
    }
    if of(call.store, vpc).is_some() {
        return Err(Refusal::invalid(format!("Network {vpc} already has an internet gateway attached")));
    }
    let gateway = call.store.get_mut(Kind::InternetGateway, id)?;
    gateway.list_mut("attachmentSet").push(json!({"vpcId": vpc, "state": "available"}));
    Ok(json!({"return": true}))
}

pub(super) fn detach(call: &mut Call<'_>) -> Answer {
    let id = call.request.required("InternetGatewayId")?;
    let vpc = call.request.required("VpcId")?;
    call.store.get(Kind::InternetGateway, id)?;
    if of(call.store, vpc).as_deref() != Some(id) {
        return Err(Refusal::new("Gateway.NotAttached", format!("resource {id} is not attached to network {vpc}")));
    }
    let mapped = call
        .store
        .all(Kind::Interface)
        .any(|interface| interface.has("vpcId", vpc) && interface.document["association"]["publicIp"].is_string());
    if mapped {
        return Err(Refusal::new(
            "DependencyViolation",
            format!(
                "Network {vpc} has some mapped public address(es). Please unmap those public address(es) before detaching the gateway."
            ),
        ));
    }
    call.store.get_mut(Kind::InternetGateway, id)?.list_mut("attachmentSet").clear();
    Ok(json!({"return": true}))
}

pub(super) fn delete(call: &mut Call<'_>) -> Answer {
    let id = call.request.required("InternetGatewayId")?;
    if !call.store.get(Kind::InternetGateway, id)?.list("attachmentSet").is_empty() {
        return Err(Refusal::dependency("internetGateway", id));
    }
    call.store.remove(id);
    Ok(json!({"return": true}))
}

/// The gateway that is attached to a VPC.
pub(super) fn of(store: &Store, vpc: &str) -> Option<String> {
    store
        .all(Kind::InternetGateway)
        .find(|gateway| gateway.list("attachmentSet").iter().any(|one| one["vpcId"] == vpc))
        .map(|gateway| gateway.id.clone())
}
