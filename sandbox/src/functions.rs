//! The installation's functions, built for this machine and zipped as Lambda wants them.

use std::env;
use std::path::{Path, PathBuf};

use futures::future::try_join_all;
use serde::Deserialize;
use tokio::process::Command;

use crate::Error;
use crate::program::run;

/// The packages under `functions/`, each one Lambda.
pub(crate) const FUNCTIONS: [&str; 8] = ["admit", "alert", "cluster", "fleet", "gate", "network", "settle", "teardown"];

/// The folder of the workspace.
pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(PathBuf::new, Path::to_path_buf)
}

/// The function's programs, from this folder or else freshly built.
pub(crate) async fn programs(built: Option<&Path>) -> Result<Vec<(String, PathBuf)>, Error> {
    if let Some(folder) = built {
        return Ok(FUNCTIONS.iter().map(|name| ((*name).to_owned(), folder.join(name))).collect());
    }
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // By their binaries and not by their packages: so features are those of the whole workspace, and the AWS SDKs
    // compile once.
    command.current_dir(workspace()).args(["build", "--message-format", "json-render-diagnostics"]);
    for name in FUNCTIONS {
        command.args(["--bin", name]);
    }
    let said = run(&mut command).await?;
    Ok(said.split(|byte| *byte == b'\n').filter_map(program).collect())
}

/// Zips each program into the folder; the zips by function.
pub(crate) async fn zip(
    python: &Path,
    programs: Vec<(String, PathBuf)>,
    into: &Path,
) -> Result<Vec<(String, PathBuf)>, Error> {
    try_join_all(programs.into_iter().map(async |(name, program)| {
        let archive = into.join(format!("{name}.zip"));
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/package.py");
        run(Command::new(python).arg(script).arg(program).arg(&archive)).await?;
        Ok((name, archive))
    }))
    .await
}

#[derive(Deserialize)]
struct Message {
    executable: Option<PathBuf>,
    target: Option<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

fn program(line: &[u8]) -> Option<(String, PathBuf)> {
    let message: Message = serde_json::from_slice(line).ok()?;
    let name = message.target?.name;
    FUNCTIONS.contains(&name.as_str()).then_some(())?;
    Some((name, message.executable?))
}
