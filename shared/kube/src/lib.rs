//! The way to the Kubernetes API of a cluster: who the caller is there, and how a request gets there.
//!
//! It guarantees: what opens a cluster is made when it is used, is good for minutes, is stored nowhere and shown by
//! nothing.
//!
//! - [`token`] signs the bearer token by which EKS knows an identity of IAM, offline.
//! - [`Client`] asks a cluster's API through its gate, the function that stands in its VPC.
//! - [`GateRequest`] and [`GateResponse`] are what goes through that.

mod client;
mod token;
mod wire;

pub use client::{Address, Client, Object};
pub use token::{BearerToken, TokenError, token};
pub use wire::{GateRequest, GateResponse};
