//! `landfall report`: the proof of a teardown, as it lies in S3.

use ledger::Report;

use super::paint::{Paint, Tone};
use super::table::{Cell, lines};
use super::time::Clock;

/// The verdict, what was listed, what to do about each leftover, and what goes by itself.
pub fn report(paint: Paint, clock: &Clock, report: &Report) -> String {
    let left = format!("{} left", report.left.len());
    let tone = if report.left.is_empty() { Tone::Good } else { Tone::Bad };
    let when = clock.date(report.at);
    let mut text = format!(
        "{} of `{}`, asked at {when} after the run {}\n\n",
        paint.paint(tone, &left),
        report.platform,
        report.run
    );
    let rows = report.listings.iter().map(|listing| {
        let tone = if listing.found == 0 { Tone::Good } else { Tone::Bad };
        [
            Cell::new(tone, listing.found.to_string()),
            Cell::from(&listing.what),
            Cell::new(Tone::Quiet, format!("by {}", listing.by)),
        ]
    });
    text.push_str(&lines(paint, "  ", rows));
    for left in &report.left {
        text.push_str(&format!("\n{} {} {}: {}\n", paint.paint(Tone::Bad, "-"), left.what, left.locator, left.reason));
        text.push_str(&format!("  remove it with `{}`\n", left.command));
    }
    for one in &report.scheduled {
        let when = clock.date(one.at);
        text.push_str(&format!(
            "\n{} {} {} goes at {when}, as scheduled\n",
            paint.paint(Tone::Quiet, "-"),
            one.what,
            one.locator
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan as _;
    use ledger::{Leftover, Listing, Scheduled};

    use super::*;
    use crate::fixtures;

    fn listing(what: &str, found: usize) -> Listing {
        Listing { what: what.to_owned(), by: "the tag landfall:platform = demo".to_owned(), found }
    }

    #[test]
    fn nothing_is_left() {
        insta::assert_snapshot!(report(Paint::PLAIN, &fixtures::clock(), &fixtures::report()));
    }

    #[test]
    fn something_is_left() {
        let left = Leftover {
            what: "security group".to_owned(),
            locator: "sg-0abc".to_owned(),
            reason: "found by the tag landfall:platform = demo".to_owned(),
            command: "aws ec2 delete-security-group --group-id sg-0abc".to_owned(),
        };
        let with = Report { listings: vec![listing("security groups", 1)], left: vec![left], ..fixtures::report() };
        insta::assert_snapshot!(report(Paint::PLAIN, &fixtures::clock(), &with));
    }

    #[test]
    fn a_key_goes_by_itself() {
        let at = fixtures::report().at + 168.hours();
        let key = Scheduled { what: "KMS key".to_owned(), locator: "0c1d2e3f".to_owned(), at };
        let with = Report { scheduled: vec![key], ..fixtures::report() };
        insta::assert_snapshot!(report(Paint::PLAIN, &fixtures::clock(), &with));
    }
}
