//! The network component: VPC, subnets, routes, gateways, endpoints, flow logs, and ways to other networks.
//!
//! [`kinds`] makes and deletes each kind; [`start`] is the function around the engine.

use domain::{Component, Fault};
use jiff::SignedDuration;
use lambda::{ComponentFunction, Parts, Variables};

mod ec2;
mod kinds;

pub use kinds::{Clients, kinds};

/// For how long AWS may work on one thing. The slowest of the network, a NAT gateway, takes two minutes.
const PATIENCE: SignedDuration = SignedDuration::from_mins(30);

/// The function, from the environment.
pub async fn start(variables: Variables) -> Result<ComponentFunction, Fault> {
    let parts = |config: &aws_config::SdkConfig| Parts { kinds: kinds(&Clients::new(config)), health: None };
    ComponentFunction::start(variables, Component::Network, PATIENCE, parts).await
}
