//! The cluster component: the control plane, who may use it, and what its pods run on.
//!
//! [`kinds`] makes and deletes each kind; [`start`] is the function around the engine.

use domain::{Component, Fault};
use jiff::SignedDuration;
use lambda::{ComponentFunction, Variables};

mod eks;
mod kinds;
mod remains;

pub use kinds::{Clients, kinds};

/// For how long AWS may work on one thing. The slowest, an upgrade of many nodes one after the other, may take most of an
/// hour.
const PATIENCE: SignedDuration = SignedDuration::from_mins(90);

/// The function, from the environment.
pub async fn start(variables: Variables) -> Result<ComponentFunction, Fault> {
    let kinds = |config: &aws_config::SdkConfig| kinds(&Clients::new(config));
    ComponentFunction::start(variables, Component::Cluster, PATIENCE, kinds).await
}
