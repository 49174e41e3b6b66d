//! `landfall list`, and the head of `landfall status`.

use jiff::Timestamp;
use ledger::{Decision, Pause, Platform, Status};
use serde::Serialize;

use super::paint::{Paint, Tone};
use super::table::{Cell, table};
use super::time::{Clock, coarse};

/// One platform.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlatformView {
    /// Its name.
    pub name: String,
    /// `New`, `Deploying`, `Ready`, `RolledBack`, `Failed`, `TearingDown` or `Gone`.
    pub status: Status,
    /// Its account.
    pub account: String,
    /// Its region.
    pub region: String,
    /// The manifest that it is bound to, as an S3 URI.
    pub manifest: String,
    /// The newest accepted revision; 0 for none.
    pub revision: u64,
    /// The plan of the newest deploy; 0 for none.
    pub plan: u64,
    /// The plan of the last deploy that succeeded; 0 for none.
    pub last_good_plan: u64,
    /// The id of the run under way.
    pub run: Option<String>,
    /// Since when something newer has been waiting for that run to end.
    pub waiting_since: Option<Timestamp>,
    /// The plan that somebody went back to, which the schedule keeps up.
    pub kept_plan: Option<u64>,
    /// Since when nothing starts by itself, because of whom, and whether that is so for all platforms.
    pub paused: Option<PauseView>,
    /// The plan that waits for approval.
    pub approval: Option<ApprovalView>,
    /// Whether it may not be destroyed now.
    pub protected: bool,
    /// Until when the protection is lifted.
    pub unprotected_until: Option<Timestamp>,
    /// When it is redeployed next.
    pub next_due: Option<Timestamp>,
}

/// A plan that waits for approval.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalView {
    /// Its number.
    pub plan: u64,
    /// Until when it waits.
    pub until: Timestamp,
    /// What was said to it, while its execution takes that up: whether it is approved, by whom and when.
    pub decision: Option<Decision>,
}

/// A rest.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PauseView {
    /// The ARN of whoever asked for it.
    pub by: String,
    /// Since when.
    pub at: Timestamp,
    /// Whether every platform rests.
    pub all: bool,
}

impl PauseView {
    /// One platform's rest, or that of all.
    pub fn new(pause: &Pause, all: bool) -> Self {
        Self { by: pause.by.clone(), at: pause.at, all }
    }
}

impl PlatformView {
    /// What the ledger knows, as it is shown; `all` is the rest of all platforms.
    pub fn new(platform: &Platform, all: Option<&Pause>, clock: &Clock) -> Self {
        Self {
            name: platform.name.to_string(),
            status: platform.status,
            account: platform.target.account.to_string(),
            region: platform.target.region.to_string(),
            manifest: format!("s3://{}/{}", platform.bound.bucket, platform.bound.key),
            revision: platform.revision,
            plan: platform.plan,
            last_good_plan: platform.last_good,
            run: platform.lease.as_ref().map(|lease| lease.run.to_string()),
            waiting_since: platform.waiting.as_ref().map(|waiting| waiting.at),
            kept_plan: platform.kept_plan,
            paused: match (&platform.paused, all) {
                (Some(pause), _) => Some(PauseView::new(pause, false)),
                (None, all) => all.map(|pause| PauseView::new(pause, true)),
            },
            approval: platform.approval.as_ref().filter(|pending| pending.is_open(clock.now)).map(|pending| {
                ApprovalView { plan: pending.plan, until: pending.until, decision: pending.decision.clone() }
            }),
            protected: platform.is_protected(clock.now),
            unprotected_until: platform.unprotected_until.filter(|until| *until > clock.now),
            next_due: platform.next_due,
        }
    }
}

/// A line a platform.
pub fn list(paint: Paint, clock: &Clock, platforms: &[PlatformView]) -> String {
    let rows = platforms.iter().map(|platform| {
        let due = platform.next_due.map(|due| format!("in {}", coarse(clock.until(due)))).unwrap_or_default();
        [
            Cell::new(Tone::Strong, &platform.name),
            Cell::new(tone(platform.status), state(platform)),
            Cell::from(&platform.region),
            Cell::from(platform.revision.to_string()),
            Cell::from(platform.run.clone().unwrap_or_default()),
            Cell::from(due),
            Cell::new(Tone::Busy, waits_for(platform)),
        ]
    });
    let headings = ["NAME", "STATUS", "REGION", "REVISION", "RUN UNDER WAY", "REDEPLOY", "WAITS FOR"];
    table(paint, headings, rows.collect())
}

/// How it is, and whether it rests.
fn state(platform: &PlatformView) -> String {
    let word = word(platform.status);
    if platform.paused.is_some() { format!("{word}, paused") } else { word.to_owned() }
}

/// What stands in the way of something newer.
fn waits_for(platform: &PlatformView) -> String {
    match (&platform.approval, platform.waiting_since) {
        (_, Some(_)) if platform.paused.is_some() && platform.run.is_none() => "resume".to_owned(),
        (Some(approval), _) if approval.decision.is_none() => format!("approval of plan {}", approval.plan),
        (_, Some(_)) => "the run under way".to_owned(),
        _ => String::new(),
    }
}

