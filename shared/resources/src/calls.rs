//! What creates and updates of every kind need.

use aws::TagChange;
use domain::{Fault, FaultName, Tags};
use engine::{CallError, Progress};
use plan::FieldChange;
use serde::Deserialize;

/// The id that a create answered. Without one, what was made is found by its tags.
pub fn answered(action: &str, id: Option<&str>) -> Result<String, CallError> {
    id.map(str::to_owned).ok_or_else(|| {
        CallError::Unknown(Fault::new(FaultName::ConnectionLost, format!("{action} answered without an id")))
    })
}

/// How far a create of several calls came. What failed after the thing was made is no failure of the create: `observe`
/// shows what is missing, and `update` does it.
pub fn finished(rest: Result<(), CallError>) -> Progress {
    match rest {
        Ok(()) => Progress::Done,
        Err(error) => {
            tracing::info!(%error, "a step after the create is left to the update");
            Progress::Pending
        }
    }
}

/// What the change of the field `tags` asks for; `None` if it is not among `changes`.
pub fn tag_change(changes: &[FieldChange]) -> Option<TagChange> {
    let change = changes.iter().find(|change| change.field == "tags")?;
    let read = |value| Tags::deserialize(value).unwrap_or_default();
    Some(TagChange::between(&read(&change.old), &read(&change.new)))
}
