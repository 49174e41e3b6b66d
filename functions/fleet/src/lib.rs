//! The regular look at everything that nobody else would notice: a schedule that is due, a wish that waits on a free
//! platform, a run whose execution has ended without settling it, one that is cancelled or too late and goes on, a plan
//! whose execution waits for approval no more.
//!
//! A tick may come twice, late, or not at all: executions are named after what they are for, a missed time is caught up
//! once, and settling twice is settling once. The trouble of one platform does not keep the others waiting; the tick
//! fails at its end and names them.

mod calendar;
mod decide;
mod tally;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod tests;

use domain::{Fault, FaultName, PlatformName};
use jiff::{SignedDuration, Timestamp};
use lambda::{Invocation, Machines, Services, Started, Variables};
use ledger::{Ending, Failure, Ledger, Platform, Revoked, Run, RunStatus};
use serde::Serialize;
use serde_json::{Value, json};

pub use calendar::Calendar;
pub use decide::{PlatformStep, RunStep, decide_platform, decide_run, has_begun};

use crate::tally::Tally;

/// What a tick did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// How many executions it started.
    pub started: usize,
    /// How many runs it settled or stopped.
    pub reaped: usize,
}

/// The function's state.
pub struct Fleet {
    ledger: Ledger,
    machines: Machines,
    redeploy: String,
    quarantine: SignedDuration,
}

impl Fleet {
    /// From the environment.
    pub async fn start(variables: Variables) -> Result<Self, Fault> {
        let services = Services::start(&variables).await?;
        let client = aws_sdk_sfn::Client::new(&services.config);
        Self::new(services.ledger, client, &variables)
    }

    /// From its parts; `variables` name the machines and the quarantine.
    pub fn new(ledger: Ledger, client: aws_sdk_sfn::Client, variables: &Variables) -> Result<Self, Fault> {
        let machines = Machines::new(client, variables)?;
        let redeploy = variables.text("LANDFALL_REDEPLOY_MACHINE")?;
        let quarantine = variables.seconds("LANDFALL_QUARANTINE_SECONDS")?;
        let quarantine = SignedDuration::try_from(quarantine).unwrap_or_default();
        Ok(Self { ledger, machines, redeploy, quarantine })
    }

    /// Answers a tick; what the event says does not matter. What it has no time for is left to the next tick.
    pub async fn handle(&self, _tick: Value, invocation: Invocation) -> Result<Answer, Fault> {
        let Invocation { now, deadline } = invocation;
        let runs = self.ledger.open_runs().await?;
        let reap = async |run: &Run| self.reap(run, now).await;
        let reaped = Tally::of(&runs, deadline, |run| &run.platform, reap).await;
        let platforms = self.ledger.platforms().await?;
        let all_rest = self.ledger.pause_of_all().await?.is_some();
        let serve = async |platform: &Platform| self.serve(platform, all_rest, now).await;
        let started = Tally::of(&platforms, deadline, |platform| &platform.name, serve).await;
        let answer = Answer { started: started.done, reaped: reaped.done };
        tracing::info!(started = answer.started, reaped = answer.reaped, "the tick is done");
        match reaped.and(started).fault() {
            Some(fault) => Err(fault),
            None => Ok(answer),
        }
    }

    /// Settles or stops a run. Answers whether it did.
    async fn reap(&self, run: &Run, now: Timestamp) -> Result<bool, Fault> {
        let is_running = self.machines.is_running(&run.execution).await?;
        let step = decide_run(run, is_running, now);
        match step {
            RunStep::Leave => return Ok(false),
            RunStep::Settle => self.settle(run, now).await?,
            RunStep::Stop(why) => self.stop(run, why).await?,
        }
        tracing::warn!(platform = %run.platform, run = %run.id, ?step, "a run is reaped");
        Ok(true)
    }

    /// The same as what the function settle does on the event of an execution that ended, which may have been lost. A
    /// function of the run may still be under way.
    async fn settle(&self, run: &Run, now: Timestamp) -> Result<(), Fault> {
        let unknown = || Failure {
            name: "States.Runtime".to_owned(),
            message: "The execution ended without settling its run.".to_owned(),
        };
        let ending = Ending {
            status: RunStatus::Failed,
            failure: run.failure.is_none().then(unknown),
            restored: false,
            quarantined_until: Some(now + self.quarantine),
        };
        self.ledger.finish(&run.platform, run.id, &ending, now).await?;
        Ok(())
    }

    /// The event of the stopped execution settles the run; without it the next tick does.
    async fn stop(&self, run: &Run, why: FaultName) -> Result<(), Fault> {
        if why == FaultName::Cancelled {
            let cause = format!("run {} of {} was cancelled", run.id, run.platform);
            return self.machines.stop(&run.execution, why, &cause).await;
        }
        let hours = Run::LIMIT.as_hours();
        let fault = Fault::new(why, format!("the run took longer than its {hours} hours and did not end itself"))
            .next(format!("see `landfall status {}`, then run `landfall retry {}`", run.platform, run.platform));
        let cause = fault.to_string();
        self.ledger.revoke(&run.platform, run.id, &Revoked::Failed(fault.into())).await?;
        self.machines.stop(&run.execution, why, &cause).await
    }

    /// Starts what a platform waits for or is due, and ends a wait for approval that has no execution. Answers whether an execution was started.
    async fn serve(&self, platform: &Platform, all_rest: bool, now: Timestamp) -> Result<bool, Fault> {
        let Platform { name, next_due, .. } = platform;
        if let Some(pending) = platform.approval.as_ref().filter(|pending| has_begun(pending, now))
            && !self.machines.is_running(&pending.execution).await?
        {
            tracing::warn!(platform = %name, plan = pending.plan, "nobody waits with this plan any more");
            self.ledger.close_request(name, pending.plan).await?;
        }
        match decide_platform(platform, all_rest, now)? {
            PlatformStep::Leave => Ok(false),
            PlatformStep::Move { next } => {
                self.ledger.set_due(name, *next_due, next).await?;
                Ok(false)
            }
            PlatformStep::Fulfil(waiting) => {
                Ok(self.machines.start_waiting(&self.ledger, name, &waiting).await? == Started::Now)
            }
            PlatformStep::Redeploy { due, next } => {
                // Started first: a tick that ends in between is repeated, and its name starts nothing twice.
                let execution = redeploy_name(name, due);
                let started = self.machines.start(&self.redeploy, &execution, &json!({"platform": name})).await?;
                tracing::info!(platform = %name, execution, ?started, "a redeploy was due");
                self.ledger.set_due(name, *next_due, next).await?;
                Ok(started == Started::Now)
            }
        }
    }
}

/// The name of the execution for one due time of one platform: at most 49 of 80 characters.
fn redeploy_name(platform: &PlatformName, due: Timestamp) -> String {
    format!("{platform}-{}", due.strftime("%Y%m%dT%H%M%SZ"))
}
