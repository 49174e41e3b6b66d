//! EKS add-ons.
//!
//! <https://docs.aws.amazon.com/eks/latest/userguide/eks-add-ons.html>,
//! <https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateAddon.html> and `API_UpdateAddon`, `API_DeleteAddon`,
//! <https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-field-management.html> (conflicts)

use serde_json::{Value, json};

use super::addon_versions::{self, Product};
use super::request::{Refusal, Request};
use super::store::{Kind, Record, now};
use super::{Answer, Place, association, issues, new_id, update as updates, wanted};

pub(super) fn create(request: &Request, place: &mut Place<'_>) -> Answer {
    let cluster = request.cluster();
    let name = request.required("addonName")?;
    let of = place.store.active_cluster(cluster)?.clone();
    let wrong = |said: String| Refusal::parameter(said).about("clusterName", cluster).about("addonName", name);
    let product =
        addon_versions::find(name).ok_or_else(|| wrong(format!("Addon {name} specified is not supported")))?;
    if place.store.find(Kind::Addon, cluster, name).is_some() {
        return Err(Refusal::in_use("Addon already exists.").about("clusterName", cluster).about("addonName", name));
    }
    let kubernetes = of.text("version");
    let version = version(product, request.text("addonVersion"), kubernetes).map_err(wrong)?;
    let values = request.text("configurationValues");
    check_values(product, values).map_err(wrong)?;
    if let Some(role) = request.text("serviceAccountRoleArn") {
        place.must_exist(role, || wrong(format!("Role {role} does not exist")))?;
    }
    let mut document = json!({
        "addonName": name,
        "clusterName": cluster,
        "status": "CREATING",
        "addonVersion": version,
        "health": {"issues": []},
        "addonArn": place.arn("addon", &format!("{cluster}/{name}/{}", new_id())),
        "createdAt": now(),
        "modifiedAt": now(),
        "tags": request.tags(),
        "publisher": "eks",
        "owner": "aws",
    });
    for field in ["serviceAccountRoleArn", "configurationValues", "namespaceConfig"] {
        if !request.body[field].is_null() {
            document[field] = request.body[field].clone();
        }
    }
    let arn = document["addonArn"].as_str().unwrap_or_default().to_owned();
    let associations = association::of_addon(place, cluster, &arn, &request.body["podIdentityAssociations"])?;
    if !associations.is_empty() {
        document["podIdentityAssociations"] = json!(associations);
    }
    let conflict = conflicts(&of, name, version, values) && request.text("resolveConflicts") != Some("OVERWRITE");
    place.store.add(Kind::Addon, cluster, name, document.clone());
    place.store.schedule(Kind::Addon, cluster, name, place.durations.addon_changing());
    if conflict {
        let said = "Conflicts found when trying to apply. Will not continue due to resolve conflicts mode.";
        place.store.get_mut(Kind::Addon, cluster, name)?.doom = Some(("ConfigurationConflict".into(), said.into()));
    }
    Ok(json!({"addon": document}))
}

// Software that an add-on left behind (`preserve`), with other values than the new one brings.
fn conflicts(cluster: &Record, name: &str, version: &str, values: Option<&str>) -> bool {
    let left = &cluster.hidden["preserved"][name];
    !left.is_null() && (left["version"] != version || left["values"].as_str() != values)
}

pub(super) fn describe(request: &Request, place: &mut Place<'_>) -> Answer {
    place.store.cluster(request.cluster())?;
    Ok(json!({"addon": place.store.get(Kind::Addon, request.cluster(), request.member())?.document}))
}

pub(super) fn list(request: &Request, place: &mut Place<'_>) -> Answer {
    place.store.cluster(request.cluster())?;
    let addons = place.store.within(Kind::Addon, request.cluster());
    request.page("addons", addons.into_iter().map(|addon| json!(addon.name)).collect())
}

