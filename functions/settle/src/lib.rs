//! The end of a run: fenced after a failure, settled at the end, and its lease handed to whoever waits. And the two ends of
//! a wait for approval, during which no run is under way.
//!
//! Every step may come any number of times: an epoch that was moved on for this failure is not moved again, and a run
//! that has ended stays as it is. So the machine, the rule on failed executions and the fleet may all ask for the same.

mod step;

use domain::{Epoch, Fault, FaultName, PlatformName, RunId};
use jiff::{SignedDuration, Timestamp};
use lambda::{ExecutionEnded, Invocation, Machines, Services, StateError, Triple, Variables, call_fault};
use ledger::{Diagnostics, Ending, Failure, Ledger, Restore, RunStatus};
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
    s3: aws_sdk_s3::Client,
    /// Where diagnostics go.
    bucket: String,
    quarantine: SignedDuration,
}

impl Settle {
    /// From the environment.
    pub async fn start(variables: Variables) -> Result<Self, Fault> {
        let services = Services::start(&variables).await?;
        let machines = Machines::new(aws_sdk_sfn::Client::new(&services.config), &variables)?;
        let quarantine = variables.seconds("LANDFALL_QUARANTINE_SECONDS")?;
        Ok(Self {
            ledger: services.ledger,
            machines,
            s3: aws_sdk_s3::Client::new(&services.config),
            bucket: variables.text("LANDFALL_STATE_BUCKET")?,
            quarantine: SignedDuration::try_from(quarantine).unwrap_or_default(),
        })
    }

