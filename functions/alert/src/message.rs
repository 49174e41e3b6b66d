//! The words of a message: `message.txt` lays out what the [`Story`] says.

use domain::{Fault, FaultName, mask_accounts};
use minijinja::{Environment, Value, context};

use crate::story::Story;

const BODY: &str = include_str!("message.txt");

/// SNS takes subjects of less than 100 ASCII characters on one line
/// (<https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>).
const SUBJECT_LENGTH: usize = 99;

/// What is sent. Account ids are masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    /// One line.
    pub(crate) subject: String,
    /// Plain text.
    pub(crate) body: String,
}

impl Message {
    /// The message that tells a story.
    pub(crate) fn of(story: &Story<'_>) -> Result<Self, Fault> {
        let sections = story.sections().into_iter();
        let sections = sections.filter(|(_, lines)| !lines.is_empty());
        let sections: Value = sections
            .map(|(title, lines)| context! { title => title, lines => lines.into_iter().collect::<Value>() })
            .collect();
        let facts: Value = story.facts().into_iter().collect();
        let headline = story.headline();
        let body = Environment::new()
            .render_str(BODY, context! { headline => format!("{headline}."), sections => sections, facts => facts })
            .map_err(|error| Fault::new(FaultName::Internal, format!("the alert cannot be written: {error}")))?;
        let subject = format!("[{}] {headline}", story.installation);
        Ok(Self { subject: one_line(&mask_accounts(&subject)), body: mask_accounts(&body) })
    }

    /// Adds that a topic of the user's did not take the message.
    pub(crate) fn note_that_missed(&mut self, topic: &str, fault: &Fault) {
        let note = format!("\nThe topic {topic}, which the manifest names, did not take this message: {fault}\n");
        self.body.push_str(&mask_accounts(&note));
    }
}

fn one_line(text: &str) -> String {
    text.chars().map(|one| if one.is_ascii_graphic() || one == ' ' { one } else { '?' }).take(SUBJECT_LENGTH).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_short_plain_and_one_line() {
        assert_eq!(one_line("a\nb\u{e4}"), "a?b?");
        assert_eq!(one_line(&"x".repeat(200)).len(), 99);
    }
}
