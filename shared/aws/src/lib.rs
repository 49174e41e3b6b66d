//! What every caller of AWS shares: one configuration, one table from error codes to faults, one way to compare tags.
//!
//! No service's SDK is known here.
//!
//! - [`config`] bounds every call in time, so that a function knows before a call whether it can end.
//! - [`creating`], [`changing`], [`deleting`] and [`reading`] turn an SDK error into what the engine understands. Codes
//!   decide, never texts.
//! - [`https`] is for the few requests that go to no service of AWS.
//! - [`TagChange`] says which tags to put and which to take away.

mod codes;
mod config;
mod error;
mod https;
mod region;
mod tags;

pub use codes::{Verb, refused};
pub use config::{ATTEMPT_TIMEOUT, CALL_TIMEOUT, config, config_in, once};
pub use error::{changing, creating, deleting, reading};
pub use https::https;
pub use region::partition;
pub use tags::{TagChange, shown_tags};
