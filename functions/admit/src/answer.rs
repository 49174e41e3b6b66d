//! What a state machine hands over, and what it is answered.

use domain::{Epoch, PlatformName, RunId};
use ledger::{Machine, Run};
use plan::PlanNumber;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a state machine hands over.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Input {
    /// Which machine asks.
    pub machine: Machine,
    /// The ARN of its execution.
    pub execution: String,
    /// What the execution was started with.
    pub event: Value,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// A run begins.
    Admitted,
    /// There is nothing to run for.
    Unchanged,
    /// Another run is under way; this is done after it.
    Waiting,
    /// The plan is stored, and must be approved before a run begins.
    ApprovalRequired,
    /// It was not for us, or is overtaken.
    Ignored,
    /// The manifest was deleted, and the platform stays.
    Retained,
    /// The manifest was deleted, and the platform goes.
    TeardownRequested,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// What is to be done.
    pub outcome: Outcome,
    /// With which platform.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<PlatformName>,
    /// The run, if one begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// The epoch that it was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Epoch>,
    /// The plan that it works towards, or that waits for approval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanNumber>,
    /// Why, for people.
    pub message: String,
}

impl Answer {
    pub(crate) fn new(outcome: Outcome, platform: Option<&PlatformName>, message: impl Into<String>) -> Self {
        Self { outcome, platform: platform.cloned(), run: None, epoch: None, plan: None, message: message.into() }
    }

    pub(crate) fn approval_required(platform: &PlatformName, plan: PlanNumber, message: impl Into<String>) -> Self {
        Self { plan: Some(plan), ..Self::new(Outcome::ApprovalRequired, Some(platform), message) }
    }

    pub(crate) fn admitted(run: &Run, epoch: Epoch, message: impl Into<String>) -> Self {
        let platform = Some(run.platform.clone());
        let outcome = Outcome::Admitted;
        Self { outcome, platform, run: Some(run.id), epoch: Some(epoch), plan: Some(run.plan), message: message.into() }
    }
}
