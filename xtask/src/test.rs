//! `cargo xtask test`: everything that a change must pass, on a machine with nothing but Rust, compilers for C and C++, Go and
//! Python.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::privileges::{self, removal};
use crate::program::{Done, Steps, cargo, program, read, run, say, workspace};
use crate::{fuzz, mutants};

/// `cargo xtask test`
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// More random cases, a longer hunt for inputs that break something, two hundred lives under faults, fifty platforms
    /// at once in the sandbox and two hundred on the models.
    #[arg(long)]
    long: bool,
}

/// How many cases each property is tried with in the long run; `proptest` reads it from its environment.
const LONG_CASES: &str = "4096";

/// How many permissions the long run takes away: others each day.
const SAMPLE: usize = 24;
const DAY: i64 = 24 * 60 * 60;

/// The seeds of the long run.
const LONG_SEEDS: [(&str, &str); 2] = [("network", "0..200"), ("cluster", "0..20")];
/// For how many seconds each fuzz target runs.
const FUZZ: u64 = 10;
const LONG_FUZZ: u64 = 300;

/// Runs all tests, the quickest first.
///
/// # Errors
/// The first step that failed, or the prerequisites that are missing.
pub(crate) async fn run_all(arguments: Arguments) -> Done {
    prerequisites()?;
    let python = ::sandbox::venv::python().await?;
    let mut steps = Steps::default();
    steps.step("format", || run(&mut cargo(&["fmt", "--all", "--check"])))?;
    steps.step("template", || lint_template(&python))?;
    steps.step("build", || run(&mut cargo(&["build", "--workspace", "--all-targets"])))?;
    steps.step("lint", || run(&mut cargo(&["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"])))?;
    steps.step("dependencies", dependencies)?;
    let begun = std::time::Instant::now();
    ::sandbox::kubernetes::program().await?;
    steps.took("kubernetes", begun.elapsed());
    steps.step("go", || {
        run(program("go", &["test", "./internal/..."]).current_dir(workspace().join("sandbox/kubernetes")))
    })?;
    let mut tests = cargo(&["test", "--workspace", "--no-fail-fast"]);
    if arguments.long {
        tests.env("PROPTEST_CASES", LONG_CASES).args(["--", "--include-ignored"]);
    }
    privileges::forget()?;
    steps.step("test", || run(&mut tests))?;
    steps.step("privileges", privileges::compare)?;
    let seconds = if arguments.long { LONG_FUZZ } else { FUZZ };
    steps.step("fuzz", || fuzz::hunt(&fuzz::Arguments { seconds }))?;
    if arguments.long {
        let begun = std::time::Instant::now();
        let seed = u64::try_from(jiff::Timestamp::now().as_second() / DAY).unwrap_or_default();
        removal::remove(&removal::Arguments { sample: Some(SAMPLE), seed, only: None }).await?;
        steps.took("removal", begun.elapsed());
        for (of, seeds) in LONG_SEEDS {
            let chaos = ["chaos", "--of", of, "--seeds", seeds];
            steps.step(&format!("chaos, {of}"), || run(&mut program(std::env::current_exe()?, &chaos)))?;
        }
        steps.step("mutants", || mutants::kill(None))?;
    }
    say(&format!("\nAll passed.\n{}", steps.table()));
    Ok(())
}

/// The plain CloudFormation that SAM makes of the template, as `cfn-lint` sees it.
fn lint_template(python: &Path) -> Done {
    let folder = workspace().join("target/template");
    std::fs::create_dir_all(&folder)?;
    let plain = folder.join("plain.json");
    let script = "sandbox/python/transform.py";
    let mut transform = program(python, &[script, "sam/template.yaml", "landfall-artifacts", ::sandbox::REGION]);
    transform.stdin(std::fs::File::open(empty_parameters(&folder)?)?);
    let output = transform.output()?;
    if !output.status.success() {
        return Err(format!("sam/template.yaml: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    std::fs::write(&plain, &output.stdout)?;
    // SAM joins a machine's definition line by line, and cfn-lint descends one call deeper with each.
    let script = "import sys; sys.setrecursionlimit(20_000); from cfnlint.runner import main; sys.exit(main())";
    run(program(python, &["-c", script, "--template"]).arg(&plain))
}

fn empty_parameters(folder: &Path) -> Done<PathBuf> {
    let path = folder.join("parameters.json");
    std::fs::write(&path, "{}")?;
    Ok(path)
}

/// Licenses, sources and banned crates, where `cargo deny` is installed: compiling it takes longer than all else here.
fn dependencies() -> Done {
    if read(&mut cargo(&["deny", "--version"])).is_err() {
        say("cargo deny is not installed (`cargo install cargo-deny`): licenses and sources are not checked");
        return Ok(());
    }
    run(&mut cargo(&["deny", "check", "licenses", "bans", "sources"]))
}

/// Names all that is missing at once.
fn prerequisites() -> Done {
    let python = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))";
    let needed = [
        ("a C compiler (`cc`), such as Debian's gcc", program("cc", &["--version"])),
        ("a C++ compiler (`c++`), such as Debian's g++", program("c++", &["--version"])),
        (
            "Python 3.10 or newer with venv (`python3`), such as Debian's python3-venv",
            program("python3", &["-c", python]),
        ),
        ("Go, of which https://go.dev/dl has the newest (`go`)", program("go", &["version"])),
        ("cargo's `fmt` (`rustup component add rustfmt`)", cargo(&["fmt", "--version"])),
        ("cargo's `clippy` (`rustup component add clippy`)", cargo(&["clippy", "--version"])),
    ];
    let missing: Vec<_> =
        needed.into_iter().filter_map(|(name, mut probe)| read(&mut probe).is_err().then_some(name)).collect();
    if missing.is_empty() { Ok(()) } else { Err(format!("missing on this machine: {}", missing.join("; ")).into()) }
}
