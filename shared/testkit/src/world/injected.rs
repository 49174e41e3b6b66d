//! What can go wrong with one call.

use std::time::Duration;

use domain::{Fault, FaultName, ResourceId};
use engine::CallError;
use jiff::SignedDuration;

/// A verb of [`engine::Resource`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// `observe`
    Observe,
    /// `create`
    Create,
    /// `update`
    Update,
    /// `retire`
    Retire,
    /// `delete`
    Delete,
}

/// One call that reached the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Which verb.
    pub verb: Verb,
    /// About which resource.
    pub id: ResourceId,
}

/// What the model does to a call instead of answering it well.
#[derive(Debug, Clone, PartialEq)]
pub enum Injected {
    /// Answers with this fault and does nothing.
    Fault(Fault),
    /// Does what was asked, and answers with an error of the service's own.
    ErrorAfterEffect,
    /// Does what was asked, and the answer is lost.
    AnswerLost,
    /// Does nothing, and no answer comes.
    RequestLost,
    /// Does what was asked, all of it only after this time.
    Slow(Duration),
    /// Answers nothing for ever, and does what was asked after this time.
    ArrivesLate(SignedDuration),
    /// Accepts a creation, or a change that takes its time, that AWS later gives up on.
    FailsLater(String),
    /// Does the first of the calls that a creation takes, and no more.
    HalfDone,
}

/// What goes wrong before a call has its effect.
pub(super) fn before(injected: Option<&Injected>) -> Result<(), CallError> {
    match injected {
        Some(Injected::Fault(fault)) => Err(CallError::Fault(fault.clone())),
        Some(Injected::RequestLost) => Err(lost()),
        _ => Ok(()),
    }
}

/// What goes wrong after it.
pub(super) fn after(injected: Option<&Injected>) -> Result<(), CallError> {
    match injected {
        Some(Injected::AnswerLost) => Err(lost()),
        Some(Injected::ErrorAfterEffect) => {
            Err(CallError::Fault(Fault::new(FaultName::ServiceUnavailable, "an error of the service's own")))
        }
        _ => Ok(()),
    }
}

fn lost() -> CallError {
    CallError::Unknown(Fault::new(FaultName::ConnectionLost, "no answer came"))
}