pub(super) fn update(request: &Request, place: &mut Place<'_>) -> Answer {
    let (cluster, name) = (request.cluster(), request.member());
    let kubernetes = place.store.active_cluster(cluster)?.text("version").to_owned();
    let addon = place.store.get(Kind::Addon, cluster, name)?.clone();
    let wrong = |said: String| Refusal::parameter(said).about("clusterName", cluster).about("addonName", name);
    if matches!(addon.status(), "CREATING" | "UPDATING" | "DELETING") {
        let said = format!("Addon {name} cannot be updated as it is currently in {} state", addon.status());
        return Err(Refusal::in_use(said).about("clusterName", cluster).about("addonName", name));
    }
    let product =
        addon_versions::find(name).ok_or_else(|| wrong(format!("Addon {name} specified is not supported")))?;
    let mut set = json!({});
    let mut params = Vec::new();
    if let Some(to) = request.text("addonVersion") {
        // The version that is installed may stay, whatever has become of the cluster's.
        let same = addon.text("addonVersion") == to;
        let to = if same { to } else { version(product, Some(to), &kubernetes).map_err(wrong)? };
        set["addonVersion"] = json!(to);
        params.push(("AddonVersion", to.to_owned()));
    }
    if let Some(values) = request.body["configurationValues"].as_str() {
        check_values(product, Some(values)).map_err(wrong)?;
        set["configurationValues"] = json!(values);
        params.push(("ConfigurationValues", values.to_owned()));
    }
    if let Some(role) = request.text("serviceAccountRoleArn") {
        place.must_exist(role, || wrong(format!("Role {role} does not exist")))?;
        set["serviceAccountRoleArn"] = json!(role);
        params.push(("ServiceAccountRoleArn", role.to_owned()));
    }
    if let Some(mode) = request.text("resolveConflicts") {
        params.push(("ResolveConflicts", mode.to_owned()));
    }
    if !request.body["podIdentityAssociations"].is_null() {
        let given = &request.body["podIdentityAssociations"];
        set["podIdentityAssociations"] = json!(association::of_addon(place, cluster, addon.arn(), given)?);
        params.push(("PodIdentityAssociations", given.to_string()));
    }
    place.store.get_mut(Kind::Addon, cluster, name)?.set("status", "UPDATING");
    let takes = place.durations.addon_changing();
    let update = updates::add(place, cluster, "AddonUpdate", &params, json!({"addon": name, "set": set}), takes);
    Ok(json!({"update": update}))
}

pub(super) fn delete(request: &Request, place: &mut Place<'_>) -> Answer {
    let (cluster, name) = (request.cluster(), request.member());
    place.store.cluster(cluster)?;
    let addon = place.store.get_mut(Kind::Addon, cluster, name)?;
    if addon.is("UPDATING") {
        let said = format!("Addon {name} cannot be deleted as it is currently in UPDATING state");
        return Err(Refusal::request(said).about("clusterName", cluster).about("addonName", name));
    }
    if !addon.is("DELETING") {
        addon.set("status", "DELETING");
        addon.touch();
        addon.hidden["preserve"] = json!(request.parameter("preserve") == Some("true"));
        place.store.schedule(Kind::Addon, cluster, name, place.durations.addon_changing());
    }
    Ok(json!({"addon": place.store.get(Kind::Addon, cluster, name)?.document}))
}

/// What time has made of an add-on that was being created or deleted, or that is not healthy.
pub(super) fn settle(place: &mut Place<'_>, cluster: &str, name: &str) {
    let healthy = is_healthy(place, cluster, name);
    let Ok(addon) = place.store.get_mut(Kind::Addon, cluster, name) else { return };
    let doom = addon.doom.take();
    match (addon.status(), doom) {
        ("DELETING", Some((code, message))) => {
            addon.set("status", "DELETE_FAILED");
            addon.set("health", issues(&code, &message, &[]));
        }
        ("DELETING", None) => deleted(place, cluster, name),
        ("CREATING", Some((code, message))) => {
            // What cannot be applied is not there; what is there and does not work is degraded.
            // <https://docs.aws.amazon.com/eks/latest/APIReference/API_AddonIssue.html>
            let absent = [
                "ConfigurationConflict",
                "AdmissionRequestDenied",
                "AddonPermissionFailure",
                "AddonSubscriptionNeeded",
            ];
            addon.set("status", if absent.contains(&code.as_str()) { "CREATE_FAILED" } else { "DEGRADED" });
            addon.set("health", issues(&code, &message, &[]));
        }
        ("CREATING" | "DEGRADED" | "ACTIVE", None) => watch(place, cluster, name, healthy),
        _ => {}
    }
}

