//! What all kinds of EKS share: tags, health, and updates that ended badly.

use std::collections::HashMap;

use aws_sdk_eks::Client;
use aws_sdk_eks::types::{Update, UpdateStatus};
use domain::{Fault, FaultName, Tags};
use engine::{CallError, Subject};
use jiff::Timestamp;
use plan::{FieldChange, HEALTH};
use serde_json::Value;

/// How many of the newest updates are looked at. EKS does one at a time, so those of one phase are few.
const NEWEST: i32 = 5;

/// Which thing's updates.
pub(crate) enum Of<'a> {
    /// The control plane's own.
    ControlPlane,
    /// Those of a node group.
    NodeGroup(&'a str),
    /// Those of an add-on.
    Addon(&'a str),
}

/// The tags of a described thing.
pub(crate) fn tags(listed: Option<&HashMap<String, String>>) -> Tags {
    listed.into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// The tags of a new thing: the user's and those of its identity.
pub(crate) fn tagged(subject: &Subject, user: &Tags) -> Option<HashMap<String, String>> {
    Some(subject.create_tags(user).into_iter().collect())
}

/// Brings the user's tags to what `changes` asks for, if it asks for any. May come any number of times.
///
/// Permissions: `eks:TagResource`, `eks:UntagResource`.
/// <https://docs.aws.amazon.com/eks/latest/APIReference/API_TagResource.html>
pub(crate) async fn retag(client: &Client, arn: &str, changes: &[FieldChange]) -> Result<(), CallError> {
    let Some(change) = resources::tag_change(changes) else { return Ok(()) };
    if !change.put.is_empty() {
        let call = client.tag_resource().resource_arn(arn).set_tags(Some(change.put.into_iter().collect()));
        call.send().await.map_err(aws::changing("eks:TagResource"))?;
    }
    if !change.remove.is_empty() {
        let call = client.untag_resource().resource_arn(arn).set_tag_keys(Some(change.remove));
        call.send().await.map_err(aws::changing("eks:UntagResource"))?;
    }
    Ok(())
}

/// Those of the changes that EKS does not show yet. An update is asked for again after it has ended, and after its answer was
/// lost; then EKS would refuse what is done already, or do it once more.
pub(crate) fn left(changes: &[FieldChange], shown: &Value) -> Vec<FieldChange> {
    let is_shown = |change: &&FieldChange| shown.get(&change.field).is_some_and(|shown| plan::same(shown, &change.new));
    changes.iter().filter(|change| !is_shown(change)).cloned().collect()
}

/// Puts what EKS calls unhealthy into `properties`, so that `update` is asked and answers with [`unhealthy`].
pub(crate) fn put_health(properties: &mut Value, issues: Vec<String>) {
    if !issues.is_empty() {
        properties[HEALTH] = Value::from(issues);
    }
}

/// Fails if EKS shows something as unhealthy that is as it is wanted: nothing that Landfall may change cures it.
pub(crate) fn unhealthy(changes: &[FieldChange]) -> Result<(), CallError> {
    let Some(shown) = changes.iter().find(|change| change.field == HEALTH) else { return Ok(()) };
    let issues: Vec<&str> = shown.old.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    Err(CallError::Fault(Fault::new(FaultName::Unhealthy, format!("EKS reports: {}", issues.join("; ")))))
}

/// Fails if an update ended as failed since this phase began to change the thing: the same again would end the same way.
///
/// Permissions: `eks:ListUpdates`, `eks:DescribeUpdate`.
/// <https://docs.aws.amazon.com/eks/latest/APIReference/API_DescribeUpdate.html>
pub(crate) async fn none_failed(
    client: &Client,
    cluster: &str,
    of: &Of<'_>,
    subject: &Subject,
) -> Result<(), CallError> {
    let Some(since) = subject.changing_since else { return Ok(()) };
    let (node_group, addon) = match of {
        Of::ControlPlane => (None, None),
        Of::NodeGroup(name) => (Some((*name).to_owned()), None),
        Of::Addon(name) => (None, Some((*name).to_owned())),
    };
    let call = client.list_updates().name(cluster).max_results(NEWEST);
    let call = call.set_nodegroup_name(node_group.clone()).set_addon_name(addon.clone());
    let listed = call.send().await.map_err(aws::reading("eks:ListUpdates"))?;
    for id in listed.update_ids() {
        let call = client.describe_update().name(cluster).update_id(id);
        let call = call.set_nodegroup_name(node_group.clone()).set_addon_name(addon.clone());
        let answer = call.send().await.map_err(aws::reading("eks:DescribeUpdate"))?;
        if let Some(update) = answer.update().filter(|update| failed_since(update, since)) {
            return Err(CallError::Fault(Fault::new(FaultName::UpdateFailed, reasons(update))));
        }
    }
    Ok(())
}

fn failed_since(update: &Update, since: Timestamp) -> bool {
    let began = update.created_at().and_then(|at| Timestamp::from_second(at.secs()).ok());
    // EKS tells whole seconds.
    let began_before = began.is_some_and(|began| began.as_second() < since.as_second());
    update.status() == Some(&UpdateStatus::Failed) && !began_before
}

fn reasons(update: &Update) -> String {
    let kind = update.r#type().map_or("update", |kind| kind.as_str());
    let reasons: Vec<String> = update
        .errors()
        .iter()
        .map(|error| {
            let code = error.error_code().map_or("no code", |code| code.as_str());
            format!("{code}: {}", error.error_message().unwrap_or("EKS gave no reason"))
        })
        .collect();
    format!("{kind} {} ended as failed: {}", update.id().unwrap_or("unknown"), reasons.join("; "))
}

#[cfg(test)]
mod tests {
    use aws_sdk_eks::primitives::DateTime;
    use aws_sdk_eks::types::{ErrorCode, ErrorDetail, UpdateType};

    use super::*;

    #[test]
    fn what_eks_shows_already_is_not_asked_for_again() {
        let change = |field: &str, new: Value| FieldChange { field: field.into(), old: Value::Null, new };
        let changes = [change("version", "1.35".into()), change("minSize", 2.into()), change("tags", Value::Null)];
        let left = left(&changes, &serde_json::json!({"version": "1.35", "minSize": 1}));
        assert_eq!(left.iter().map(|change| change.field.as_str()).collect::<Vec<_>>(), ["minSize", "tags"]);
    }

    #[test]
    fn only_what_failed_in_this_phase_counts() {
        let error = ErrorDetail::builder().error_code(ErrorCode::PodEvictionFailure).error_message("a budget").build();
        let update = |status, at| {
            let update = Update::builder().id("u-1").r#type(UpdateType::VersionUpdate).status(status);
            update.created_at(DateTime::from_secs(at)).errors(error.clone()).build()
        };
        let since = Timestamp::from_millisecond(100_900).unwrap();
        assert!(!failed_since(&update(UpdateStatus::Failed, 99), since));
        assert!(failed_since(&update(UpdateStatus::Failed, 100), since));
        assert!(!failed_since(&update(UpdateStatus::Successful, 101), since));
        let text = reasons(&update(UpdateStatus::Failed, 100));
        assert_eq!(text, "VersionUpdate u-1 ended as failed: PodEvictionFailure: a budget");
    }
}
