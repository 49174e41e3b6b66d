//! The way back by one minor.
//!
//! No kubelet may be newer than its API server, so what followed the control plane up goes down before it; EKS refuses the
//! other order. Whether a way leads back is no matter of the plan, which only names a minor: a run that fails between
//! the control plane and its nodes is restored to a plan that was made for the way up.
//!
//! <https://docs.aws.amazon.com/eks/latest/userguide/rollback-cluster.html>

use std::borrow::Cow;

use domain::{Component, Kind, Record, ResourceId, State};
use serde_json::Value;

use super::CONTROL_PLANE;
use super::versions::minor;
use crate::{Change, Goal, Need, Plan, Until, classify};

/// The plan itself, unless the control plane runs a later minor than it names: then with the control plane after the
/// nodes and add-ons, which are brought to the minor that it names. One that is replaced goes no way back.
pub(crate) fn facing<'a, 'p>(plan: &'p Plan, records: impl IntoIterator<Item = &'a Record>) -> Cow<'p, Plan> {
    let id = ResourceId::new(Component::Cluster, CONTROL_PLANE);
    let Some((record, spec)) = plan.meant(records).remove(&id) else { return Cow::Borrowed(plan) };
    // Only of one that works: another is made first, as the plan wants it.
    let works = matches!(record.state, State::Ready | State::Updating(_));
    let stays = works && !matches!(classify(record.kind, &record.spec, &spec), Change::Replace(_));
    match (record.outputs.get("version"), spec["version"].as_str()) {
        (Some(runs), Some(wanted)) if stays && minor(runs) > minor(wanted) => {
            Cow::Owned(backwards(plan.clone(), &id, wanted))
        }
        _ => Cow::Borrowed(plan),
    }
}

fn backwards(mut plan: Plan, control_plane: &ResourceId, version: &str) -> Plan {
    let mut earlier = Vec::new();
    for (id, desired) in &mut plan.resources {
        match desired.kind {
            // Not what the control plane runs, as on the way up.
            Kind::NodeGroup => desired.spec["version"] = Value::from(version),
            Kind::Addon => {}
            _ => continue,
        }
        earlier.push(Need { resource: id.clone(), until: Until::Earlier });
    }
    if let Some(desired) = plan.resources.get_mut(control_plane) {
        // After what stands on it, and so with its goal.
        desired.goal = Goal::Compute;
        desired.needs.extend(earlier);
    }
    plan
}
