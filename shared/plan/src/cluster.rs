//! The cluster of a platform: the Kubernetes control plane, who may use it, and what its pods run on.

mod specs;

pub use specs::*;
