//! What Landfall knows of platforms, runs and resources: in memory and on DynamoDB.
//!
//! All logic is written once, in [`Ledger`], over a [`Table`] of items with conditional transactions. It guarantees:
//!
//! - **One run at a time.** The lease of a platform is taken in one transaction with the next epoch, and only from the
//!   reading on which the decision to take it was made.
//! - **An old epoch writes nothing.** Every write of a run checks, in the same transaction, that the platform's epoch
//!   is still the one that the run was given.
//! - **No lost update.** Every item has a version; a write made from an older reading is refused.
//! - **Patience.** A write that meets another one is repeated; only who is overtaken hears of it.
//! - **Ends are idempotent.** Settling a run twice changes nothing the second time, and a run that lost its lease never
//!   releases another's.
//! - **Room for what comes.** Items carry a schema version, and fields that this version does not know are kept.

mod approval;
mod diagnostics;
#[cfg(feature = "dynamodb")]
mod dynamo;
mod keys;
mod memory;
mod patient;
mod pause;
mod platform;
mod platforms;
mod records;
mod report;
mod run;
mod runs;
mod store;
mod table;

use std::sync::Arc;

pub use approval::{Decided, Decision, Pending, Request, TaskToken};
pub use diagnostics::{Diagnostics, NotedFault};
#[cfg(feature = "dynamodb")]
pub use dynamo::Dynamo;
pub use memory::Memory;
pub use pause::Pause;
pub use platform::{
    Approval, Freeze, Guards, Lease, ObjectKey, OnFailure, OnManifestDelete, PlanHead, Platform, Revision, Schedule,
    Status, Waiting,
};
pub use report::{Leftover, Listing, Orphan, Orphans, Report, Scheduled};
pub use run::{Failure, Machine, Phase, Restore, Run, RunEvent, RunStatus, Trigger};
pub use runs::{Admission, Ending, Fenced, Revoked};
pub use table::{Action, Condition, Direction, Item, Key, Table, TableError, Write};

use crate::patient::Patient;

/// The ledger of an installation. Clones share one table.
#[derive(Clone)]
pub struct Ledger {
    table: Arc<dyn Table>,
}

impl Ledger {
    /// A ledger over a table.
    pub fn new(table: Arc<dyn Table>) -> Self {
        Self { table: Arc::new(Patient::new(table)) }
    }

    /// An empty ledger in memory.
    pub fn memory() -> Self {
        Self::new(Arc::new(Memory::default()))
    }

    /// The ledger in a DynamoDB table.
    #[cfg(feature = "dynamodb")]
    pub fn dynamo(client: aws_sdk_dynamodb::Client, table: impl Into<String>) -> Self {
        Self::new(Arc::new(Dynamo::new(client, table)))
    }

    pub(crate) fn table(&self) -> &dyn Table {
        self.table.as_ref()
    }
}
