//! The end of a run: fenced after a failure, settled at the end, and its lease handed to whoever waits.
//!
//! Every step may come any number of times: an epoch that was moved on for this failure is not moved again, and a run
//! that has ended stays as it is. So the machine, the rule on failed executions and the fleet may all ask for the same.

mod step;

use domain::{Epoch, Fault, PlatformName, RunId};
use jiff::{SignedDuration, Timestamp};
use lambda::{ExecutionEnded, Invocation, Machines, Services, StateError, Triple, Variables};
use ledger::{Ending, Ledger, Restore, RunStatus};
use plan::PlanNumber;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use step::{Outcome, Step};

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// To a fence: how to go on.
    Fenced {
        /// Under which epoch.
        epoch: Epoch,
        /// After how many seconds no function of the run can be under way.
        wait: u64,
        /// To what.
        restore: Restore,
        /// The plan of that.
        plan: PlanNumber,
    },
    /// To everything else.
    Settled(Triple),
}

/// The function's state.
pub struct Settle {
    ledger: Ledger,
    machines: Machines,
    quarantine: SignedDuration,
}

impl Settle {
    /// From the environment.
    pub async fn start(variables: Variables) -> Result<Self, Fault> {
        let services = Services::start(&variables).await?;
        let machines = Machines::new(aws_sdk_sfn::Client::new(&services.config), &variables)?;
        let quarantine = variables.seconds("LANDFALL_QUARANTINE_SECONDS")?;
        Ok(Self::new(services.ledger, machines, SignedDuration::try_from(quarantine).unwrap_or_default()))
    }

    /// From its parts.
    pub fn new(ledger: Ledger, machines: Machines, quarantine: SignedDuration) -> Self {
        Self { ledger, machines, quarantine }
    }

    /// Answers a machine's step, or the event of an execution that failed, timed out or was aborted.
    pub async fn handle(&self, payload: Value, invocation: Invocation) -> Result<Answer, Fault> {
        if ExecutionEnded::is_it(&payload) {
            return self.execution_ended(ExecutionEnded::parse(&payload)?, invocation.now).await.map(Answer::Settled);
        }
        let step = Step::deserialize(payload).map_err(|error| {
            Fault::new(domain::FaultName::InvalidInput, format!("the input cannot be read: {error}"))
        })?;
        match step {
            Step::Fence { platform, run, error } => self.fence(&platform, run, &error, invocation.now).await,
            Step::Finish { platform, run, outcome, error, restored } => {
                let status = match outcome {
                    Outcome::Succeeded => RunStatus::Succeeded,
                    Outcome::Failed => RunStatus::Failed,
                };
                let failure = error.map(|error| error.failure());
                // The machine has waited out its functions before it asks.
                let ending = Ending { status, failure, restored, quarantined_until: None };
                self.finish(&platform, run, &ending, invocation.now).await.map(Answer::Settled)
            }
        }
    }

    async fn fence(
        &self,
        platform: &PlatformName,
        run: RunId,
        error: &StateError,
        now: Timestamp,
    ) -> Result<Answer, Fault> {
        let fenced = self.ledger.fence(platform, run, &error.failure(), now).await?;
        let wait = u64::try_from(self.quarantine.as_secs()).unwrap_or_default();
        Ok(Answer::Fenced { epoch: fenced.fence.epoch, wait, restore: fenced.restore, plan: fenced.plan })
    }

    /// A machine that failed in order has settled its run already. One that was aborted or timed out has not, and a
    /// function of it may still be under way.
    async fn execution_ended(&self, ended: ExecutionEnded, now: Timestamp) -> Result<Triple, Fault> {
        let Some(run) = self.ledger.run_of(&ended.execution).await? else {
            return Ok(Triple::ready("the execution held no platform"));
        };
        let ending = Ending {
            status: RunStatus::Failed,
            failure: Some(ended.failure),
            restored: false,
            quarantined_until: Some(now + self.quarantine),
        };
        self.finish(&run.platform, run.id, &ending, now).await
    }

