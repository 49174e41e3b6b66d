//! EKS Pod Identity associations: which role the pods of a service account get.
//!
//! <https://docs.aws.amazon.com/eks/latest/userguide/pod-id-association.html>,
//! <https://docs.aws.amazon.com/eks/latest/APIReference/API_CreatePodIdentityAssociation.html>

use serde_json::{Map, Value, json};

use super::request::{Refusal, Request};
use super::store::{Kind, Record, now};
use super::{Answer, Place};

pub(super) fn create(request: &Request, place: &mut Place<'_>) -> Answer {
    let cluster = request.cluster();
    place.store.active_cluster(cluster)?;
    let (namespace, account) = (request.required("namespace")?, request.required("serviceAccount")?);
    check_role(place, cluster, request.required("roleArn")?)?;
    let association = add(place, cluster, namespace, account, &request.body, request.tags())?;
    Ok(json!({"association": association.document}))
}

fn add<'a>(
    place: &'a mut Place<'_>,
    cluster: &str,
    namespace: &str,
    account: &str,
    given: &Value,
    tags: Map<String, Value>,
) -> Result<&'a mut Record, Refusal> {
    let same = |one: &&Record| one.text("namespace") == namespace && one.text("serviceAccount") == account;
    if let Some(known) = place.store.within(Kind::Association, cluster).into_iter().find(same) {
        return Err(
            Refusal::in_use(format!("Association already exists: {}", known.name)).about("clusterName", cluster)
        );
    }
    let id = format!("a-{}", &format!("{:032x}", rand::random::<u128>())[..17]);
    let mut document = json!({
        "clusterName": cluster,
        "namespace": namespace,
        "serviceAccount": account,
        "roleArn": given["roleArn"],
        "associationArn": place.arn("podidentityassociation", &format!("{cluster}/{id}")),
        "associationId": id,
        "tags": tags,
        "createdAt": now(),
        "modifiedAt": now(),
        "disableSessionTags": given["disableSessionTags"].as_bool().unwrap_or(false),
    });
    for field in ["targetRoleArn", "policy"] {
        if !given[field].is_null() {
            document[field] = given[field].clone();
        }
    }
    Ok(place.store.add(Kind::Association, cluster, &id, document))
}

/// Brings the associations that an add-on owns to those given; their ARNs.
pub(super) fn of_addon(
    place: &mut Place<'_>,
    cluster: &str,
    addon: &str,
    given: &Value,
) -> Result<Vec<String>, Refusal> {
    let wanted = given.as_array().cloned().unwrap_or_default();
    for one in &wanted {
        check_role(place, cluster, one["roleArn"].as_str().unwrap_or_default())?;
    }
    remove_of_addon(place, cluster, addon);
    let mut arns = Vec::new();
    for one in &wanted {
        let account = one["serviceAccount"].as_str().unwrap_or_default();
        let association = add(place, cluster, "kube-system", account, one, Map::new())?;
        association.set("ownerArn", addon);
        arns.push(association.arn().to_owned());
    }
    Ok(arns)
}

/// Removes the associations that an add-on owns.
pub(super) fn remove_of_addon(place: &mut Place<'_>, cluster: &str, addon: &str) {
    let owned = place.store.within(Kind::Association, cluster).into_iter().filter(|one| one.text("ownerArn") == addon);
    let owned: Vec<String> = owned.map(|one| one.name.clone()).collect();
    for id in owned {
        place.store.remove(Kind::Association, cluster, &id);
    }
}

fn check_role(place: &Place<'_>, cluster: &str, role: &str) -> Result<(), Refusal> {
    let wrong = |said: &str| Refusal::parameter(said).about("clusterName", cluster);
    if !role.starts_with("arn:aws:iam::") || !role.contains(":role/") {
        return Err(wrong("The role ARN provided in the request is not valid"));
    }
    place.must_exist(role, || wrong("Role provided in the request does not exist."))
}

pub(super) fn describe(request: &Request, place: &mut Place<'_>) -> Answer {
    place.store.cluster(request.cluster())?;
    let association = place.store.get(Kind::Association, request.cluster(), request.member())?;
    Ok(json!({"association": association.document}))
}

pub(super) fn list(request: &Request, place: &mut Place<'_>) -> Answer {
    place.store.cluster(request.cluster())?;
    let mut associations = place.store.within(Kind::Association, request.cluster());
    for field in ["namespace", "serviceAccount"] {
        if let Some(wanted) = request.parameter(field) {
            associations.retain(|one| one.text(field) == wanted);
        }
    }
    let summary = |one: &Record| {
        let mut summary = one.document.clone();
        let kept = ["clusterName", "namespace", "serviceAccount", "associationArn", "associationId", "ownerArn"];
        if let Some(fields) = summary.as_object_mut() {
            fields.retain(|field, _| kept.contains(&field.as_str()));
        }
        summary
    };
    request.page("associations", associations.into_iter().map(summary).collect())
}

pub(super) fn update(request: &Request, place: &mut Place<'_>) -> Answer {
    let cluster = request.cluster();
    place.store.cluster(cluster)?;
    place.store.get(Kind::Association, cluster, request.member())?;
    if let Some(role) = request.text("roleArn") {
        check_role(place, cluster, role)?;
    }
    let association = place.store.get_mut(Kind::Association, cluster, request.member())?;
    for field in ["roleArn", "disableSessionTags", "targetRoleArn", "policy"] {
        if !request.body[field].is_null() {
            association.set(field, request.body[field].clone());
        }
    }
    association.touch();
    Ok(json!({"association": association.document}))
}

pub(super) fn delete(request: &Request, place: &mut Place<'_>) -> Answer {
    let cluster = request.cluster();
    place.store.cluster(cluster)?;
    let document = place.store.get(Kind::Association, cluster, request.member())?.document.clone();
    place.store.remove(Kind::Association, cluster, request.member());
    Ok(json!({"association": document}))
}
