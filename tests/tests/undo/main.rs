//! Everything that a kind does can be undone: each resource fails in turn, at each call that changes something, and what
//! is there afterwards is what was there before, by the services' own listings.
//!
//! The engine runs in this process with the kinds of the functions, against the sandbox's gateway, where AWS's minutes
//! take tenths of seconds.

#![allow(clippy::unwrap_used)]

mod clusters;
mod contract;
mod failures;
mod listing;
mod plans;
mod records;
mod repeats;
mod stage;
mod wrapped;
