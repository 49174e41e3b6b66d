//! The network component: VPC, subnets, routes, gateways, endpoints, flow logs, and ways to other networks.
//!
//! [`kinds`] makes and deletes each kind; [`Network`] is the function around the engine.

mod ec2;
mod handler;
mod input;
mod kinds;
mod seen;
mod tags;

pub use handler::Network;
pub use input::{Input, PassName};
pub use kinds::{Clients, kinds};
