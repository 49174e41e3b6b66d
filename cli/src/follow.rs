//! Follows a run to its end: live at the foot of a terminal, a line for each resource that got somewhere everywhere.

use std::time::Duration;

use domain::{PlatformName, RunId};
use plan::{Plan, PlanNumber};

use crate::arguments::Waiting;
use crate::documents;
use crate::failure::{Exit, Failure};
use crate::installation::Installation;
use crate::look;
use crate::output::follow::{ending, goes_on, steps};
use crate::output::status::{StatusView, progress};
use crate::output::time::Clock;
use crate::printer::{Live, Printer};

/// How often the ledger is asked.
pub const PAUSE: Duration = Duration::from_secs(1);

/// The most lines of live progress: what does not fit on a screen cannot be redrawn in place.
const HEIGHT: usize = 16;

impl Waiting {
    /// Whether to wait: if asked, or where somebody watches and nobody asked not to.
    pub fn is_wanted(self, printer: Printer) -> bool {
        self.wait || (!self.no_wait && printer.is_terminal())
    }
}

/// Follows a run, or prints its id and leaves it alone.
pub async fn follow_or_leave(
    installation: &Installation,
    name: &PlatformName,
    run: RunId,
    waiting: Waiting,
    printer: Printer,
) -> Result<Exit, Failure> {
    if waiting.is_wanted(printer) {
        return follow(installation, name, run, printer).await;
    }
    printer.result(&format!("{run}\n"));
    Ok(Exit::Done)
}

/// Follows a run to its end, says how it ended, and fails if it did. Ctrl-C stops only the following.
pub async fn follow(
    installation: &Installation,
    name: &PlatformName,
    run: RunId,
    printer: Printer,
) -> Result<Exit, Failure> {
    let live = printer.live();
    let ended = tokio::select! {
        ended = watch(installation, name, run, printer, &live) => ended,
        _ = tokio::signal::ctrl_c() => {
            live.leave();
            printer.note(&format!("The run {run} goes on"));
            printer.hint(&goes_on(name.as_str()));
            return Ok(Exit::Interrupted);
        }
    };
    live.end();
    printer.note(&ending(printer.note_paint(), &Clock::system(), &ended?)?);
    Ok(Exit::Done)
}

/// Said when somebody leaves before the run is known.
pub fn goes_on_alone(name: &PlatformName, printer: Printer) -> Exit {
    printer.note("The manifest is uploaded, and its run goes on");
    printer.hint(&goes_on(name.as_str()));
    Exit::Interrupted
}

/// Looks again and again until the run has ended, and returns the last picture.
async fn watch(
    installation: &Installation,
    name: &PlatformName,
    run: RunId,
    printer: Printer,
    live: &Live,
) -> Result<StatusView, Failure> {
    let paint = printer.note_paint();
    let mut before: Option<StatusView> = None;
    let mut plan: Option<(PlanNumber, Plan)> = None;
    loop {
        let clock = Clock::system();
        let platform = look::platform(&installation.ledger, name).await?;
        let number = look::run(&installation.ledger, name, run).await?.plan;
        if plan.as_ref().is_none_or(|(known, _)| *known != number) {
            plan = documents::plan(installation, name, number).await?.map(|plan| (number, plan));
        }
        let wanted = plan.as_ref().map(|(_, plan)| plan);
        let view = look::status(&installation.ledger, &platform, Some(run), wanted, None, &clock).await?;
        for step in before.iter().flat_map(|before| steps(paint, &clock, before, &view)) {
            live.note(&step);
        }
        live.show(&progress(paint, &clock, &view, HEIGHT));
        if view.run.as_ref().is_none_or(|run| run.ended.is_some()) {
            return Ok(view);
        }
        before = Some(view);
        tokio::time::sleep(PAUSE).await;
    }
}
