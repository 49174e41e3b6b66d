//! Python environments: the sandbox's own, with MiniStack and the SAM translator, and any other.
//!
//! Each is made once per list of requirements, in the user's cache; a half-made one is never used.

use std::collections::hash_map::DefaultHasher;
use std::env;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::Error;
use crate::program::run;

const REQUIREMENTS: &str = include_str!("../requirements.txt");

/// The Python of the sandbox's environment; see [`with`].
///
/// # Errors
/// As [`with`].
pub async fn python() -> Result<PathBuf, Error> {
    with(REQUIREMENTS).await
}

/// The Python of the environment with these requirements; it is made if it is not there. Needs `python3` with `venv`, and
/// an index of packages such as pip finds by itself.
///
/// # Errors
/// If Python is missing, or a package cannot be installed.
pub async fn with(requirements: &str) -> Result<PathBuf, Error> {
    let mut hasher = DefaultHasher::new();
    requirements.hash(&mut hasher);
    let cache = cache();
    let home = cache.join(format!("venv-{:016x}", hasher.finish()));
    let python = home.join("bin/python");
    if python.exists() {
        return Ok(python);
    }
    tracing::info!("installing Python packages into {}", home.display());
    std::fs::create_dir_all(&cache).map_err(Error::file(&cache))?;
    let draft = cache.join(format!("venv-draft-{}", ulid::Ulid::generate()));
    make(&draft, requirements).await?;
    // Nobody but another sandbox can have been first, and then its environment is as good as ours.
    if std::fs::rename(&draft, &home).is_err() {
        std::fs::remove_dir_all(&draft).map_err(Error::file(&draft))?;
    }
    Ok(python)
}

async fn make(home: &Path, requirements: &str) -> Result<(), Error> {
    let list = home.with_extension("txt");
    std::fs::write(&list, requirements).map_err(Error::file(&list))?;
    run(Command::new("python3").args(["-m", "venv"]).arg(home)).await?;
    run(Command::new(home.join("bin/python"))
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"])
        .arg(&list))
    .await?;
    std::fs::remove_file(&list).map_err(Error::file(&list))
}

/// Where what takes long to make is kept: `landfall` in the user's cache.
pub(crate) fn cache() -> PathBuf {
    let home = || env::var_os("HOME").map_or_else(env::temp_dir, PathBuf::from);
    env::var_os("XDG_CACHE_HOME").map_or_else(|| home().join(".cache"), PathBuf::from).join("landfall")
}
