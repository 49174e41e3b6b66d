//! A plan held against the records: what carrying it out would change.
//!
//! It asks [`classify`] and [`current`] like the engine does, so what is shown is what is done. It sees no drift: only a
//! run looks at AWS itself.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Component, Edge, Kind, Outputs, Record, ResourceId, State};
use serde::{Deserialize, Serialize};

use crate::reference::resolve_known;
use crate::{Change, Desired, FieldChange, Plan, classify, current};

/// What happens to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Action {
    /// It is made.
    Create,
    /// It is changed in place.
    Update,
    /// A new one is made, and the old one is deleted when everything works.
    Replace,
    /// It is deleted.
    Delete,
    /// It existed before us, and is looked at and used. AWS is not changed.
    Use,
    /// It existed before us, and is no longer used. AWS is not changed.
    Forget,
}

/// One resource that carrying out a plan would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedChange {
    /// What happens.
    pub action: Action,
    /// To which resource.
    pub resource: ResourceId,
    /// Its type.
    pub kind: Kind,
    /// Because of which fields, for an update or a replacement. A new value that only the run will know is still the
    /// reference: `{"$of": "network/vpc", "output": "id"}`.
    pub reasons: Vec<FieldChange>,
    /// Whether something goes that no later run brings back as it was: a network with what lives in it, or an address.
    pub destroys: bool,
}

/// What carrying out `plan` would change, given the records of its platform: first what is made and changed, each after
/// what it needs, then what goes, each before what it needs. Empty if the ledger shows everything as planned.
///
/// Of what a change makes new, nobody knows the outputs yet; so whatever refers to these changes too.
pub fn diff(plan: &Plan, records: &[Record]) -> Vec<PlannedChange> {
    let plan = &plan.facing(records);
    let mut by_id: BTreeMap<&ResourceId, Vec<&Record>> = BTreeMap::new();
    for record in records {
        by_id.entry(&record.id).or_default().push(record);
    }
    let mut outputs: BTreeMap<&ResourceId, Outputs> = BTreeMap::new();
    let mut meant: BTreeSet<Edge> = BTreeSet::new();
    let mut changes = Vec::new();
    for id in Component::ALL.iter().flat_map(|component| plan.in_order(*component)) {
        let Some(desired) = plan.resources.get(id) else { continue };
        let (spec, _) = resolve_known(&desired.spec, &|of| outputs.get(of));
        let record = by_id.get(id).and_then(|all| current(all.iter().copied(), desired.kind, Some(&spec)));
        let (action, reasons) = match record {
            None => (Some(created(desired)), Vec::new()),
            Some(record) => compare(desired, record, &spec),
        };
        if let Some(record) = record {
            meant.insert(record.edge());
            if !matches!(action, Some(Action::Create | Action::Replace)) {
                outputs.insert(id, outputs_after(record, &reasons));
            }
        }
        changes.extend(action.map(|action| PlannedChange {
            action,
            resource: id.clone(),
            kind: desired.kind,
            reasons,
            destroys: action == Action::Replace && irreplaceable(desired.kind),
        }));
    }
    let unwanted = records.iter().filter(|record| !meant.contains(&record.edge()) && record.state != State::Gone);
    changes.extend(users_first(unwanted.collect()).into_iter().map(removal));
    changes
}

/// What a resource gives once these fields are changed: a control plane gives the minor that it is brought to, and a
/// launch template a version of which only the run will know the number.
fn outputs_after(record: &Record, changes: &[FieldChange]) -> Outputs {
    let mut outputs = record.outputs.clone();
    for change in changes {
        if let (Some(output), Some(new)) = (outputs.get_mut(&change.field), change.new.as_str()) {
            new.clone_into(output);
        }
    }
    if record.kind == Kind::LaunchTemplate && !changes.is_empty() {
        outputs.remove("version");
    }
    outputs
}

fn compare(desired: &Desired, record: &Record, spec: &serde_json::Value) -> (Option<Action>, Vec<FieldChange>) {
    if !works(record) {
        return (Some(created(desired)), Vec::new());
    }
    let (action, reasons) = match classify(desired.kind, &record.spec, spec) {
        Change::None => return (None, Vec::new()),
        Change::InPlace(reasons) => (Action::Update, reasons),
        Change::Replace(reasons) => (Action::Replace, reasons),
    };
    (Some(if desired.kind.is_given() { Action::Use } else { action }), reasons)
}

fn created(desired: &Desired) -> Action {
    if desired.kind.is_given() { Action::Use } else { Action::Create }
}

fn removal(record: &Record) -> PlannedChange {
    let ours = !record.adopted && !record.kind.is_given();
    PlannedChange {
        action: if ours { Action::Delete } else { Action::Forget },
        resource: record.id.clone(),
        kind: record.kind,
        reasons: Vec::new(),
        destroys: ours && works(record) && irreplaceable(record.kind),
    }
}

/// Whether the thing is there and is kept: not half made, given up on, or on its way out.
fn works(record: &Record) -> bool {
    matches!(record.state, State::Pending(_) | State::Ready | State::Updating(_))
}

/// The kinds whose loss is felt outside of Landfall: what runs in a network or a cluster goes with it, an address that
/// others have on their lists never comes back, and nor does what only a key can read.
fn irreplaceable(kind: Kind) -> bool {
    matches!(kind, Kind::Vpc | Kind::Subnet | Kind::ElasticIp | Kind::KmsKey | Kind::ControlPlane)
}

/// The same records, each before those that it uses.
fn users_first(records: Vec<&Record>) -> Vec<&Record> {
    let by_edge: BTreeMap<Edge, &Record> = records.iter().map(|record| (record.edge(), *record)).collect();
    let mut needed_first = Vec::new();
    let mut seen = BTreeSet::new();
    for record in records {
        visit(record, &by_edge, &mut seen, &mut needed_first);
    }
    needed_first.reverse();
    needed_first
}

fn visit<'a>(
    record: &'a Record,
    all: &BTreeMap<Edge, &'a Record>,
    seen: &mut BTreeSet<Edge>,
    needed_first: &mut Vec<&'a Record>,
) {
    if !seen.insert(record.edge()) {
        return;
    }
    for needed in record.needs.iter().filter_map(|edge| all.get(edge)) {
        visit(needed, all, seen, needed_first);
    }
    needed_first.push(record);
}
