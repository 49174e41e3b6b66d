//! `landfall history`, and how a run is spoken of everywhere else.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use ledger::{Decision, Failure, Machine, Run, RunStatus, Trigger};
use serde::Serialize;

use super::paint::{Paint, Tone};
use super::table::{Cell, table};
use super::time::{Clock, exact};

/// One run.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunView {
    /// Its id.
    pub id: String,
    /// The state machine: `deploy` or `teardown`.
    pub machine: Machine,
    /// What started it: `Upload`, `Manual`, `Schedule`, `Retry`, `Rollback`, `Waiting` or `Destroy`.
    pub trigger: Trigger,
    /// The revision that it carries out; 0 if the platform never had one.
    pub revision: u64,
    /// The plan that it carries out; 0 for a teardown.
    pub plan: u64,
    /// The ARN of its execution.
    pub execution: String,
    /// `Running`, `Succeeded`, `Failed` or `Cancelled`.
    pub status: RunStatus,
    /// When it began.
    pub started: Timestamp,
    /// When it ended; null while it is under way.
    pub ended: Option<Timestamp>,
    /// Whether somebody asked for its end.
    pub cancelled: bool,
    /// Who approved its plan, and when; null if that needed no approval.
    pub approval: Option<Decision>,
    /// Why it failed: a name and a sentence.
    pub failure: Option<Failure>,
    /// Where what it knew at its failure lies, as an S3 URI; null if it did not fail.
    pub diagnostics: Option<String>,
    /// Whether it undid, after its failure, what it had done.
    pub restored: bool,
    /// Its phases so far.
    pub phases: Vec<PhaseView>,
}

/// One phase of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PhaseView {
    /// Its name.
    pub name: String,
    /// When it began.
    pub started: Timestamp,
    /// When it ended; null while it is under way.
    pub ended: Option<Timestamp>,
}

impl RunView {
    /// What the ledger knows, as it is shown.
    pub fn new(run: &Run) -> Self {
        let phases = run.phases.iter();
        Self {
            id: run.id.to_string(),
            machine: run.machine,
            trigger: run.trigger,
            revision: run.revision,
            plan: run.plan,
            execution: run.execution.clone(),
            status: run.status,
            started: run.started,
            ended: run.ended,
            cancelled: run.cancelled,
            approval: run.approval.clone(),
            failure: run.failure.clone(),
            diagnostics: run.diagnostics.clone(),
            restored: run.restored,
            phases: phases
                .map(|phase| PhaseView { name: phase.name.clone(), started: phase.started, ended: phase.ended })
                .collect(),
        }
    }

    /// How long it took, or has taken so far.
    pub fn elapsed(&self, clock: &Clock) -> SignedDuration {
        passed(clock, self.started, self.ended)
    }
}

impl PhaseView {
    /// How long it took, or has taken so far.
    pub fn elapsed(&self, clock: &Clock) -> SignedDuration {
        passed(clock, self.started, self.ended)
    }
}

fn passed(clock: &Clock, from: Timestamp, to: Option<Timestamp>) -> SignedDuration {
    to.unwrap_or(clock.now).duration_since(from).max(SignedDuration::ZERO)
}

/// What a run like another usually takes: the median of those before it that succeeded, in seconds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Expected {
    /// The whole; null if there was none.
    pub seconds: Option<i64>,
    /// Each phase.
    pub phases: BTreeMap<String, i64>,
}

impl Expected {
    /// From `earlier` runs of the same platform, in any order.
    pub fn of(run: &Run, earlier: &[Run]) -> Self {
        // A first deploy says nothing about an update, and a redeploy of the same plan nothing about either.
        let alike = earlier
            .iter()
            .filter(|other| other.id < run.id && other.machine == run.machine && other.status == RunStatus::Succeeded);
        let mut whole = Vec::new();
        let mut phases: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for other in alike {
            whole.extend(other.ended.map(|ended| ended.duration_since(other.started).as_secs()));
            for phase in &other.phases {
                let took = phase.ended.map(|ended| ended.duration_since(phase.started).as_secs());
                phases.entry(phase.name.clone()).or_default().extend(took);
            }
        }
        let phases = phases.into_iter().filter_map(|(name, took)| Some((name, median(took)?)));
        Self { seconds: median(whole), phases: phases.collect() }
    }
}

fn median(mut values: Vec<i64>) -> Option<i64> {
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}

/// A line a run, the newest first.
pub fn history(paint: Paint, clock: &Clock, runs: &[RunView]) -> String {
    let rows = runs.iter().map(|run| {
        let failure = run.failure.as_ref().map(|failure| failure.name.clone()).unwrap_or_default();
        let number = |number: u64| if number == 0 { String::new() } else { number.to_string() };
        let (revision, plan) = (number(run.revision), number(run.plan));
        [
            Cell::from(&run.id),
            Cell::from(clock.date(run.started)),
            Cell::from(exact(run.elapsed(clock))),
            Cell::from(machine(run)),
            Cell::from(format!("{:?}", run.trigger)),
            Cell::from(revision),
            Cell::from(plan),
            Cell::new(tone(run), word(run)),
            Cell::new(Tone::Bad, failure),
        ]
    });
    let headings = ["RUN", "STARTED", "TOOK", "MACHINE", "TRIGGER", "REVISION", "PLAN", "OUTCOME", "FAULT"];
    table(paint, headings, rows.collect())
}

/// The name of its machine.
pub fn machine(run: &RunView) -> &'static str {
    match run.machine {
        Machine::Deploy => "deploy",
        Machine::Teardown => "teardown",
    }
}

/// How far it is, in words.
pub fn word(run: &RunView) -> &'static str {
    match (run.status, run.restored) {
        (RunStatus::Running, _) if run.cancelled => "being cancelled",
        (RunStatus::Running, _) if run.failure.is_some() => "undoing",
        (RunStatus::Running, _) => "under way",
        (RunStatus::Succeeded, _) => "succeeded",
        (RunStatus::Failed, true) => "failed, undone",
        (RunStatus::Failed, false) => "failed",
        (RunStatus::Cancelled, _) => "cancelled",
    }
}

/// The tone of those words.
pub fn tone(run: &RunView) -> Tone {
    match run.status {
        RunStatus::Succeeded => Tone::Good,
        RunStatus::Failed => Tone::Bad,
        RunStatus::Running | RunStatus::Cancelled => Tone::Busy,
    }
}

/// Why it failed, a line.
pub fn failure(paint: Paint, failure: &Failure) -> String {
    format!("{} {}\n", paint.paint(Tone::Bad, &format!("{}:", failure.name)), failure.message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[tokio::test]
    async fn a_history_with_every_outcome() {
        let (ledger, _) = fixtures::failed(true).await;
        let mut runs = ledger.runs(&fixtures::name(), 10).await.unwrap();
        runs.push(Run { status: RunStatus::Cancelled, ..runs[0].clone() });
        runs.push(Run { ended: None, cancelled: true, status: RunStatus::Running, ..runs[0].clone() });
        runs.push(Run { ended: None, status: RunStatus::Running, ..runs[0].clone() });
        runs.push(Run { ended: None, failure: None, status: RunStatus::Running, ..runs[0].clone() });
        let views: Vec<RunView> = runs.iter().map(RunView::new).collect();
        insta::assert_snapshot!(history(Paint::PLAIN, &fixtures::clock(), &views));
    }

    #[test]
    fn the_median_is_one_of_the_values() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![9]), Some(9));
        assert_eq!(median(vec![3, 100, 1]), Some(3));
    }
}
