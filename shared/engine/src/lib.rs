//! Decide, then do.
//!
//! [`decide`] is pure: from what is wanted, what the ledger says, and what AWS shows, it chooses one [`Decision`].
//! [`advance`] reads, decides and performs, for one goal of one component, and returns before its deadline.
//! What AWS is, the engine does not know: it meets it through [`Resource`], and the ledger through [`Ledger`].

mod advance;
mod decide;
mod ledger;
mod perform;
mod resource;
mod select;

pub use advance::{Engine, Kinds, Order, Outcome};
pub use decide::{Decision, Moment, Pass, Wanted, decide};
pub use ledger::{Fence, Ledger, LedgerError, Stored, Version};
pub use resource::{Actual, CallError, Created, Observed, Progress, Resource, Subject};
