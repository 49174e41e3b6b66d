//! The records, as the engine needs them: a write and its event happen with a check of the epoch, or not at all.

use async_trait::async_trait;
use domain::{Edge, Epoch, PlatformName, Record, RunId, State};
use engine::{Fence, LedgerError, Stored, Version};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Ledger;
use crate::keys;
use crate::run::RunEvent;
use crate::store::{at_version, decode, expiring, get, put, transact, unavailable};
use crate::table::{Action, Condition, Direction, Item, Key, Write};

/// The item `EPOCH`: who may write.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct EpochItem {
    /// The epoch.
    pub(crate) epoch: Epoch,
    /// The run that it was given to; none once that may write nothing more.
    pub(crate) run: Option<RunId>,
    /// Grows with each write.
    pub(crate) version: u64,
}

impl EpochItem {
    /// The epoch of a platform; the one before the first if it never had a run.
    pub(crate) async fn read(ledger: &Ledger, platform: &PlatformName) -> Result<Self, LedgerError> {
        Ok(get(ledger.table(), &keys::epoch(platform)).await?.unwrap_or_default())
    }

    /// The write of the next epoch, given to `run`.
    pub(crate) fn next(&self, platform: &PlatformName, run: Option<RunId>) -> Result<(Epoch, Write), LedgerError> {
        let epoch = self.epoch.next();
        let item = Self { epoch, run, version: self.version };
        Ok((epoch, put(keys::epoch(platform), self.version, &item)?))
    }
}

/// The check that a run still holds the epoch that it was given.
pub(crate) fn check(fence: &Fence) -> Write {
    Write {
        key: keys::epoch(&fence.platform),
        condition: Condition::Fields(vec![
            ("epoch", fence.epoch.0.into()),
            ("run", Value::String(fence.run.to_string())),
        ]),
        action: Action::Check,
    }
}

#[async_trait]
impl engine::Ledger for Ledger {
    async fn records(&self, platform: &PlatformName) -> Result<Vec<Stored>, LedgerError> {
        let partition = keys::partition(platform);
        let items = self.table().query(&partition, keys::RECORDS, Direction::Forward, None).await;
        let key = Key::new(partition, keys::RECORDS);
        let mut records =
            items.map_err(unavailable)?.into_iter().map(|item| stored(&key, item)).collect::<Result<Vec<_>, _>>()?;
        records.sort_by(|a, b| (&a.record.id, a.record.generation).cmp(&(&b.record.id, b.record.generation)));
        Ok(records)
    }

    async fn write(&self, fence: &Fence, before: Option<Version>, record: &Record) -> Result<Version, LedgerError> {
        let before = before.map_or(0, |version| version.0);
        let key = keys::record(&fence.platform, &record.edge());
        self.fenced(fence, vec![put(key, before, record)?, event(fence, record.updated, &of_record(record))?]).await?;
        Ok(Version(before + 1))
    }

    async fn check(&self, fence: &Fence) -> Result<(), LedgerError> {
        let holder = EpochItem::read(self, &fence.platform).await?;
        if holder.epoch == fence.epoch && holder.run == Some(fence.run) { Ok(()) } else { Err(LedgerError::Fenced) }
    }

    async fn forget(&self, fence: &Fence, before: Version, edge: &Edge) -> Result<(), LedgerError> {
        let key = keys::record(&fence.platform, edge);
        let at = Timestamp::now();
        let gone = RunEvent {
            at,
            resource: edge.resource.clone(),
            generation: edge.generation,
            kind: None,
            state: State::Gone.word().to_owned(),
            locator: None,
            reason: None,
        };
        let delete = Write { key, condition: at_version(before.0), action: Action::Delete };
        self.fenced(fence, vec![delete, event(fence, at, &gone)?]).await
    }
}

impl Ledger {
    /// Does all writes if the run still holds its epoch: [`LedgerError::Fenced`] if not.
    pub(crate) async fn fenced(&self, fence: &Fence, mut writes: Vec<Write>) -> Result<(), LedgerError> {
        let guard = check(fence);
        let guarded = guard.key.to_string();
        writes.insert(0, guard);
        match transact(self.table(), writes).await {
            Err(LedgerError::Raced(key)) if key == guarded => Err(LedgerError::Fenced),
            done => done,
        }
    }
}

fn stored(key: &Key, item: Item) -> Result<Stored, LedgerError> {
    let version = item.get("version").and_then(Value::as_u64).unwrap_or_default();
    Ok(Stored { record: decode(key, item)?, version: Version(version) })
}

fn event(fence: &Fence, at: Timestamp, event: &RunEvent) -> Result<Write, LedgerError> {
    Ok(expiring(put(keys::event(fence.run), 0, event)?, at))
}

fn of_record(record: &Record) -> RunEvent {
    RunEvent {
        at: record.updated,
        resource: record.id.clone(),
        generation: record.generation,
        kind: Some(record.kind),
        state: record.state.word().to_owned(),
        locator: record.locator.clone(),
        reason: match &record.state {
            State::Pending(operation)
            | State::Updating(operation)
            | State::Retiring(operation)
            | State::Deleting(operation)
            | State::Failed(operation) => operation.reason.clone(),
            State::Creating(_) | State::Unknown(_) | State::Ready | State::Gone => None,
        },
    }
}
