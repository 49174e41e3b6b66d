//! `landfall validate`: every problem of a manifest, without credentials.

use crate::arguments::{Form, Validate};
use crate::failure::{Exit, Failure};
use crate::output::problems::{ValidateView, problems};
use crate::printer::Printer;
use crate::source;

/// Judges it. Ends with 1 if it would be refused.
pub fn run(asked: &Validate, printer: Printer) -> Result<Exit, Failure> {
    let source = source::read(&asked.file.file)?;
    let (valid, found) = match manifest::parse(&source.bytes) {
        Ok(checked) => (true, checked.warnings),
        Err(errors) => (false, errors.0),
    };
    match asked.reading.output {
        Form::Json => printer.json(&ValidateView { file: &source.name, valid, problems: &found })?,
        Form::Text => {
            printer.result(&problems(printer.paint(), &source.name, &source.bytes, &found));
            if valid {
                printer.result(&format!("`{}` is valid\n", source.name));
            }
        }
    }
    Ok(if valid { Exit::Done } else { Exit::Failed })
}
