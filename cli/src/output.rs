//! What people and programs read. Everything here is a pure function from data to text or to a JSON shape, so wording
//! is tested by snapshots and without AWS.

pub mod access;
pub mod approval;
pub mod cluster;
pub mod describe;
pub mod diagnostics;
pub mod events;
pub mod explain;
pub mod failure;
pub mod follow;
pub mod orphans;
pub mod paint;
pub mod plan;
pub mod platform;
pub mod problems;
pub mod report;
pub mod run;
pub mod status;
pub mod table;
pub mod time;
