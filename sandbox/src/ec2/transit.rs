//! Transit gateways and their attachments, which MiniStack does not have.
//!
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateTransitGatewayVpcAttachment.html>
//! <https://docs.aws.amazon.com/vpc/latest/tgw/tgw-vpc-attachments.html>

use serde_json::json;

use super::interface::{self, Managed};
use super::request::Refusal;
use super::store::{Kind, Record, Store, now};
use super::{ACCOUNT, Answer, Call};

/// A transit gateway is given to Landfall, never made by it, so it is available at once.
pub(super) fn create(call: &mut Call<'_>) -> Answer {
    let tags = call.request.new_tags(Kind::TransitGateway)?;
    let document = json!({
        "state": "available",
        "ownerId": ACCOUNT,
        "description": call.request.get("Description").unwrap_or_default(),
        "creationTime": now(),
    });
    let id = call.store.add(Kind::TransitGateway, document, tags);
    let record = call.store.get_mut(Kind::TransitGateway, &id)?;
    record.document["transitGatewayArn"] =
        json!(format!("arn:aws:ec2:{}:{ACCOUNT}:transit-gateway/{id}", call.request.region));
    let mut gateway = record.document.clone();
    gateway["tagSet"] = record.tag_set();
    Ok(json!({ "transitGateway": gateway }))
}

pub(super) fn delete(call: &mut Call<'_>) -> Answer {
    let id = call.request.required("TransitGatewayId")?;
    let mut gateway = call.store.get(Kind::TransitGateway, id)?.document.clone();
    let used = call.store.all(Kind::TransitGatewayAttachment).any(|one| one.has("transitGatewayId", id) && lives(one));
    if used {
        return Err(Refusal::new("IncorrectState", format!("{id} has non-deleted VPC Attachments.")));
    }
    call.store.remove(id);
    gateway["state"] = json!("deleting");
    Ok(json!({ "transitGateway": gateway }))
}

pub(super) fn attach(call: &mut Call<'_>) -> Answer {
    let gateway = call.request.required("TransitGatewayId")?;
    let vpc = call.request.required("VpcId")?;
    call.store.get(Kind::TransitGateway, gateway)?;
    call.store.get(Kind::Vpc, vpc)?;
    let exists = call
        .store
        .all(Kind::TransitGatewayAttachment)
        .any(|one| one.has("transitGatewayId", gateway) && one.has("vpcId", vpc) && lives(one));
    if exists {
        return Err(Refusal::new(
            "DuplicateTransitGatewayAttachment",
            format!("{gateway} has non-deleted Transit Gateway Attachments with same VPC ID."),
        ));
    }
    let subnets = call.request.list("SubnetIds");
    let tags = call.request.new_tags(Kind::TransitGatewayAttachment)?;
    for subnet in &subnets {
        call.store.get(Kind::Subnet, subnet)?;
    }
    let document = json!({
        "transitGatewayId": gateway,
        "vpcId": vpc,
        "vpcOwnerId": ACCOUNT,
        "state": "pending",
        "subnetIds": subnets,
        "creationTime": now(),
    });
    let id = call.store.add(Kind::TransitGatewayAttachment, document, tags);
    for subnet in subnets {
        add_interface(call.store, &id, subnet)?;
    }
    call.store.schedule(&id, call.durations.attachment_changing());
    let record = call.store.get(Kind::TransitGatewayAttachment, &id)?;
    let mut attachment = record.document.clone();
    attachment["tagSet"] = record.tag_set();
    Ok(json!({ "transitGatewayVpcAttachment": attachment }))
}

pub(super) fn modify(call: &mut Call<'_>) -> Answer {
    let id = call.request.required("TransitGatewayAttachmentId")?;
    if !call.store.get(Kind::TransitGatewayAttachment, id)?.has("state", "available") {
        return Err(Refusal::new("IncorrectState", format!("{id} is in invalid state")));
    }
    for subnet in call.request.list("AddSubnetIds") {
        add_interface(call.store, id, subnet)?;
        call.store.get_mut(Kind::TransitGatewayAttachment, id)?.list_mut("subnetIds").push(json!(subnet));
    }
    let removed = call.request.list("RemoveSubnetIds");
    let description = description(id);
    call.store.remove_where(|record| {
        record.kind == Kind::Interface
            && record.has("description", &description)
            && removed.contains(&record.text("subnetId"))
    });
    let attachment = call.store.get_mut(Kind::TransitGatewayAttachment, id)?;
    attachment.list_mut("subnetIds").retain(|subnet| !removed.iter().any(|gone| subnet == gone));
    Ok(json!({ "transitGatewayVpcAttachment": attachment.document }))
}

pub(super) fn detach(call: &mut Call<'_>) -> Answer {
    let id = call.request.required("TransitGatewayAttachmentId")?;
    let attachment = call.store.get_mut(Kind::TransitGatewayAttachment, id)?;
    if attachment.has("state", "deleted") {
        return Err(Kind::TransitGatewayAttachment.not_found(id));
    }
    if attachment.has("state", "failed") || attachment.has("state", "deleting") {
        return Err(Refusal::new("IncorrectState", format!("{id} is in invalid state")));
    }
    attachment.document["state"] = json!("deleting");
    let document = attachment.document.clone();
    call.store.schedule(id, call.durations.attachment_changing());
    Ok(json!({ "transitGatewayVpcAttachment": document }))
}

/// Neither deleted nor failed; both stay listed for a while.
/// <https://docs.aws.amazon.com/vpc/latest/tgw/tgw-vpc-attachments.html>
fn lives(attachment: &Record) -> bool {
    !attachment.has("state", "deleted") && !attachment.has("state", "failed")
}

/// Whether a VPC hangs on the gateway, so that routes to it work.
pub(super) fn attached(store: &Store, gateway: &str, vpc: &str) -> bool {
    store
        .all(Kind::TransitGatewayAttachment)
        .any(|one| one.has("transitGatewayId", gateway) && one.has("vpcId", vpc) && one.has("state", "available"))
}

/// Ends the change under way.
pub(super) fn settle(store: &mut Store, id: &str) {
    let Ok(attachment) = store.get_mut(Kind::TransitGatewayAttachment, id) else { return };
    let coming = attachment.document["coming"].take();
    if attachment.has("state", "pending") && coming.is_null() {
        attachment.document["state"] = json!("available");
        return;
    }
    let end = if attachment.has("state", "pending") { "failed" } else { "deleted" };
    attachment.document["state"] = json!(end);
    let description = description(id);
    store.remove_where(|record| record.kind == Kind::Interface && record.has("description", &description));
}

fn add_interface(store: &mut Store, attachment: &str, subnet: &str) -> Result<(), Refusal> {
    interface::add_managed(
        store,
        &Managed {
            subnet,
            interface_type: "transit_gateway",
            description: description(attachment),
            requester: "amazon-transit-gateway",
            groups: &[],
        },
    )?;
    Ok(())
}

fn description(attachment: &str) -> String {
    format!("Network Interface for Transit Gateway Attachment {attachment}")
}
