//! `landfall history`: the runs of a platform.

use crate::arguments::{Form, OfPlatform};
use crate::failure::{Exit, Failure};
use crate::installation::Installation;
use crate::look;
use crate::output::platform::{PlatformView, approval};
use crate::output::run::{RunView, history};
use crate::output::time::Clock;
use crate::printer::Printer;

/// How many runs are shown.
const NEWEST: usize = 50;

/// Lists them, the newest first.
pub async fn run(installation: &Installation, asked: &OfPlatform, printer: Printer) -> Result<Exit, Failure> {
    let platform = look::platform(&installation.ledger, &asked.name).await?;
    let runs = installation.ledger.runs(&asked.name, NEWEST).await?;
    let views: Vec<RunView> = runs.iter().map(RunView::new).collect();
    match asked.reading.output {
        Form::Json => printer.json(&views)?,
        Form::Text => {
            let clock = Clock::system();
            printer.result(&history(printer.paint(), &clock, &views));
            if let Some(waits) = approval(&clock, &PlatformView::new(&platform, None, &clock)) {
                printer.note(waits.trim());
            }
        }
    }
    Ok(Exit::Done)
}
