//! Changes of a managed node group: its configuration, and the version of its nodes.
//!
//! <https://docs.aws.amazon.com/eks/latest/APIReference/API_UpdateNodegroupConfig.html>,
//! <https://docs.aws.amazon.com/eks/latest/APIReference/API_UpdateNodegroupVersion.html>,
//! <https://docs.aws.amazon.com/eks/latest/userguide/rollback-cluster.html> (nodes go back before the control plane)

use serde_json::{Value, json};

use super::request::{Refusal, Request, texts};
use super::store::{Kind, Record, window_open};
use super::{Answer, Place, issues, nodegroup, nodes, update, version as versions};

pub(super) fn config(request: &Request, place: &mut Place<'_>) -> Answer {
    let (cluster, name) = (request.cluster(), request.member());
    let group = free(place, cluster, name)?.clone();
    let wrong =
        |message: String| Refusal::parameter(message).about("clusterName", cluster).about("nodegroupName", name);
    let mut params = Vec::new();
    let mut set = json!({});
    let given = |field: &str| !request.body[field].is_null();
    if given("scalingConfig") {
        let sizes = nodegroup::scaling(&group.document["scalingConfig"], &request.body["scalingConfig"]);
        let sizes = sizes.map_err(wrong)?;
        for (kind, field) in [("MinSize", "minSize"), ("MaxSize", "maxSize"), ("DesiredSize", "desiredSize")] {
            params.push((kind, sizes[field].to_string()));
        }
        set["scalingConfig"] = sizes;
    }
    if given("labels") {
        let (add, remove) = (&request.body["labels"]["addOrUpdateLabels"], &request.body["labels"]["removeLabels"]);
        let mut labels = group.document["labels"].as_object().cloned().unwrap_or_default();
        labels.extend(add.as_object().cloned().unwrap_or_default());
        texts(remove).iter().for_each(|key| drop(labels.remove(key)));
        params.extend([("LabelsToAdd", add.to_string()), ("LabelsToRemove", remove.to_string())]);
        set["labels"] = Value::Object(labels);
    }
    if given("taints") {
        let (add, remove) = (&request.body["taints"]["addOrUpdateTaints"], &request.body["taints"]["removeTaints"]);
        nodegroup::check_taints(add).map_err(wrong)?;
        set["taints"] = taints(&group.document["taints"], add, remove);
        params.extend([("TaintsToAdd", add.to_string()), ("TaintsToRemove", remove.to_string())]);
    }
    for (field, kind) in [
        ("updateConfig", "MaxUnavailable"),
        ("nodeRepairConfig", "NodeRepairEnabled"),
        ("warmPoolConfig", "WarmPoolEnabled"),
    ] {
        if given(field) {
            params.push((kind, request.body[field].to_string()));
            set[field] = request.body[field].clone();
        }
    }
    if params.is_empty() {
        return Err(wrong("No changes needed for the node group".into()));
    }
    begin(place, cluster, name, "ConfigUpdate", &params, set)
}

pub(super) fn version(request: &Request, place: &mut Place<'_>) -> Answer {
    let (cluster, name) = (request.cluster(), request.member());
    let group = free(place, cluster, name)?.clone();
    let wrong =
        |message: String| Refusal::parameter(message).about("clusterName", cluster).about("nodegroupName", name);
    let (old, template) = (&group.document["launchTemplate"], &request.body["launchTemplate"]);
    let same = |field: &str| template[field].is_null() || template[field] == old[field];
    if !template.is_null() && (old.is_null() || !same("id") || !same("name")) {
        let said = "Launch template of the node group can not be changed: id and name need to be those of its creation";
        return Err(Refusal::request(said).about("clusterName", cluster).about("nodegroupName", name));
    }
    let to = match request.text("version") {
        None => group.text("version").to_owned(),
        Some(to) if allowed(place, cluster, to) => to.to_owned(),
        Some(to) => {
            return Err(wrong(format!("Nodegroup kubernetes version {to} needs to be the version of its cluster")));
        }
    };
    let release = nodegroup::release(request.text("releaseVersion"), group.text("amiType"), &to).map_err(wrong)?;
    let mut set = json!({"version": to, "releaseVersion": release});
    let mut params = vec![("Version", to), ("ReleaseVersion", release)];
    if !template.is_null() {
        let number = template["version"].as_str().unwrap_or("1").to_owned();
        set["launchTemplate"] = old.clone();
        set["launchTemplate"]["version"] = json!(number);
        params.push(("LaunchTemplateVersion", number));
    }
    if ["version", "releaseVersion", "launchTemplate"]
        .iter()
        .all(|field| set[*field].is_null() || set[*field] == group.document[*field])
    {
        return Err(wrong(format!("Nodegroup {name} is already up to date")));
    }
    begin(place, cluster, name, "VersionUpdate", &params, set)
}

