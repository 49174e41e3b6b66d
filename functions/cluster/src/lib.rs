//! The cluster component: the control plane, who may use it, and what its pods run on.
//!
//! [`kinds`] makes and deletes each kind, [`Health`] looks whether Kubernetes works; [`start`] is the function around the
//! engine.

use std::sync::Arc;

use domain::{Component, Fault};
use jiff::SignedDuration;
use lambda::{ComponentFunction, Parts, Variables};

mod eks;
mod health;
mod kinds;
mod remains;
mod version;

pub use health::Health;
pub use kinds::{Clients, kinds};

/// For how long AWS may work on one thing. The slowest, an upgrade of many nodes one after the other, may take most of an
/// hour.
const PATIENCE: SignedDuration = SignedDuration::from_mins(90);

/// The function, from the environment.
pub async fn start(variables: Variables) -> Result<ComponentFunction, Fault> {
    let gate = variables.text("LANDFALL_GATE_FUNCTION")?;
    let patience = variables.seconds("LANDFALL_HEALTH_SECONDS")?;
    let parts = move |config: &aws_config::SdkConfig| {
        let clients = Clients::new(config, gate);
        let health = Health::new(config, &clients, patience).map(Arc::new);
        Parts {
            kinds: kinds(&clients),
            health: health.map(|health| -> lambda::Health {
                Box::new(move |examined| {
                    let health = health.clone();
                    Box::pin(async move { health.look(examined).await })
                })
            }),
        }
    };
    ComponentFunction::start(variables, Component::Cluster, PATIENCE, parts).await
}
