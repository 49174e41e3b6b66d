//! The whole policy of the engine: one pure function, one answer.
//!
//! It guarantees, for any record and any observation: nothing is created before a claim stands in the ledger; an
//! unknown outcome is not tried again until absence has been confirmed over the settling time; what is not ours, or was
//! there before us, is never changed or deleted; what AWS gave up on fails the phase that waited for it, and is
//! deleted first by the next.

use domain::{Edge, Epoch, Fault, FaultName, Locator, Operation, Record, ResourceId, State};
use jiff::{SignedDuration, Timestamp};
use plan::{Change, FieldChange, Goal, classify};
use serde_json::{Map, Value};

use crate::{Actual, Observed};

/// What a call of the engine is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// Create and update what a goal of the plan names; delete nothing that works.
    Converge(Goal),
    /// Change nothing; everything must be as planned.
    Verify,
    /// Take away what the plan does not want.
    Prune,
}

/// One resource as the plan wants it, with every reference known.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// The spec, resolved.
    pub spec: Value,
    /// The generations that it uses.
    pub needs: Vec<Edge>,
}

/// When, and in which phase of a run, something is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The time.
    pub now: Timestamp,
    /// The phase. What an earlier one waited for or saw fail does not count against this one.
    pub epoch: Epoch,
    /// For how long something that was created may stay invisible.
    pub settling: SignedDuration,
    /// For how long AWS may work on one thing before it counts as stuck.
    pub patience: SignedDuration,
}

/// What to do next about one generation of one resource.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// Claim, then create.
    Create,
    /// Make the next generation beside this one.
    Replace(Vec<FieldChange>),
    /// Write down that AWS works on it, in this run.
    Accept(Actual),
    /// Write down that it is as wanted.
    Confirm(Actual),
    /// Change these fields.
    Update(Actual, Vec<FieldChange>),
    /// Write down that AWS gave up on it, and why.
    Fail(Actual, String),
    /// Release what hangs on it.
    Retire(Actual),
    /// Delete it.
    Delete(Actual),
    /// Delete these products of attempts whose answers were lost.
    DeleteSurplus(Vec<Actual>),
    /// It is gone: drop the record.
    Forget,
    /// Nothing can be done now, because of this.
    Wait(String),
    /// Nothing is to be done.
    Done,
    /// This run cannot go on.
    Refuse(Fault),
}

/// Decides about one generation of one resource. `wanted` is none for what the plan does not want.
pub fn decide(
    pass: Pass,
    id: &ResourceId,
    wanted: Option<&Wanted>,
    record: Option<&Record>,
    seen: &Observed,
    at: &Moment,
) -> Decision {
    let decision = match (pass, wanted, record) {
        (Pass::Verify, Some(wanted), Some(record)) => verify(wanted, record, seen, at),
        (Pass::Verify, Some(_), None) => refuse(FaultName::Unverified, "it is not in the ledger"),
        (_, Some(wanted), Some(record)) if record.kind.is_given() => given(wanted, record, seen),
        (_, Some(wanted), Some(record)) => keep(wanted, record, seen, at),
        (_, Some(_), None) => begin(seen),
        (_, None, Some(record)) => remove(record, seen, at),
        (_, None, None) => Decision::Done,
    };
    match decision {
        Decision::Refuse(fault) => Decision::Refuse(fault.about(id)),
        other => other,
    }
}

/// Wanted, and nothing is recorded.
fn begin(seen: &Observed) -> Decision {
    match seen {
        Observed::Absent => Decision::Create,
        Observed::Present(actual) => Decision::Confirm(actual.clone()),
        Observed::Pending(actual) => Decision::Accept(actual.clone()),
        Observed::Failed(actual, _) => Decision::Delete(actual.clone()),
        Observed::Many(all) => surplus(None, all),
        Observed::Foreign(locator) => foreign(locator),
    }
}

/// Wanted, and there before us: it is looked at, no more.
fn given(wanted: &Wanted, record: &Record, seen: &Observed) -> Decision {
    match seen {
        Observed::Present(actual) if record.spec == wanted.spec && record.state == State::Ready => {
            if outdated(wanted, record, actual) { Decision::Confirm(actual.clone()) } else { Decision::Done }
        }
        Observed::Present(actual) => Decision::Confirm(actual.clone()),
        _ => refuse(FaultName::UnusableNetwork, "the manifest names it, and it is not there"),
    }
}

