//! What the function is told: by a machine, or by the event of an execution.

use domain::{Fault, FaultName, PlatformName, RunId};
use lambda::{ExecutionEnded, StateError, execution_name};
use ledger::{Failure, ObjectKey};
use plan::PlanNumber;
use serde::Deserialize;
use serde_json::Value;

/// Something to tell, perhaps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct News {
    /// The ARN of the execution.
    pub(crate) execution: String,
    /// What happened.
    pub(crate) happened: Happened,
    /// The platform, if it is named.
    pub(crate) platform: Option<PlatformName>,
    /// The manifest's object, if the execution was started with it.
    pub(crate) object: Option<ObjectKey>,
    /// The run, if it is named.
    pub(crate) run: Option<RunId>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Happened {
    /// The execution failed.
    Failed(Failure),
    /// The execution took longer than its machine allows.
    TimedOut(Failure),
    /// The execution was stopped by hand.
    Aborted(Failure),
    /// The manifest was deleted, and the platform stays.
    Retained,
    /// This plan waits for approval.
    ApprovalRequired(PlanNumber),
}

#[derive(Debug, Deserialize)]
struct Call {
    platform: Option<PlatformName>,
    run: Option<RunId>,
    execution: String,
    plan: Option<PlanNumber>,
    error: Option<StateError>,
    reason: Reason,
}

#[derive(Debug, Deserialize)]
enum Reason {
    Failed,
    Retained,
    ApprovalRequired,
}

impl News {
    /// Reads either form; anything else is [`FaultName::InvalidInput`].
    pub(crate) fn parse(payload: Value) -> Result<Self, Fault> {
        if ExecutionEnded::is_it(&payload) { Self::of_event(&payload) } else { Self::of_call(payload) }
    }

    fn of_call(payload: Value) -> Result<Self, Fault> {
        let call = Call::deserialize(payload)
            .map_err(|error| Fault::new(FaultName::InvalidInput, format!("the input cannot be read: {error}")))?;
        let unsaid =
            || Failure { name: "States.Runtime".to_owned(), message: "The machine did not say why.".to_owned() };
        let happened = match call.reason {
            Reason::Failed => Happened::Failed(call.error.map_or_else(unsaid, |error| error.failure())),
            Reason::Retained => Happened::Retained,
            Reason::ApprovalRequired => Happened::ApprovalRequired(call.plan.unwrap_or_default()),
        };
        Ok(Self { execution: call.execution, happened, platform: call.platform, object: None, run: call.run })
    }

    fn of_event(payload: &Value) -> Result<Self, Fault> {
        let ended = ExecutionEnded::parse(payload)?;
        // Landfall itself stops executions too, and then says of what.
        let says_why = payload.pointer("/detail/error").is_some_and(Value::is_string);
        let happened = match ended.status.as_str() {
            "TIMED_OUT" => Happened::TimedOut(ended.failure),
            "ABORTED" if !says_why => Happened::Aborted(ended.failure),
            _ => Happened::Failed(ended.failure),
        };
        let input = ended.input.unwrap_or_default();
        let platform = input.get("platform").and_then(Value::as_str).and_then(|name| name.parse().ok());
        Ok(Self { execution: ended.execution, happened, platform, object: object_of(&input), run: None })
    }

    /// By what the message is marked as sent. Whoever asks for approval goes on, and may have more to tell.
    pub(crate) fn mark(&self) -> String {
        let name = execution_name(&self.execution);
        match self.happened {
            Happened::ApprovalRequired(plan) => format!("{name}/plan-{plan}"),
            _ => name.to_owned(),
        }
    }

    /// What it failed of, if it did.
    pub(crate) fn failure(&self) -> Option<&Failure> {
        match &self.happened {
            Happened::Failed(failure) | Happened::TimedOut(failure) | Happened::Aborted(failure) => Some(failure),
            Happened::Retained | Happened::ApprovalRequired(_) => None,
        }
    }
}

/// The object in the input of a deploy: the event of S3, or what was written by hand.
fn object_of(input: &Value) -> Option<ObjectKey> {
    let text = |at_event: &str, by_hand: &str| {
        let value = input.pointer(at_event).or_else(|| input.get(by_hand));
        value.and_then(Value::as_str).map(str::to_owned)
    };
    Some(ObjectKey { bucket: text("/detail/bucket/name", "bucket")?, key: text("/detail/object/key", "key")? })
}
