//! `landfall status`: a platform as it is now.

use crate::arguments::{Form, Status};
use crate::failure::{Exit, Failure};
use crate::follow::follow;
use crate::installation::Installation;
use crate::output::status::status;
use crate::output::time::Clock;
use crate::printer::Printer;
use crate::{documents, look};

/// Shows it, or follows the run that is under way.
pub async fn run(installation: &Installation, asked: &Status, printer: Printer) -> Result<Exit, Failure> {
    let platform = look::platform(&installation.ledger, &asked.name).await?;
    if let Some(lease) = platform.lease.as_ref().filter(|_| asked.watch) {
        return follow(installation, &asked.name, lease.run, printer).await;
    }
    let clock = Clock::system();
    let plan = match &platform.lease {
        Some(lease) => {
            let run = look::run(&installation.ledger, &asked.name, lease.run).await?;
            documents::plan(installation, &asked.name, run.plan).await?
        }
        // Only for what it knew of EKS, without which a status says enough.
        None => documents::plan(installation, &asked.name, platform.plan).await.ok().flatten(),
    };
    let facts = plan.as_ref().and_then(|plan| plan.facts.cluster.as_ref());
    // What a run has not begun yet is in its plan only.
    let wanted = plan.as_ref().filter(|_| platform.lease.is_some());
    let view = look::status(&installation.ledger, &platform, platform.last_run, wanted, facts, &clock).await?;
    match asked.reading.output {
        Form::Json => printer.json(&view)?,
        Form::Text => printer.result(&status(printer.paint(), &clock, &view)),
    }
    Ok(Exit::Done)
}
