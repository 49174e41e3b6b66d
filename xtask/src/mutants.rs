//! `cargo xtask mutants`: every rule of the engine, of a cluster's plan and of what is done in clusters, switched off in
//! turn. A rule whose absence no test notices is not tested.
//!
//! Each mutant is a copy of the workspace with one place changed, and the tests of engine and plan must fail on it, or those
//! of the function in which it is. The copy lies under `target/`, so what somebody is working on is never touched.

mod rules;

use std::fmt;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rules::MUTANTS;

use crate::program::{Done, cargo, program, read, run, say, workspace};

/// One rule, and how it is switched off.
#[derive(Debug)]
pub(crate) struct Mutant {
    /// What the rule says.
    pub(crate) rule: &'static str,
    /// In which file it stands.
    pub(crate) file: &'static str,
    /// The place.
    pub(crate) from: &'static str,
    /// The place without the rule.
    pub(crate) to: &'static str,
}

/// The tests that must notice, the strongest first.
const TARGETS: &[&str] = &["model", "runs", "decide", "plan"];
/// Those that must notice what is switched off in the function `cluster`: its own.
const OF_CLUSTER: &[&str] = &["cluster"];

/// How much longer than with all rules tests may take until they count as never ending, and the least that they get.
const PATIENCE: u32 = 5;
const LEAST: Duration = Duration::from_secs(60);

/// What became of a mutant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// This target failed.
    Noticed(&'static str),
    /// This target did not end: nobody said what is wrong.
    TimedOut(&'static str),
    /// Every target passed.
    Survived,
}

/// Switches off each rule, or only those whose sentence contains `only`.
///
/// # Errors
/// If a place cannot be found, a mutant does not compile, or no test says that something is wrong: because all pass, or
/// because one does not end. If no rule's sentence contains `only`.
pub(crate) fn kill(only: Option<&str>) -> Done {
    let chosen: Vec<&Mutant> =
        MUTANTS.iter().filter(|mutant| only.is_none_or(|only| mutant.rule.contains(only))).collect();
    if chosen.is_empty() {
        return Err(format!("no rule says \"{}\"", only.unwrap_or_default()).into());
    }
    let tree = copy()?;
    let mut bad = Vec::new();
    for targets in [TARGETS, OF_CLUSTER] {
        let chosen: Vec<&Mutant> = chosen.iter().copied().filter(|mutant| mutant.targets() == targets).collect();
        if !chosen.is_empty() {
            bad.extend(unnoticed(&tree, targets, &chosen)?);
        }
    }
    if bad.is_empty() { Ok(()) } else { Err(bad.join("; ").into()) }
}

/// Which of these no test of the targets notices.
fn unnoticed(tree: &Path, targets: &[&'static str], chosen: &[&Mutant]) -> Done<Vec<String>> {
    let patience = with_all_rules(tree, targets)?;
    let mut bad = Vec::new();
    for mutant in chosen {
        let started = Instant::now();
        let path = tree.join(mutant.file);
        let text = std::fs::read_to_string(&path)?;
        std::fs::write(&path, mutant.applied(&text)?)?;
        let verdict = verdict(tree, &patience)?;
        std::fs::write(&path, text)?;
        say(&format!("{:<72} {verdict}, {:.0} s", mutant.rule, started.elapsed().as_secs_f64()));
        if !matches!(verdict, Verdict::Noticed(_)) {
            bad.push(format!("{}: {verdict}", mutant.rule));
        }
    }
    Ok(bad)
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Noticed(target) => write!(f, "noticed by {target}"),
            Self::TimedOut(target) => write!(f, "NOTICED BY NO TEST: {target} does not end"),
            Self::Survived => f.write_str("NOTICED BY NO TEST"),
        }
    }
}

impl Mutant {
    /// The tests that must notice.
    fn targets(&self) -> &'static [&'static str] {
        if self.file.starts_with("functions/cluster/") { OF_CLUSTER } else { TARGETS }
    }

    /// The file's text without the rule.
    ///
    /// # Errors
    /// If the place does not stand in it exactly once.
    pub(crate) fn applied(&self, text: &str) -> Done<String> {
        match text.matches(self.from).count() {
            1 => Ok(text.replacen(self.from, self.to, 1)),
            found => Err(format!("{}: \"{}\" stands there {found} times: {}", self.file, self.rule, self.from).into()),
        }
    }
}

