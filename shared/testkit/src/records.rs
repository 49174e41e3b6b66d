//! The engine's view of a ledger, in memory: records, versions and one epoch.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use domain::{Edge, Epoch, PlatformName, Record};
use engine::{Fence, Ledger, LedgerError, Stored, Version};

use crate::Turns;

/// What the ledger does to a write instead of carrying it out and saying so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Writes nothing, and says that it is unavailable.
    Refused,
    /// Writes, and the answer is lost.
    AnswerLost,
}

type Script = Box<dyn FnMut() -> Option<Trouble> + Send>;

/// The records of one platform.
#[derive(Default)]
pub struct Records {
    turns: Arc<Turns>,
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    epoch: Epoch,
    records: BTreeMap<Edge, Stored>,
    script: Option<Script>,
}

impl Records {
    /// No records. Their readers and writers give way at `turns`.
    pub fn new(turns: Arc<Turns>) -> Self {
        Self { turns, inside: Mutex::default() }
    }

    /// Moves the epoch on: whoever holds the old one writes nothing more.
    pub fn next_epoch(&self) -> Epoch {
        let mut inside = self.inside.lock().unwrap();
        inside.epoch = inside.epoch.next();
        inside.epoch
    }

    /// From now on, `script` is asked about every write.
    pub fn script(&self, script: impl FnMut() -> Option<Trouble> + Send + 'static) {
        self.inside.lock().unwrap().script = Some(Box::new(script));
    }

    /// From now on, every write is carried out.
    pub fn heal(&self) {
        self.inside.lock().unwrap().script = None;
    }

    /// Every record.
    pub fn all(&self) -> Vec<Record> {
        self.inside.lock().unwrap().records.values().map(|stored| stored.record.clone()).collect()
    }

    async fn change<T>(&self, change: impl FnOnce(&mut Inside) -> Result<T, LedgerError>) -> Result<T, LedgerError> {
        self.turns.pass().await;
        let unavailable = || Err(LedgerError::Unavailable("the model has it so".into()));
        let (trouble, done) = {
            let mut inside = self.inside.lock().unwrap();
            let trouble = inside.script.as_mut().and_then(|script| script());
            if trouble == Some(Trouble::Refused) {
                return unavailable();
            }
            (trouble, change(&mut inside)?)
        };
        self.turns.pass().await;
        if trouble.is_some() { unavailable() } else { Ok(done) }
    }
}

#[async_trait]
impl Ledger for Records {
    async fn records(&self, _platform: &PlatformName) -> Result<Vec<Stored>, LedgerError> {
        self.turns.pass().await;
        Ok(self.inside.lock().unwrap().records.values().cloned().collect())
    }

    async fn write(&self, fence: &Fence, before: Option<Version>, record: &Record) -> Result<Version, LedgerError> {
        self.change(|inside| {
            check(inside, fence, before, &record.edge())?;
            let version = Version(before.map_or(1, |version| version.0 + 1));
            inside.records.insert(record.edge(), Stored { record: record.clone(), version });
            Ok(version)
        })
        .await
    }

    async fn check(&self, fence: &Fence) -> Result<(), LedgerError> {
        self.turns.pass().await;
        if fence.epoch == self.inside.lock().unwrap().epoch { Ok(()) } else { Err(LedgerError::Fenced) }
    }

    async fn forget(&self, fence: &Fence, before: Version, edge: &Edge) -> Result<(), LedgerError> {
        self.change(|inside| {
            check(inside, fence, Some(before), edge)?;
            inside.records.remove(edge);
            Ok(())
        })
        .await
    }
}

fn check(inside: &Inside, fence: &Fence, before: Option<Version>, edge: &Edge) -> Result<(), LedgerError> {
    if fence.epoch != inside.epoch {
        return Err(LedgerError::Fenced);
    }
    if inside.records.get(edge).map(|stored| stored.version) != before {
        return Err(LedgerError::Raced(edge.to_string()));
    }
    Ok(())
}
