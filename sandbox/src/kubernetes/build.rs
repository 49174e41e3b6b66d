//! Builds the program of `sandbox/kubernetes`, once per state of its sources, into the user's cache.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::Error;
use crate::program::run;
use crate::venv::cache;

const MODULE: &str = include_str!("../../kubernetes/go.mod");
const NAME: &str = "landfall-kubernetes";

/// The program; it is built if it is not there, which takes minutes the first time. Needs Go then, and a module proxy
/// such as Go finds by itself.
///
/// # Errors
/// If Go is missing or too old, with what to install; if the program does not build.
pub async fn program() -> Result<PathBuf, Error> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("kubernetes");
    let cache = cache();
    let home = cache.join(format!("kubernetes-{:016x}", fingerprint(&sources)?));
    let program = home.join(NAME);
    if program.exists() {
        return Ok(program);
    }
    require_go(&sources).await?;
    tracing::info!("building Kubernetes into {}; the first time takes some minutes", home.display());
    let draft = cache.join(format!("kubernetes-draft-{}", ulid::Ulid::generate()));
    std::fs::create_dir_all(&draft).map_err(Error::file(&draft))?;
    let mut build = Command::new("go");
    build.current_dir(&sources).args(["build", "-ldflags", &linked(MODULE), "-o"]).arg(draft.join(NAME));
    run(build.arg(".")).await?;
    // Nobody but another sandbox can have been first, and then its program is as good as ours.
    if std::fs::rename(&draft, &home).is_err() {
        std::fs::remove_dir_all(&draft).map_err(Error::file(&draft))?;
    }
    Ok(program)
}

/// What the linker sets: Kubernetes tells its version only if the build does. Symbols for a debugger are left out.
fn linked(module: &str) -> String {
    let version = required(module, "k8s.io/kubernetes ").unwrap_or_default();
    format!("-s -w -X k8s.io/component-base/version.gitVersion={version}")
}

async fn require_go(sources: &Path) -> Result<(), Error> {
    let needed = required(MODULE, "go ").unwrap_or_default().to_owned();
    let missing = |found: String| Error::Go { needed: needed.clone(), found };
    let said = run(Command::new("go").current_dir(sources).args(["env", "GOVERSION"])).await;
    let said = said.map_err(|error| missing(error.to_string()))?;
    let found = String::from_utf8_lossy(&said).trim().to_owned();
    if numbers(&found) < numbers(&needed) { Err(missing(format!("it is {found}"))) } else { Ok(()) }
}

/// The version that a line of `go.mod` with this beginning names.
fn required<'a>(module: &'a str, beginning: &str) -> Option<&'a str> {
    module.lines().find_map(|line| line.trim().strip_prefix(beginning)).map(str::trim)
}

/// `go1.26.8` and `1.26.8` as numbers that compare.
fn numbers(version: &str) -> Vec<u32> {
    let digits = version.trim_start_matches(|letter: char| !letter.is_ascii_digit());
    let release = digits.split(|letter: char| !letter.is_ascii_digit() && letter != '.').next().unwrap_or_default();
    release.split('.').filter_map(|number| number.parse().ok()).collect()
}

/// Changes with every file that the program is made of.
fn fingerprint(sources: &Path) -> Result<u64, Error> {
    let mut files = Vec::new();
    collect(sources, &mut files)?;
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        file.strip_prefix(sources).unwrap_or(&file).hash(&mut hasher);
        std::fs::read(&file).map_err(Error::file(&file))?.hash(&mut hasher);
    }
    Ok(hasher.finish())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    for entry in std::fs::read_dir(folder).map_err(Error::file(folder))? {
        let path = entry.map_err(Error::file(folder))?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if is_source(&path) {
            files.push(path);
        }
    }
    Ok(())
}

fn is_source(path: &Path) -> bool {
    let test = path.file_name().is_some_and(|name| name.to_string_lossy().ends_with("_test.go"));
    let extension = path.extension().and_then(|extension| extension.to_str());
    !test && extension.is_some_and(|extension| ["go", "mod", "sum", "yaml"].contains(&extension))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_linked_version_is_that_of_the_module() {
        assert_eq!(linked(MODULE), "-s -w -X k8s.io/component-base/version.gitVersion=v1.36.3");
    }

    #[test]
    fn a_patch_release_of_go_is_newer_than_its_minor_and_a_prerelease_of_the_next_is_too() {
        let needed = numbers(required(MODULE, "go ").unwrap());
        assert_eq!(needed, [1, 26, 0]);
        assert!(numbers("go1.26.8") > needed);
        assert!(numbers("go1.27rc1") > needed);
        assert!(numbers("go1.25.9") < needed);
    }

    #[test]
    fn the_program_is_built_anew_for_a_changed_source_but_not_for_a_test_or_a_document() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("main.go", "package main");
        let before = fingerprint(folder.path()).unwrap();
        write("main_test.go", "package main");
        write("README.md", "text");
        write("landfall-kubernetes", "a program that somebody built here");
        assert_eq!(fingerprint(folder.path()).unwrap(), before);
        write("main.go", "package main\n");
        assert_ne!(fingerprint(folder.path()).unwrap(), before);
    }
}
