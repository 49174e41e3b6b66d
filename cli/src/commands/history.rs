//! `landfall history`: the runs of a platform.

use crate::arguments::{Form, OfPlatform};
use crate::failure::{Exit, Failure};
use crate::installation::Installation;
use crate::look;
use crate::output::run::{RunView, history};
use crate::output::time::Clock;
use crate::printer::Printer;

/// How many runs are shown.
const NEWEST: usize = 50;

/// Lists them, the newest first.
pub async fn run(installation: &Installation, asked: &OfPlatform, printer: Printer) -> Result<Exit, Failure> {
    look::platform(&installation.ledger, &asked.name).await?;
    let runs = installation.ledger.runs(&asked.name, NEWEST).await?;
    let views: Vec<RunView> = runs.iter().map(RunView::new).collect();
    match asked.reading.output {
        Form::Json => printer.json(&views)?,
        Form::Text => printer.result(&history(printer.paint(), &Clock::system(), &views)),
    }
    Ok(Exit::Done)
}
