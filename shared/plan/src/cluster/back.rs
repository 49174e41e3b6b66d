//! The way back by one minor.
//!
//! No kubelet may be newer than its API server, so what followed the control plane up goes down before it; EKS refuses the
//! other order. Whether a way leads back is no matter of the plan, which only names a minor: a run that fails between
//! the control plane and its nodes is restored to a plan that was made for the way up.
//!
//! <https://docs.aws.amazon.com/eks/latest/userguide/rollback-cluster.html>

use std::borrow::Cow;
use std::collections::BTreeMap;

use domain::{Component, Kind, Outputs, Record, ResourceId, State};
use serde_json::Value;

use super::CONTROL_PLANE;
use super::versions::minor;
use crate::reference::resolve_known;
use crate::{Change, Goal, Need, Plan, Until, classify, current};

/// The plan itself, unless the control plane runs a later minor than it names: then with the control plane after the
/// nodes and add-ons, which are brought to the minor that it names. One that is replaced goes no way back.
pub(crate) fn facing<'a, 'p>(plan: &'p Plan, records: impl IntoIterator<Item = &'a Record>) -> Cow<'p, Plan> {
    let id = ResourceId::new(Component::Cluster, CONTROL_PLANE);
    let stays = staying(plan, &id, records);
    // Only of one that works: another is made first, as the plan wants it.
    let works = |(record, _): &(&Record, Value)| matches!(record.state, State::Ready | State::Updating(_));
    let Some((record, spec)) = stays.filter(works) else { return Cow::Borrowed(plan) };
    match (record.outputs.get("version"), spec["version"].as_str()) {
        (Some(runs), Some(wanted)) if minor(runs) > minor(wanted) => Cow::Owned(backwards(plan.clone(), &id, wanted)),
        _ => Cow::Borrowed(plan),
    }
}

/// The record of a resource that becomes what is wanted without being replaced, and what is wanted.
fn staying<'a>(
    plan: &Plan,
    id: &ResourceId,
    records: impl IntoIterator<Item = &'a Record>,
) -> Option<(&'a Record, Value)> {
    let mut by_id: BTreeMap<&ResourceId, Vec<&Record>> = BTreeMap::new();
    for record in records {
        by_id.entry(&record.id).or_default().push(record);
    }
    let mut outputs: BTreeMap<&ResourceId, &Outputs> = BTreeMap::new();
    for other in Component::ALL.iter().flat_map(|component| plan.in_order(*component)) {
        let desired = plan.resources.get(other)?;
        let (spec, _) = resolve_known(&desired.spec, &|of| outputs.get(of).copied());
        let there = by_id.get(other).and_then(|all| current(all.iter().copied(), desired.kind, Some(&spec)));
        let Some(record) = there else { continue };
        if other == id {
            let is_replaced = matches!(classify(desired.kind, &record.spec, &spec), Change::Replace(_));
            return (!is_replaced).then_some((record, spec));
        }
        outputs.insert(other, &record.outputs);
    }
    None
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
