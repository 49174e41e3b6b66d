//! `landfall schema`: the JSON schema of the manifest, for editors.

use crate::failure::{Exit, Failure};
use crate::printer::Printer;

/// Prints it.
pub fn run(printer: Printer) -> Result<Exit, Failure> {
    printer.json(&manifest::schema())?;
    Ok(Exit::Done)
}