// The cluster's version; and, while the cluster may go back, the one to which it would.
fn allowed(place: &Place<'_>, cluster: &str, to: &str) -> bool {
    place.store.cluster(cluster).is_ok_and(|cluster| {
        let back = cluster.hidden["upgradedFrom"] == to && window_open(&cluster.hidden["upgradedAt"], place.durations);
        versions::find(to).is_some() && (cluster.text("version") == to || back)
    })
}

fn free<'a>(place: &'a Place<'_>, cluster: &str, name: &str) -> Result<&'a Record, Refusal> {
    place.store.cluster(cluster)?;
    let group = place.store.get(Kind::Nodegroup, cluster, name)?;
    if matches!(group.status(), "ACTIVE" | "DEGRADED") {
        return Ok(group);
    }
    let said = match place.store.update_in_progress(cluster, Some(("nodegroup", name))) {
        Some(update) => format!("Nodegroup {name} currently has update {} in progress", update.name),
        None => format!("Nodegroup {name} is in status {}", group.status()),
    };
    Err(Refusal::in_use(said).about("clusterName", cluster).about("nodegroupName", name))
}

fn begin(
    place: &mut Place<'_>,
    cluster: &str,
    name: &str,
    kind: &str,
    params: &[(&str, String)],
    set: Value,
) -> Answer {
    place.store.get_mut(Kind::Nodegroup, cluster, name)?.set("status", "UPDATING");
    let takes = place.durations.node_group_changing();
    let update = update::add(place, cluster, kind, params, json!({"nodegroup": name, "set": set}), takes);
    Ok(json!({"update": update}))
}

// A taint is known by key and effect.
fn taints(now: &Value, add: &Value, remove: &Value) -> Value {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let same = |one: &Value, other: &Value| one["key"] == other["key"] && one["effect"] == other["effect"];
    let gone: Vec<Value> = list(add).into_iter().chain(list(remove)).collect();
    let kept = list(now).into_iter().filter(|one| !gone.iter().any(|other| same(one, other)));
    kept.chain(list(add)).collect()
}

/// The end of an update of a group.
pub(super) fn settle(
    place: &mut Place<'_>,
    cluster: &str,
    name: &str,
    hidden: &Value,
    failed: Option<&(String, String)>,
) {
    let Ok(group) = place.store.get_mut(Kind::Nodegroup, cluster, name) else { return };
    group.touch();
    group.set("status", "ACTIVE");
    if let Some((code, message)) = failed {
        let resources = nodes::affected(group, code);
        let resources: Vec<&str> = resources.iter().map(String::as_str).collect();
        // What lasts is a problem of the group; what kept nodes from moving is only one of the update.
        // <https://docs.aws.amazon.com/eks/latest/APIReference/API_Issue.html>
        if !["PodEvictionFailure", "NodeCreationFailure"].contains(&code.as_str()) {
            group.set("status", "DEGRADED");
            group.set("health", issues(code, message, &resources));
        }
        return;
    }
    group.set("health", json!({"issues": []}));
    let set = hidden["set"].as_object().cloned().unwrap_or_default();
    let replaced = set.contains_key("releaseVersion");
    for (field, value) in set {
        group.set(&field, value);
    }
    if replaced {
        nodes::replace(place, cluster, name);
    } else {
        nodes::scale(place, cluster, name);
    }
}
