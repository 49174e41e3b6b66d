//! From what AWS lists to one observation: the rules that all kinds share.
//!
//! - What is deleted, AWS may show for hours: it counts as absent.
//! - What is being deleted counts only if nothing else is there.
//! - What failed and cannot be deleted counts only for the attempt that made it; AWS drops it by itself.
//! - Lists are shown in the order of the spec, so that another order in AWS's answer is no drift.

use std::collections::BTreeSet;

use domain::{Identity, Locator, Outputs, Tags};
use engine::{Actual, Observed, Subject};
use plan::{FieldChange, Ref};
use serde_json::{Value, json};

/// Where in its life a listed thing is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// AWS is making or changing it.
    Working,
    /// AWS is done.
    Resting,
    /// AWS gave up on it, for this reason; it can be deleted.
    Failed(String),
    /// AWS gave up on it, for this reason, and it cannot be deleted.
    Dead(String),
    /// AWS is deleting it.
    Leaving,
    /// It is deleted.
    Gone,
}

/// One thing that AWS lists.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Its locator.
    pub id: String,
    /// Where in its life it is.
    pub phase: Phase,
    /// All of its tags.
    pub tags: Tags,
    /// What AWS shows of the fields of its spec.
    pub properties: Value,
    /// What others may refer to.
    pub outputs: Outputs,
}

impl Seen {
    fn actual(self) -> Actual {
        Actual { locator: Locator(self.id), properties: self.properties, outputs: self.outputs }
    }
}

/// The one observation of all that was found by locator or by tags.
pub fn observed(subject: &Subject, listed: Vec<Seen>) -> Observed {
    let token = subject.token.to_string();
    let ours = |seen: &Seen| {
        subject.locator.as_ref().is_some_and(|locator| locator.0 == seen.id)
            || seen.tags.get(Identity::ATTEMPT) == Some(&token)
    };
    let counts = |seen: &Seen| match seen.phase {
        Phase::Gone => false,
        Phase::Dead(_) => ours(seen),
        _ => true,
    };
    let (leaving, mut there): (Vec<Seen>, Vec<Seen>) =
        listed.into_iter().filter(counts).partition(|seen| seen.phase == Phase::Leaving);
    if there.len() > 1 {
        return Observed::Many(there.into_iter().map(Seen::actual).collect());
    }
    let Some(seen) = there.pop().or_else(|| leaving.into_iter().next()) else { return Observed::Absent };
    match seen.phase.clone() {
        Phase::Working | Phase::Leaving => Observed::Pending(seen.actual()),
        Phase::Resting => Observed::Present(seen.actual()),
        Phase::Failed(why) | Phase::Dead(why) => Observed::Failed(seen.actual(), why),
        Phase::Gone => Observed::Absent,
    }
}

/// Whether a thing with these tags is this generation of this resource.
pub fn is_subject(subject: &Subject, tags: &Tags) -> bool {
    subject.find_tags().iter().all(|(key, value)| tags.get(key) == Some(value))
}

/// Those of the spec's references that AWS shows, in the spec's order. What others added is theirs.
pub fn among(spec: &[Ref], actual: &BTreeSet<String>) -> Vec<String> {
    spec.iter().map(|one| one.as_str().to_owned()).filter(|one| actual.contains(one)).collect()
}

/// All that AWS shows: the spec's references in the spec's order, then the rest, sorted.
pub fn in_order_of(spec: &[Ref], actual: &BTreeSet<String>) -> Vec<String> {
    let mut list = among(spec, actual);
    let rest: Vec<String> = actual.iter().filter(|one| !list.contains(one)).cloned().collect();
    list.extend(rest);
    list
}

/// The texts of references.
pub fn texts(references: &[Ref]) -> BTreeSet<String> {
    references.iter().map(|one| one.as_str().to_owned()).collect()
}

/// What `field` listed before the change, if it is among `changes`.
pub fn listed_before(changes: &[FieldChange], field: &str) -> BTreeSet<String> {
    let old = changes.iter().find(|change| change.field == field).and_then(|change| change.old.as_array());
    old.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Whether `field` is among `changes`.
pub fn changed(changes: &[FieldChange], field: &str) -> bool {
    changes.iter().any(|change| change.field == field)
}

/// Puts the steps that are missing into `properties`, under the name that every spec lacks
/// ([`plan::UNFINISHED`]), so that `update` is asked for them. Nothing is put if none is missing.
pub fn put_unfinished(properties: &mut Value, steps: &[(&str, bool)]) {
    let missing: Vec<&str> = steps.iter().filter(|(_, done)| !done).map(|(step, _)| *step).collect();
    if !missing.is_empty() {
        properties[plan::UNFINISHED] = json!(missing);
    }
}

/// Outputs from pairs.
pub fn outputs<const N: usize>(pairs: [(&str, &str); N]) -> Outputs {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
