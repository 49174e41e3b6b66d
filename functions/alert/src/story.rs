//! What is to be said of a run that failed: what, why, what was undone, what remains, what to do next, when. Pure.

use domain::{Class, FaultName, Record, State};
use jiff::Timestamp;
use lambda::execution_name;
use ledger::{Failure, Machine, OnFailure, Platform, Request, Restore, Run, Trigger};

use crate::news::{Happened, News};

/// How many resources are named.
const NAMED: usize = 20;

/// By this the machines join a failure to one that came after it.
const THEN: &str = " Then this failed too: ";

/// By this a fault's message leads over to what to do.
const NEXT: &str = " Next: ";

/// Everything that is known.
#[derive(Debug)]
pub(crate) struct Story<'a> {
    /// The installation's name.
    pub(crate) installation: &'a str,
    /// What happened.
    pub(crate) news: &'a News,
    /// To which platform; none if that is not known.
    pub(crate) platform: Option<&'a Platform>,
    /// In which run; none if nothing was started.
    pub(crate) run: Option<&'a Run>,
    /// What is asked for, if approval is.
    pub(crate) request: Option<&'a Request>,
    /// What the platform consists of now.
    pub(crate) records: &'a [Record],
    /// When this is told.
    pub(crate) now: Timestamp,
}

