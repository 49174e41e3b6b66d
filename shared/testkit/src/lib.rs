//! Builders, a model of AWS, and a harness that runs the engine against it. For tests only.

mod clock;
mod harness;
mod records;
mod world;

pub use clock::Clock;
pub use harness::{Harness, desired, plan_of};
pub use records::Records;
pub use world::{Call, Injected, Verb, World};
