//! What the engine needs of the ledger: the records of a platform, and writes that an old epoch cannot make.

use async_trait::async_trait;
use domain::{Edge, Epoch, Fault, FaultName, PlatformName, Record, RunId};

/// In whose name something is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fence {
    /// The platform.
    pub platform: PlatformName,
    /// The run.
    pub run: RunId,
    /// The epoch that it was given. A write under an older epoch than the ledger's is refused.
    pub epoch: Epoch,
}

/// The version of a stored item; grows with each write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u64);

/// A record as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// What it says.
    pub record: Record,
    /// When a write names this version, nobody wrote in between.
    pub version: Version,
}

/// Why a write or a read did not happen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// The epoch has moved on: this run may write nothing more.
    #[error("the epoch of this run has passed")]
    Fenced,
    /// Somebody else wrote this item since it was read.
    #[error("{0} was written by somebody else")]
    Raced(String),
    /// The store itself failed.
    #[error("the ledger did not answer: {0}")]
    Unavailable(String),
    /// What is stored cannot be read by this version.
    #[error("the ledger holds an item that this version cannot read: {0}")]
    Unreadable(String),
}

impl From<LedgerError> for Fault {
    fn from(error: LedgerError) -> Self {
        let name = match error {
            LedgerError::Fenced => FaultName::LostLease,
            LedgerError::Raced(_) | LedgerError::Unavailable(_) => FaultName::ServiceUnavailable,
            LedgerError::Unreadable(_) => FaultName::Internal,
        };
        Self::new(name, error.to_string())
    }
}

/// The records of a platform.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Every record of the platform, read consistently, in order of id and generation.
    async fn records(&self, platform: &PlatformName) -> Result<Vec<Stored>, LedgerError>;

    /// Writes one record, in one transaction with a check of the epoch. `before` is the version that was read, or none
    /// for a record that must not exist yet. An event of the change is written with it.
    async fn write(&self, fence: &Fence, before: Option<Version>, record: &Record) -> Result<Version, LedgerError>;

    /// [`LedgerError::Fenced`] if the epoch has moved on. For a change in AWS of which the ledger says all already, so that
    /// there is nothing to write before it.
    async fn check(&self, fence: &Fence) -> Result<(), LedgerError>;

    /// Drops the record of a resource that is gone, likewise.
    async fn forget(&self, fence: &Fence, before: Version, edge: &Edge) -> Result<(), LedgerError>;
}
