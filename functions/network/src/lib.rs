//! The network component.

mod ec2;
mod kinds;
mod seen;
mod tags;

pub use kinds::{Clients, kinds};
