//! The engine's view of a ledger, in memory: records, versions and one epoch.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use domain::{Edge, Epoch, PlatformName, Record};
use engine::{Fence, Ledger, LedgerError, Stored, Version};

/// The records of one platform.
#[derive(Debug, Default)]
pub struct Records(Mutex<(Epoch, BTreeMap<Edge, Stored>)>);

impl Records {
    /// Moves the epoch on: whoever holds the old one writes nothing more.
    pub fn next_epoch(&self) -> Epoch {
        let mut inside = self.0.lock().unwrap();
        inside.0 = inside.0.next();
        inside.0
    }

    /// Every record.
    pub fn all(&self) -> Vec<Record> {
        self.0.lock().unwrap().1.values().map(|stored| stored.record.clone()).collect()
    }
}

#[async_trait]
impl Ledger for Records {
    async fn records(&self, _platform: &PlatformName) -> Result<Vec<Stored>, LedgerError> {
        Ok(self.0.lock().unwrap().1.values().cloned().collect())
    }

    async fn write(&self, fence: &Fence, before: Option<Version>, record: &Record) -> Result<Version, LedgerError> {
        let mut inside = self.0.lock().unwrap();
        check(&inside, fence, before, &record.edge())?;
        let version = Version(before.map_or(1, |version| version.0 + 1));
        inside.1.insert(record.edge(), Stored { record: record.clone(), version });
        Ok(version)
    }

    async fn forget(&self, fence: &Fence, before: Version, edge: &Edge) -> Result<(), LedgerError> {
        let mut inside = self.0.lock().unwrap();
        check(&inside, fence, Some(before), edge)?;
        inside.1.remove(edge);
        Ok(())
    }
}

fn check(
    inside: &(Epoch, BTreeMap<Edge, Stored>),
    fence: &Fence,
    before: Option<Version>,
    edge: &Edge,
) -> Result<(), LedgerError> {
    if fence.epoch != inside.0 {
        return Err(LedgerError::Fenced);
    }
    if inside.1.get(edge).map(|stored| stored.version) != before {
        return Err(LedgerError::Raced(edge.to_string()));
    }
    Ok(())
}
