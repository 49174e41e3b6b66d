//! `landfall describe`: everything that is known of one resource.

use crate::arguments::{Describe, Form};
use crate::failure::{Exit, Failure};
use crate::installation::Installation;
use crate::look;
use crate::output::describe::{describe, views};
use crate::output::time::Clock;
use crate::printer::Printer;

/// Shows it.
pub async fn run(installation: &Installation, asked: &Describe, printer: Printer) -> Result<Exit, Failure> {
    look::platform(&installation.ledger, &asked.name).await?;
    let records = look::records(&installation.ledger, &asked.name).await?;
    let views = views(&asked.resource, &records);
    if views.is_empty() {
        return Err(Failure::new(format!("The platform `{}` has no resource `{}`", asked.name, asked.resource))
            .hint(format!("List its resources with `landfall status {}`", asked.name)));
    }
    match asked.reading.output {
        Form::Json => printer.json(&views)?,
        Form::Text => printer.result(&describe(printer.paint(), &Clock::system(), &views)),
    }
    Ok(Exit::Done)
}
