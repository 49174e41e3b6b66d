//! From what was started to the run that came of it, if one did.

use domain::{PlatformName, RunId};
use jiff::{SignedDuration, Timestamp};
use ledger::{Machine, Pending, Platform};
use serde_json::Value;

use crate::arguments::Waiting;
use crate::execution::{self, Ending, Search};
use crate::failure::{Exit, Failure};
use crate::follow::{PAUSE, follow_or_leave};
use crate::installation::Installation;
use crate::printer::Printer;

/// For how long nothing may be heard of what was started.
const PATIENCE: SignedDuration = SignedDuration::from_mins(5);

/// How many of the newest runs are looked through.
const NEWEST: usize = 10;

/// What Admit decides while another run holds the platform.
const WAITING: &str = "Waiting";

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// A run.
    Run(RunId),
    /// No run, or none yet, and why.
    Nothing(String),
}

/// Somebody who wants to know what came of it.
pub struct Begin<'a> {
    /// The installation.
    pub installation: &'a Installation,
    /// The platform.
    pub name: &'a PlatformName,
    /// Whether to stay until it is the run's turn, where another is under way.
    pub patient: bool,
    /// Where to say so.
    pub printer: Printer,
}

/// Starts a deploy with this input, and follows the run that comes of it.
pub async fn deploy(
    installation: &Installation,
    name: &PlatformName,
    input: &Value,
    waiting: Waiting,
    printer: Printer,
) -> Result<Exit, Failure> {
    let begin = Begin { installation, name, patient: waiting.is_wanted(printer), printer };
    let arn = execution::start(installation, &installation.deploy_machine, input).await?;
    begin.follow_deploy(&arn, waiting).await
}

impl Begin<'_> {
    /// Follows the run that comes of an execution of the deploy machine, or says why none does.
    pub async fn follow_deploy(&self, arn: &str, waiting: Waiting) -> Result<Exit, Failure> {
        match self.of_execution(arn, Machine::Deploy).await? {
            Begun::Run(run) => follow_or_leave(self.installation, self.name, run, waiting, self.printer).await,
            Begun::Nothing(message) => {
                self.printer.note(&message);
                Ok(Exit::Done)
            }
        }
    }

    /// What came of an execution that we started.
    pub async fn of_execution(&self, arn: &str, machine: Machine) -> Result<Begun, Failure> {
        let ledger = &self.installation.ledger;
        let started = Timestamp::now();
        loop {
            // In this order: a run that was there before the execution ended is never missed.
            let ending = execution::ending(self.installation, arn).await?;
            if let Some(run) = ledger.run_of(arn).await? {
                return Ok(Begun::Run(run.id));
            }
            let platform = ledger.platform(self.name).await?;
            if let Some(message) = asks(platform.as_ref(), |pending| pending.execution == arn) {
                return Ok(Begun::Nothing(message));
            }
            match ending {
                Ending::Succeeded(outcome, message) if outcome == WAITING && self.patient => {
                    self.printer.note(&message);
                    return self.next_run(machine, started).await;
                }
                Ending::Succeeded(_, message) => return Ok(Begun::Nothing(or_nothing(message))),
                Ending::Failed(name, cause) => return Err(refused(&name, &cause)),
                Ending::UnderWay => wait(started).await?,
            }
        }
    }

    /// The next run of a machine, once the one under way has ended.
    async fn next_run(&self, machine: Machine, after: Timestamp) -> Result<Begun, Failure> {
        let ledger = &self.installation.ledger;
        let mut heard = after;
        loop {
            let runs = ledger.runs(self.name, NEWEST).await?;
            if let Some(run) = runs.iter().find(|run| run.machine == machine && run.started >= after) {
                return Ok(Begun::Run(run.id));
            }
            let platform = ledger.platform(self.name).await?;
            if platform.is_some_and(|platform| platform.waiting.is_some()) {
                heard = Timestamp::now();
            }
            wait(heard).await?;
        }
    }

    /// What came of a version of a manifest that we uploaded.
    pub async fn of_version(&self, version: &str) -> Result<Begun, Failure> {
        let mut heard = Timestamp::now();
        let mut search = Search::default();
        let mut waited = false;
        loop {
            let ending = match search.find(self.installation, version).await? {
                Some(arn) => execution::ending(self.installation, &arn).await?,
                None => Ending::UnderWay,
            };
            let platform = self.installation.ledger.platform(self.name).await?;
            if let Some(run) = self.run_of_version(platform.as_ref(), version).await? {
                return Ok(Begun::Run(run));
            }
            let ours = |pending: &Pending| pending.version_id.as_deref() == Some(version);
            if let Some(message) = asks(platform.as_ref(), ours) {
                return Ok(Begun::Nothing(message));
            }
            let rests = match &platform {
                Some(platform) if platform.lease.is_none() => self.installation.ledger.pause_of(platform).await?,
                _ => None,
            };
            match (ending, turn(platform.as_ref(), version)) {
                (Ending::Failed(name, cause), _) => return Err(refused(&name, &cause)),
                (Ending::Succeeded(outcome, message), Turn::Ours) if outcome == WAITING && rests.is_some() => {
                    return Ok(Begun::Nothing(message));
                }
                (_, Turn::Ours) => {
                    let message =
                        format!("Another run of `{}` is under way; this revision waits for its end", self.name);
                    if !self.patient {
                        return Ok(Begun::Nothing(message));
                    }
                    if !waited {
                        self.printer.note(&message);
                    }
                    (waited, heard) = (true, Timestamp::now());
                }
                (_, Turn::Newer) if waited => {
                    return Ok(Begun::Nothing("A newer upload took the place of this one".to_owned()));
                }
                (Ending::Succeeded(outcome, message), _) if outcome != WAITING => {
                    return Ok(Begun::Nothing(or_nothing(message)));
                }
                _ => {}
            }
            wait(heard).await?;
        }
    }

    /// The newest run of the revision that this version became.
    async fn run_of_version(&self, platform: Option<&Platform>, version: &str) -> Result<Option<RunId>, Failure> {
        let Some(platform) = platform.filter(|platform| platform.version_id.as_deref() == Some(version)) else {
            return Ok(None);
        };
        let runs = self.installation.ledger.runs(&platform.name, NEWEST).await?;
        Ok(runs.iter().find(|run| run.revision == platform.revision).map(|run| run.id))
    }
}