/// Wanted, and recorded.
fn keep(wanted: &Wanted, record: &Record, seen: &Observed, at: &Moment) -> Decision {
    if let Observed::Many(all) = seen {
        return surplus(record.locator.as_ref(), all);
    }
    match &record.state {
        State::Creating(claim) | State::Unknown(claim) => match seen {
            Observed::Absent if claim.at + at.settling > at.now => {
                Decision::Wait("whether it was created is not known yet".into())
            }
            Observed::Absent => Decision::Create,
            Observed::Present(actual) => Decision::Confirm(actual.clone()),
            Observed::Pending(actual) => Decision::Accept(actual.clone()),
            Observed::Failed(actual, why) => Decision::Fail(actual.clone(), why.clone()),
            Observed::Foreign(locator) => foreign(locator),
            Observed::Many(all) => surplus(None, all),
        },
        State::Failed(operation) if operation.epoch == at.epoch => {
            refuse(FaultName::CreateFailed, operation.reason.as_deref().unwrap_or("AWS gave no reason"))
        }
        State::Failed(_) | State::Deleting(_) | State::Retiring(_) => remove(record, seen, at),
        State::Gone => begin(seen),
        State::Pending(operation) | State::Updating(operation) => match seen {
            Observed::Pending(actual) if operation.epoch != at.epoch => Decision::Accept(actual.clone()),
            Observed::Pending(_) => patient(record, operation, at),
            other => settled(wanted, record, other, at),
        },
        State::Ready => match seen {
            Observed::Pending(_) => Decision::Wait("AWS is changing it".into()),
            other => settled(wanted, record, other, at),
        },
    }
}

/// Wanted and recorded, and AWS is not at work on it.
fn settled(wanted: &Wanted, record: &Record, seen: &Observed, at: &Moment) -> Decision {
    let actual = match seen {
        Observed::Present(actual) => actual,
        Observed::Absent if record.updated + at.settling > at.now => {
            return Decision::Wait("it is not visible yet".into());
        }
        Observed::Absent => return Decision::Create,
        Observed::Failed(actual, why) => return Decision::Fail(actual.clone(), why.clone()),
        Observed::Foreign(locator) => return foreign(locator),
        Observed::Pending(_) => return Decision::Wait("AWS is changing it".into()),
        Observed::Many(all) => return surplus(record.locator.as_ref(), all),
    };
    // What a creation that is under way was asked for, it must show before anything else is asked.
    if matches!(record.state, State::Pending(_)) {
        return Decision::Confirm(actual.clone());
    }
    let changes = match classify(record.kind, &record.spec, &wanted.spec) {
        Change::Replace(changes) => return Decision::Replace(changes),
        Change::InPlace(changes) => merge(changes, drift(wanted, record, actual)),
        Change::None => drift(wanted, record, actual),
    };
    match &record.state {
        State::Updating(operation) if !changes.is_empty() && overdue(operation, at) => stuck(record, operation),
        _ if !changes.is_empty() => Decision::Update(actual.clone(), changes),
        State::Ready if !outdated(wanted, record, actual) => Decision::Done,
        _ => Decision::Confirm(actual.clone()),
    }
}

/// Not wanted, or to be deleted before it is made again.
fn remove(record: &Record, seen: &Observed, at: &Moment) -> Decision {
    if record.adopted || record.kind.is_given() {
        return Decision::Forget;
    }
    match (&record.state, seen) {
        (_, Observed::Foreign(_)) => Decision::Forget,
        (_, Observed::Many(all)) => surplus(record.locator.as_ref(), all),
        (State::Creating(claim) | State::Unknown(claim), Observed::Absent) if claim.at + at.settling > at.now => {
            Decision::Wait("whether it was created is not known yet".into())
        }
        (State::Pending(_), Observed::Absent) if record.updated + at.settling > at.now => {
            Decision::Wait("it is not visible yet".into())
        }
        (_, Observed::Absent) => Decision::Forget,
        (State::Deleting(operation), Observed::Pending(_)) if operation.epoch == at.epoch => {
            patient(record, operation, at)
        }
        (State::Deleting(operation), Observed::Present(_) | Observed::Failed(..))
            if operation.epoch == at.epoch && overdue(operation, at) =>
        {
            stuck(record, operation)
        }
        (State::Retiring(operation), _) if operation.epoch == at.epoch && overdue(operation, at) => {
            stuck(record, operation)
        }
        (State::Deleting(_), Observed::Present(actual) | Observed::Pending(actual) | Observed::Failed(actual, _)) => {
            Decision::Delete(actual.clone())
        }
        (_, Observed::Present(actual) | Observed::Pending(actual) | Observed::Failed(actual, _)) => {
            Decision::Retire(actual.clone())
        }
    }
}

