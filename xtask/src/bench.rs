//! `cargo xtask bench`: the figures that Landfall is held to, each beside what it is compared with.
//!
//! AWS's durations are those of the sandbox (`sandbox/src/durations.rs`), in real time unless another scale is asked for:
//! a function takes as long as it takes, so a smaller scale makes Landfall look slower than it is.

use std::path::PathBuf;

use ::sandbox::durations::Durations;
use ::sandbox::{Options, Sandbox};
use clap::Args;
use domain::Record;
use engine::Ledger as _;
use ledger::Ledger;
use serde::Deserialize;

use crate::demo::{User, build};
use crate::history::{Cost, Executions};
use crate::people::people;
use crate::program::{Done, cargo, read, say, workspace};
use crate::sandbox::scale;

mod path;

use path::Chain;

/// `cargo xtask bench`
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// What AWS's durations are multiplied by, as a fraction or a number.
    #[arg(long, default_value = "1", value_parser = scale)]
    scale: f64,
    /// What is deployed and torn down.
    #[arg(long, value_name = "FILE", default_value = "examples/network.yaml")]
    manifest: PathBuf,
}

/// Measures and prints.
///
/// # Errors
/// If a run fails or cannot be measured. A figure that is missed is printed as such.
pub(crate) async fn measure(arguments: Arguments) -> Done {
    let pure = pure()?;
    let programs = build()?;
    let dir = workspace().join("target/bench");
    let options = Options { dir, scale: arguments.scale, functions: Some(programs.clone()) };
    let sandbox = Sandbox::up(&options).await?;
    people(&sandbox).await?;
    let user = User { landfall: programs.join("landfall"), sandbox: &sandbox };
    let executions = Executions::of(&sandbox);
    let text = std::fs::read(&arguments.manifest)?;
    let name = manifest::parse(&text).map_err(|problems| problems.to_string())?.manifest.metadata.name;
    let platform = name.as_str();
    let file = arguments.manifest.to_str().ok_or("the manifest's name is not text")?;

    user.types(&["apply", "--wait", "-f", file])?;
    let deploy = executions.cost(&user.last_execution(platform)?).await?;
    let ledger = Ledger::dynamo(aws_sdk_dynamodb::Client::new(sandbox.config()), sandbox.variable("LANDFALL_TABLE"));
    let records: Vec<Record> = ledger.records(&name).await?.into_iter().map(|stored| stored.record).collect();
    let calls = sandbox.calls().last().map_or(0, |call| call.number);
    let input = format!(r#"{{"platform": "{platform}", "trigger": "Schedule"}}"#);
    let redeploy = executions.run(sandbox.variable("LANDFALL_DEPLOY_MACHINE"), &input).await?;
    let mutations = mutations(&sandbox, calls);
    user.types(&["unprotect", platform, "--for", "1h"])?;
    user.types(&["destroy", platform, "--yes", "--wait"])?;
    let teardown = executions.cost(&user.last_execution(platform)?).await?;

    let modelled = Durations::at(arguments.scale);
    let (up, down) = (path::up(&records, modelled), path::down(&records, modelled));
    let over = |cost: &Cost, path: &Chain| cost.took.as_secs_f64() / path.takes().as_secs_f64();
    say(&format!("\n{file}, {} resources, AWS's durations times {}\n", records.len(), arguments.scale));
    say(&format!("critical path of the deploy, {:.0} s: {up}", up.takes().as_secs_f64()));
    say(&format!("critical path of the teardown, {:.0} s: {down}\n", down.takes().as_secs_f64()));
    row("deploy over the critical path", &format!("{:.3}", over(&deploy, &up)), "<= 1.05", over(&deploy, &up) <= 1.05);
    row(
        "teardown over the critical path",
        &format!("{:.3}", over(&teardown, &down)),
        "<= 1.10",
        over(&teardown, &down) <= 1.1,
    );
    let quick = redeploy.took.as_secs_f64() / arguments.scale;
    row("redeploy with nothing to change", &format!("{quick:.1} s"), "<= 15 s", quick <= 15.0);
    row("  its mutating calls", &mutations.len().to_string(), "0", mutations.is_empty());
    for (name, cost) in [("deploy", &deploy), ("redeploy", &redeploy), ("teardown", &teardown)] {
        row(&format!("{name}: state transitions"), &cost.transitions.to_string(), "", true);
        row("  calls of functions", &cost.calls.to_string(), "", true);
        row("  their time", &format!("{} ms", cost.functions.as_millis()), "", true);
        row("  price of both", &format!("{:.5} USD", cost.dollars()), "< 0.10 USD", cost.dollars() < 0.10);
    }
    let validate = pure.validate_milliseconds;
    row("validate a manifest", &format!("{validate:.3} ms"), "<= 5 ms", validate <= 5.0);
    let plans = pure.plan_seconds;
    row("plan 10,000 platforms", &format!("{plans:.2} s"), "<= 10 s", plans <= 10.0);
    for call in mutations {
        say(&format!("changed without need: {call}"));
    }
    Ok(())
}

impl User<'_> {
    /// The execution of the platform's newest run.
    fn last_execution(&self, platform: &str) -> Done<String> {
        #[derive(Deserialize)]
        struct Run {
            execution: String,
        }
        let runs: Vec<Run> = serde_json::from_str(&read(&mut self.command(&["history", platform, "-o", "json"]))?)?;
        Ok(runs.into_iter().next().ok_or("the platform has no run")?.execution)
    }
}

/// What the functions changed since a call, other than the ledger and their own logs.
fn mutations(sandbox: &Sandbox, since: u64) -> Vec<String> {
    let calls = sandbox.calls_since(since).into_iter();
    let mutating =
        calls.filter(|call| call.mutating && ["ec2", "eks", "iam", "kms", "logs"].contains(&call.service.as_str()));
    let ours = mutating.filter(|call| !["CreateLogStream", "PutLogEvents"].contains(&call.action.as_str()));
    ours.map(|call| format!("{}:{}", call.service, call.action)).collect()
}

/// What takes no AWS, measured optimized.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Pure {
    validate_milliseconds: f64,
    plan_seconds: f64,
}

fn pure() -> Done<Pure> {
    let arguments = ["run", "--quiet", "--release", "--package", "plan", "--example", "figures"];
    Ok(serde_json::from_str(&read(&mut cargo(&arguments))?)?)
}

fn row(what: &str, measured: &str, figure: &str, reached: bool) {
    let mark = if reached { "" } else { "  MISSED" };
    say(format!("{what:<34} {measured:>14}   {figure:<10}{mark}").trim_end());
}