/// The lines at the top of a status.
pub fn head(paint: Paint, clock: &Clock, platform: &PlatformView) -> String {
    let name = paint.paint(Tone::Strong, &platform.name);
    let mut text = format!("{name}  {}\n", paint.paint(tone(platform.status), &state(platform)));
    text.push_str(&format!("  in {} of account {}, from {}\n", platform.region, platform.account, platform.manifest));
    if platform.revision > 0 {
        text.push_str(&format!("  revision {}, plan {}", platform.revision, platform.plan));
        text.push_str(&match platform.last_good_plan {
            0 => ", no deploy has succeeded yet\n".to_owned(),
            good if good == platform.plan => "\n".to_owned(),
            good => format!(", last good plan {good}\n"),
        });
    }
    if let Some(plan) = platform.kept_plan {
        text.push_str(&format!("  rolled back by hand: plan {plan} is kept until the next upload\n"));
    }
    if let Some(PauseView { by, at, all }) = &platform.paused {
        let resume = if *all { "--all" } else { &platform.name };
        text.push_str(&format!("  paused {} by {by}: `landfall resume {resume}`\n", clock.ago(*at)));
    }
    match platform.unprotected_until {
        Some(until) => {
            text.push_str(&format!("  protection against deletion is lifted for {}\n", coarse(clock.until(until))));
        }
        None if platform.protected => text.push_str("  protected against deletion\n"),
        None => {}
    }
    text.push_str(&approval(clock, platform).unwrap_or_default());
    if let Some(since) = platform.waiting_since {
        text.push_str(&format!("  something newer has been waiting for {}\n", coarse(clock.since(since))));
    }
    if let Some(due) = platform.next_due {
        text.push_str(&format!("  redeployed next at {}, in {}\n", clock.date(due), coarse(clock.until(due))));
    }
    text
}

/// What is to be said of a plan that waits.
pub fn approval(clock: &Clock, platform: &PlatformView) -> Option<String> {
    let ApprovalView { plan, until, decision } = platform.approval.as_ref()?;
    let name = &platform.name;
    Some(match decision {
        None => format!(
            "  plan {plan} waits for approval, {} left: `landfall approve {name}` or `landfall reject {name}`\n",
            coarse(clock.until(*until))
        ),
        Some(said) if said.approved => format!("  plan {plan} was approved by {}\n", said.by),
        Some(said) => format!("  plan {plan} was rejected by {}\n", said.by),
    })
}

fn word(status: Status) -> &'static str {
    match status {
        Status::New => "new",
        Status::Deploying => "deploying",
        Status::Ready => "ready",
        Status::RolledBack => "rolled back",
        Status::Failed => "failed",
        Status::TearingDown => "tearing down",
        Status::Gone => "gone",
    }
}

fn tone(status: Status) -> Tone {
    match status {
        Status::Ready => Tone::Good,
        Status::Failed => Tone::Bad,
        Status::Gone | Status::New => Tone::Quiet,
        Status::Deploying | Status::RolledBack | Status::TearingDown => Tone::Busy,
    }
}

#[cfg(test)]
mod tests {
    use ledger::{Pending, Platform};

    use super::*;
    use crate::fixtures;

    fn of(platform: &Platform) -> PlatformView {
        PlatformView::new(platform, None, &fixtures::clock())
    }

    #[tokio::test]
    async fn a_list() {
        let (ledger, _) = fixtures::under_way().await;
        let mut platforms = ledger.platforms().await.unwrap();
        platforms.push(Platform { status: Status::Ready, ..fixtures::platform() });
        platforms.push(Platform { approval: Some(fixtures::pending()), ..fixtures::platform() });
        platforms.push(Platform { status: Status::RolledBack, next_due: None, ..fixtures::platform() });
        let views: Vec<PlatformView> = platforms.iter().map(of).collect();
        insta::assert_snapshot!(list(Paint::PLAIN, &fixtures::clock(), &views));
    }

    #[test]
    fn a_head_with_a_plan_that_waits_for_approval() {
        let pending = fixtures::pending();
        let said = Decision { approved: true, by: "arn:aws:iam::123456789012:user/ada".to_owned(), at: fixtures::NOW };
        let approved = Pending { decision: Some(said), ..pending.clone() };
        let shown = [pending, approved].map(|pending| {
            let platform = Platform { approval: Some(pending), ..fixtures::platform() };
            head(Paint::PLAIN, &fixtures::clock(), &of(&platform))
        });
        insta::assert_snapshot!(shown.join("\n"));
    }

    #[test]
    fn a_head_at_rest_and_rolled_back() {
        let by = "arn:aws:iam::123456789012:user/ada".to_owned();
        let pause = Pause { by, at: fixtures::NOW - jiff::SignedDuration::from_hours(2) };
        let platform = Platform { paused: Some(pause.clone()), kept_plan: Some(1), ..fixtures::platform() };
        let own = head(Paint::PLAIN, &fixtures::clock(), &of(&platform));
        let waiting = Some(ledger::Waiting::new(ledger::Machine::Deploy, None, fixtures::NOW));
        let platform = Platform { status: Status::New, waiting, ..fixtures::platform() };
        let view = PlatformView::new(&platform, Some(&pause), &fixtures::clock());
        let all = head(Paint::PLAIN, &fixtures::clock(), &view);
        insta::assert_snapshot!(format!("{own}\n{all}\n{}", list(Paint::PLAIN, &fixtures::clock(), &[view])));
    }

    #[test]
    fn a_head_without_protection_and_with_something_waiting() {
        let hour = jiff::SignedDuration::from_hours(1);
        let waiting = ledger::Waiting::new(ledger::Machine::Deploy, None, fixtures::NOW - hour);
        let unprotected_until = Some(fixtures::NOW + hour);
        let platform = Platform { waiting: Some(waiting), unprotected_until, last_good: 0, ..fixtures::platform() };
        insta::assert_snapshot!(head(Paint::PLAIN, &fixtures::clock(), &of(&platform)));
    }
}
