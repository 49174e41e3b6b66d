//! `landfall diagnostics`: what a run knew when it failed.

use domain::RunId;
use ledger::{Diagnostics as Document, Run};

use crate::arguments::{Diagnostics, Form};
use crate::failure::{Exit, Failure};
use crate::installation::Installation;
use crate::output::diagnostics::diagnostics;
use crate::output::time::Clock;
use crate::printer::Printer;
use crate::{documents, look};

/// How many of the newest runs are searched for one that failed.
const NEWEST: usize = 50;

/// Shows what one run knew, or the last that failed.
pub async fn run(installation: &Installation, asked: &Diagnostics, printer: Printer) -> Result<Exit, Failure> {
    let name = &asked.name;
    look::platform(&installation.ledger, name).await?;
    let found = match &asked.run {
        Some(text) => look::run(&installation.ledger, name, look::run_id(name, text)?).await?,
        None => {
            let runs = installation.ledger.runs(name, NEWEST).await?;
            runs.into_iter().find(|run| run.diagnostics.is_some()).ok_or_else(|| {
                Failure::new(format!("None of the last {NEWEST} runs of `{name}` was undone or stopped by a failure"))
                    .hint(format!("See them with `landfall history {name}`"))
            })?
        }
    };
    let document = read(installation, &found).await?;
    match asked.reading.output {
        Form::Json => printer.json(&document)?,
        Form::Text => printer.result(&diagnostics(printer.paint(), &Clock::system(), &document)),
    }
    Ok(Exit::Done)
}

async fn read(installation: &Installation, run: &Run) -> Result<Document, Failure> {
    let (name, id): (_, RunId) = (&run.platform, run.id);
    let document = documents::read(installation, &Document::key(name, id)).await?;
    document.ok_or_else(|| {
        Failure::new(format!("The run {id} of `{name}` left no diagnostics"))
            .hint(format!("See what it did with `landfall events {name} --run {id}`"))
    })
}
