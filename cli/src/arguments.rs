//! What can be typed: every command, with the help that `--help` shows.

mod access;
mod common;

use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use domain::{PlatformName, ResourceId};
use jiff::SignedDuration;
use plan::PlanNumber;

pub use access::{Kubeconfig, Shell as SubShell, Token};
pub use common::{Form, FromFile, Named, OfPlatform, Reading, Waiting};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// Kubernetes platforms on AWS, from one manifest
#[derive(Debug, Parser)]
#[command(name = "landfall", version, styles = STYLES, max_term_width = 100, arg_required_else_help = true)]
pub struct Arguments {
    /// Where AWS and the installation are found.
    #[command(flatten)]
    pub connection: Connection,

    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Where AWS and the installation are found.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct Connection {
    /// The AWS profile to use; without it, what the AWS CLI would use
    #[arg(long, global = true)]
    pub profile: Option<String>,

    /// The region of the installation; without it, what the AWS CLI would use
    #[arg(long, global = true)]
    pub region: Option<String>,

    /// The installation, by the name of its CloudFormation stack; without it, what the environment names, or else `landfall`
    #[arg(long, global = true, value_name = "NAME")]
    pub installation: Option<String>,
}

/// Every command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a commented manifest to begin with
    Init(Init),
    /// Check a manifest, without credentials, and show every error in it
    Validate(Validate),
    /// Explain a field of the manifest
    Explain(Explain),
    /// Print the JSON schema of the manifest
    Schema,
    /// Show what applying a manifest would create, change, replace and delete
    Plan(Plan),
    /// Upload a manifest and follow the run that it starts
    Apply(Apply),
    /// List the platforms of the installation
    List(Reading),
    /// Show a platform: the run under way and every resource
    Status(Status),
    /// List the runs of a platform
    History(OfPlatform),
    /// List what the last run of a platform did, step by step
    Events(Events),
    /// Show everything that is known of one resource, or of a platform and its last run
    Describe(Describe),
    /// Show what a run knew when it failed: AWS's answers, and what was not ready
    Diagnostics(Diagnostics),
    /// Add a platform's cluster to the configuration of `kubectl`
    Kubeconfig(Kubeconfig),
    /// Start a shell whose `kubectl` speaks with a platform's cluster
    Shell(SubShell),
    /// Print a token for a platform's cluster, as `kubectl` asks for it
    Token(Token),
    /// Approve the plan that waits for it, and follow its run
    Approve(Approve),
    /// Reject the plan that waits for approval
    Reject(Reject),
    /// Cancel the run that is under way
    Cancel(Named),
    /// Run the newest revision again, after a failure
    Retry(Retry),
    /// Go back to an earlier plan that was deployed well
    Rollback(Rollback),
    /// Let nothing start by itself, on one platform or on all
    Pause(OneOrAll),
    /// Let things start by themselves again, and take up what waited for that
    Resume(OneOrAll),
    /// Lift a platform's protection against deletion for a while
    Unprotect(Unprotect),
    /// Take a platform away and prove that nothing is left
    Destroy(Destroy),
    /// Show the proof of a platform's last teardown
    Report(OfPlatform),
    /// List what carries the installation's tags or names and the ledger does not know
    Orphans(Reading),
    /// Print the completions of a shell
    Completions(Completions),
}

/// `landfall init`
#[derive(Debug, Args)]
pub struct Init {
    /// The file to write; `-` prints it
    #[arg(default_value = "platform.yaml")]
    pub file: PathBuf,

    /// The name of the platform
    #[arg(long, default_value = "demo")]
    pub name: PlatformName,

    /// Overwrite a file that is there
    #[arg(long)]
    pub force: bool,
}

/// `landfall validate`
#[derive(Debug, Args)]
pub struct Validate {
    /// The manifest.
    #[command(flatten)]
    pub file: FromFile,
    /// The form of the output.
    #[command(flatten)]
    pub reading: Reading,
}

/// `landfall explain`
#[derive(Debug, Args)]
pub struct Explain {
    /// The field, such as `spec.network.nat`; without it, the whole manifest
    #[arg(default_value = "")]
    pub field: String,
    /// The form of the output.
    #[command(flatten)]
    pub reading: Reading,
}

/// `landfall plan`
#[derive(Debug, Args)]
pub struct Plan {
    /// The manifest.
    #[command(flatten)]
    pub file: FromFile,

    /// Show the manifest with every default instead
    #[arg(long)]
    pub expanded: bool,

    /// End with 2 if there are changes, 0 if there are none
    #[arg(long)]
    pub exit_code: bool,

    /// The form of the output.
    #[command(flatten)]
    pub reading: Reading,
}

/// `landfall apply`
#[derive(Debug, Args)]
pub struct Apply {
    /// The manifest.
    #[command(flatten)]
    pub file: FromFile,
    /// Whether to wait.
    #[command(flatten)]
    pub waiting: Waiting,
}

