//! From what was started to the run that came of it, if one did.

use domain::{PlatformName, RunId};
use jiff::{SignedDuration, Timestamp};
use ledger::Platform;

use crate::execution::{self, Ending, Search};
use crate::failure::Failure;
use crate::follow::PAUSE;
use crate::installation::Installation;
use crate::printer::Printer;

/// For how long nothing may be heard of what was started.
const PATIENCE: SignedDuration = SignedDuration::from_mins(5);

/// How many of the newest runs are looked through.
const NEWEST: usize = 10;

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// A run.
    Run(RunId),
    /// No run, and why there is none.
    Nothing(String),
}

/// What came of an execution that we started.
pub async fn of_execution(installation: &Installation, arn: &str) -> Result<Begun, Failure> {
    let started = Timestamp::now();
    loop {
        // In this order: a run that was there before the execution ended is never missed.
        let ending = execution::ending(installation, arn).await?;
        if let Some(run) = installation.ledger.run_of(arn).await? {
            return Ok(Begun::Run(run.id));
        }
        match ending {
            Ending::Succeeded(_, message) => return Ok(Begun::Nothing(or_nothing(message))),
            Ending::Failed(name, cause) => return Err(refused(&name, &cause)),
            Ending::UnderWay => {}
        }
        wait(started, &format!("See the execution at the console: {arn}")).await?;
    }
}

/// What came of a version of a manifest that we uploaded. Where another run is under way, this waits for its turn.
pub async fn of_version(
    installation: &Installation,
    name: &PlatformName,
    version: &str,
    printer: Printer,
) -> Result<Begun, Failure> {
    let mut heard = Timestamp::now();
    let mut search = Search::default();
    let mut waited = false;
    loop {
        let ending = match search.find(installation, version).await? {
            Some(arn) => execution::ending(installation, &arn).await?,
            None => Ending::UnderWay,
        };
        let platform = installation.ledger.platform(name).await?;
        if let Some(run) = run_of_version(installation, platform.as_ref(), version).await? {
            return Ok(Begun::Run(run));
        }
        match (ending, waiting(platform.as_ref(), version)) {
            (Ending::Failed(name, cause), _) => return Err(refused(&name, &cause)),
            (_, Turn::Ours) => {
                if !waited {
                    printer.note(&format!("Another run of `{name}` is under way; this revision waits for its end"));
                }
                (waited, heard) = (true, Timestamp::now());
            }
            (_, Turn::Newer) if waited => {
                return Ok(Begun::Nothing("A newer upload took the place of this one".to_owned()));
            }
            (Ending::Succeeded(outcome, message), _) if outcome != "Waiting" => {
                return Ok(Begun::Nothing(or_nothing(message)));
            }
            _ => {}
        }
        wait(
            heard,
            "Does the rule of the installation start the machine? `aws stepfunctions list-executions` shows it",
        )
        .await?;
    }
}

/// Whose turn is next.
enum Turn {
    Nobody,
    Ours,
    Newer,
}

fn waiting(platform: Option<&Platform>, version: &str) -> Turn {
    match platform.and_then(|platform| platform.waiting.as_ref()).map(|waiting| waiting.version_id.as_deref()) {
        None => Turn::Nobody,
        Some(Some(ours)) if ours == version => Turn::Ours,
        Some(_) => Turn::Newer,
    }
}

/// The newest run of the revision that this version became.
async fn run_of_version(
    installation: &Installation,
    platform: Option<&Platform>,
    version: &str,
) -> Result<Option<RunId>, Failure> {
    let Some(platform) = platform.filter(|platform| platform.version_id.as_deref() == Some(version)) else {
        return Ok(None);
    };
    let runs = installation.ledger.runs(&platform.name, NEWEST).await?;
    Ok(runs.iter().find(|run| run.revision == platform.revision).map(|run| run.id))
}

fn or_nothing(message: String) -> String {
    if message.is_empty() { "Nothing was to be done".to_owned() } else { message }
}

/// A fault before there was a run: the manifest or the input was refused.
fn refused(name: &str, cause: &str) -> Failure {
    let mut failure = Failure::new("The run was refused before anything was changed");
    failure.causes.push(format!("{name}: {cause}"));
    failure
}

async fn wait(since: Timestamp, hint: &str) -> Result<(), Failure> {
    if Timestamp::now().duration_since(since) > PATIENCE {
        return Err(Failure::new("Nothing was heard of the run for five minutes").hint(hint));
    }
    tokio::time::sleep(PAUSE).await;
    Ok(())
}