    async fn finish(
        &self,
        platform: &PlatformName,
        run: RunId,
        ending: &Ending,
        now: Timestamp,
    ) -> Result<Triple, Fault> {
        let finished = self.ledger.finish(platform, run, ending, now).await?;
        let platform = self.ledger.platform(platform).await?;
        if let Some(platform) = platform.filter(|platform| platform.is_free(now))
            && let Some(waiting) = &platform.waiting
        {
            self.machines.start_waiting(&self.ledger, &platform.name, waiting).await?;
        }
        let status = finished.map_or("unknown", |run| match run.status {
            RunStatus::Running => "under way",
            RunStatus::Succeeded => "settled as succeeded",
            RunStatus::Failed => "settled as failed",
            RunStatus::Cancelled => "settled as cancelled",
        });
        Ok(Triple::ready(format!("the run is {status}")))
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_sfn::operation::start_execution::StartExecutionOutput;
    use aws_smithy_mocks::mock;
    use ledger::{Admission, Machine, ObjectKey, Platform, Run, Trigger, Waiting};
    use serde_json::json;
    use tokio::time::Instant;

    use super::*;

    fn now() -> Timestamp {
        "2026-03-04T09:41:12Z".parse().unwrap()
    }

    fn invocation() -> Invocation {
        Invocation { deadline: Instant::now(), now: now() }
    }

    async fn running(ledger: &Ledger) -> Run {
        let name: PlatformName = "demo".parse().unwrap();
        let bound = ObjectKey { bucket: "b".into(), key: "manifests/demo.yaml".into() };
        let target = domain::Target { account: "123456789012".parse().unwrap(), region: "eu-west-1".parse().unwrap() };
        let platform = Platform::new(name.clone(), "landfall".into(), bound, target, now());
        let execution = "arn:aws:states:eu-west-1:123456789012:execution:landfall-deploy:one".to_owned();
        let run = Run::new(name, Machine::Deploy, Trigger::Upload, execution, now());
        let admission = Admission { platform, revision: None, plan: None, run: run.clone() };
        ledger.admit(admission).await.unwrap().unwrap();
        run
    }

    /// A settle function, and how many executions it started.
    fn settle(ledger: &Ledger) -> (Settle, aws_smithy_mocks::Rule) {
        let rule = mock!(aws_sdk_sfn::Client::start_execution).then_output(|| {
            let output = StartExecutionOutput::builder().execution_arn("arn");
            output.start_date(std::time::SystemTime::UNIX_EPOCH.into()).build().unwrap()
        });
        let client = testkit::mocked!(aws_sdk_sfn, MatchAny, [&rule]);
        let variables = Variables::of(&[
            ("LANDFALL_DEPLOY_MACHINE", "arn:aws:states:eu-west-1:123456789012:stateMachine:landfall-deploy"),
            ("LANDFALL_TEARDOWN_MACHINE", "arn:aws:states:eu-west-1:123456789012:stateMachine:landfall-teardown"),
        ]);
        let machines = Machines::new(client, &variables).unwrap();
        (Settle::new(ledger.clone(), machines, SignedDuration::from_secs(90)), rule)
    }

    fn finish(run: &Run, outcome: &str) -> Value {
        json!({"step": "finish", "platform": "demo", "run": run.id, "epoch": 1, "outcome": outcome})
    }

    #[tokio::test]
    async fn a_failed_run_is_fenced_once_however_often_it_is_asked_for() {
        let ledger = Ledger::memory();
        let run = running(&ledger).await;
        let (settle, _) = settle(&ledger);
        let error = json!({"Error": "QuotaExceeded", "Cause": "no address left"});
        let fence = json!({"step": "fence", "platform": "demo", "run": run.id, "epoch": 1, "error": error});
        let first = settle.handle(fence.clone(), invocation()).await.unwrap();
        assert!(matches!(first, Answer::Fenced { wait: 90, restore: Restore::None, plan: 0, .. }), "{first:?}");
        assert_eq!(settle.handle(fence, invocation()).await.unwrap(), first);
    }

    #[tokio::test]
    async fn a_finished_run_frees_the_platform_and_starts_what_waits() {
        let ledger = Ledger::memory();
        let run = running(&ledger).await;
        let (settle, started) = settle(&ledger);
        let platform = ledger.platform(&run.platform).await.unwrap().unwrap();
        ledger.leave_waiting(&platform, Waiting::new(Machine::Deploy, None, now())).await.unwrap();
        settle.handle(finish(&run, "Succeeded"), invocation()).await.unwrap();
        assert_eq!(started.num_calls(), 1);
        let platform = ledger.platform(&run.platform).await.unwrap().unwrap();
        assert!(platform.is_free(now()));
    }

    #[tokio::test]
    async fn an_aborted_execution_is_settled_and_its_platform_rests_until_no_function_can_be_left() {
        let ledger = Ledger::memory();
        let run = running(&ledger).await;
        let (settle, _) = settle(&ledger);
        let event = json!({
            "detail-type": "Step Functions Execution Status Change",
            "detail": {"executionArn": run.execution, "status": "ABORTED", "error": null, "cause": "Stopped."},
        });
        settle.handle(event.clone(), invocation()).await.unwrap();
        let settled = ledger.run(&run.platform, run.id).await.unwrap().unwrap();
        assert!(settled.ended.is_some());
        let platform = ledger.platform(&run.platform).await.unwrap().unwrap();
        assert!(!platform.is_free(now()) && platform.is_free(now() + SignedDuration::from_secs(91)));
        settle.handle(event, invocation()).await.unwrap();
        assert_eq!(ledger.run(&run.platform, run.id).await.unwrap().unwrap(), settled);
    }

    #[tokio::test]
    async fn an_execution_that_held_nothing_is_nothing_to_settle() {
        let event = json!({
            "detail-type": "Step Functions Execution Status Change",
            "detail": {"executionArn": "arn:other", "status": "FAILED", "error": "InvalidManifest"},
        });
        let (settle, _) = settle(&Ledger::memory());
        assert!(matches!(settle.handle(event, invocation()).await.unwrap(), Answer::Settled(_)));
    }
}