/// `landfall status`
#[derive(Debug, Args)]
pub struct Status {
    /// The name of the platform
    pub name: PlatformName,

    /// Follow the run that is under way until it ends
    #[arg(long, short, conflicts_with = "output")]
    pub watch: bool,

    /// The form of the output.
    #[command(flatten)]
    pub reading: Reading,
}

/// `landfall events`
#[derive(Debug, Args)]
pub struct Events {
    /// The name of the platform
    pub name: PlatformName,

    /// Another run than the last, by its id
    #[arg(long, value_name = "ID")]
    pub run: Option<String>,

    /// The form of the output.
    #[command(flatten)]
    pub reading: Reading,
}

/// `landfall describe`
#[derive(Debug, Args)]
pub struct Describe {
    /// The name of the platform
    pub name: PlatformName,

    /// The resource, such as `network/vpc`; without it, the platform itself
    #[arg(value_parser = resource)]
    pub resource: Option<ResourceId>,

    /// The form of the output.
    #[command(flatten)]
    pub reading: Reading,
}

/// `landfall diagnostics`
#[derive(Debug, Args)]
pub struct Diagnostics {
    /// The name of the platform
    pub name: PlatformName,

    /// Another run than the last that failed, by its id
    #[arg(long, value_name = "ID")]
    pub run: Option<String>,

    /// The form of the output.
    #[command(flatten)]
    pub reading: Reading,
}

/// `landfall approve`
#[derive(Debug, Args)]
pub struct Approve {
    /// The name of the platform
    pub name: PlatformName,

    /// The number of the plan that you mean; any other is not approved
    #[arg(long, value_name = "N")]
    pub plan: Option<PlanNumber>,

    /// Do not ask for the number again
    #[arg(long, requires = "plan")]
    pub yes: bool,

    /// Whether to wait.
    #[command(flatten)]
    pub waiting: Waiting,
}

/// `landfall reject`
#[derive(Debug, Args)]
pub struct Reject {
    /// The name of the platform
    pub name: PlatformName,

    /// The number of the plan that you mean; any other is not rejected
    #[arg(long, value_name = "N")]
    pub plan: Option<PlanNumber>,

    /// Do not ask for the number again
    #[arg(long, requires = "plan")]
    pub yes: bool,
}

/// `landfall retry`
#[derive(Debug, Args)]
pub struct Retry {
    /// The name of the platform
    pub name: PlatformName,
    /// Whether to wait.
    #[command(flatten)]
    pub waiting: Waiting,
}

/// `landfall rollback`
#[derive(Debug, Args)]
pub struct Rollback {
    /// The name of the platform
    pub name: PlatformName,

    /// The number of the plan, as `landfall history` shows it
    #[arg(long, value_name = "N")]
    pub to: PlanNumber,

    /// Whether to wait.
    #[command(flatten)]
    pub waiting: Waiting,
}

/// `landfall pause` and `landfall resume`
#[derive(Debug, Args)]
pub struct OneOrAll {
    /// The name of the platform
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    pub name: Option<PlatformName>,

    /// Every platform, and those to come
    #[arg(long)]
    pub all: bool,
}

/// `landfall unprotect`
#[derive(Debug, Args)]
pub struct Unprotect {
    /// The name of the platform
    pub name: PlatformName,

    /// For how long, such as `30m` or `1h`; at most a day
    #[arg(long = "for", value_name = "DURATION", value_parser = at_most_a_day)]
    pub duration: SignedDuration,
}

/// `landfall destroy`
#[derive(Debug, Args)]
pub struct Destroy {
    /// The name of the platform
    pub name: PlatformName,

    /// Do not ask for the name again
    #[arg(long)]
    pub yes: bool,

    /// Whether to wait.
    #[command(flatten)]
    pub waiting: Waiting,
}

/// `landfall completions`
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    pub shell: Shell,
}

fn resource(text: &str) -> Result<ResourceId, domain::InvalidResourceId> {
    ResourceId::try_from(text.to_owned())
}

fn at_most_a_day(text: &str) -> Result<SignedDuration, String> {
    match text.parse::<SignedDuration>() {
        Ok(duration) if duration.is_positive() && duration <= SignedDuration::from_hours(24) => Ok(duration),
        Ok(_) => Err("give more than nothing and at most 24h".to_owned()),
        Err(_) => Err("write it like 30m or 1h".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_duration_is_short_and_positive() {
        assert_eq!(at_most_a_day("1h"), Ok(SignedDuration::from_hours(1)));
        assert_eq!(at_most_a_day("1h 30m"), Ok(SignedDuration::from_mins(90)));
        for bad in ["", "1", "-1h", "0s", "25h", "soon"] {
            assert!(at_most_a_day(bad).is_err(), "{bad}");
        }
    }
}
