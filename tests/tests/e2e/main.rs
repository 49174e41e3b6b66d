//! Landfall as its users meet it: manifests into S3, and AWS as it is afterwards. IAM is enforced.
//!
//! Scenarios run at once in one sandbox, each on platforms of its own. Those that count calls, or make AWS fail, take
//! turns in a second one.

#![allow(clippy::unwrap_used)]

mod access;
mod admission;
mod approval;
mod auto;
mod by_hand;
mod chaos;
mod clusters;
mod deletion;
mod failures;
mod fencing;
mod gate;
mod ledger;
mod less;
mod links;
mod minors;
mod network;
mod orphans;
mod permissions;
mod remains;
mod rescue;
mod rest;
mod schedule;
mod support;
mod teardown;
mod timeouts;
