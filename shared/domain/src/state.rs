//! The life of a record. [`State::apply`] is the one place that knows which step may follow which.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Epoch, RunId, Token};

/// The intent to create, written before the call. Whoever holds the claim may make the call, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Claim {
    /// The run that claims.
    pub run: RunId,
    /// Random, new for each attempt.
    pub token: Token,
    /// When the claim was made.
    pub at: Timestamp,
}

/// Something that AWS does in its own time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Operation {
    /// The run that began it, or that took it over.
    pub run: RunId,
    /// The phase of that run.
    pub epoch: Epoch,
    /// When that phase began to wait for it: `Stuck` counts from here.
    pub since: Timestamp,
    /// Why it failed, or what it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Where in its life a resource is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// Claimed; the create call may or may not have been made.
    Creating(Claim),
    /// The create call was made and its answer was lost.
    Unknown(Claim),
    /// Created, and AWS is not done yet.
    Pending(Operation),
    /// As its spec says.
    Ready,
    /// Changed, and AWS is not done yet; or about to be changed.
    Updating(Operation),
    /// Releasing what hangs on it, before it is deleted.
    Retiring(Operation),
    /// About to be deleted, or being deleted.
    Deleting(Operation),
    /// AWS gave up. It exists, and is deleted before another attempt.
    Failed(Operation),
    /// Not there. The record may go.
    Gone,
}

/// What happened to a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A create is intended.
    Claimed(Claim),
    /// A create was sent and no answer came.
    AnswerLost,
    /// It exists, and AWS is not done.
    Accepted(Operation),
    /// It is as its spec says.
    Settled,
    /// A change is intended.
    ChangeBegun(Operation),
    /// What hangs on it is being released.
    RetireBegun(Operation),
    /// Its deletion is intended.
    DeleteBegun(Operation),
    /// AWS gave up on it.
    Broke(Operation),
    /// It is confirmed to be absent.
    Vanished,
}

/// A step that cannot follow. Meeting one is a defect in Landfall.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{event:?} cannot follow {state:?}")]
pub struct IllegalTransition {
    state: Box<State>,
    event: Box<Event>,
}

impl State {
    /// The state after `event`.
    pub fn apply(self, event: Event) -> Result<Self, IllegalTransition> {
        use State::{Creating, Deleting, Failed, Gone, Pending, Ready, Retiring, Unknown, Updating};
        Ok(match (self, event) {
            // An attempt begins where nothing is.
            (Creating(_) | Unknown(_) | Gone, Event::Claimed(claim)) => Creating(claim),
            (Creating(claim) | Unknown(claim), Event::AnswerLost) => Unknown(claim),
            (Creating(_) | Unknown(_) | Pending(_), Event::Accepted(operation)) => Pending(operation),
            (Updating(_) | Ready, Event::Accepted(operation)) => Updating(operation),
            (Creating(_) | Unknown(_) | Pending(_) | Updating(_) | Ready, Event::Settled) => Ready,
            (Ready | Updating(_), Event::ChangeBegun(operation)) => Updating(operation),
            // AWS gives up on what it was doing, or loses what it had.
            (Creating(_) | Unknown(_) | Pending(_) | Ready | Updating(_), Event::Broke(reason)) => Failed(reason),
            (Deleting(_) | Failed(_), Event::Broke(reason)) => Failed(reason),
            // Anything that may exist can be taken away, as often as it takes.
            (Gone, Event::RetireBegun(_) | Event::DeleteBegun(_)) => Gone,
            (_, Event::RetireBegun(operation)) => Retiring(operation),
            (_, Event::DeleteBegun(operation)) => Deleting(operation),
            (_, Event::Vanished) => Gone,
            (state, event) => {
                return Err(IllegalTransition { state: Box::new(state), event: Box::new(event) });
            }
        })
    }

    /// Since when AWS has been at work on it; none if it is not.
    pub fn since(&self) -> Option<Timestamp> {
        match self {
            Self::Pending(operation)
            | Self::Updating(operation)
            | Self::Retiring(operation)
            | Self::Deleting(operation) => Some(operation.since),
            Self::Creating(_) | Self::Unknown(_) | Self::Ready | Self::Failed(_) | Self::Gone => None,
        }
    }

    /// The word that people read.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Creating(_) | Self::Unknown(_) | Self::Pending(_) => "creating",
            Self::Ready => "ready",
            Self::Updating(_) => "updating",
            Self::Retiring(_) => "retiring",
            Self::Deleting(_) => "deleting",
            Self::Failed(_) => "failed",
            Self::Gone => "gone",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim() -> Claim {
        Claim { run: RunId::random(), token: Token::random(), at: Timestamp::UNIX_EPOCH }
    }

    fn operation() -> Operation {
        Operation { run: RunId::random(), epoch: Epoch(1), since: Timestamp::UNIX_EPOCH, reason: None }
    }

    /// One row a state, one column an event; the word is what follows, `-` is illegal.
    #[test]
    fn transitions() {
        let states = [
            State::Creating(claim()),
            State::Unknown(claim()),
            State::Pending(operation()),
            State::Ready,
            State::Updating(operation()),
            State::Retiring(operation()),
            State::Deleting(operation()),
            State::Failed(operation()),
            State::Gone,
        ];
        let events = [
            Event::Claimed(claim()),
            Event::AnswerLost,
            Event::Accepted(operation()),
            Event::Settled,
            Event::ChangeBegun(operation()),
            Event::RetireBegun(operation()),
            Event::DeleteBegun(operation()),
            Event::Broke(operation()),
            Event::Vanished,
        ];
        let mut table = String::new();
        for state in &states {
            let row: Vec<_> =
                events.iter().map(|event| state.clone().apply(event.clone()).map_or("-", |s| s.word())).collect();
            table.push_str(&format!("{:<9}| {}\n", state.word(), row.join(" ")));
        }
        insta::assert_snapshot!(table);
    }
}
