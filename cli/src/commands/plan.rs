//! `landfall plan`: what applying a manifest would do. Nothing is changed and nothing is uploaded.

use crate::arguments::{Connection, Form, Plan};
use crate::failure::{Exit, Failure};
use crate::installation::Installation;
use crate::output::plan::plan;
use crate::printer::Printer;
use crate::proposal::propose;
use crate::source;

/// Shows it, or the manifest with all defaults.
pub async fn run(connection: &Connection, asked: &Plan, printer: Printer) -> Result<Exit, Failure> {
    let source = source::read(&asked.file.file)?;
    let manifest = source.checked(printer)?;
    if asked.expanded {
        match asked.reading.output {
            Form::Json => printer.json(&manifest)?,
            Form::Text => printer.raw(&source::as_yaml(&manifest)?),
        }
        return Ok(Exit::Done);
    }
    let installation = Installation::find(connection).await?;
    let view = propose(&installation, &manifest).await?.view;
    match asked.reading.output {
        Form::Json => printer.json(&view)?,
        Form::Text => printer.result(&plan(printer.paint(), &view)),
    }
    let changes = asked.exit_code && !view.changes.is_empty();
    Ok(if changes { Exit::Found } else { Exit::Done })
}
