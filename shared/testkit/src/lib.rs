//! Builders, a model of AWS, and a harness that runs the engine against it. For tests only.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod clock;
mod conformance;
mod harness;
mod mocked;
mod planned;
mod records;
mod table;
mod turns;
mod world;

pub use aws_smithy_mocks as mocks;
pub use clock::Clock;
pub use conformance::ledger_conformance;
pub use harness::{Harness, desired, identity_of, plan_of};
pub use planned::as_planned;
pub use records::{Records, Trouble};
pub use table::{Change, ModelTable, TableCalls};
pub use turns::Turns;
pub use world::{Call, Effect, Injected, Verb, World};
