//! What a run knew when it failed, kept before anything of it is undone: a document in S3, read by people and by the
//! command.

use domain::{Fault, PlatformName, Record, RunId, State};
use engine::{Ledger as _, LedgerError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Ledger;
use crate::keys;
use crate::run::{Failure, Run, RunEvent};
use crate::store::{decode, expiring, put, transact, unavailable};
use crate::table::{Direction, Key};

/// What one call of a function failed of. A call that was tried again is among them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotedFault {
    /// When.
    pub at: Timestamp,
    /// The fault, with what AWS answered.
    pub fault: Fault,
}

/// What a run knew when it failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnostics {
    /// The platform.
    pub platform: PlatformName,
    /// When this was written: before anything was undone.
    pub at: Timestamp,
    /// What ended the run.
    pub failure: Failure,
    /// The run, with its phases.
    pub run: Run,
    /// What its functions failed of, the oldest first.
    pub faults: Vec<NotedFault>,
    /// Every resource that was not ready, with its spec, its state, and what it waited for or failed of.
    pub open: Vec<Record>,
    /// What happened in the run, the oldest first.
    pub events: Vec<RunEvent>,
}

impl Diagnostics {
    /// Where the diagnostics of a run lie in the installation's state bucket.
    pub fn key(platform: &PlatformName, run: RunId) -> String {
        format!("diagnostics/{platform}/{run}.json")
    }
}

impl Ledger {
    /// Keeps what a call of a run's function failed of, for its diagnostics.
    pub async fn note_fault(&self, run: RunId, fault: &Fault, now: Timestamp) -> Result<(), LedgerError> {
        let noted = NotedFault { at: now, fault: fault.clone() };
        transact(self.table(), vec![expiring(put(keys::fault(run), 0, &noted)?, now)]).await
    }

    /// What is known of a run that failed, as of now. None if there is no such run.
    pub async fn diagnose(
        &self,
        platform: &PlatformName,
        run: RunId,
        failure: &Failure,
        now: Timestamp,
    ) -> Result<Option<Diagnostics>, LedgerError> {
        let Some(found) = self.run(platform, run).await? else { return Ok(None) };
        let records = self.records(platform).await?.into_iter().map(|stored| stored.record);
        Ok(Some(Diagnostics {
            platform: platform.clone(),
            at: now,
            failure: failure.clone(),
            run: found,
            faults: self.faults(run).await?,
            open: records.filter(|record| record.state != State::Ready).collect(),
            events: self.events(run).await?,
        }))
    }

    async fn faults(&self, run: RunId) -> Result<Vec<NotedFault>, LedgerError> {
        let partition = keys::faults(run);
        let items = self.table().query(&partition, "", Direction::Forward, None).await.map_err(unavailable)?;
        let key = Key::new(partition, "");
        items.into_iter().map(|item| decode(&key, item)).collect()
    }
}
