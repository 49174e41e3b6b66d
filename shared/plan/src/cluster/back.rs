//! The way back by one minor.
//!
//! No kubelet may be newer than its API server, so what followed the control plane up goes down before it; EKS refuses the
//! other order. Whether a way leads back is no matter of the plan, which only names a minor: a run that fails between
//! the control plane and its nodes is restored to a plan that was made for the way up.
//!
//! <https://docs.aws.amazon.com/eks/latest/userguide/rollback-cluster.html>

use std::borrow::Cow;

use domain::{Component, Kind, Record, ResourceId, State};
use serde::Deserialize as _;
use serde_json::Value;

use super::versions::minor;
use super::{CONTROL_PLANE, ControlPlaneSpec};
use crate::{Goal, Need, Plan, Until, current};

/// The plan itself, unless the control plane runs a later minor than it names: then with the control plane after the
/// nodes and add-ons, which are brought to the minor that it names.
pub(crate) fn facing<'a, 'p>(plan: &'p Plan, records: impl IntoIterator<Item = &'a Record>) -> Cow<'p, Plan> {
    let id = ResourceId::new(Component::Cluster, CONTROL_PLANE);
    let Some(desired) = plan.resources.get(&id) else { return Cow::Borrowed(plan) };
    let there = current(records.into_iter().filter(|record| record.id == id), desired.kind, Some(&desired.spec));
    // Only of one that works: another is made first, as the plan wants it.
    let works = |record: &&Record| matches!(record.state, State::Ready | State::Updating(_));
    let runs = there.filter(works).and_then(|record| record.outputs.get("version"));
    let wanted = ControlPlaneSpec::deserialize(&desired.spec).map(|spec| spec.version);
    match (runs, wanted) {
        (Some(runs), Ok(wanted)) if minor(runs) > minor(&wanted) => Cow::Owned(backwards(plan.clone(), &id, &wanted)),
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
