//! `landfall events`: what a run did, step by step.

use crate::arguments::{Events, Form};
use crate::failure::{Exit, Failure};
use crate::installation::Installation;
use crate::look;
use crate::output::events::{events, views};
use crate::output::time::Clock;
use crate::printer::Printer;

/// Lists the steps of one run, the oldest first.
pub async fn run(installation: &Installation, asked: &Events, printer: Printer) -> Result<Exit, Failure> {
    let platform = look::platform(&installation.ledger, &asked.name).await?;
    let id = match &asked.run {
        Some(text) => Some(look::run_id(&asked.name, text)?),
        None => platform.last_run,
    };
    let happened = match id {
        Some(id) => {
            look::run(&installation.ledger, &asked.name, id).await?;
            installation.ledger.events(id).await?
        }
        None => Vec::new(),
    };
    let views = views(&happened);
    match asked.reading.output {
        Form::Json => printer.json(&views)?,
        Form::Text if views.is_empty() => printer.note("The run changed nothing, or its events have expired"),
        Form::Text => printer.result(&events(printer.paint(), &Clock::system(), &views)),
    }
    Ok(Exit::Done)
}
