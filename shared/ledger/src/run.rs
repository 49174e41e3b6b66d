//! What the ledger knows of a run.

use domain::{Epoch, Fault, FaultName, Generation, Kind, Locator, PlatformName, ResourceId, RunId};
use jiff::{SignedDuration, Timestamp};
use plan::PlanNumber;
use serde::{Deserialize, Serialize};

use crate::approval::Decision;

/// Which state machine a run is an execution of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Machine {
    /// Brings a platform to what its manifest says.
    Deploy,
    /// Takes a platform away.
    Teardown,
}

/// Why a run was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Trigger {
    /// A manifest was uploaded.
    Upload,
    /// Somebody started the machine.
    Manual,
    /// The schedule.
    Schedule,
    /// Somebody asked to go on after a failure.
    Retry,
    /// Somebody asked to go back to an earlier plan.
    Rollback,
    /// It was left waiting while another run was under way.
    Waiting,
    /// The platform is to go.
    Destroy,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RunStatus {
    /// Under way.
    Running,
    /// Ended, and did what it was for.
    Succeeded,
    /// Ended by a fault.
    Failed,
    /// Ended because somebody asked.
    Cancelled,
}

/// What ended a run: the name and the sentence that its machine was given.
///
/// The name is that of a fault, or of a platform error such as `States.Timeout`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The name.
    pub name: String,
    /// The sentence.
    pub message: String,
}

impl Failure {
    /// The name as a fault, if it is one.
    pub fn fault(&self) -> Option<FaultName> {
        FaultName::ALL.iter().copied().find(|name| name.as_str() == self.name)
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self { name: fault.name.to_string(), message: fault.to_string() }
    }
}

/// What a failed deploy goes back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Restore {
    /// The last good plan.
    LastGood,
    /// The empty plan: no deploy has succeeded yet.
    Empty,
    /// Nothing: what is there stays.
    None,
}

/// A part of a run, for people: what it does, and since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phase {
    /// Such as `Converge foundation`.
    pub name: String,
    /// The epoch in which it ran.
    pub epoch: Epoch,
    /// When it began.
    pub started: Timestamp,
    /// When the next began, or the run ended.
    pub ended: Option<Timestamp>,
}

/// One execution on one platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// The platform.
    pub platform: PlatformName,
    /// The machine.
    pub machine: Machine,
    /// Why it was started.
    pub trigger: Trigger,
    /// The revision; 0 if the platform never had one.
    pub revision: u64,
    /// The plan that it works towards; 0 is the empty one.
    pub plan: PlanNumber,
    /// The Kubernetes minor that another run goes on to, once this one has succeeded.
    pub next: Option<String>,
    /// The ARN of its execution.
    pub execution: String,
    /// How far it is.
    pub status: RunStatus,
    /// When it took the lease.
    pub started: Timestamp,
    /// When it was settled.
    pub ended: Option<Timestamp>,
    /// When it must be done. A restore gets a deadline of its own.
    pub deadline: Timestamp,
    /// Whether somebody asked for its end.
    pub cancelled: bool,
    /// Who approved its plan, if that had to be approved.
    pub approval: Option<Decision>,
    /// What it failed of.
    pub failure: Option<Failure>,
    /// Where what it knew at its failure lies: an S3 URI.
    pub diagnostics: Option<String>,
    /// What it goes back to after its failure; none before a failure.
    pub restore: Option<Restore>,
    /// Whether it came back there.
    pub restored: bool,
    /// Its phases so far.
    pub phases: Vec<Phase>,
    /// Grows with each write.
    pub version: u64,
}

impl Run {
    /// A run that begins now.
    pub fn new(platform: PlatformName, machine: Machine, trigger: Trigger, execution: String, now: Timestamp) -> Self {
        Self {
            id: RunId::random(),
            platform,
            machine,
            trigger,
            revision: 0,
            plan: 0,
            next: None,
            execution,
            status: RunStatus::Running,
            started: now,
            ended: None,
            deadline: now + Self::LIMIT,
            cancelled: false,
            approval: None,
            failure: None,
            diagnostics: None,
            restore: None,
            restored: false,
            phases: Vec::new(),
            version: 0,
        }
    }

    /// How long a run may take, and a restore after it: less than the timeouts of the machines.
    pub const LIMIT: SignedDuration = SignedDuration::from_hours(2);
}

/// One thing that happened to one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunEvent {
    /// When.
    pub at: Timestamp,
    /// To which resource.
    pub resource: ResourceId,
    /// Which making of it.
    pub generation: Generation,
    /// Of which type.
    pub kind: Option<Kind>,
    /// The word of the state that it came to, such as `creating`.
    pub state: String,
    /// By what AWS finds it.
    pub locator: Option<Locator>,
    /// Why it failed, or what it waits for.
    pub reason: Option<String>,
}
