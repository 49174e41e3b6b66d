//! `landfall orphans`: what the ledger does not know.

use ledger::{Orphan, Orphans};

use super::paint::{Paint, Tone};
use super::time::Clock;

/// How many there are, and what to do about each.
pub fn orphans(paint: Paint, clock: &Clock, orphans: &Orphans) -> String {
    let (tone, count) = match orphans.total {
        0 => (Tone::Good, "0 orphans".to_owned()),
        1 => (Tone::Bad, "1 orphan".to_owned()),
        more => (Tone::Bad, format!("{more} orphans")),
    };
    let when = clock.date(orphans.at);
    let mut text =
        format!("{} in the installation `{}`, asked at {when}\n", paint.paint(tone, &count), orphans.installation);
    for one in &orphans.orphans {
        text.push_str(&orphan(paint, clock, one));
    }
    if orphans.orphans.len() < orphans.total {
        let shown = orphans.orphans.len();
        text.push_str(&format!("\nOnly the oldest {shown} are shown. Ask again once they are gone.\n"));
    }
    text
}

fn orphan(paint: Paint, clock: &Clock, orphan: &Orphan) -> String {
    let Orphan { what, locator, reason, command, .. } = orphan;
    let platform = orphan.platform.as_ref().map_or_else(String::new, |platform| format!(" of `{platform}`"));
    let age = match orphan.created {
        Some(created) => format!("made {} ({})", clock.ago(created), clock.date(created)),
        None => "of unknown age".to_owned(),
    };
    let mark = paint.paint(Tone::Bad, "-");
    format!("\n{mark} {what}: {locator}{platform}, {age}, {reason}\n  remove it with `{command}`\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn none() {
        let none = Orphans { total: 0, orphans: Vec::new(), ..fixtures::orphans() };
        insta::assert_snapshot!(orphans(Paint::PLAIN, &fixtures::clock(), &none));
    }

    #[test]
    fn some_and_more_than_an_answer_holds() {
        insta::assert_snapshot!(orphans(Paint::PLAIN, &fixtures::clock(), &fixtures::orphans()));
        let many = Orphans { total: 2501, ..fixtures::orphans() };
        let text = orphans(Paint::PLAIN, &fixtures::clock(), &many);
        assert!(text.starts_with("2501 orphans") && text.contains("Only the oldest 2 are shown"), "{text}");
    }
}
