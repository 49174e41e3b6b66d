//! `landfall cancel`: ends the run that is under way.
//!
//! The ledger comes first: from then on nothing of the run may write. Only then is the execution stopped, which
//! settles the run and frees the platform.

use crate::arguments::Named;
use crate::failure::{Exit, Failure};
use crate::installation::Installation;
use crate::printer::Printer;
use crate::{execution, look};

/// Cancels it.
pub async fn run(installation: &Installation, asked: &Named, printer: Printer) -> Result<Exit, Failure> {
    let name = &asked.name;
    let platform = look::platform(&installation.ledger, name).await?;
    let Some(run) = installation.ledger.cancel(name).await? else {
        let failure = Failure::new(format!("No run of `{name}` is under way"));
        return Err(match platform.approval {
            Some(pending) => {
                failure.hint(format!("Drop plan {}, which waits, with `landfall reject {name}`", pending.plan))
            }
            None => failure.hint(format!("See how it is with `landfall status {name}`")),
        });
    };
    execution::stop(installation, &run.execution).await?;
    printer.note(&format!("Cancelled the run {}", run.id));
    printer.note(&format!(
        "What it did stays as it is. Go on with `landfall retry {name}`, or take all away with `landfall destroy {name}`"
    ));
    Ok(Exit::Done)
}