impl Story<'_> {
    /// In a few words, without a full stop.
    pub(crate) fn headline(&self) -> String {
        let name = self.name();
        let what = match name {
            Some(name) => format!("{name}: {}", self.machine()),
            None => self.machine().to_owned(),
        };
        match &self.news.happened {
            Happened::Retained => format!("{}: the manifest was deleted, the platform stays", name.unwrap_or("?")),
            Happened::ApprovalRequired(plan) => format!("{}: plan {plan} waits for approval", name.unwrap_or("?")),
            Happened::Aborted(_) => format!("{what} stopped by hand"),
            Happened::TimedOut(_) => format!("{what} ran out of time"),
            Happened::Failed(failure) if self.is_refused(failure) => format!("{what} refused ({})", failure.name),
            Happened::Failed(failure) => format!("{what} failed ({})", failure.name),
        }
    }

    /// Titles with their lines. One without lines is left out.
    pub(crate) fn sections(&self) -> [(&'static str, Vec<String>); 5] {
        [
            ("Why", self.why()),
            ("What needs approval", self.needs_approval()),
            ("What was undone", self.undone()),
            ("What remains", self.remains()),
            ("Next", self.next()),
        ]
    }

    /// When and where, a line each.
    pub(crate) fn facts(&self) -> Vec<String> {
        let mut facts = vec![format!("Time: {}", self.now.strftime("%Y-%m-%d %H:%M:%S UTC"))];
        if let Some(run) = self.run {
            let began = run.started.strftime("%Y-%m-%d %H:%M:%S UTC");
            facts.push(format!("Run: {}, begun {began} by {}", run.id, trigger(run.trigger)));
        }
        if let Some((run, uri)) = self.run.and_then(|run| Some((run, run.diagnostics.as_ref()?))) {
            facts.push(format!("Diagnostics: {uri}"));
            facts.push(format!("  landfall diagnostics {} --run {}   shows them", run.platform, run.id));
        }
        let execution = execution_name(&self.news.execution);
        facts.push(format!("Execution: {execution} of {}-{}", self.installation, self.machine()));
        facts
    }

    fn name(&self) -> Option<&str> {
        let known = self.platform.map(|platform| &platform.name).or(self.news.platform.as_ref());
        known.map(domain::PlatformName::as_str)
    }

    /// The machine: the part of the execution's ARN before its name, without the installation.
    fn machine(&self) -> &str {
        let machine = self.news.execution.rsplit(':').nth(1).unwrap_or("run");
        machine.strip_prefix(self.installation).and_then(|rest| rest.strip_prefix('-')).unwrap_or(machine)
    }

    /// Whether it was turned away before anything was touched.
    fn is_refused(&self, failure: &Failure) -> bool {
        self.run.is_none() && failure.fault().is_some_and(|fault| fault.class() == Class::Input)
    }

    fn needs_approval(&self) -> Vec<String> {
        let reasons = self.request.map(|request| request.reasons.as_slice()).unwrap_or_default();
        let more = reasons.len().saturating_sub(NAMED);
        let more = (more > 0).then(|| format!("and {more} more"));
        reasons.iter().take(NAMED).cloned().chain(more).collect()
    }

    fn why(&self) -> Vec<String> {
        if let Happened::ApprovalRequired(_) = self.news.happened {
            return vec!["The guards of the revision before (safety.approval) ask for it.".to_owned()];
        }
        let Some(failure) = self.news.failure() else {
            let object = self.platform.map(|platform| &platform.bound);
            let object = object.map_or("The manifest".to_owned(), |it| format!("s3://{}/{}", it.bucket, it.key));
            return vec![format!("{object} was deleted, and safety.onManifestDelete is Retain.")];
        };
        let mut lines = Vec::new();
        // The machine's own end says all in its sentence; a fault's name has a meaning beside it.
        if let (Happened::Failed(_), Some(fault)) = (&self.news.happened, failure.fault()) {
            lines.push(fault.sentence().to_owned());
        }
        for (index, part) in failure.message.split(THEN).enumerate() {
            let (what, _) = split_next(part);
            let joint = if index == 0 { "" } else { THEN.trim_start() };
            lines.extend(format!("{joint}{what}").lines().map(|line| line.trim_end().to_owned()));
        }
        lines.dedup();
        lines
    }

    fn undone(&self) -> Vec<String> {
        let Some(run) = self.run else {
            return match self.news.happened {
                Happened::Retained | Happened::ApprovalRequired(_) => vec![],
                _ => vec!["Nothing: no run was started, and nothing was changed.".to_owned()],
            };
        };
        let good = self.platform.map_or(0, |platform| platform.last_good);
        let stops = self.platform.and_then(|platform| platform.guards).map(|guards| guards.on_failure);
        vec![match (run.machine, run.restore, run.restored) {
            (Machine::Teardown, _, _) => "Nothing: what is torn down is never built up again.".to_owned(),
            (_, Some(Restore::LastGood), true) => format!("Everything: it is back at plan {good}, the last good one."),
            (_, Some(Restore::LastGood), false) => {
                format!("Not all: the way back to plan {good}, the last good one, failed as well.")
            }
            (_, Some(Restore::Empty), true) => {
                "Everything: what the run had made was taken away, for no deploy had succeeded before.".to_owned()
            }
            (_, Some(Restore::Empty), false) => "Not all: taking away what the run had made failed as well.".to_owned(),
            (_, Some(Restore::None), _) if stops == Some(OnFailure::Stop) => {
                "Nothing: safety.onFailure is Stop, so that a retry can go on from here.".to_owned()
            }
            (_, Some(Restore::None), _) => {
                "Nothing: the run was at the last good plan itself, and there is none better to go back to.".to_owned()
            }
            (_, None, _) => "Nothing: the run ended before it could undo anything.".to_owned(),
        }]
    }

    /// What is not as it should be: after a teardown, or a way back to nothing, whatever is there.
    fn remains(&self) -> Vec<String> {
        let count = self.records.len();
        let Some(run) = self.run else {
            return match self.news.happened {
                Happened::Retained => vec![format!("All of it; resources: {count}.")],
                _ => vec![],
            };
        };
        let to_nothing = run.machine == Machine::Teardown || run.restore == Some(Restore::Empty);
        let remains = |record: &&Record| record.state != State::Ready || (to_nothing && !record.adopted);
        let open: Vec<&Record> = self.records.iter().filter(remains).collect();
        if open.is_empty() {
            return vec![match (to_nothing, count) {
                (true, _) | (_, 0) => "Nothing that Landfall knows of.".to_owned(),
                (false, 1) => "One resource, and it is ready.".to_owned(),
                (false, count) => format!("{count} resources, all of them ready."),
            }];
        }
        let mut lines: Vec<String> = open.iter().take(NAMED).map(|record| line(record)).collect();
        if open.len() > NAMED {
            lines.push(format!("and {} more", open.len() - NAMED));
        }
        lines
    }

    fn next(&self) -> Vec<String> {
        let asked = self.news.failure().and_then(|failure| {
            let (_, next) = split_next(failure.message.split(THEN).next().unwrap_or_default());
            next.map(str::to_owned)
        });
        match asked {
            // A step without a command, such as raising a quota, is followed by one.
            Some(step) if step.contains("landfall ") => vec![step],
            Some(step) => [vec![step], self.commands()].concat(),
            None => self.commands(),
        }
    }

    fn until(&self) -> String {
        match self.request {
            Some(request) => {
                let until = (request.asked + Request::LIMIT).strftime("%Y-%m-%d %H:%M:%S UTC");
                format!("Without a word it is dropped at {until}. Until then nothing is changed.")
            }
            None => "Without a word it is dropped. Until then nothing is changed.".to_owned(),
        }
    }

    fn commands(&self) -> Vec<String> {
        if let (Some(name), Happened::ApprovalRequired(plan)) = (self.name(), &self.news.happened) {
            return vec![
                format!("landfall approve {name} --plan {plan}   carries it out"),
                format!("landfall reject {name} --plan {plan}   drops it"),
                self.until(),
            ];
        }
        let fault = self.news.failure().and_then(Failure::fault);
        let lines: &[String] = &match (self.name(), self.run.map(|run| run.machine)) {
            (Some(name), _) if self.news.happened == Happened::Retained => vec![
                "To keep it under Landfall's care, upload the manifest again.".to_owned(),
                format!("landfall destroy {name}   takes it away"),
            ],
            (Some(name), Some(Machine::Deploy)) if self.run.is_some_and(|run| run.trigger == Trigger::Rollback) => {
                vec![
                    format!("landfall status {name}   shows what is there"),
                    format!(
                        "landfall rollback {name} --to {}   tries to go back again",
                        self.run.map(|run| run.plan).unwrap_or_default()
                    ),
                ]
            }
            (Some(name), Some(Machine::Deploy)) => vec![
                format!("landfall status {name}   shows what is there"),
                format!("landfall retry {name}   goes on with the newest revision"),
            ],
            (Some(name), Some(Machine::Teardown)) => vec![
                format!("landfall status {name}   shows what is there"),
                format!("landfall destroy {name}   goes on with the teardown"),
            ],
            (_, None) if fault == Some(FaultName::InvalidManifest) => {
                vec!["landfall apply -f FILE   after `landfall validate FILE` has nothing more to say".to_owned()]
            }
            (Some(name), None) => vec![format!("landfall status {name}   shows what is there")],
            (None, _) => vec!["landfall list   shows every platform".to_owned()],
        };
        lines.to_vec()
    }
}

/// A message and what it says to do.
fn split_next(message: &str) -> (&str, Option<&str>) {
    match message.split_once(NEXT) {
        Some((what, next)) => (what, Some(next)),
        None => (message, None),
    }
}

fn line(record: &Record) -> String {
    let place = record.locator.as_ref().map(|locator| format!(" ({locator})")).unwrap_or_default();
    let reason = match &record.state {
        State::Pending(operation)
        | State::Updating(operation)
        | State::Retiring(operation)
        | State::Deleting(operation)
        | State::Failed(operation) => operation.reason.as_deref(),
        State::Creating(_) | State::Unknown(_) | State::Ready | State::Gone => None,
    };
    let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("{}{place} is {}{reason}", record.id, record.state.word())
}

fn trigger(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Upload => "an upload",
        Trigger::Manual => "hand",
        Trigger::Schedule => "its schedule",
        Trigger::Retry => "a retry",
        Trigger::Rollback => "a request to go back",
        Trigger::Waiting => "an upload that waited for the run before",
        Trigger::Destroy => "a request to take it away",
    }
}
