//! What the machines ask for.

use domain::{PlatformName, RunId};
use lambda::StateError;
use ledger::TaskToken;
use plan::PlanNumber;
use serde::Deserialize;

/// What the machines ask for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "step", rename_all = "lowercase")]
pub enum Step {
    /// Move the epoch on after a failure.
    Fence {
        /// The platform.
        platform: PlatformName,
        /// The run.
        run: RunId,
        /// What it failed of.
        error: StateError,
    },
    /// Write down how the run ended.
    Finish {
        /// The platform.
        platform: PlatformName,
        /// The run.
        run: RunId,
        /// How.
        outcome: Outcome,
        /// What it failed of.
        error: Option<StateError>,
        /// Whether what it went back to was reached.
        #[serde(default)]
        restored: bool,
    },
    /// Keep what an execution waits for approval with.
    Await {
        /// The platform.
        platform: PlatformName,
        /// The plan that waits.
        plan: PlanNumber,
        /// What it waits with.
        token: TaskToken,
    },
    /// Nobody waits for approval of this plan any more.
    Close {
        /// The platform.
        platform: PlatformName,
        /// The plan that waited.
        plan: PlanNumber,
    },
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Outcome {
    /// It did what it was for.
    Succeeded,
    /// A fault ended it.
    Failed,
}
