//! How a failure reads.

use crate::failure::Failure;
use crate::output::paint::{Paint, Tone};

/// `error:` with its causes, then each `hint:` after a blank line.
pub fn render(paint: Paint, failure: &Failure) -> String {
    let mut text = format!("{} {}\n", paint.paint(Tone::Bad, "error:"), failure.message);
    for cause in &failure.causes {
        text.push_str(&format!("  {} {}\n", paint.paint(Tone::Bad, "caused by:"), cause.replace('\n', "\n    ")));
    }
    if !failure.hints.is_empty() {
        text.push('\n');
    }
    for hint in &failure.hints {
        text.push_str(&format!("{} {hint}\n", paint.paint(Tone::Hint, "hint:")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_with_everything() {
        let failure = Failure {
            message: "The manifest could not be uploaded".to_owned(),
            causes: vec!["service error".to_owned(), "AccessDenied: no".to_owned()],
            hints: vec!["Ask for `s3:PutObject` on the bucket".to_owned()],
        };
        insta::assert_snapshot!(render(Paint::PLAIN, &failure), @r"
        error: The manifest could not be uploaded
          caused by: service error
          caused by: AccessDenied: no

        hint: Ask for `s3:PutObject` on the bucket
        ");
    }
}
