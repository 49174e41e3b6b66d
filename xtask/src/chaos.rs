//! `cargo xtask chaos`: whole lives of platforms while AWS misbehaves, each by a seed of its own.
//!
//! A life is a deploy, a change and a teardown, with what a user does when one of them fails: he tries again. Faults come
//! to an end, so a life must, too. What is looked at afterwards is AWS itself, the ledger, and the record of all calls.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ::sandbox::{Chaos, Options, Rule, Sandbox};
use clap::{Args, ValueEnum};
use domain::PlatformName;
use futures::stream::{self, StreamExt};
use ledger::{Ledger, Platform, Run, Status};

use crate::demo::build;
use crate::program::{Done, say, workspace};
use crate::sandbox::rules;

mod findings;

use findings::Onlooker;

/// `cargo xtask chaos`
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The seeds, from the first to before the last.
    #[arg(long, value_name = "A..B", value_parser = seeds)]
    seeds: Range<u64>,
    /// What the platforms consist of.
    #[arg(long, value_enum, default_value_t = Subject::Network)]
    of: Subject,
    /// How many of a thousand calls of the functions go wrong.
    #[arg(long, default_value_t = 12)]
    per_mille: u32,
    /// After how many faults of one seed no more come.
    #[arg(long, default_value_t = 24)]
    faults: u32,
    /// Replays these faults instead: a list of rules, as a run that failed has written it.
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
    /// How many platforms live at once.
    #[arg(long, default_value_t = 6)]
    at_once: usize,
    /// Where the programs of the functions and of the command lie, if they are built already.
    #[arg(long)]
    programs: Option<PathBuf>,
}

/// A minute of AWS is a second here.
const SCALE: f64 = 1.0 / 60.0;

/// How often a user tries while AWS misbehaves, and how often afterwards.
const TRIES: [usize; 2] = [3, 3];

/// After how long a run that has not come to its end is stuck. What waits is started within a minute.
const PATIENCE: Duration = Duration::from_secs(300);

/// The longest that a hanging call takes until its effect: afterwards nothing comes to light any more.
const LATEST_EFFECT: Duration = Duration::from_secs(10);

/// What the platforms of all lives consist of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Subject {
    /// A network alone.
    Network,
    /// A cluster with nodes and Fargate; the change brings it to the next minor.
    Cluster,
}

impl Subject {
    /// The lines under `spec` of the first deploy and of the change, beside those that both subjects have.
    fn specs(self) -> [String; 2] {
        match self {
            Self::Network => [
                "tags: {owner: me}\n  \
                 network: {availabilityZones: 2, flowLogs: {enabled: true}, vpcEndpoints: {additional: [xray]}}"
                    .to_owned(),
                "tags: {owner: you}\n  \
                 network: {availabilityZones: 2, nat: HighlyAvailable, vpcEndpoints: {additional: [sts]}}"
                    .to_owned(),
            ],
            Self::Cluster => [("1.34", 1), ("1.35", 2)].map(|(minor, nodes)| {
                format!(
                    "network: {{availabilityZones: 2}}\n  \
                     cluster: {{version: \"{minor}\", apiServer: {{publicAccessCidrs: [203.0.113.7/32]}}}}\n  \
                     compute:\n    \
                     managedNodeGroups: {{core: {{instanceTypes: [m7g.large], minSize: {nodes}, maxSize: 3}}}}\n    \
                     fargateProfiles: {{apps: {{selectors: [{{namespace: apps}}]}}}}"
                )
            }),
        }
    }
}