fn watch(place: &mut Place<'_>, cluster: &str, name: &str, healthy: bool) {
    let reason = place.store.cluster(cluster).ok().and_then(|of| of.hidden["addonReason"][name].as_str());
    let reason = reason.unwrap_or_default().to_owned();
    let Ok(addon) = place.store.get_mut(Kind::Addon, cluster, name) else { return };
    if healthy {
        addon.set("status", "ACTIVE");
        addon.set("health", json!({"issues": []}));
        addon.hidden["looks"] = json!(0);
        addon.touch();
        return;
    }
    let looks = addon.hidden["looks"].as_u64().unwrap_or_default() + 1;
    addon.hidden["looks"] = json!(looks);
    let patience = place.durations.addon_patience().as_millis() / place.durations.addon_look().as_millis().max(1);
    if u128::from(looks) == patience {
        let said = format!("The add-on is unhealthy because it doesn't have the desired number of replicas. {reason}");
        addon.set("status", "DEGRADED");
        addon.set("health", issues("InsufficientNumberOfReplicas", said.trim_end(), &[]));
        addon.touch();
    }
    place.store.schedule(Kind::Addon, cluster, name, place.durations.addon_look());
}

fn deleted(place: &mut Place<'_>, cluster: &str, name: &str) {
    let Ok(addon) = place.store.get(Kind::Addon, cluster, name).cloned() else { return };
    if let Ok(of) = place.store.get_mut(Kind::Cluster, cluster, cluster) {
        let left = json!({"version": addon.text("addonVersion"), "values": addon.document["configurationValues"]});
        of.hidden["addonHealth"][name] = Value::Null;
        of.hidden["preserved"][name] = if addon.hidden["preserve"] == true { left } else { Value::Null };
    }
    association::remove_of_addon(place, cluster, addon.arn());
    place.store.remove(Kind::Addon, cluster, name);
}

/// Whether the add-on's pods have where to run. Those of a DaemonSet need no node; Deployments do.
fn is_healthy(place: &Place<'_>, cluster: &str, name: &str) -> bool {
    let Some(product) = addon_versions::find(name) else { return true };
    let Ok(of) = place.store.cluster(cluster) else { return true };
    if product.runs && wanted::is_real(place, cluster) {
        return of.hidden["addonHealth"][name] == true;
    }
    if !["coredns", "metrics-server", "aws-ebs-csi-driver"].contains(&name) {
        return true;
    }
    let nodes = place.store.within(Kind::Nodegroup, cluster).iter().any(|group| {
        matches!(group.status(), "ACTIVE" | "UPDATING") && group.document["scalingConfig"]["desiredSize"] != 0
    });
    let takes = |profile: &&Record| {
        let selectors = profile.document["selectors"].as_array().cloned().unwrap_or_default();
        profile.is("ACTIVE")
            && selectors.iter().any(|selector| ["kube-system", "*"].iter().any(|one| selector["namespace"] == *one))
    };
    let fargate = product.on_fargate && place.store.within(Kind::FargateProfile, cluster).iter().any(takes);
    nodes || fargate || of.document["computeConfig"]["enabled"] == true
}

/// The end of an update of an add-on.
pub(super) fn settle_update(
    place: &mut Place<'_>,
    cluster: &str,
    name: &str,
    hidden: &Value,
    failed: Option<&(String, String)>,
) {
    let Ok(addon) = place.store.get_mut(Kind::Addon, cluster, name) else { return };
    addon.touch();
    if let Some((code, message)) = failed {
        addon.set("status", "UPDATE_FAILED");
        addon.set("health", issues(code, message, &[]));
        return;
    }
    for (field, value) in hidden["set"].as_object().cloned().unwrap_or_default() {
        addon.set(&field, value);
    }
    addon.set("status", "ACTIVE");
    addon.set("health", json!({"issues": []}));
    place.store.schedule(Kind::Addon, cluster, name, std::time::Duration::ZERO);
}

fn version(product: &Product, given: Option<&str>, kubernetes: &str) -> Result<&'static str, String> {
    let wanted = match given {
        Some(given) if product.fits(given, kubernetes) => product.named(given),
        Some(_) => None,
        None => product.default_for(kubernetes),
    };
    wanted.ok_or_else(|| "Addon version specified is not supported".to_owned())
}

// JSON, or YAML, which has all of JSON.
fn check_values(product: &Product, values: Option<&str>) -> Result<(), String> {
    const SAID: &str = "ConfigurationValue provided in request is not supported";
    let Some(text) = values.filter(|text| !text.is_empty()) else { return Ok(()) };
    let values: Value = serde_saphyr::from_str(text).map_err(|_| format!("{SAID}: it is neither JSON nor YAML"))?;
    let schema = jsonschema::validator_for(&product.schema()).map_err(|error| format!("{SAID}: {error}"))?;
    schema.validate(&values).map_err(|error| format!("{SAID}: Json schema validation failed with error: [{error}]"))
}
