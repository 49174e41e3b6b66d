//! Rest for one platform or for all: while it lasts, no run starts by itself.

use domain::PlatformName;
use engine::LedgerError;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Ledger;
use crate::keys;
use crate::platform::{Platform, Waiting};
use crate::run::Machine;
use crate::store::{get, put, retry, transact};

/// A rest: no run starts by an upload, by the schedule, or by the deletion of a manifest. What people start goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// The ARN of whoever asked for it.
    pub by: String,
    /// Since when.
    pub at: Timestamp,
}

/// What holds for every platform of the installation, those to come included.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Installation {
    pause: Option<Pause>,
    version: u64,
}

impl Waiting {
    /// Whether it waits for the end of a pause too. What somebody asked for by hand does not.
    pub fn rests(&self) -> bool {
        self.machine == Machine::Deploy && self.plan.is_none()
    }
}

impl Ledger {
    /// The rest that holds for a platform: its own, or that of all.
    pub async fn pause_of(&self, platform: &Platform) -> Result<Option<Pause>, LedgerError> {
        match &platform.paused {
            Some(pause) => Ok(Some(pause.clone())),
            None => self.pause_of_all().await,
        }
    }

    /// The rest of the whole installation.
    pub async fn pause_of_all(&self) -> Result<Option<Pause>, LedgerError> {
        Ok(self.installation().await?.pause)
    }

    /// Lets a platform rest, or ends its rest. Answers none if there is no such platform.
    pub async fn set_pause(&self, name: &PlatformName, pause: Option<&Pause>) -> Result<Option<Platform>, LedgerError> {
        self.change(name, |platform| {
            platform.paused = pause.cloned();
            Some(())
        })
        .await
    }

    /// Lets every platform rest, those to come included, or ends that. The rest of single platforms is another.
    pub async fn set_pause_of_all(&self, pause: Option<&Pause>) -> Result<(), LedgerError> {
        retry(|| async move {
            let before = self.installation().await?.version;
            let installation = Installation { pause: pause.cloned(), version: before };
            transact(self.table(), vec![put(keys::installation(), before, &installation)?]).await
        })
        .await
    }

    async fn installation(&self) -> Result<Installation, LedgerError> {
        Ok(get(self.table(), &keys::installation()).await?.unwrap_or_default())
    }
}