/// Lives through all seeds and reports each.
///
/// # Errors
/// If a life left something, did not end, or was written by two at once; what and how to replay it stands above.
pub(crate) async fn run(arguments: Arguments) -> Done {
    let programs = arguments.programs.clone().map_or_else(build, Ok)?;
    let script = arguments.script.as_deref().map(rules).transpose()?;
    let dir = workspace().join(format!("target/chaos/{}", std::process::id()));
    let sandbox = Sandbox::up(&Options { dir: dir.clone(), scale: SCALE, functions: Some(programs.clone()) }).await?;
    let ledger = Ledger::dynamo(aws_sdk_dynamodb::Client::new(sandbox.config()), sandbox.variable("LANDFALL_TABLE"));
    let stage = Stage { arguments, script, landfall: programs.join("landfall"), dir, sandbox, ledger };
    let begun = Instant::now();
    let lives: Vec<Life> = stream::iter(stage.arguments.seeds.clone())
        .map(|seed| stage.live(seed))
        .buffer_unordered(stage.arguments.at_once)
        .collect()
        .await;
    let bad = lives.iter().filter(|life| !life.problems.is_empty()).count();
    let faults: usize = lives.iter().map(|life| life.faults).sum();
    let seconds = begun.elapsed().as_secs();
    say(&format!("{} seeds, {faults} faults, {seconds} s: {bad} with problems", lives.len()));
    if bad == 0 {
        // The folder of a run in which nothing was found tells nothing.
        std::fs::remove_dir_all(&stage.dir)?;
        return Ok(());
    }
    Err(format!("{bad} of {} seeds have problems; logs lie in {}", lives.len(), stage.dir.display()).into())
}

/// What all lives share.
struct Stage {
    arguments: Arguments,
    script: Option<Vec<Rule>>,
    landfall: PathBuf,
    dir: PathBuf,
    sandbox: Sandbox,
    ledger: Ledger,
}

/// What one life came to.
struct Life {
    faults: usize,
    problems: Vec<String>,
}

/// What a user wants next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Deploy,
    Change,
    Teardown,
}

impl Stage {
    async fn live(&self, seed: u64) -> Life {
        let begun = Instant::now();
        let name = format!("chaos-{seed:06}");
        let problems = match name.parse::<PlatformName>() {
            Ok(name) => self.problems(seed, &name).await.unwrap_or_else(|error| vec![error.to_string()]),
            Err(error) => vec![error.to_string()],
        };
        let struck: Vec<Rule> =
            self.sandbox.faults().into_iter().filter(|rule| rule.about.as_deref() == Some(&name)).collect();
        let (faults, seconds) = (struck.len(), begun.elapsed().as_secs());
        let word = if problems.is_empty() { "well" } else { "PROBLEMS" };
        say(&format!("seed {seed}: {word}, {faults} faults, {seconds} s"));
        for problem in &problems {
            say(&format!("  {problem}"));
        }
        if !problems.is_empty() {
            self.explain(seed, &struck);
        }
        Life { faults, problems }
    }

    /// Lives one life, and answers what was wrong with it.
    async fn problems(&self, seed: u64, name: &PlatformName) -> Done<Vec<String>> {
        match &self.script {
            Some(script) => script.iter().for_each(|rule| self.sandbox.script(rule.clone().about(name.as_str()))),
            None => {
                let Arguments { per_mille, faults, .. } = self.arguments;
                self.sandbox.chaos(Chaos { seed, about: Some(name.to_string()), per_mille, faults });
            }
        }
        let mut problems = Vec::new();
        for step in [Step::Deploy, Step::Change, Step::Teardown] {
            if let Err(error) = self.reach(step, name).await {
                problems.push(format!("{step:?}: {error}"));
                break;
            }
        }
        self.sandbox.clear_rules_of(name.as_str());
        tokio::time::sleep(LATEST_EFFECT).await;
        let onlooker = Onlooker { sandbox: &self.sandbox, ledger: &self.ledger };
        problems.extend(onlooker.findings(name).await?);
        Ok(problems)
    }

    /// Does what a user does until the step is reached.
    async fn reach(&self, step: Step, name: &PlatformName) -> Done {
        let before = self.ledger.platform(name).await?.and_then(|platform| platform.version_id);
        let mut last = String::new();
        for attempt in 0..TRIES.iter().sum() {
            if attempt == TRIES[0] {
                self.sandbox.clear_rules_of(name.as_str());
            }
            last = self.act(step, name, attempt).await?;
            let platform = self.idle(name).await?;
            let reached = platform.is_some_and(|platform| match step {
                Step::Deploy | Step::Change => platform.status == Status::Ready && platform.version_id != before,
                Step::Teardown => platform.status == Status::Gone,
            });
            if reached {
                return Ok(());
            }
        }
        let runs = self.ledger.runs(name, 3).await?;
        let told = |run: &Run| format!("{:?} {:?} {:?}", run.trigger, run.status, run.failure);
        Err(format!("not reached: {last}; {}", runs.iter().map(told).collect::<Vec<_>>().join("; ")).into())
    }

