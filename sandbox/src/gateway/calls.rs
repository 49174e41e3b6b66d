//! Every call that has passed, so that a test can say "nothing was changed".

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::ec2;

/// One AWS call that has been answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Call {
    /// Its place in the record of all calls, from 1.
    pub number: u64,
    /// When it was answered.
    pub at: jiff::Timestamp,
    /// The signing name of the service: `ec2`, `states`, `dynamodb`.
    pub service: String,
    /// The action: `CreateVpc`.
    pub action: String,
    /// The region that it was signed for.
    pub region: String,
    /// The caller's ARN: the sandbox's root, or a function's role.
    pub caller: String,
    /// Whether the action changes something, by its name.
    pub mutating: bool,
    /// The platform that a change in EC2 is about, by the tag that it gives or that stands on what it names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// Which attempt at which resource a create in EC2 is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<Attempt>,
    /// The HTTP status of the answer; 0 when the answer was withheld.
    pub status: u16,
    /// How long the answer took.
    pub milliseconds: u64,
}

/// One attempt at making one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The resource and which making of it: `network/vpc#1`.
    pub resource: String,
    /// What tells the attempt from others.
    pub token: String,
}

impl Attempt {
    /// By the tags that a create gives.
    pub(crate) fn of(request: &ec2::Request) -> Option<Self> {
        let given = |tag: &str| {
            let mut tags = request.parameters.iter().filter(|(name, _)| name.starts_with("TagSpecification"));
            let (name, _) = tags.find(|(name, value)| name.ends_with(".Key") && *value == tag)?;
            request.parameters.get(&format!("{}Value", name.trim_end_matches("Key"))).cloned()
        };
        let (resource, generation) = (given("landfall:resource")?, given("landfall:generation")?);
        Some(Self { resource: format!("{resource}#{generation}"), token: given("landfall:attempt")? })
    }
}

impl Call {
    /// When it arrived.
    #[must_use]
    pub fn began(&self) -> jiff::Timestamp {
        self.at - jiff::SignedDuration::from_millis(i64::try_from(self.milliseconds).unwrap_or_default())
    }
}

/// The record of all calls.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    calls: Mutex<Vec<Call>>,
}

impl Calls {
    /// Adds a call and gives it its number.
    pub(crate) fn add(&self, mut call: Call) {
        let mut calls = self.lock();
        call.number = calls.last().map_or(1, |last| last.number + 1);
        calls.push(call);
    }

    /// The calls after this number.
    pub(crate) fn since(&self, number: u64) -> Vec<Call> {
        self.lock().iter().filter(|call| call.number > number).cloned().collect()
    }

    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Call>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
