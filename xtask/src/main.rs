//! Every command that a person types: one file per sub command.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod elf;
mod generate;
mod package;
mod policies;
mod program;
mod sandbox;
mod test;

/// Landfall's tasks.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Writes the files that are made from the code: the manifest's schema, the policies in the template.
    Generate,
    /// Builds the functions into the zips that `sam deploy` uploads.
    Package(package::Arguments),
    /// AWS on this machine, with Landfall installed in it.
    Sandbox(sandbox::Arguments),
    /// Runs every test, after installing what they need.
    Test(test::Arguments),
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Generate => generate::run(),
        Task::Package(arguments) => package::build(arguments).await,
        Task::Sandbox(arguments) => sandbox::run(arguments).await,
        Task::Test(arguments) => test::run_all(arguments).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(error.as_ref());
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "a command speaks to a person")]
fn report(error: &(dyn std::error::Error + 'static)) {
    eprintln!("error: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        eprintln!("  because: {cause:.2000}");
        source = cause.source();
    }
}
