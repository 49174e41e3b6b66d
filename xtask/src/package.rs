//! `cargo xtask package`: the functions as zips that Lambda runs, in `dist/`, where `sam/template.yaml` looks for them.
//!
//! Guarantees of every zip that it leaves there: the program is for arm64, asks for no newer glibc than Amazon Linux 2023
//! has, and is small enough to load quickly. Uploads nothing.

use std::path::{Path, PathBuf};

use cargo_metadata::MetadataCommand;
use clap::Args;

use crate::elf;
use crate::program::{Done, program, read, run, say, workspace};

/// `cargo xtask package`
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The functions to build; without any, all.
    functions: Vec<String>,
}

const REQUIREMENTS: &str = include_str!("../requirements.txt");
const TARGET: &str = "aarch64-unknown-linux-gnu";
const PROFILE: &str = "lambda";
/// What Amazon Linux 2023 has. <https://docs.aws.amazon.com/linux/al2023/ug/core-glibc.html>
const GLIBC: (u32, u32) = (2, 34);
/// Cold starts grow with the size of the zip.
const LARGEST: u64 = 8 * 1024 * 1024;

/// Builds, checks and zips.
///
/// # Errors
/// If something is missing, a function does not build, or a zip does not hold what the module guarantees.
pub(crate) async fn build(arguments: Arguments) -> Done {
    let functions = chosen(arguments.functions, functions()?)?;
    target()?;
    let python = ::sandbox::venv::with(REQUIREMENTS).await?;
    // At once, so that what they share is compiled once.
    run(lambda(&python)?.args(functions.iter().flat_map(|function| ["--package", function])))?;
    let dist = workspace().join("dist");
    std::fs::create_dir_all(&dist)?;
    say(&format!("\n{:<10} {:>12} {:>12}  glibc", "function", "program", "zip"));
    let mut refused = Vec::new();
    for function in &functions {
        refused.extend(check(function, &dist)?);
    }
    if !refused.is_empty() {
        return Err(refused.join("; ").into());
    }
    say("\nNothing was uploaded. To install or update: cd sam && sam deploy --guided   (README.md says what it asks)");
    Ok(())
}

/// The functions of the workspace, by name.
pub(crate) fn functions() -> Done<Vec<String>> {
    let metadata = MetadataCommand::new().current_dir(workspace()).no_deps().exec()?;
    let inside = |path: &cargo_metadata::camino::Utf8Path| {
        path.parent().and_then(|at| at.parent()?.file_name()) == Some("functions")
    };
    let mut names: Vec<String> = metadata
        .packages
        .iter()
        .filter(|package| inside(&package.manifest_path))
        .map(|package| package.name.to_string())
        .collect();
    names.sort();
    Ok(names)
}

fn chosen(wanted: Vec<String>, all: Vec<String>) -> Done<Vec<String>> {
    match wanted.iter().find(|one| !all.contains(one)) {
        Some(unknown) => Err(format!("there is no function `{unknown}`; there are {}", all.join(", ")).into()),
        None if wanted.is_empty() => Ok(all),
        None => Ok(wanted),
    }
}

/// Makes sure that there is a standard library for the target.
fn target() -> Done {
    let installed = || {
        let folder = read(&mut program("rustc", &["--print", "target-libdir", "--target", TARGET]))?;
        Ok::<_, Box<dyn std::error::Error>>(Path::new(folder.trim()).is_dir())
    };
    if installed()? {
        return Ok(());
    }
    let added = run(&mut program("rustup", &["target", "add", TARGET]));
    if installed()? {
        return Ok(());
    }
    let why = added.err().map_or_else(String::new, |error| format!(": {error}"));
    Err(format!("the standard library of Rust for {TARGET} is missing and could not be added{why}").into())
}

/// `cargo lambda build`, from the Python environment that also holds Zig, which it links with.
fn lambda(python: &Path) -> Done<std::process::Command> {
    let programs = python.parent().ok_or("the Python environment has no folder")?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(programs.to_owned()).chain(std::env::split_paths(&path)))?;
    let mut command = program(programs.join("cargo-lambda"), &["lambda", "build", "--arm64", "--locked"]);
    command.args(["--profile", PROFILE, "--output-format", "zip"]).env("PATH", path);
    Ok(command)
}

/// Prints a function's sizes and puts its zip into `dist`, or answers what is wrong with it.
fn check(function: &str, dist: &Path) -> Done<Option<String>> {
    let built = target_directory()?;
    let program = std::fs::read(built.join(TARGET).join(PROFILE).join(function))?;
    let zip = built.join("lambda").join(function).join("bootstrap.zip");
    let size = std::fs::metadata(&zip)?.len();
    let needs = elf::needs(&program).map_err(|error| format!("{function}: {error}"))?;
    let glibc = needs.glibc.map_or_else(|| "none".to_owned(), |(major, minor)| format!("{major}.{minor}"));
    say(&format!("{function:<10} {:>8} KiB {:>8} KiB  {glibc}", program.len() / 1024, size / 1024));
    let wrong = if !needs.arm64 {
        Some("is not a program for arm64".to_owned())
    } else if needs.glibc > Some(GLIBC) {
        Some(format!("asks for glibc {glibc}; Amazon Linux 2023 has {}.{}", GLIBC.0, GLIBC.1))
    } else if size > LARGEST {
        Some(format!("takes {} KiB zipped; {} KiB is the most", size / 1024, LARGEST / 1024))
    } else {
        None
    };
    let place = dist.join(format!("{function}.zip"));
    if let Some(wrong) = wrong {
        // What lies there from before would be deployed in its place.
        let _ = std::fs::remove_file(&place);
        return Ok(Some(format!("{function} {wrong}")));
    }
    std::fs::copy(zip, place)?;
    Ok(None)
}

fn target_directory() -> Done<PathBuf> {
    let metadata = MetadataCommand::new().current_dir(workspace()).no_deps().exec()?;
    Ok(metadata.target_directory.into_std_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_folder_of_functions_is_one() {
        let mut folders: Vec<String> = std::fs::read_dir(workspace().join("functions"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        folders.sort();
        assert_eq!(functions().unwrap(), folders);
    }

    #[test]
    fn an_unknown_function_is_named() {
        let all = || vec!["admit".to_owned(), "alert".to_owned()];
        assert_eq!(chosen(Vec::new(), all()).unwrap(), all());
        let refused = chosen(vec!["admin".to_owned()], all()).unwrap_err().to_string();
        assert_eq!(refused, "there is no function `admin`; there are admit, alert");
    }
}
