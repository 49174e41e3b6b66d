//! The way to the Kubernetes API of a cluster: who the caller is there.
//!
//! It guarantees: what opens a cluster is made when it is used, is good for minutes, is stored nowhere and shown by
//! nothing.

mod token;

pub use token::{BearerToken, TokenError, token};
