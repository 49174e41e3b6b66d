//! The network of a platform.

mod specs;

pub use specs::*;
