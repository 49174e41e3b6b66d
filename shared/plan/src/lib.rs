//! From a manifest and facts to every resource of a platform, with its final name, spec and needs.
//!
//! Pure: nothing is chosen when a plan is carried out, so what `landfall plan` shows is what is run.
//!
//! - [`plan`] makes the plan, one module per component ([`network`], [`cluster`]).
//! - [`classify`] says what a changed spec asks for. The engine and `landfall plan` use the same.
//! - [`diff`] holds a plan against the records.

mod builder;
mod classify;
pub mod cluster;
mod desired;
mod diff;
mod facts;
mod names;
pub mod network;
mod platform;
mod problem;
mod reference;
mod specs;

pub use classify::{Change, FieldChange, classify, same};
pub use desired::{Desired, Goal, Need, Plan, PlanNumber, Until, current};
pub use diff::{Action, PlannedChange, diff};
pub use facts::{
    ClusterFacts, Facts, GivenNetwork, GivenSubnet, InstanceType, KubernetesVersion, Slots, SupportStatus,
};
pub use names::role_mark;
pub use network::assign_slots;
pub use platform::plan;
pub use problem::Problem;
pub use reference::{Ref, Unresolved, entries, joined, resolve};
pub use specs::{HEALTH, LogGroupSpec, RoleSpec, UNFINISHED, changeable};
