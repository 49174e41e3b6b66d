//! Every kind of the cluster against scripted answers of AWS. A call that is not in the script fails the test, and so does
//! one that is in the script and was not made.

#![allow(clippy::unwrap_used)]

mod access_entries;
mod addons;
mod control_planes;
mod fargate_profiles;
mod functions;
mod golden;
mod identity;
mod keys;
mod launch_templates;
mod node_groups;
mod specs;
mod support;
mod way_back;
