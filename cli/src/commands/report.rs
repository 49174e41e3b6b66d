//! `landfall report`: the proof of a platform's last teardown.

use domain::{PlatformName, RunId};
use ledger::{Machine, Report};

use crate::arguments::{Form, OfPlatform};
use crate::failure::{Exit, Failure};
use crate::installation::Installation;
use crate::output::report::report;
use crate::output::time::Clock;
use crate::printer::Printer;
use crate::{documents, look};

/// How many of the newest runs are searched for a teardown.
const NEWEST: usize = 50;

/// Shows it.
pub async fn run(installation: &Installation, asked: &OfPlatform, printer: Printer) -> Result<Exit, Failure> {
    let name = &asked.name;
    look::platform(&installation.ledger, name).await?;
    let runs = installation.ledger.runs(name, NEWEST).await?;
    for teardown in runs.iter().filter(|run| run.machine == Machine::Teardown) {
        let Some(found) = read(installation, name, teardown.id).await? else { continue };
        match asked.reading.output {
            Form::Json => printer.json(&found)?,
            Form::Text => printer.result(&report(printer.paint(), &Clock::system(), &found)),
        }
        return Ok(Exit::Done);
    }
    Err(Failure::new(format!("No teardown of `{name}` has come as far as its proof"))
        .hint(format!("See its runs with `landfall history {name}`")))
}

/// Shows the proof of one run, if there is one.
pub async fn show(
    installation: &Installation,
    name: &PlatformName,
    run: RunId,
    printer: Printer,
) -> Result<(), Failure> {
    if let Some(found) = read(installation, name, run).await? {
        printer.result(&report(printer.paint(), &Clock::system(), &found));
    }
    Ok(())
}

async fn read(installation: &Installation, name: &PlatformName, run: RunId) -> Result<Option<Report>, Failure> {
    documents::read(installation, &Report::key(name, run)).await
}
