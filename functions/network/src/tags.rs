//! The field `tags`, as every kind has it.

use aws::TagChange;
use domain::Tags;
use plan::FieldChange;
use serde::Deserialize;

/// What the change of the field `tags` asks for; `None` if it is not among `changes`.
pub(crate) fn change(changes: &[FieldChange]) -> Option<TagChange> {
    let change = changes.iter().find(|change| change.field == "tags")?;
    let read = |value| Tags::deserialize(value).unwrap_or_default();
    Some(TagChange::between(&read(&change.old), &read(&change.new)))
}
