//! `landfall explain`: what a field is for.

use manifest::Explanation;

use super::describe::short;
use super::paint::{Paint, Tone};
use super::table::{Cell, lines};

/// What it is for, what may stand there, what it is when left out, and what is inside.
pub fn explain(paint: Paint, explanation: &Explanation) -> String {
    let path = if explanation.path.is_empty() { "the manifest" } else { &explanation.path };
    let mut text = format!("{}  {}\n", paint.paint(Tone::Strong, path), explanation.expects);
    text.push_str(&format!("  {}\n", explanation.description));
    let default = explanation.default.as_ref().filter(|_| explanation.fields.is_empty());
    let examples =
        explanation.examples.iter().map(|example| [Cell::new(Tone::Quiet, "example"), Cell::from(short(example))]);
    let rows = default.map(|default| [Cell::new(Tone::Quiet, "default"), Cell::from(short(default))]).into_iter();
    let rows: Vec<[Cell; 2]> = rows.chain(examples).collect();
    if !rows.is_empty() {
        text.push('\n');
        text.push_str(&lines(paint, "  ", rows));
    }
    for list in [&explanation.values, &explanation.fields] {
        if !list.is_empty() {
            let rows = list.iter().map(|(name, meaning)| [Cell::new(Tone::Hint, name), Cell::from(meaning)]);
            text.push_str(&format!("\n{}", lines(paint, "  ", rows)));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str) -> String {
        explain(Paint::PLAIN, &manifest::explain(path).unwrap())
    }

    #[test]
    fn a_choice() {
        insta::assert_snapshot!(of("network.nat"));
    }

    #[test]
    fn a_group() {
        insta::assert_snapshot!(of("spec.updates"));
    }
}
