//! Every kind against scripted answers of AWS. A call that is not in the script fails the test, and so does one that is
//! in the script and was not made.

#![allow(clippy::unwrap_used)]

mod addresses;
mod endpoints;
mod flow_logs;
mod golden;
mod groups;
mod links;
mod routes;
mod specs;
mod subnets;
mod support;
mod vpcs;
