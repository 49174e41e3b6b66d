//! Typed reads and writes over a [`Table`]: every item carries its schema and its version.

use engine::LedgerError;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::table::{Action, Condition, Item, Key, Table, TableError, Write};

/// The version of the items' form. Grows when a form can no longer be read as the next.
const SCHEMA: u32 = 1;

/// For how long events, and the links from executions to their runs, are kept.
pub(crate) const KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);

/// How often a change is tried again after somebody else's write.
const TRIES: usize = 8;

/// The value of an item.
pub(crate) fn decode<T: DeserializeOwned>(key: &Key, item: Item) -> Result<T, LedgerError> {
    let schema = item.get("schema").and_then(Value::as_u64).unwrap_or_default();
    if schema > u64::from(SCHEMA) {
        let message = format!("{key}: written by a newer Landfall (schema {schema}, this one reads {SCHEMA})");
        return Err(LedgerError::Unreadable(message));
    }
    serde_json::from_value(Value::Object(item)).map_err(|error| LedgerError::Unreadable(format!("{key}: {error}")))
}

/// The fields of a value, without those of the key.
fn encode(key: &Key, value: &impl Serialize) -> Result<Item, LedgerError> {
    match serde_json::to_value(value) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(LedgerError::Unreadable(format!("{key}: not an object"))),
        Err(error) => Err(LedgerError::Unreadable(format!("{key}: {error}"))),
    }
}

/// A write of `value` if the item still has the version `before`, or does not exist for 0. Fields that this version of
/// Landfall does not know stay.
pub(crate) fn put(key: Key, before: u64, value: &impl Serialize) -> Result<Write, LedgerError> {
    let mut fields = encode(&key, value)?;
    fields.insert("schema".into(), SCHEMA.into());
    fields.insert("version".into(), (before + 1).into());
    let condition = if before == 0 { Condition::Absent } else { at_version(before) };
    Ok(Write { key, condition, action: Action::Set(fields) })
}

/// The same, with the fields of the sparse index: in it under `sort`, or not in it.
pub(crate) fn put_open(
    key: Key,
    before: u64,
    value: &impl Serialize,
    open: &str,
    sort: Option<String>,
) -> Result<Write, LedgerError> {
    let mut write = put(key, before, value)?;
    if let Action::Set(fields) = &mut write.action {
        fields.insert("open".into(), sort.as_ref().map_or(Value::Null, |_| open.into()));
        fields.insert("openKey".into(), sort.map_or(Value::Null, Value::String));
    }
    Ok(write)
}

/// The same write, of an item that the table drops some time after `now`.
pub(crate) fn expiring(mut write: Write, now: Timestamp) -> Write {
    if let Action::Set(fields) = &mut write.action {
        fields.insert("expires".into(), (now + KEPT).as_second().into());
    }
    write
}

/// The condition that an item has this version.
pub(crate) fn at_version(version: u64) -> Condition {
    Condition::Fields(vec![("version", version.into())])
}

/// One item as its type.
pub(crate) async fn get<T: DeserializeOwned>(table: &dyn Table, key: &Key) -> Result<Option<T>, LedgerError> {
    let item = table.get(key).await.map_err(unavailable)?;
    item.map(|item| decode(key, item)).transpose()
}

/// Does all writes, or none: then the first whose condition did not hold is named.
pub(crate) async fn transact(table: &dyn Table, writes: Vec<Write>) -> Result<(), LedgerError> {
    let keys: Vec<Key> = writes.iter().map(|write| write.key.clone()).collect();
    table.transact(writes).await.map_err(|error| match error {
        TableError::Refused(index) => {
            LedgerError::Raced(keys.get(index).map_or_else(|| "an item".to_owned(), ToString::to_string))
        }
        unavailable => LedgerError::Unavailable(unavailable.to_string()),
    })
}

/// Tries a change of read items again as long as somebody else writes in between.
pub(crate) async fn retry<T, F>(change: impl Fn() -> F) -> Result<T, LedgerError>
where
    F: Future<Output = Result<T, LedgerError>>,
{
    for _ in 1..TRIES {
        match change().await {
            Err(LedgerError::Raced(_)) => {}
            done => return done,
        }
    }
    change().await
}

pub(crate) fn unavailable(error: TableError) -> LedgerError {
    LedgerError::Unavailable(error.to_string())
}
