//! Every command that a person types: one file per sub command.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod bench;
mod chaos;
mod demo;
mod elf;
mod fuzz;
mod generate;
mod history;
mod mutants;
mod package;
mod people;
mod policies;
mod privileges;
mod program;
mod reference;
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
    /// Measures Landfall and prints the figures beside what they are compared with.
    Bench(bench::Arguments),
    /// Deploys, changes and destroys platforms while AWS misbehaves, a platform for each seed, and says what that did.
    Chaos(chaos::Arguments),
    /// Deploys, changes and destroys a platform on this machine, and says what each step took.
    Demo,
    /// Lets a fuzzer look for inputs on which reading a manifest or an event fails.
    Fuzz(fuzz::Arguments),
    /// Writes the files that are made from the code: the manifest's schema, the policies in the template.
    Generate,
    /// Switches off each rule of the engine in turn, and says which test notices.
    Mutants {
        /// Only the rules whose sentence contains this text.
        only: Option<String>,
    },
    /// Builds the functions into the zips that `sam deploy` uploads.
    Package(package::Arguments),
    /// Takes permissions away from the functions, one at a time, and sees each missed by a scenario.
    Privileges(privileges::removal::Arguments),
    /// AWS on this machine, with Landfall installed in it.
    Sandbox(sandbox::Arguments),
    /// Runs every test, after installing what they need.
    Test(test::Arguments),
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Bench(arguments) => bench::measure(arguments).await,
        Task::Chaos(arguments) => chaos::run(arguments).await,
        Task::Demo => demo::show().await,
        Task::Fuzz(arguments) => fuzz::hunt(&arguments),
        Task::Generate => generate::run(),
        Task::Mutants { only } => mutants::kill(only.as_deref()),
        Task::Package(arguments) => package::build(arguments).await,
        Task::Privileges(arguments) => privileges::removal::remove(&arguments).await,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_in_the_documents_is_one() {
        let mut count = 0;
        for document in
            ["README.md", "CONTRIBUTING.md", "docs/guide.md", "docs/adding-a-resource.md", "sandbox/README.md"]
        {
            let text = std::fs::read_to_string(program::workspace().join(document)).unwrap();
            let lines =
                text.lines().filter_map(|line| line.trim().trim_start_matches("$ ").strip_prefix("cargo xtask "));
            for line in lines.map(|line| line.split('#').next().unwrap_or(line)) {
                let words = std::iter::once("cargo xtask").chain(line.split_whitespace());
                Arguments::try_parse_from(words).unwrap_or_else(|error| panic!("{document}: {line}\n{error}"));
                count += 1;
            }
        }
        assert!(count > 5, "{count}");
    }
}
