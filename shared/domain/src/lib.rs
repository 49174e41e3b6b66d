//! The words of Landfall: names, ids, CIDRs, tags, faults, and the record of a resource with its legal transitions.
//!
//! Everything here is a value. Nothing performs IO, reads a clock or knows a service's SDK, so every rule in this
//! crate is tested by a table.

mod cidr;
mod fault;
mod ids;
mod kind;
mod mask;
mod names;
mod record;
mod state;
mod tags;

pub use cidr::{CidrError, Pool};
pub use fault::{AwsAnswer, Class, Fault, FaultName};
pub use ids::{Epoch, Generation, Incarnation, InvalidResourceId, ResourceId, RunId, Token};
pub use kind::{Component, Kind};
pub use mask::mask_accounts;
pub use names::{AccountId, InvalidName, PlatformName, Region};
pub use record::{Edge, Locator, Outputs, Record, Target};
pub use state::{Claim, Event, IllegalTransition, Operation, State};
pub use tags::{Identity, Tags};