    /// Answers a machine's step, or the event of an execution that failed, timed out or was aborted.
    pub async fn handle(&self, payload: Value, invocation: Invocation) -> Result<Answer, Fault> {
        if ExecutionEnded::is_it(&payload) {
            return self.execution_ended(ExecutionEnded::parse(&payload)?, invocation.now).await.map(Answer::Settled);
        }
        let step = Step::deserialize(payload)
            .map_err(|error| Fault::new(FaultName::InvalidInput, format!("the input cannot be read: {error}")))?;
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
            Step::Await { platform, plan, token } => {
                self.ledger.hold_token(&platform, plan, &token).await?;
                Ok(Answer::Settled(Triple::ready(format!("plan {plan} of {platform} waits for approval"))))
            }
            Step::Close { platform, plan } => {
                self.ledger.close_request(&platform, plan).await?;
                Ok(Answer::Settled(Triple::ready(format!("plan {plan} of {platform} waits no longer"))))
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
        let failure = error.failure();
        let fenced = self.ledger.fence(platform, run, &failure, now).await?;
        // What is not known why is undone all the same.
        if let Err(fault) = self.diagnose(platform, run, &failure, now).await {
            tracing::warn!(%platform, %run, "the diagnostics could not be saved: {fault}");
        }
        let wait = u64::try_from(self.quarantine.as_secs()).unwrap_or_default();
        Ok(Answer::Fenced { epoch: fenced.fence.epoch, wait, restore: fenced.restore, plan: fenced.plan })
    }

    /// Saves what the run knows, before anything of it is undone. Once: later it would know less.
    async fn diagnose(
        &self,
        platform: &PlatformName,
        run: RunId,
        failure: &Failure,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let found = self.ledger.diagnose(platform, run, failure, now).await?;
        let Some(found) = found.filter(|found| found.run.diagnostics.is_none()) else { return Ok(()) };
        let key = Diagnostics::key(platform, run);
        let body = serde_json::to_vec_pretty(&found)
            .map_err(|error| Fault::new(FaultName::Internal, format!("they cannot be written: {error}")))?;
        let put = self.s3.put_object().bucket(&self.bucket).key(&key).content_type("application/json");
        put.body(body.into()).send().await.map_err(aws::changing("s3:PutObject")).map_err(call_fault)?;
        self.ledger.note_diagnostics(platform, run, &format!("s3://{}/{key}", self.bucket)).await?;
        Ok(())
    }

    /// A machine that failed in order has settled its run already. One that was aborted or timed out has not, and a
    /// function of it may still be under way.
    async fn execution_ended(&self, ended: ExecutionEnded, now: Timestamp) -> Result<Triple, Fault> {
        let Some(run) = self.ledger.run_of(&ended.execution).await? else {
            self.ledger.close_request_of(&ended.execution).await?;
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
            && !(waiting.rests() && self.ledger.pause_of(&platform).await?.is_some())
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
    use std::sync::{Arc, Mutex};

    use aws_sdk_s3::operation::put_object::PutObjectOutput;
    use aws_sdk_sfn::operation::start_execution::StartExecutionOutput;
    use aws_smithy_mocks::mock;
    use domain::AwsAnswer;
    use ledger::{Admission, Machine, ObjectKey, Pending, PlanHead, Platform, Request, Run, Trigger, Waiting};
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
        let (s3, bucket) = (saving(&Saved::default()), "state".to_owned());
        (Settle { ledger: ledger.clone(), machines, s3, bucket, quarantine: SignedDuration::from_secs(90) }, rule)
    }

    /// The documents that were put, by key.
    type Saved = Arc<Mutex<Vec<(String, Value)>>>;

    fn saving(saved: &Saved) -> aws_sdk_s3::Client {
        let saved = saved.clone();
        let put = mock!(aws_sdk_s3::Client::put_object).then_compute_output(move |input| {
            let document = serde_json::from_slice(input.body().bytes().unwrap()).unwrap();
            saved.lock().unwrap().push((input.key().unwrap().to_owned(), document));
            PutObjectOutput::builder().build()
        });
        testkit::mocked!(aws_sdk_s3, MatchAny, [&put])
    }

    #[tokio::test]
    async fn what_a_run_knew_is_saved_once_before_it_is_undone() {
        let ledger = Ledger::memory();
        let run = running(&ledger).await;
        let saved = Saved::default();
        let settle = Settle { s3: saving(&saved), ..settle(&ledger).0 };
        let answer = AwsAnswer {
            action: "ec2:AllocateAddress".into(),
            code: Some("AddressLimitExceeded".into()),
            request: Some("req-7".into()),
        };
        let fault = Fault::new(FaultName::QuotaExceeded, "no address left").answered(answer);
        ledger.note_fault(run.id, &fault, now()).await.unwrap();
        let error = json!({"Error": "QuotaExceeded", "Cause": "no address left"});
        let fence = json!({"step": "fence", "platform": "demo", "run": run.id, "epoch": 1, "error": error});
        settle.handle(fence.clone(), invocation()).await.unwrap();
        settle.handle(fence, invocation()).await.unwrap();
        let saved = saved.lock().unwrap().clone();
        let [(key, document)] = &saved[..] else { panic!("{saved:?}") };
        assert_eq!(*key, Diagnostics::key(&run.platform, run.id));
        assert_eq!(document["failure"]["name"], "QuotaExceeded");
        let answer = &document["faults"][0]["fault"]["answer"];
        assert_eq!((&answer["code"], &answer["request"]), (&json!("AddressLimitExceeded"), &json!("req-7")));
        let noted = ledger.run(&run.platform, run.id).await.unwrap().unwrap().diagnostics;
        assert_eq!(noted, Some(format!("s3://state/{key}")));
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
    async fn a_wait_for_approval_ends_with_its_execution() {
        let ledger = Ledger::memory();
        let run = running(&ledger).await;
        let (settle, _) = settle(&ledger);
        settle.handle(finish(&run, "Succeeded"), invocation()).await.unwrap();
        let ask = async |plan: u64| {
            let platform = ledger.platform(&run.platform).await.unwrap().unwrap();
            let execution = format!("arn:waits:{plan}");
            let pending = Pending { plan, version_id: None, execution, until: now() + Request::LIMIT, decision: None };
            let head = PlanHead { number: plan, revision: 1, document: String::new(), resources: 0, at: now() };
            let request = Request::new(plan, Trigger::Upload, Vec::new(), now());
            ledger.ask(platform, pending, request, Some(head)).await.unwrap();
        };
        let waits = async || {
            let platform = ledger.platform(&run.platform).await.unwrap().unwrap();
            platform.approval.map(|pending| pending.plan)
        };
        let close = |plan: u64| json!({"step": "close", "platform": "demo", "plan": plan});
        ask(2).await;
        let token = json!({"step": "await", "platform": "demo", "plan": 2, "token": "secret"});
        settle.handle(token, invocation()).await.unwrap();
        let kept = ledger.request(&run.platform, 2).await.unwrap().unwrap();
        assert_eq!(kept.token.unwrap().reveal(), "secret");
        settle.handle(close(1), invocation()).await.unwrap();
        assert_eq!(waits().await, Some(2), "another plan's end ends nothing");
        settle.handle(close(2), invocation()).await.unwrap();
        assert_eq!(waits().await, None);
        ask(3).await;
        let event = json!({
            "detail-type": "Step Functions Execution Status Change",
            "detail": {"executionArn": "arn:waits:3", "status": "ABORTED", "error": null, "cause": "Stopped."},
        });
        settle.handle(event, invocation()).await.unwrap();
        assert_eq!(waits().await, None);
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
