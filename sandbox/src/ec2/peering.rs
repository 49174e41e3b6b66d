//! VPC peering within a region.
//!
//! Corrects: overlapping blocks end as failed, the blocks of both sides are shown, states.
//! <https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-basics.html>
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpcPeeringConnection.html>

use serde_json::{Value, json};

use super::request::Refusal;
use super::store::{Kind, Record, Store};
use super::{ACCOUNT, Answer, Call, cidr, vpc};

pub(super) fn create(call: &mut Call<'_>) -> Answer {
    let requester = call.request.required("VpcId")?;
    let accepter = call.request.required("PeerVpcId")?;
    let known = call
        .store
        .all(Kind::Peering)
        .find(|other| {
            other.document["requesterVpcInfo"]["vpcId"] == requester
                && other.document["accepterVpcInfo"]["vpcId"] == accepter
                && matches!(other.document["status"]["code"].as_str(), Some("pending-acceptance" | "active"))
        })
        .map(printed);
    // Asking again for the same pair answers with the connection that exists.
    if let Some(known) = known {
        return Ok(json!({ "vpcPeeringConnection": known }));
    }
    let theirs = vpc::blocks(call.store, accepter)?;
    let overlapping =
        vpc::blocks(call.store, requester)?.iter().any(|one| theirs.iter().any(|other| cidr::overlap(*one, *other)));
    let status = if overlapping {
        json!({"code": "failed", "message": "Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR range"})
    } else {
        json!({"code": "pending-acceptance", "message": format!("Pending Acceptance by {ACCOUNT}")})
    };
    let tags = call.request.new_tags(Kind::Peering)?;
    let document = json!({
        "requesterVpcInfo": side(call.store, requester)?,
        "accepterVpcInfo": side(call.store, accepter)?,
        "status": status,
    });
    let id = call.store.add(Kind::Peering, document, tags);
    Ok(json!({ "vpcPeeringConnection": printed(call.store.get(Kind::Peering, &id)?) }))
}

pub(super) fn accept(call: &mut Call<'_>) -> Answer {
    let id = call.request.required("VpcPeeringConnectionId")?;
    let peering = call.store.get_mut(Kind::Peering, id)?;
    match peering.document["status"]["code"].as_str().unwrap_or_default() {
        "pending-acceptance" | "active" => peering.document["status"] = json!({"code": "active", "message": "Active"}),
        other => {
            return Err(Refusal::new(
                "InvalidStateTransition",
                format!("Invalid state transition for {id}, attempted to transition from {other} to active"),
            ));
        }
    }
    Ok(json!({ "vpcPeeringConnection": printed(peering) }))
}

pub(super) fn delete(call: &mut Call<'_>) -> Answer {
    let peering = call.store.get_mut(Kind::Peering, call.request.required("VpcPeeringConnectionId")?)?;
    peering.document["status"] = json!({"code": "deleted", "message": format!("Deleted by {ACCOUNT}")});
    Ok(json!({"return": true}))
}

fn printed(record: &Record) -> Value {
    let mut document = record.document.clone();
    document["tagSet"] = record.tag_set();
    document
}

fn side(store: &Store, id: &str) -> Result<Value, Refusal> {
    let blocks = vpc::blocks(store, id)?;
    Ok(json!({
        "vpcId": id,
        "ownerId": ACCOUNT,
        "region": store.region,
        "cidrBlock": blocks.first().map(ToString::to_string),
        "cidrBlockSet": blocks.iter().map(|block| json!({"cidrBlock": block.to_string()})).collect::<Vec<_>>(),
    }))
}
