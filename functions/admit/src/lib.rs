//! The beginning of a run: from what an execution was started with to a validated revision, a stored plan and the lease.
//!
//! It guarantees: nothing is made in AWS before the manifest, its binding, its network and the guards of the revision
//! before are in order; the newest version of a manifest wins, in whatever order events come; of two admissions of one
//! platform one takes the lease, and the other decides again on what is true then; the same execution asked twice is
//! admitted once; what needs approval takes no lease before it has it.

mod admission;
mod again;
mod answer;
mod approval;
mod event;
mod judge;
mod objects;
mod removal;
mod taking;

pub use admission::Admit;
pub use answer::{Answer, Input, Outcome};
pub use event::{FORMS, Wish, parse};
