//! Which permissions of the functions' roles were needed, and by which scenarios.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What was needed of all roles, and what was denied to them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Privileges {
    /// The permissions without which a call would have been denied.
    pub needed: Vec<Needed>,
    /// The calls that were denied for want of a permission.
    pub denied: Vec<Denied>,
}

/// A permission that was needed: an action in a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Needed {
    /// The role's name.
    pub role: String,
    /// The statement's `Sid`.
    pub statement: String,
    /// The action: `ec2:CreateVpc`.
    pub action: String,
    /// When it was needed, in milliseconds since 1970.
    pub at: Vec<i64>,
}

/// A call that was denied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denied {
    /// The role's name.
    pub role: String,
    /// The action.
    pub action: String,
    /// The ARN of what it was for.
    pub resource: String,
    /// When, in milliseconds since 1970.
    pub at: i64,
}

/// What the scenarios in one sandbox needed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// The scenarios that have ended.
    pub scenarios: Vec<Scenario>,
    /// What was needed and denied while they ran.
    pub privileges: Privileges,
}

/// A scenario that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scenario {
    /// The name of its test.
    pub name: String,
    /// When it began.
    pub begun: Timestamp,
    /// When it had ended.
    pub ended: Timestamp,
}
