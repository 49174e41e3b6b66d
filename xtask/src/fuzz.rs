//! `cargo xtask fuzz`: a fuzzer looks for inputs on which reading a manifest or an event fails.
//!
//! The targets are in `fuzz/`, in the layout of `cargo fuzz`. They are compiled by the pinned compiler with libFuzzer's
//! marks, but without sanitizers, which only a nightly one has: there is no unsafe code that these would watch.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::program::{Done, cargo, program, read, run, workspace};

/// `cargo xtask fuzz`
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// For how many seconds each target runs
    #[arg(long, default_value_t = 60)]
    pub(crate) seconds: u64,
}

/// The marks that libFuzzer asks for: <https://clang.llvm.org/docs/SanitizerCoverage.html>
const MARKS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1";

/// Builds all targets and runs one after the other. What a target fails on is left in `fuzz/artifacts`; once it is mended,
/// put that file into the target's folder of `fuzz/corpus`, where every test tries it again.
///
/// # Errors
/// The first target that fails, takes longer than [`LIMITS`] allow for one input, or does not build.
pub(crate) fn hunt(arguments: &Arguments) -> Done {
    // For a named platform, because only then are build scripts and macros compiled without the marks.
    let host = host()?;
    let built = workspace().join("fuzz/target");
    let mut build =
        cargo(&["build", "--manifest-path", "fuzz/Cargo.toml", "--features", "libfuzzer", "--target", &host]);
    build.env("RUSTFLAGS", MARKS).env("CARGO_TARGET_DIR", &built).env_remove("CARGO_ENCODED_RUSTFLAGS");
    run(&mut build)?;
    for target in targets()? {
        let (found, failed) = (built.join("corpus").join(&target), workspace().join("fuzz/artifacts").join(&target));
        std::fs::create_dir_all(&found)?;
        std::fs::create_dir_all(&failed)?;
        let mut fuzzer = program(built.join(&host).join("debug").join(&target), LIMITS);
        fuzzer.arg(format!("-max_total_time={}", arguments.seconds));
        fuzzer.arg(format!("-artifact_prefix={}/", failed.display()));
        fuzzer.arg(found).args(seeds(&target));
        run(&mut fuzzer)?;
    }
    Ok(())
}

/// Of one input: 5 seconds, 2 GiB, and 64 KiB, far more than a manifest has.
const LIMITS: &[&str] = &["-timeout=5", "-rss_limit_mb=2048", "-max_len=65536", "-print_funcs=0", "-verbosity=0"];

/// Where a target begins: the corpus, and the samples that people write.
fn seeds(target: &str) -> Vec<PathBuf> {
    let samples = match target {
        "manifest" => vec!["examples".to_owned()],
        "component" => domain::Component::ALL.iter().map(|component| format!("events/{component}")).collect(),
        function => vec![format!("events/{function}")],
    };
    let folders = samples.iter().map(PathBuf::from).chain([Path::new("fuzz/corpus").join(target)]);
    folders.map(|folder| workspace().join(folder)).filter(|folder| folder.is_dir()).collect()
}

fn targets() -> Done<Vec<String>> {
    let mut names = Vec::new();
    for file in std::fs::read_dir(workspace().join("fuzz/fuzz_targets"))? {
        let path = file?.path();
        names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}

fn host() -> Done<String> {
    let told = read(&mut program(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()), &["-vV"]))?;
    let host = told.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.ok_or("rustc does not name its host")?.to_owned())
}
