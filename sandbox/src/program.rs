//! Runs the programs that the sandbox needs and keeps what they say.

use std::process::Output;

use tokio::process::Command;

use crate::Error;

/// Runs a program to its end; its standard output, or the end of what it complained about.
pub(crate) async fn run(command: &mut Command) -> Result<Vec<u8>, Error> {
    let program = command.as_std().get_program().to_string_lossy().into_owned();
    let output = command.kill_on_drop(true).output().await;
    finish(output.map_err(|source| Error::Start { program: program.clone(), source })?, program)
}

/// The last lines of a text, each cut to a readable length.
pub(crate) fn tail(text: &str, lines: usize) -> String {
    let all: Vec<String> = text.lines().map(|line| line.chars().take(500).collect()).collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

fn finish(output: Output, program: String) -> Result<Vec<u8>, Error> {
    if output.status.success() {
        return Ok(output.stdout);
    }
    // Some talk about failures on standard output only.
    let said = [&output.stderr, &output.stdout].map(|said| String::from_utf8_lossy(said).trim().to_owned());
    let said = said.iter().find(|said| !said.is_empty()).cloned().unwrap_or_default();
    Err(Error::Program { program, output: tail(&said, 30) })
}