/// What is to be said if one of our plans waits for approval.
fn asks(platform: Option<&Platform>, is_ours: impl Fn(&Pending) -> bool) -> Option<String> {
    let platform = platform?;
    let pending = platform.approval.as_ref().filter(|pending| pending.decision.is_none() && is_ours(pending))?;
    let (name, plan) = (&platform.name, pending.plan);
    Some(format!(
        "Plan {plan} of `{name}` waits for approval: `landfall approve {name} --plan {plan}` or \
         `landfall reject {name} --plan {plan}`"
    ))
}

/// Whose turn is next.
#[derive(Debug, PartialEq, Eq)]
enum Turn {
    Nobody,
    Ours,
    Newer,
}

fn turn(platform: Option<&Platform>, version: &str) -> Turn {
    match platform.and_then(|platform| platform.waiting.as_ref()).map(|waiting| waiting.version_id.as_deref()) {
        None => Turn::Nobody,
        Some(Some(ours)) if ours == version => Turn::Ours,
        Some(_) => Turn::Newer,
    }
}

/// A fault before there was a run: the manifest or the input was refused.
fn refused(name: &str, cause: &str) -> Failure {
    let mut failure = Failure::new("The run was refused before anything was changed");
    failure.causes.push(format!("{name}: {cause}"));
    failure
}

fn or_nothing(message: String) -> String {
    if message.is_empty() { "Nothing was to be done".to_owned() } else { message }
}

async fn wait(heard: Timestamp) -> Result<(), Failure> {
    if Timestamp::now().duration_since(heard) > PATIENCE {
        return Err(Failure::new("Nothing was heard of the run for five minutes")
            .hint("Look at the executions of the installation's machines at the Step Functions console"));
    }
    tokio::time::sleep(PAUSE).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use ledger::Waiting;

    use super::*;
    use crate::fixtures;

    #[test]
    fn a_plan_that_waits_is_told_to_whoever_started_it() {
        let platform = Platform { approval: Some(fixtures::pending()), ..fixtures::platform() };
        let ours = asks(Some(&platform), |pending| pending.version_id.as_deref() == Some("v2"));
        assert!(ours.is_some_and(|message| message.contains("`landfall approve demo --plan 2`")));
        assert_eq!(asks(Some(&platform), |pending| pending.execution == "other"), None);
        assert_eq!(asks(None, |_| true), None);
    }

    #[test]
    fn whose_turn_is_next() {
        let waiting = |version: Option<&str>| Platform {
            waiting: Some(Waiting::new(Machine::Deploy, version.map(ToOwned::to_owned), fixtures::NOW)),
            ..fixtures::platform()
        };
        assert_eq!(turn(None, "v2"), Turn::Nobody);
        assert_eq!(turn(Some(&fixtures::platform()), "v2"), Turn::Nobody);
        assert_eq!(turn(Some(&waiting(Some("v2"))), "v2"), Turn::Ours);
        assert_eq!(turn(Some(&waiting(Some("v3"))), "v2"), Turn::Newer);
        assert_eq!(turn(Some(&waiting(None)), "v2"), Turn::Newer);
    }
}