/// How long each target may take: measured, because a machine that does something else takes longer.
fn with_all_rules(tree: &Path, targets: &[&'static str]) -> Done<Vec<(&'static str, Duration)>> {
    compile(tree, targets)?;
    let mut patience = Vec::new();
    for target in targets.iter().copied() {
        let started = Instant::now();
        run(&mut tests(tree, target))?;
        patience.push((target, (started.elapsed() * PATIENCE).max(LEAST)));
    }
    Ok(patience)
}

/// What the targets say, one after the other, until one fails or does not end.
fn verdict(tree: &Path, patience: &[(&'static str, Duration)]) -> Done<Verdict> {
    let targets: Vec<&'static str> = patience.iter().map(|(target, _)| *target).collect();
    compile(tree, &targets)?;
    for (target, patience) in patience {
        match passes(&mut tests(tree, target), *patience)? {
            Some(true) => {}
            Some(false) => return Ok(Verdict::Noticed(target)),
            None => return Ok(Verdict::TimedOut(target)),
        }
    }
    Ok(Verdict::Survived)
}

fn compile(tree: &Path, targets: &[&str]) -> Done {
    let output = in_copy(tree, targets).arg("--no-run").output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("a mutant does not compile: {}", String::from_utf8_lossy(&output.stderr)).into())
}

/// Whether a program that leads its own process group succeeds. None if it has not ended by then; it is ended.
fn passes(command: &mut Command, patience: Duration) -> Done<Option<bool>> {
    let mut child = command.spawn()?;
    let started = Instant::now();
    while started.elapsed() < patience {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status.success()));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    // Cargo hands its end on to the test that it runs only on a terminal, so the group is ended.
    run(&mut program("kill", &["--", &format!("-{}", child.id())]))?;
    child.wait()?;
    Ok(None)
}

fn tests(tree: &Path, target: &str) -> Command {
    let mut command = in_copy(tree, &[target]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn in_copy(tree: &Path, targets: &[&str]) -> Command {
    let mut command = cargo(&["test"]);
    match targets {
        [one] if OF_CLUSTER.contains(one) => command.args(["--lib", "--package", one]),
        tests => command.arg("--workspace").args(tests.iter().flat_map(|test| ["--test", test])),
    };
    command.current_dir(tree).process_group(0);
    // Cargo tells members by their place in the workspace: in one folder, mutants would pass for the originals.
    command.env("CARGO_TARGET_DIR", workspace().join("target/mutants-target")).env("INSTA_UPDATE", "no");
    command
}

/// A copy of all that is or will be under version control.
fn copy() -> Done<PathBuf> {
    let tree = workspace().join("target/mutants");
    let listed = read(&mut program("git", &["ls-files", "--cached", "--others", "--exclude-standard", "-z"]))?;
    for file in listed.split_terminator('\0') {
        let (from, to) = (workspace().join(file), tree.join(file));
        let Ok(text) = std::fs::read(&from) else { continue };
        // An unchanged file keeps its time, so that nothing is compiled again for it.
        if std::fs::read(&to).is_ok_and(|old| old == text) {
            continue;
        }
        std::fs::create_dir_all(to.parent().ok_or("a file lies in a folder")?)?;
        std::fs::write(&to, text)?;
    }
    Ok(tree)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_end_is_neither_noticed_nor_survived() {
        let says = |script: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", script]).process_group(0);
            passes(&mut command, Duration::from_millis(500)).unwrap()
        };
        assert_eq!((says("exit 0"), says("exit 1"), says("sleep 60")), (Some(true), Some(false), None));
        assert_ne!(Verdict::TimedOut("model").to_string(), Verdict::Survived.to_string());
    }

    #[test]
    fn every_rule_still_stands_where_it_is_switched_off() {
        for mutant in MUTANTS {
            let text = std::fs::read_to_string(workspace().join(mutant.file)).unwrap();
            let applied = mutant.applied(&text).unwrap();
            assert_ne!(applied, text, "{}", mutant.rule);
        }
    }
}
