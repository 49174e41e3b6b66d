//! Programs that a task runs, and what it says while they run.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What a task answers: nothing, or why it failed.
pub(crate) type Done<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// The folder of the workspace.
pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(PathBuf::new, Path::to_path_buf)
}

/// A program, to be run in the folder of the workspace.
pub(crate) fn program(name: impl AsRef<OsStr>, arguments: &[&str]) -> Command {
    let mut command = Command::new(name);
    command.current_dir(workspace()).args(arguments);
    command
}

/// The cargo that runs this task. What it told this program about its package is not handed on: build scripts that look
/// at it would run again, and with them half of the workspace.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = program(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()), arguments);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CARGO_PKG_") || name.to_string_lossy().starts_with("CARGO_MANIFEST_") {
            command.env_remove(name);
        }
    }
    command
}

/// Runs a program to its end; what it says goes to the terminal.
///
/// # Errors
/// A sentence with the command line, if it cannot be started or fails.
pub(crate) fn run(command: &mut Command) -> Done {
    say(&format!("$ {}", line(command)));
    let status = command.status().map_err(|error| format!("`{}` cannot be started: {error}", line(command)))?;
    if status.success() { Ok(()) } else { Err(format!("`{}` failed ({status})", line(command)).into()) }
}

/// Runs a program to its end and answers what it printed, or why it failed in its own words.
///
/// # Errors
/// A sentence, if it cannot be started or fails.
pub(crate) fn read(command: &mut Command) -> Done<String> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("`{}` cannot be started: {error}", line(command)))?;
    if output.status.success() {
        return Ok(String::from_utf8(output.stdout)?);
    }
    Err(format!("`{}` failed: {}", line(command), String::from_utf8_lossy(&output.stderr).trim()).into())
}

/// What each step took.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    taken: Vec<(String, Duration)>,
}

impl Steps {
    /// Says what comes, and after it how long it took.
    ///
    /// # Errors
    /// What `work` fails with.
    pub(crate) fn step<T>(&mut self, name: &str, work: impl FnOnce() -> Done<T>) -> Done<T> {
        say(&format!("\n== {name}"));
        let started = Instant::now();
        let done = work()?;
        self.took(name, started.elapsed());
        Ok(done)
    }

    /// Adds a step that was measured elsewhere.
    pub(crate) fn took(&mut self, name: &str, duration: Duration) {
        self.taken.push((name.to_owned(), duration));
    }

    /// The table of all steps.
    pub(crate) fn table(&self) -> String {
        let width = self.taken.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default().max(5);
        let row = |name: &str, duration: Duration| format!("  {name:<width$}  {:>8.1} s\n", duration.as_secs_f64());
        let total = self.taken.iter().map(|(_, duration)| *duration).sum();
        self.taken.iter().map(|(name, duration)| row(name, *duration)).chain([row("total", total)]).collect()
    }
}

#[expect(clippy::print_stdout, reason = "a command speaks to a person")]
pub(crate) fn say(text: &str) {
    println!("{text}");
}

fn line(command: &Command) -> String {
    let name = Path::new(command.get_program()).file_name().unwrap_or_default();
    std::iter::once(name).chain(command.get_args()).map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_listed_with_their_sum() {
        let mut steps = Steps::default();
        steps.took("build", Duration::from_millis(1500));
        steps.took("test", Duration::from_millis(2250));
        assert_eq!(steps.table(), "  build       1.5 s\n  test        2.2 s\n  total       3.8 s\n");
    }

    #[test]
    fn a_program_that_fails_is_named() {
        let failed = read(&mut program("sh", &["-c", "echo no >&2; exit 3"])).unwrap_err();
        assert_eq!(failed.to_string(), "`sh -c echo no >&2; exit 3` failed: no");
        assert!(run(&mut program("no-such-program", &[])).is_err());
    }
}
