//! `landfall describe`: everything that is known of one resource, or of a platform without its resources.

use crate::arguments::{Describe, Form};
use crate::failure::{Exit, Failure};
use crate::installation::Installation;
use crate::look;
use crate::output::describe::{describe, views};
use crate::output::status::summary;
use crate::output::time::Clock;
use crate::printer::Printer;

/// Shows it.
pub async fn run(installation: &Installation, asked: &Describe, printer: Printer) -> Result<Exit, Failure> {
    let platform = look::platform(&installation.ledger, &asked.name).await?;
    let Some(resource) = &asked.resource else {
        let clock = Clock::system();
        let view = look::status(&installation.ledger, &platform, platform.last_run, None, None, &clock).await?;
        match asked.reading.output {
            Form::Json => printer.json(&view)?,
            Form::Text => printer.result(&summary(printer.paint(), &clock, &view)),
        }
        return Ok(Exit::Done);
    };
    let records = look::records(&installation.ledger, &asked.name).await?;
    let views = views(resource, &records);
    if views.is_empty() {
        return Err(Failure::new(format!("The platform `{}` has no resource `{resource}`", asked.name))
            .hint(format!("List its resources with `landfall status {}`", asked.name)));
    }
    match asked.reading.output {
        Form::Json => printer.json(&views)?,
        Form::Text => printer.result(&describe(printer.paint(), &Clock::system(), &views)),
    }
    Ok(Exit::Done)
}
