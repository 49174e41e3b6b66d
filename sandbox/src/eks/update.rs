//! Updates: what changes a cluster, a node group or an add-on, one at a time, and how each ended.
//!
//! A parameter of the request is checked before the update begins; what then goes wrong is told by the update alone. The
//! refusal of a second update is that of AWS, as in
//! <https://github.com/aws-controllers-k8s/community/issues/1192>.
//! <https://docs.aws.amazon.com/eks/latest/APIReference/API_Update.html>

use std::time::Duration;

use serde_json::{Value, json};

use super::request::{Refusal, Request};
use super::store::{Kind, now};
use super::{Answer, Job, Place, addon, auto_node, cluster, issues, new_id, nodegroup_update, provider};

/// An update of a cluster that is about to begin.
pub(super) struct Change {
    /// `VersionUpdate`, `EndpointAccessUpdate`, …
    pub(super) kind: &'static str,
    pub(super) params: Vec<(&'static str, String)>,
    pub(super) effects: Vec<Effect>,
    pub(super) takes: Duration,
}

/// A field that the cluster has when the update ends well.
pub(super) struct Effect {
    pointer: String,
    value: Value,
}

impl Effect {
    pub(super) fn cluster(field: &str, value: impl Into<Value>) -> Self {
        Self { pointer: format!("/{field}"), value: value.into() }
    }

