//! Access entries: which IAM principal is whom in Kubernetes.
//!
//! <https://docs.aws.amazon.com/eks/latest/userguide/access-entries.html>,
//! <https://docs.aws.amazon.com/eks/latest/userguide/creating-access-entries.html>. The refusal of a principal that does
//! not exist is that of AWS, as in <https://github.com/terraform-aws-modules/terraform-aws-eks/issues/2969>.

use serde_json::{Value, json};

use super::request::{Refusal, Request};
use super::store::{Kind, Record, now};
use super::{Answer, Place, new_id, policy};

const TYPES: [&str; 7] =
    ["STANDARD", "FARGATE_LINUX", "EC2_LINUX", "EC2_WINDOWS", "EC2", "HYBRID_LINUX", "HYPERPOD_LINUX"];

/// `accessConfig` of a creation as Describe prints it.
pub(super) fn config(given: &Value, cluster: &str) -> Result<Value, Refusal> {
    let mode = given["authenticationMode"].as_str().unwrap_or("CONFIG_MAP");
    let admin = given["bootstrapClusterCreatorAdminPermissions"].as_bool().unwrap_or(true);
    if !["CONFIG_MAP", "API_AND_CONFIG_MAP", "API"].contains(&mode) {
        let said = format!("Unsupported authentication mode {mode}");
        return Err(Refusal::parameter(said).about("clusterName", cluster));
    }
    Ok(json!({"bootstrapClusterCreatorAdminPermissions": admin, "authenticationMode": mode}))
}

/// The cluster, if its access is managed by entries.
pub(super) fn managed<'a>(place: &'a Place<'_>, name: &str) -> Result<&'a Record, Refusal> {
    let cluster = place.store.cluster(name)?;
    if cluster.document["accessConfig"]["authenticationMode"] != "CONFIG_MAP" {
        return Ok(cluster);
    }
    let said =
        "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this operation.";
    Err(Refusal::request(said).about("clusterName", name))
}

pub(super) fn create(request: &Request, place: &mut Place<'_>) -> Answer {
    let cluster = request.cluster();
    managed(place, cluster)?;
    place.store.active_cluster(cluster)?;
    let principal = request.required("principalArn")?.to_owned();
    let wrong = |said: String| Refusal::parameter(said).about("clusterName", cluster);
    let invalid = || wrong("The specified principalArn is invalid: invalid principal.".into());
    let kind = request.text("type").unwrap_or("STANDARD");
    let role = principal.contains(":role/");
    if !principal.starts_with("arn:aws:iam::") || !(role || principal.contains(":user/")) {
        return Err(invalid());
    }
    place.must_exist(&principal, invalid)?;
    if !TYPES.contains(&kind) || (kind != "STANDARD" && !role) {
        return Err(wrong(format!("The specified type {kind} is not valid for the principal")));
    }
    let groups = request.list("kubernetesGroups");
    if kind != "STANDARD" && (!groups.is_empty() || request.text("username").is_some()) {
        return Err(wrong(format!("An access entry of type {kind} takes no username and no kubernetesGroups")));
    }
    check_names(&groups, request.text("username")).map_err(wrong)?;
    if place.store.find(Kind::AccessEntry, cluster, &principal).is_some() {
        let said = "The specified access entry resource is already in use on this cluster.";
        return Err(Refusal::in_use(said).about("clusterName", cluster));
    }
    let entry = add(place, cluster, &principal, kind);
    if kind == "STANDARD" {
        entry.set("kubernetesGroups", groups);
    }
    if let Some(username) = request.text("username") {
        entry.set("username", username);
    }
    entry.set("tags", request.tags());
    Ok(json!({"accessEntry": entry.document}))
}

/// The entry of whoever creates a cluster.
pub(super) fn bootstrap(place: &mut Place<'_>, cluster: &str, caller: &str) {
    let principal = principal_of(caller);
    let entry = add(place, cluster, &principal, "STANDARD");
    entry.hidden["policies"] =
        json!([policy::association("AmazonEKSClusterAdminPolicy", json!({"type": "cluster", "namespaces": []}))]);
}

/// The entry that EKS makes for the nodes of a group or profile, unless there is one.
/// <https://docs.aws.amazon.com/eks/latest/userguide/access-entries.html>
pub(super) fn for_nodes(place: &mut Place<'_>, cluster: &str, role: &str, kind: &str) {
    if managed(place, cluster).is_ok() && place.store.find(Kind::AccessEntry, cluster, role).is_none() {
        add(place, cluster, role, kind);
    }
}