/// Everything must be as planned.
fn verify(wanted: &Wanted, record: &Record, seen: &Observed, at: &Moment) -> Decision {
    match (&record.state, seen) {
        (_, Observed::Pending(_)) => Decision::Wait("AWS is changing it".into()),
        (State::Ready, Observed::Present(actual)) => {
            let changes = drift(wanted, record, actual);
            match (classify(record.kind, &record.spec, &wanted.spec), changes.first()) {
                (Change::None, None) => Decision::Done,
                (_, Some(change)) => refuse(
                    FaultName::Unverified,
                    &format!("its {} is {}, not {}", change.field, change.old, change.new),
                ),
                _ => refuse(FaultName::Unverified, "it was made to another spec than the plan's"),
            }
        }
        (State::Ready, Observed::Absent) if record.updated + at.settling > at.now => {
            Decision::Wait("it is not visible yet".into())
        }
        (State::Ready, _) => {
            refuse(FaultName::Unverified, "the ledger says that it is ready, and AWS does not show it")
        }
        (state, _) => refuse(FaultName::Unverified, &format!("it is {}, not ready", state.word())),
    }
}

/// The changeable fields that AWS shows otherwise than wanted. What it does not show is not compared.
fn drift(wanted: &Wanted, record: &Record, actual: &Actual) -> Vec<FieldChange> {
    let shown = actual.properties.as_object().cloned().unwrap_or_default();
    let same_fields: Map<String, Value> =
        shown.keys().filter_map(|field| Some((field.clone(), wanted.spec.get(field)?.clone()))).collect();
    match classify(record.kind, &Value::Object(shown), &Value::Object(same_fields)) {
        Change::None => Vec::new(),
        Change::InPlace(changes) => changes,
        // What AWS cannot change, nobody else can have changed: it is shown in another form, no more.
        Change::Replace(changes) => {
            let changeable = plan::changeable(record.kind);
            changes.into_iter().filter(|change| changeable.contains(&change.field.as_str())).collect()
        }
    }
}

/// Each field once; what AWS shows goes before what was applied last. That AWS shows a field as wanted does not make its
/// change superfluous: a list that others may add to is shown only as far as it is wanted, and what left it is still there.
fn merge(applied: Vec<FieldChange>, shown: Vec<FieldChange>) -> Vec<FieldChange> {
    let mut merged = shown;
    for change in applied {
        if !merged.iter().any(|other| other.field == change.field) {
            merged.push(change);
        }
    }
    merged
}

/// Whether the record lacks something that nobody has to change for: edges, outputs, the locator.
fn outdated(wanted: &Wanted, record: &Record, actual: &Actual) -> bool {
    record.needs != wanted.needs || record.outputs != actual.outputs || record.locator.as_ref() != Some(&actual.locator)
}

/// All but the one that the ledger names, or but the first by locator if it names none.
fn surplus(named: Option<&Locator>, all: &[Actual]) -> Decision {
    let first = all.iter().map(|actual| &actual.locator).min();
    let kept = named.filter(|named| all.iter().any(|actual| actual.locator == **named)).or(first);
    Decision::DeleteSurplus(all.iter().filter(|actual| Some(&actual.locator) != kept).cloned().collect())
}

fn patient(record: &Record, operation: &Operation, at: &Moment) -> Decision {
    if overdue(operation, at) {
        return stuck(record, operation);
    }
    Decision::Wait(operation.reason.clone().unwrap_or_else(|| format!("AWS is {} it", record.state.word())))
}

fn overdue(operation: &Operation, at: &Moment) -> bool {
    operation.since + at.patience < at.now
}

fn stuck(record: &Record, operation: &Operation) -> Decision {
    let reason = operation.reason.as_deref().unwrap_or("AWS gave no reason");
    refuse(FaultName::Stuck, &format!("it has been {} since {}: {reason}", record.state.word(), operation.since))
}

fn foreign(locator: &Locator) -> Decision {
    Decision::Refuse(
        Fault::new(FaultName::Foreign, format!("{locator} has its name and was not made by this platform"))
            .next("rename or delete it, then retry"),
    )
}

fn refuse(name: FaultName, message: &str) -> Decision {
    Decision::Refuse(Fault::new(name, message))
}
