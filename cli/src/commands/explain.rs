//! `landfall explain`: what a field of the manifest is for.

use crate::arguments::{Explain, Form};
use crate::failure::{Exit, Failure};
use crate::output::explain::explain;
use crate::printer::Printer;

/// Explains it.
pub fn run(asked: &Explain, printer: Printer) -> Result<Exit, Failure> {
    let explanation = manifest::explain(&asked.field).map_err(|nearest| {
        let failure = Failure::new(format!("A manifest has no field `{}`", asked.field));
        match nearest {
            Some(near) => failure.hint(format!("Did you mean `{near}`?")),
            None => failure.hint("See all fields with `landfall explain spec`"),
        }
    })?;
    match asked.reading.output {
        Form::Json => printer.json(&explanation)?,
        Form::Text => printer.result(&explain(printer.paint(), &explanation)),
    }
    Ok(Exit::Done)
}