fn add<'a>(place: &'a mut Place<'_>, cluster: &str, principal: &str, kind: &str) -> &'a mut Record {
    let account = principal.split(':').nth(4).unwrap_or_default();
    let (what, name) = principal.rsplit(':').next().and_then(|rest| rest.split_once('/')).unwrap_or(("root", "root"));
    let short = name.rsplit('/').next().unwrap_or(name);
    let arn = place.arn("access-entry", &format!("{cluster}/{what}/{account}/{short}/{}", new_id()));
    let username = match kind {
        "EC2_LINUX" | "EC2_WINDOWS" | "EC2" => "system:node:{{EC2PrivateDNSName}}".to_owned(),
        "FARGATE_LINUX" | "HYBRID_LINUX" => "system:node:{{SessionName}}".to_owned(),
        _ if what == "role" => format!("arn:aws:sts::{account}:assumed-role/{short}/{{{{SessionName}}}}"),
        _ => principal.to_owned(),
    };
    let groups = if kind == "STANDARD" { json!([]) } else { json!(["system:nodes"]) };
    let document = json!({
        "clusterName": cluster,
        "principalArn": principal,
        "kubernetesGroups": groups,
        "accessEntryArn": arn,
        "createdAt": now(),
        "modifiedAt": now(),
        "tags": {},
        "username": username,
        "type": kind,
    });
    let entry = place.store.add(Kind::AccessEntry, cluster, principal, document);
    entry.hidden["policies"] = json!([]);
    entry
}

/// The role of a session, or the principal itself.
fn principal_of(caller: &str) -> String {
    match caller.split_once(":assumed-role/") {
        Some((account, session)) => {
            let role = session.split('/').next().unwrap_or_default();
            format!("{}:role/{role}", account.replace(":sts:", ":iam:"))
        }
        None => caller.to_owned(),
    }
}

pub(super) fn describe(request: &Request, place: &mut Place<'_>) -> Answer {
    managed(place, request.cluster())?;
    Ok(json!({"accessEntry": place.store.get(Kind::AccessEntry, request.cluster(), request.member())?.document}))
}

pub(super) fn list(request: &Request, place: &mut Place<'_>) -> Answer {
    managed(place, request.cluster())?;
    let mut entries = place.store.within(Kind::AccessEntry, request.cluster());
    if let Some(wanted) = request.parameter("associatedPolicyArn") {
        entries.retain(|entry| policy::of(entry).iter().any(|one| one["policyArn"] == wanted));
    }
    request.page("accessEntries", entries.into_iter().map(|entry| json!(entry.name)).collect())
}

pub(super) fn update(request: &Request, place: &mut Place<'_>) -> Answer {
    let cluster = request.cluster();
    managed(place, cluster)?;
    let wrong = |said: String| Refusal::parameter(said).about("clusterName", cluster);
    let groups = request.list("kubernetesGroups");
    check_names(&groups, request.text("username")).map_err(wrong)?;
    let entry = place.store.get_mut(Kind::AccessEntry, cluster, request.member())?;
    if entry.text("type") != "STANDARD" {
        let said = "Only access entries of type STANDARD can be updated";
        return Err(Refusal::request(said).about("clusterName", cluster));
    }
    if !request.body["kubernetesGroups"].is_null() {
        entry.set("kubernetesGroups", groups);
    }
    if let Some(username) = request.text("username") {
        entry.set("username", username);
    }
    entry.touch();
    Ok(json!({"accessEntry": entry.document}))
}

pub(super) fn delete(request: &Request, place: &mut Place<'_>) -> Answer {
    let cluster = request.cluster();
    managed(place, cluster)?;
    place.store.get(Kind::AccessEntry, cluster, request.member())?;
    place.store.remove(Kind::AccessEntry, cluster, request.member());
    policy::changed(place, cluster);
    Ok(json!({}))
}

fn check_names(groups: &[String], username: Option<&str>) -> Result<(), String> {
    let reserved = ["system:", "eks:", "aws:", "amazon:", "iam:"];
    if let Some(group) = groups.iter().find(|group| group.starts_with("system:")) {
        return Err(format!("The kubernetes group name {group} is invalid, it cannot start with system:"));
    }
    match username.filter(|name| reserved.iter().any(|prefix| name.starts_with(prefix))) {
        Some(name) => Err(format!("The username {name} is invalid, it cannot start with a reserved prefix")),
        None => Ok(()),
    }
}
