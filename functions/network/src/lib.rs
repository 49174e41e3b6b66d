//! The network component: VPC, subnets, routes, gateways, endpoints, flow logs, and ways to other networks.
//!
//! [`kinds`] makes and deletes each kind; [`start`] is the function around the engine.

use domain::{Component, Fault};
use jiff::SignedDuration;
use lambda::{ComponentFunction, Variables};

mod ec2;
mod kinds;

pub use kinds::{Clients, kinds};

/// For how long AWS may work on one thing. The slowest of the network, a NAT gateway, takes two minutes.
const PATIENCE: SignedDuration = SignedDuration::from_mins(30);

/// The function, from the environment.
pub async fn start(variables: Variables) -> Result<ComponentFunction, Fault> {
    let kinds = |config: &aws_config::SdkConfig| kinds(&Clients::new(config));
    ComponentFunction::start(variables, Component::Network, PATIENCE, kinds).await
}
