//! The `landfall` command: checks and uploads manifests, follows runs, and shows what the ledger knows.

#![expect(unreachable_pub, reason = "a binary exports nothing: `pub` means for the other modules")]

mod arguments;
mod begin;
mod caller;
mod cluster;
mod commands;
mod decision;
mod documents;
mod execution;
mod failure;
#[cfg(test)]
mod fixtures;
mod follow;
mod installation;
mod kubeconfig;
mod look;
mod output;
mod printer;
mod proposal;
#[cfg(test)]
mod reference;
mod sdk;
mod source;

use std::process::ExitCode;

use arguments::Arguments;
use clap::Parser;
use clap::error::ErrorKind;
use failure::Exit;
use printer::Printer;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(answer) => return usage(&answer),
    };
    let printer = Printer::of_process();
    let exit = commands::run(arguments, printer).await.unwrap_or_else(|failure| {
        printer.failure(&failure);
        Exit::Failed
    });
    ExitCode::from(exit as u8)
}

/// Prints help, the version, or what is wrong with the command line.
fn usage(answer: &clap::Error) -> ExitCode {
    // Nobody is left to hear of it when this fails.
    let _ = answer.print();
    match answer.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
        _ => ExitCode::from(Exit::Usage as u8),
    }
}