    /// One command, and what it said.
    async fn act(&self, step: Step, name: &PlatformName, attempt: usize) -> Done<String> {
        let known = self.ledger.platform(name).await?.is_some();
        let mut command = tokio::process::Command::new(&self.landfall);
        match step {
            Step::Teardown => command.args(["destroy", name.as_str(), "--yes", "--wait"]),
            Step::Deploy | Step::Change if attempt > 0 && known => command.args(["retry", name.as_str(), "--wait"]),
            Step::Deploy | Step::Change => {
                let [first, second] = self.arguments.of.specs();
                let spec = if step == Step::Deploy { first } else { second };
                command.args(["apply", "--wait", "-f"]).arg(self.manifest(name, &spec)?)
            }
        };
        command.envs(self.sandbox.environment()).kill_on_drop(true);
        match tokio::time::timeout(PATIENCE, command.output()).await {
            Ok(output) => Ok(String::from_utf8_lossy(&output?.stderr).trim().to_owned()),
            Err(_) => Ok(format!("the command did not end within {} s", PATIENCE.as_secs())),
        }
    }

    fn manifest(&self, name: &PlatformName, spec: &str) -> Done<PathBuf> {
        let path = self.dir.join(format!("{name}.yaml"));
        let head = "apiVersion: landfall.dev/v1alpha1\nkind: Platform";
        let region = ::sandbox::REGION;
        let spec = format!("region: {region}\n  safety: {{deletionProtection: false}}\n  {spec}");
        let text = format!("{head}\nmetadata: {{name: {name}}}\nspec:\n  {spec}\n");
        std::fs::write(&path, text)?;
        Ok(path)
    }

    /// Waits until nothing is under way and nothing waits.
    async fn idle(&self, name: &PlatformName) -> Done<Option<Platform>> {
        let begun = Instant::now();
        loop {
            let platform = self.ledger.platform(name).await?;
            let lease = platform.as_ref().and_then(|platform| platform.lease.clone());
            let waiting = platform.as_ref().is_some_and(|platform| platform.waiting.is_some());
            if lease.is_none() && !waiting {
                return Ok(platform);
            }
            if begun.elapsed() > PATIENCE {
                return Err(format!("stuck: the lease is {lease:?}, and something waits: {waiting}").into());
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }

    /// Says how to see it again.
    fn explain(&self, seed: u64, struck: &[Rule]) {
        let Arguments { per_mille, faults, of, .. } = self.arguments;
        let of = of.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        let one = format!("cargo xtask chaos --of {of} --seeds {seed}..{}", seed + 1);
        say(&format!("  again: {one} --per-mille {per_mille} --faults {faults}"));
        let path = self.dir.with_file_name(format!("seed-{seed}.json"));
        match write(&path, struck) {
            Ok(()) => say(&format!("  by script: {one} --script {}", path.display())),
            Err(error) => say(&format!("  {} cannot be written: {error}", path.display())),
        }
    }
}

fn write(path: &Path, struck: &[Rule]) -> Done {
    Ok(std::fs::write(path, serde_json::to_string_pretty(struck)?)?)
}

fn seeds(text: &str) -> Result<Range<u64>, String> {
    let number = |text: &str| text.trim().parse::<u64>().map_err(|error| format!("{text}: {error}"));
    let (from, to) = text.split_once("..").ok_or("write a range, such as 0..200")?;
    let range = number(from)?..number(to)?;
    if range.is_empty() { Err(format!("{text} has no seeds")) } else { Ok(range) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_a_range() {
        assert_eq!(seeds("3..8"), Ok(3..8));
        for wrong in ["3", "8..3", "a..b", ""] {
            assert!(seeds(wrong).is_err(), "{wrong}");
        }
    }
}
