//! What a changed spec asks for.

use std::collections::BTreeSet;

use domain::Kind;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::changeable;

/// One top-level field of a spec that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    /// Its name in the spec.
    pub field: String,
    /// What it was; null if there was none.
    pub old: Value,
    /// What it should be; null if there should be none.
    pub new: Value,
}

/// What a change of spec asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// Nothing.
    None,
    /// AWS can change these fields of the thing that is there.
    InPlace(Vec<FieldChange>),
    /// AWS cannot: a new one is made beside the old, which is pruned later.
    Replace(Vec<FieldChange>),
}

/// Compares two specs of one kind, both resolved. A field that AWS cannot change decides for the whole.
///
/// An absent field equals null, and lists are compared as sets: AWS promises no order for what it lists.
pub fn classify(kind: Kind, old: &Value, new: &Value) -> Change {
    let changes = differing(old, new);
    if changes.is_empty() {
        Change::None
    } else if changes.iter().all(|change| changeable(kind).contains(&change.field.as_str())) {
        Change::InPlace(changes)
    } else {
        Change::Replace(changes)
    }
}

/// The top-level fields that differ, in order of name.
fn differing(old: &Value, new: &Value) -> Vec<FieldChange> {
    let empty = Map::new();
    let (old, new) = (old.as_object().unwrap_or(&empty), new.as_object().unwrap_or(&empty));
    let fields: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let of = |map: &Map<String, Value>, field: &str| map.get(field).cloned().unwrap_or(Value::Null);
    fields
        .into_iter()
        .filter(|field| !same(old.get(*field).unwrap_or(&Value::Null), new.get(*field).unwrap_or(&Value::Null)))
        .map(|field| FieldChange { field: field.clone(), old: of(old, field), new: of(new, field) })
        .collect()
}

/// Whether two values of a field mean the same: lists are sets.
pub fn same(old: &Value, new: &Value) -> bool {
    match (old, new) {
        (Value::Array(old), Value::Array(new)) => {
            old.iter().all(|item| new.contains(item)) && new.iter().all(|item| old.contains(item))
        }
        (old, new) => old == new,
    }
}