    /// Whether a cluster has it already.
    pub(super) fn holds(&self, cluster: &Value) -> bool {
        cluster.pointer(&self.pointer) == Some(&self.value)
    }
}

/// Refuses while the cluster has an update under way, or is not there yet.
pub(super) fn check_free(place: &Place<'_>, name: &str, kind: &str) -> Result<(), Refusal> {
    let cluster = place.store.cluster(name)?;
    if let Some(update) = place.store.update_in_progress(name, None) {
        let said = format!("Cannot {kind} because cluster {name} currently has update {} in progress", update.name);
        return Err(Refusal::in_use(said).about("clusterName", name));
    }
    match cluster.status() {
        "ACTIVE" => Ok(()),
        status => {
            let said = format!("Cannot {kind} because cluster {name} is in {status} state");
            Err(Refusal::in_use(said).about("clusterName", name))
        }
    }
}

/// Begins an update of the cluster; what describes it.
pub(super) fn begin(place: &mut Place<'_>, name: &str, change: Change) -> Answer {
    let effects: Value = change.effects.iter().map(|one| json!({"pointer": one.pointer, "value": one.value})).collect();
    place.store.get_mut(Kind::Cluster, name, name)?.set("status", "UPDATING");
    Ok(add(place, name, change.kind, &change.params, json!({"effects": effects}), change.takes))
}

/// Adds an update of anything; `hidden` says of what, and what comes of it.
pub(super) fn add(
    place: &mut Place<'_>,
    cluster: &str,
    kind: &str,
    params: &[(&str, String)],
    hidden: Value,
    takes: Duration,
) -> Value {
    let id = new_id();
    let params: Value = params.iter().map(|(kind, value)| json!({"type": kind, "value": value})).collect();
    let document = json!({
        "id": id, "status": "InProgress", "type": kind, "params": params, "createdAt": now(), "errors": [],
    });
    place.store.add(Kind::Update, cluster, &id, document.clone()).hidden = hidden;
    place.store.schedule(Kind::Update, cluster, &id, takes);
    document
}

pub(super) fn describe(request: &Request, place: &mut Place<'_>) -> Answer {
    place.store.cluster(request.cluster())?;
    let update = place.store.get(Kind::Update, request.cluster(), request.member())?;
    match of(request) {
        Some((field, name)) if update.hidden[field] != name => {
            Err(Kind::Update.not_found(request.cluster(), request.member()))
        }
        _ => Ok(json!({"update": update.document})),
    }
}

pub(super) fn list(request: &Request, place: &mut Place<'_>) -> Answer {
    place.store.cluster(request.cluster())?;
    let of = of(request);
    let mut updates = place.store.within(Kind::Update, request.cluster());
    updates.retain(|update| match of {
        Some((field, name)) => update.hidden[field] == name,
        None => update.hidden["nodegroup"].is_null() && update.hidden["addon"].is_null(),
    });
    let at = |update: &&super::store::Record| update.document["createdAt"].as_f64().unwrap_or_default();
    updates.sort_by(|one, other| at(other).total_cmp(&at(one)));
    request.page("updateIds", updates.into_iter().map(|update| json!(update.name)).collect())
}

// What the updates are asked of; without it, the cluster itself.
fn of(request: &Request) -> Option<(&'static str, &str)> {
    [("nodegroup", "nodegroupName"), ("addon", "addonName")]
        .into_iter()
        .find_map(|(field, name)| Some((field, request.parameter(name)?)))
}

/// The end of an update.
pub(super) fn settle(place: &mut Place<'_>, name: &str, id: &str) {
    let Ok(update) = place.store.get(Kind::Update, name, id) else { return };
    let hidden = update.hidden.clone();
    if hidden["effects"].is_array() && place.store.cluster(name).is_ok_and(|one| one.hidden["restarting"] == true) {
        return place.store.wait(Kind::Update, name, id);
    }
    let Ok(update) = place.store.get_mut(Kind::Update, name, id) else { return };
    let failed = update.doom.take();
    match &failed {
        Some((code, message)) => {
            update.set("status", "Failed");
            update.set("errors", json!([{"errorCode": code, "errorMessage": message, "resourceIds": [name]}]));
        }
        None => update.set("status", "Successful"),
    }
    if let Some(group) = hidden["nodegroup"].as_str() {
        nodegroup_update::settle(place, name, group, &hidden, failed.as_ref());
    } else if let Some(name_of_addon) = hidden["addon"].as_str() {
        addon::settle_update(place, name, name_of_addon, &hidden, failed.as_ref());
    } else {
        settle_cluster(place, name, &hidden, failed.as_ref());
    }
}

fn settle_cluster(place: &mut Place<'_>, name: &str, hidden: &Value, failed: Option<&(String, String)>) {
    let region = place.region.to_owned();
    let Ok(cluster) = place.store.get_mut(Kind::Cluster, name, name) else { return };
    if cluster.is("UPDATING") {
        cluster.set("status", "ACTIVE");
    }
    let before = cluster.text("version").to_owned();
    let effects = hidden["effects"].as_array().cloned().unwrap_or_default();
    let upgraded = effects.iter().any(|effect| effect["pointer"] == "/version");
    if let Some((code, message)) = failed {
        if code == "KmsKeyNotFound" || code == "Ec2SecurityGroupNotFound" {
            cluster.set("health", issues(code, message, &[name]));
        }
        if upgraded {
            super::version::restart(place, name, &before);
        }
        return;
    }
    for effect in &effects {
        let (Some(pointer), value) = (effect["pointer"].as_str(), &effect["value"]) else { continue };
        set(&mut cluster.document, pointer, value);
    }
    if upgraded {
        let forth = super::version::minor(cluster.text("version")) > super::version::minor(&before);
        cluster.hidden["upgradedFrom"] = if forth { json!(before) } else { Value::Null };
        cluster.hidden["upgradedAt"] = if forth { now() } else { Value::Null };
    }
    let auto_mode = cluster.document["computeConfig"]["enabled"] == true;
    if cluster::logs(cluster) {
        place.jobs.push(Job::LogGroup { region, name: cluster::log_group(name), after: std::time::Duration::ZERO });
    }
    if !auto_mode {
        // <https://docs.aws.amazon.com/eks/latest/userguide/auto-disable.html>
        auto_node::end_all(place, name);
    }
    provider::settle_update(place, name, hidden);
}

fn set(document: &mut Value, pointer: &str, value: &Value) {
    let mut at = document;
    for part in pointer.trim_start_matches('/').split('/') {
        at = &mut at[part];
    }
    *at = value.clone();
}
