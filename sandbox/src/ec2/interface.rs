//! Network interfaces: those that a caller makes, and those that NAT gateways, endpoints and attachments bring along.
//!
//! Corrects: filters and unknown ids on Describe, tags on create, interfaces of managed services.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkInterfaces.html>
//! <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/requester-managed-eni.html>

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::request::Refusal;
use super::store::{Kind, Store, now, random_id};
use super::{ACCOUNT, Answer, Call, address, cidr, group, vpc};

/// What a managed service wants its interface to say.
pub(super) struct Managed<'a> {
    pub(super) subnet: &'a str,
    pub(super) interface_type: &'a str,
    pub(super) description: String,
    pub(super) requester: &'a str,
    pub(super) groups: &'a [String],
}

pub(super) fn create(call: &mut Call<'_>) -> Answer {
    let subnet = call.request.required("SubnetId")?;
    let tags = call.request.new_tags(Kind::Interface)?;
    let mut groups: Vec<String> = call.request.list("SecurityGroupId").into_iter().map(str::to_owned).collect();
    let vpc = call.store.get(Kind::Subnet, subnet)?.text("vpcId").to_owned();
    if groups.is_empty() {
        groups.extend(group::default_of(call.store, &vpc));
    }
    let document = document(call.store, subnet, &groups, call.request.get("Description").unwrap_or_default())?;
    let id = call.store.add(Kind::Interface, document, tags);
    let record = call.store.get(Kind::Interface, &id)?;
    let mut interface = record.document.clone();
    interface["tagSet"] = record.tag_set();
    Ok(json!({ "networkInterface": interface }))
}

pub(super) fn delete(call: &mut Call<'_>) -> Answer {
    let id = call.request.required("NetworkInterfaceId")?;
    let interface = call.store.get(Kind::Interface, id)?;
    if interface.has("status", "in-use") {
        return Err(Refusal::invalid(format!("Network interface '{id}' is currently in use.")));
    }
    call.store.remove(id);
    Ok(json!({"return": true}))
}

/// Adds an interface in use by a service; its id and private address.
pub(super) fn add_managed(store: &mut Store, managed: &Managed<'_>) -> Result<(String, String), Refusal> {
    let mut document = document(store, managed.subnet, managed.groups, &managed.description)?;
    document["interfaceType"] = json!(managed.interface_type);
    document["requesterId"] = json!(managed.requester);
    document["requesterManaged"] = json!(true);
    document["status"] = json!("in-use");
    document["attachment"] = json!({
        "attachmentId": random_id("ela-attach"),
        "attachTime": now(),
        "deleteOnTermination": false,
        "deviceIndex": 1,
        "instanceOwnerId": "amazon-aws",
        "status": "attached",
    });
    let private_ip = document["privateIpAddress"].as_str().unwrap_or_default().to_owned();
    Ok((store.add(Kind::Interface, document, BTreeMap::new()), private_ip))
}

/// Adds an interface that is attached to an instance and goes with it; its id and private address.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_NetworkInterfaceAttachment.html>
pub(super) fn add_of_instance(
    store: &mut Store,
    subnet: &str,
    groups: &[String],
    description: &str,
    instance: &str,
    tags: BTreeMap<String, String>,
) -> Result<(String, String), Refusal> {
    let mut document = document(store, subnet, groups, description)?;
    document["status"] = json!("in-use");
    document["attachment"] = json!({
        "attachmentId": random_id("eni-attach"),
        "attachTime": now(),
        "deleteOnTermination": true,
        "deviceIndex": usize::from(!description.is_empty()),
        "instanceId": instance,
        "instanceOwnerId": ACCOUNT,
        "status": "attached",
    });
    let private_ip = document["privateIpAddress"].as_str().unwrap_or_default().to_owned();
    Ok((store.add(Kind::Interface, document, tags), private_ip))
}

/// Detaches an interface: it is there, and nothing uses it.
pub(super) fn detach(store: &mut Store, id: &str) {
    if let Ok(interface) = store.get_mut(Kind::Interface, id) {
        interface.document["status"] = json!("available");
        interface.document["attachment"] = Value::Null;
    }
}

/// Removes a service's interface and frees the address on it.
pub(super) fn remove_managed(store: &mut Store, id: &str) {
    address::unbind(store, id);
    store.remove(id);
}

/// The groups of an interface, as it prints them.
pub(super) fn group_set(store: &Store, groups: &[String]) -> Result<Value, Refusal> {
    groups
        .iter()
        .map(|id| {
            let group = store.get(Kind::SecurityGroup, id)?;
            Ok(json!({"groupId": id, "groupName": group.document["groupName"]}))
        })
        .collect()
}

fn document(store: &Store, subnet: &str, groups: &[String], description: &str) -> Result<Value, Refusal> {
    let record = store.get(Kind::Subnet, subnet)?;
    let taken: Vec<String> = store
        .all(Kind::Interface)
        .filter(|interface| interface.has("subnetId", subnet))
        .map(|interface| interface.text("privateIpAddress").to_owned())
        .collect();
    let private_ip = cidr::free_address(vpc::parse(&record.document["cidrBlock"])?, &taken).ok_or_else(|| {
        Refusal::new("InsufficientFreeAddressesInSubnet", format!("The subnet '{subnet}' has no free addresses."))
    })?;
    Ok(json!({
        "subnetId": subnet,
        "vpcId": record.document["vpcId"],
        "availabilityZone": record.document["availabilityZone"],
        "availabilityZoneId": record.document["availabilityZoneId"],
        "description": description,
        "groupSet": group_set(store, groups)?,
        "interfaceType": "interface",
        "ownerId": ACCOUNT,
        "privateIpAddress": private_ip.to_string(),
        "privateIpAddressesSet": [{"privateIpAddress": private_ip.to_string(), "primary": true}],
        "requesterManaged": false,
        "sourceDestCheck": true,
        "status": "available",
    }))
}
