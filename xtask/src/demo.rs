//! `cargo xtask demo`: the whole life of a platform on this machine, as its user sees it.

use std::path::{Path, PathBuf};
use std::process::Command;

use ::sandbox::{Options, Sandbox};

use crate::package::functions;
use crate::program::{Done, Steps, cargo, program, run, say, workspace};

/// A minute of AWS is a second here.
const SCALE: f64 = 1.0 / 60.0;

/// Builds, then deploys, changes and destroys `examples/network.yaml` in a sandbox of its own.
///
/// # Errors
/// If a step fails; what it said stands above.
pub(crate) async fn show() -> Done {
    let mut steps = Steps::default();
    let programs = steps.step("build the functions and the command", build)?;
    let dir = workspace().join("target/demo");
    say("\n== bring up a sandbox (AWS on this machine, a minute in a second)");
    let started = std::time::Instant::now();
    let sandbox = Sandbox::up(&Options { dir: dir.clone(), scale: SCALE, functions: Some(programs.clone()) }).await?;
    steps.took("bring up a sandbox", started.elapsed());

    let user = User { landfall: programs.join("landfall"), sandbox: &sandbox };
    let first = "examples/network.yaml";
    steps.step("apply examples/network.yaml", || user.types(&["apply", "--wait", "-f", first]))?;
    steps.step("look", || user.types(&["status", "demo"]))?;
    let second = changed(first, &dir)?;
    let second = second.to_str().ok_or("the folder's name is not text")?;
    steps.step("plan a change: nat: Single -> HighlyAvailable", || user.types(&["plan", "-f", second]))?;
    steps.step("apply the change", || user.types(&["apply", "--wait", "-f", second]))?;
    steps.step("look again", || user.types(&["history", "demo"]))?;
    steps.step("destroy", || user.types(&["destroy", "demo", "--yes", "--wait"]))?;
    steps.step("read the proof", || user.types(&["report", "demo"]))?;
    say(&format!("\nWhat each step took:\n{}", steps.table()));
    Ok(())
}

/// Builds what the demo runs and answers its folder.
pub(crate) fn build() -> Done<PathBuf> {
    let mut command = cargo(&["build", "--bin", "landfall"]);
    for function in functions()? {
        command.args(["--bin", &function]);
    }
    run(&mut command)?;
    // Cargo puts every program of a profile into one folder, and this is one of them.
    let here = std::env::current_exe()?;
    Ok(here.parent().ok_or("this program lies in no folder")?.to_owned())
}

/// Somebody with the command and the environment of a sandbox.
pub(crate) struct User<'a> {
    /// The command.
    pub(crate) landfall: PathBuf,
    /// Where it works.
    pub(crate) sandbox: &'a Sandbox,
}

impl User<'_> {
    /// Types a command and sees what it says.
    pub(crate) fn types(&self, arguments: &[&str]) -> Done {
        run(&mut self.command(arguments))
    }

    /// The command with these arguments, not yet run.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = program(&self.landfall, arguments);
        command.envs(self.sandbox.environment());
        command
    }
}

/// A copy of the manifest with a NAT gateway in every zone.
fn changed(manifest: &str, dir: &Path) -> Done<PathBuf> {
    let text = std::fs::read_to_string(workspace().join(manifest))?;
    let (before, after) = text.split_once("nat: Single").ok_or("the example has no `nat: Single`")?;
    let path = dir.join("changed.yaml");
    std::fs::write(&path, format!("{before}nat: HighlyAvailable{after}"))?;
    Ok(path)
}
