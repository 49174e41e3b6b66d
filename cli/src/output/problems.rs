//! `landfall validate`: what is wrong with a manifest.

use manifest::{Problem, render};
use serde::Serialize;

use super::paint::{Paint, Tone};

/// The judgment of a manifest.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ValidateView<'a> {
    /// The file.
    pub file: &'a str,
    /// Whether it would be accepted.
    pub valid: bool,
    /// All errors, and the warnings that it does not acknowledge.
    pub problems: &'a [Problem],
}

/// Every problem under its line of the file, and how many there are.
pub fn problems(paint: Paint, name: &str, source: &[u8], problems: &[Problem]) -> String {
    let text = render(name, source, problems);
    text.lines().map(|line| painted(paint, line) + "\n").collect()
}

fn painted(paint: Paint, line: &str) -> String {
    let tone = match line.split(['[', '|', '=', '>']).next().map(str::trim) {
        Some("error") => Tone::Bad,
        Some("warning") => Tone::Busy,
        _ if line.contains(" = help: ") => Tone::Hint,
        _ => Tone::Plain,
    };
    paint.paint(tone, line)
}
