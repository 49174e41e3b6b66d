//! Security groups.
//!
//! Corrects: deletion of groups in use or referred to, filters, required description.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html>
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSecurityGroup.html>

use std::collections::BTreeMap;

use serde_json::json;

use super::request::Refusal;
use super::store::{Kind, Record, Store};
use super::{ACCOUNT, Answer, Call, rule};

pub(super) fn create(call: &mut Call<'_>) -> Answer {
    let name = call.request.required("GroupName")?;
    let description = call.request.required("GroupDescription")?;
    let vpc = call.request.required("VpcId")?;
    call.store.get(Kind::Vpc, vpc)?;
    if name.starts_with("sg-") || name.len() > 255 || !description.chars().all(allowed) {
        return Err(Refusal::invalid(format!("Invalid security group name or description: '{name}', '{description}'")));
    }
    if call.store.all(Kind::SecurityGroup).any(|other| other.has("vpcId", vpc) && other.has("groupName", name)) {
        return Err(Refusal::new(
            "InvalidGroup.Duplicate",
            format!("The security group '{name}' already exists for VPC '{vpc}'"),
        ));
    }
    let tags = call.request.new_tags(Kind::SecurityGroup)?;
    let id = add(call.store, vpc, name, description, tags);
    let record = call.store.get(Kind::SecurityGroup, &id)?;
    let arn = format!("arn:aws:ec2:{}:{ACCOUNT}:security-group/{id}", call.request.region);
    Ok(json!({"return": true, "groupId": id, "securityGroupArn": arn, "tagSet": record.tag_set()}))
}

pub(super) fn delete(call: &mut Call<'_>) -> Answer {
    let id = call.request.required("GroupId")?;
    if call.store.get(Kind::SecurityGroup, id)?.has("groupName", "default") {
        return Err(Refusal::new(
            "CannotDelete",
            format!("the specified group: \"{id}\" name: \"default\" cannot be deleted by a user"),
        ));
    }
    if in_use(call.store, id) {
        return Err(Refusal::new("DependencyViolation", format!("resource {id} has a dependent object")));
    }
    remove(call.store, id);
    Ok(json!({"return": true, "groupId": id}))
}

/// Whether an interface or another group's rule names the group.
pub(super) fn in_use(store: &Store, id: &str) -> bool {
    let used = store.all(Kind::Interface).any(|one| one.list("groupSet").iter().any(|group| group["groupId"] == id));
    let refers = |rule: &Record| !rule.has("groupId", id) && rule.document["referencedGroupInfo"]["groupId"] == id;
    used || store.all(Kind::SecurityGroupRule).any(refers)
}

/// Removes a group with its rules.
pub(super) fn remove(store: &mut Store, id: &str) {
    store.remove_where(|record| {
        record.id == id || (record.kind == Kind::SecurityGroupRule && record.has("groupId", id))
    });
}

pub(super) fn add_default(store: &mut Store, vpc: &str) {
    let id = add(store, vpc, "default", "default VPC security group", BTreeMap::new());
    let from_itself = json!({"ipProtocol": "-1", "referencedGroupInfo": {"groupId": id, "userId": ACCOUNT}});
    rule::add(store, &id, false, from_itself, BTreeMap::new());
}

pub(super) fn default_of(store: &Store, vpc: &str) -> Option<String> {
    store
        .all(Kind::SecurityGroup)
        .find(|group| group.has("vpcId", vpc) && group.has("groupName", "default"))
        .map(|group| group.id.clone())
}

/// Adds a group with the rule that every new one has.
pub(super) fn add(
    store: &mut Store,
    vpc: &str,
    name: &str,
    description: &str,
    tags: BTreeMap<String, String>,
) -> String {
    let document = json!({"vpcId": vpc, "groupName": name, "groupDescription": description, "ownerId": ACCOUNT});
    let id = store.add(Kind::SecurityGroup, document, tags);
    rule::add(store, &id, true, json!({"ipProtocol": "-1", "cidrIpv4": "0.0.0.0/0"}), BTreeMap::new());
    id
}

fn allowed(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || " ._-:/()#,@[]+=&;{}!$*".contains(letter)
}
