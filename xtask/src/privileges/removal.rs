//! `cargo xtask privileges`: takes permissions away, one at a time, and sees each missed.
//!
//! What the last `cargo xtask test` observed says which scenario needs which permission. Each removal is real: a sandbox
//! of its own, the action taken out of the role's policy in IAM, and the scenario run until AWS denies a call for want of
//! it. A denial is what `cargo xtask test` fails on.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use ::sandbox::privileges::Observed;
use cargo_metadata::Message;
use clap::Args;
use futures::stream::{self, StreamExt};
use tokio::process::Command;

use super::{Permission, needing, observed, permissions};
use crate::program::{Done, cargo, say, workspace};

/// `cargo xtask privileges`
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// How many permissions are taken away, chosen by the seed; all of them without it.
    #[arg(long, value_name = "N")]
    pub(crate) sample: Option<usize>,
    /// Chooses the sample.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Only those of this function, or whose action contains this text.
    pub(crate) only: Option<String>,
}

/// What the end-to-end tests end with when the permission was missed (`tests/tests/e2e/less.rs`).
const MISSED: i32 = 70;

/// How long a scenario may take until it misses the permission, its sandbox included.
const PATIENCE: Duration = Duration::from_secs(240);

/// How many are under way at once: a sandbox waits most of its time.
const AT_ONCE: usize = 3;

/// Takes away each permission of the sample and says which scenario missed it.
///
/// # Errors
/// If a permission is missed by no scenario, or nothing was observed yet.
pub(crate) async fn remove(arguments: &Arguments) -> Done {
    let seen = observed().map_err(|error| format!("run `cargo xtask test` first; nothing was observed: {error}"))?;
    let tests = end_to_end_tests()?;
    let chosen = chosen(permissions()?.into_iter().collect(), arguments);
    say(&format!("{} permissions are taken away, one at a time (seed {})", chosen.len(), arguments.seed));
    let begun = Instant::now();
    let missed = stream::iter(chosen)
        .map(|permission| {
            let scenarios = scenarios(&seen, &permission);
            let tests = tests.as_path();
            async move { (is_missed(tests, &permission, &scenarios).await, permission) }
        })
        .buffer_unordered(AT_ONCE);
    let kept: Vec<String> = missed
        .filter_map(async |(missed, permission)| match missed {
            Ok(true) => None,
            Ok(false) => Some(permission.to_string()),
            Err(error) => Some(format!("{permission}: {error}")),
        })
        .collect()
        .await;
    say(&format!("{} s", begun.elapsed().as_secs()));
    if kept.is_empty() { Ok(()) } else { Err(format!("nobody missed: {}", kept.join("; ")).into()) }
}

/// The permissions to be taken away.
fn chosen(mut all: Vec<Permission>, arguments: &Arguments) -> Vec<Permission> {
    if let Some(only) = &arguments.only {
        all.retain(|permission| permission.function == *only || permission.action.contains(only));
    }
    all.sort_by_key(|permission| {
        let mut hasher = DefaultHasher::new();
        (arguments.seed, permission.to_string()).hash(&mut hasher);
        hasher.finish()
    });
    all.truncate(arguments.sample.unwrap_or(usize::MAX));
    all
}

/// The scenarios during which it was needed, those first that ran in the least company.
fn scenarios(seen: &[Observed], permission: &Permission) -> Vec<String> {
    let mut company: BTreeMap<&str, usize> = BTreeMap::new();
    for names in needing(seen, permission) {
        for name in &names {
            let least = company.entry(name).or_insert(names.len());
            *least = names.len().min(*least);
        }
    }
    let mut found: Vec<_> = company.into_iter().collect();
    found.sort_by_key(|(name, company)| (*company, *name));
    found.into_iter().map(|(name, _)| name.to_owned()).collect()
}

/// Whether one of the scenarios misses it.
async fn is_missed(tests: &Path, permission: &Permission, scenarios: &[String]) -> Done<bool> {
    for scenario in scenarios {
        let started = Instant::now();
        let mut command = Command::new(tests);
        command.current_dir(workspace().join("tests")).args([scenario, "--exact", "--include-ignored"]);
        command.env("LANDFALL_WITHOUT", permission.to_string()).env("INSTA_UPDATE", "no");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let status = tokio::time::timeout(PATIENCE, command.status()).await;
        let missed = matches!(status, Ok(Ok(status)) if status.code() == Some(MISSED));
        let verdict = if missed { "missed by" } else { "not missed by" };
        say(&format!("{permission:<72} {verdict} {scenario}, {:.0} s", started.elapsed().as_secs_f64()));
        if missed {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The program of the end-to-end tests, with all that it starts.
fn end_to_end_tests() -> Done<PathBuf> {
    let built = cargo(&["build", "--workspace", "--all-targets", "--message-format", "json-render-diagnostics"])
        .stderr(Stdio::inherit())
        .output()?;
    if !built.status.success() {
        return Err("the workspace does not build".into());
    }
    let programs = Message::parse_stream(built.stdout.as_slice()).filter_map(|message| match message {
        Ok(Message::CompilerArtifact(artifact)) if artifact.target.name == "e2e" => artifact.executable,
        _ => None,
    });
    Ok(programs.last().ok_or("cargo named no program of the end-to-end tests")?.into_std_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Permission> {
        let permission = |(function, action): (&str, &str)| Permission {
            function: function.to_owned(),
            statement: "Make".to_owned(),
            action: action.to_owned(),
        };
        let made = [("network", "ec2:CreateVpc"), ("network", "ec2:CreateSubnet"), ("admit", "s3:GetObject")];
        made.into_iter().map(permission).collect()
    }

    fn named(sample: Option<usize>, seed: u64, only: Option<&str>) -> Vec<String> {
        let arguments = Arguments { sample, seed, only: only.map(str::to_owned) };
        chosen(all(), &arguments).iter().map(|permission| permission.action.clone()).collect()
    }

    #[test]
    fn a_sample_is_chosen_by_its_seed() {
        assert_eq!(named(None, 0, None).len(), 3);
        assert_eq!(named(Some(2), 7, None), named(Some(2), 7, None));
        let orders: std::collections::BTreeSet<_> = (0..20).map(|seed| named(None, seed, None)).collect();
        assert!(orders.len() > 3, "{orders:?}");
        assert_eq!(named(None, 0, Some("admit")), ["s3:GetObject"]);
        assert_eq!(named(None, 0, Some("CreateVpc")), ["ec2:CreateVpc"]);
    }
}
