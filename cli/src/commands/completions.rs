//! `landfall completions`: the script for a shell.

use clap::CommandFactory;

use crate::arguments::{Arguments, Completions};
use crate::failure::{Exit, Failure};
use crate::printer::Printer;

/// Prints the script.
pub fn run(arguments: &Completions, printer: Printer) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "landfall", &mut script);
    printer.raw(&String::from_utf8_lossy(&script));
    Ok(Exit::Done)
}
