//! Subnets.
//!
//! Corrects: blocks outside the VPC or overlapping, unknown zones, the count of free addresses, deletion under living
//! interfaces. <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSubnet.html>
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSubnet.html>

use serde_json::json;

use super::request::Refusal;
use super::store::{Kind, Record, Store};
use super::{ACCOUNT, Answer, Call, cidr, route, vpc, zone};

pub(super) fn create(call: &mut Call<'_>) -> Answer {
    let vpc = call.request.required("VpcId")?;
    let block = call.request.cidr("CidrBlock")?;
    let inside = vpc::blocks(call.store, vpc)?.iter().any(|outer| outer.contains(&block));
    if !inside || !(16..=28).contains(&block.prefix_len()) {
        return Err(Refusal::new("InvalidSubnet.Range", format!("The CIDR '{block}' is invalid.")));
    }
    let taken = call.store.all(Kind::Subnet).any(|other| {
        other.has("vpcId", vpc) && vpc::parse(&other.document["cidrBlock"]).is_ok_and(|one| cidr::overlap(one, block))
    });
    if taken {
        return Err(Refusal::new(
            "InvalidSubnet.Conflict",
            format!("The CIDR '{block}' conflicts with another subnet"),
        ));
    }
    let (zone, zone_id) =
        zone::choose(&call.store.region, call.request.get("AvailabilityZone"), call.request.get("AvailabilityZoneId"))?;
    let tags = call.request.new_tags(Kind::Subnet)?;
    let id = call.store.add(
        Kind::Subnet,
        json!({
            "vpcId": vpc,
            "cidrBlock": block.to_string(),
            "availabilityZone": zone,
            "availabilityZoneId": zone_id,
            "availableIpAddressCount": cidr::usable(block),
            "state": "available",
            "defaultForAz": false,
            "mapPublicIpOnLaunch": false,
            "assignIpv6AddressOnCreation": false,
            "ownerId": ACCOUNT,
        }),
        tags,
    );
    let record = call.store.get_mut(Kind::Subnet, &id)?;
    record.document["subnetArn"] = json!(format!("arn:aws:ec2:{}:{ACCOUNT}:subnet/{id}", call.request.region));
    let mut subnet = record.document.clone();
    subnet["state"] = json!("pending");
    subnet["tagSet"] = record.tag_set();
    Ok(json!({ "subnet": subnet }))
}

pub(super) fn delete(call: &mut Call<'_>) -> Answer {
    let id = call.request.required("SubnetId")?;
    call.store.get(Kind::Subnet, id)?;
    // Whatever has an interface here blocks: NAT gateways, interface endpoints, attachments, instances.
    if call.store.all(Kind::Interface).any(|interface| interface.has("subnetId", id)) {
        return Err(Refusal::new(
            "DependencyViolation",
            format!("The subnet '{id}' has dependencies and cannot be deleted."),
        ));
    }
    route::forget_subnet(call.store, id);
    call.store.remove(id);
    Ok(json!({"return": true}))
}

pub(super) fn modify_attribute(call: &mut Call<'_>) -> Answer {
    let subnet = call.store.get_mut(Kind::Subnet, call.request.required("SubnetId")?)?;
    if let Some(value) = call.request.flag("MapPublicIpOnLaunch.Value") {
        subnet.document["mapPublicIpOnLaunch"] = json!(value);
    }
    Ok(json!({"return": true}))
}

/// Addresses that the subnet can still give out.
pub(super) fn free_addresses(store: &Store, subnet: &Record) -> u32 {
    let used = store.all(Kind::Interface).filter(|interface| interface.has("subnetId", &subnet.id)).count();
    let all = vpc::parse(&subnet.document["cidrBlock"]).map_or(0, cidr::usable);
    all.saturating_sub(u32::try_from(used).unwrap_or(u32::MAX))
}
