//! Whole ticks, over a ledger in memory and scripted answers of Step Functions.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aws_sdk_sfn::Client;
use aws_sdk_sfn::error::ErrorMetadata;
use aws_sdk_sfn::operation::describe_execution::{DescribeExecutionError, DescribeExecutionOutput};
use aws_sdk_sfn::operation::start_execution::{StartExecutionError, StartExecutionOutput};
use aws_sdk_sfn::operation::stop_execution::StopExecutionOutput;
use aws_sdk_sfn::types::ExecutionStatus;
use aws_sdk_sfn::types::error::{ExecutionAlreadyExists, ExecutionDoesNotExist};
use aws_smithy_mocks::{MockResponse, mock};
use ledger::{Admission, Machine, Pending, Request, Schedule, Status, Trigger, Waiting};
use tokio::time::Instant;

use super::*;
use crate::fixtures::{at, name, platform, run};

const NOW: &str = "2026-03-04T10:02:00Z";
const DUE: &str = "2026-03-04T10:00:00Z";
const NEXT: &str = "2026-03-05T10:00:00Z";

/// Step Functions as far as the fleet sees it: which executions run, and what it was asked to start and stop.
#[derive(Default)]
struct Executions {
    running: Vec<String>,
    existing: Vec<String>,
    calls: Vec<String>,
}

type Shared = Arc<Mutex<Executions>>;

fn fleet(ledger: &Ledger, shared: &Shared) -> Fleet {
    let epoch = || SystemTime::UNIX_EPOCH.into();
    let (of, seen, stopped) = (shared.clone(), shared.clone(), shared.clone());
    let start = mock!(Client::start_execution).then_compute_response(move |request| {
        let mut executions = of.lock().unwrap();
        let name = request.name().unwrap().to_owned();
        let machine = request.state_machine_arn().unwrap().rsplit(':').next().unwrap().to_owned();
        executions.calls.push(format!("start {machine} {name} {}", request.input().unwrap()));
        if name.starts_with("broken") {
            return MockResponse::Error(StartExecutionError::generic(
                ErrorMetadata::builder().code("AccessDeniedException").build(),
            ));
        }
        if executions.existing.contains(&name) {
            let exists = ExecutionAlreadyExists::builder().build();
            return MockResponse::Error(StartExecutionError::ExecutionAlreadyExists(exists));
        }
        executions.existing.push(name);
        MockResponse::Output(StartExecutionOutput::builder().execution_arn("arn").start_date(epoch()).build().unwrap())
    });
    let describe = mock!(Client::describe_execution).then_compute_response(move |request| {
        let arn = request.execution_arn().unwrap().to_owned();
        if !seen.lock().unwrap().running.contains(&arn) {
            let meta = ErrorMetadata::builder().code("ExecutionDoesNotExist").build();
            let missing = ExecutionDoesNotExist::builder().meta(meta).build();
            return MockResponse::Error(DescribeExecutionError::ExecutionDoesNotExist(missing));
        }
        let output = DescribeExecutionOutput::builder().execution_arn(arn).state_machine_arn("arn");
        MockResponse::Output(output.status(ExecutionStatus::Running).start_date(epoch()).build().unwrap())
    });
    let stop = mock!(Client::stop_execution).then_compute_output(move |request| {
        let arn = request.execution_arn().unwrap();
        let call = format!("stop {} {}", arn.rsplit(':').next().unwrap(), request.error().unwrap());
        stopped.lock().unwrap().calls.push(call);
        StopExecutionOutput::builder().stop_date(epoch()).build().unwrap()
    });
    let client = testkit::mocked!(aws_sdk_sfn, MatchAny, [&start, &describe, &stop]);
    let machine = |name: &str| format!("arn:aws:states:eu-west-1:123456789012:stateMachine:landfall-{name}");
    let variables = Variables::of(&[
        ("LANDFALL_DEPLOY_MACHINE", &machine("deploy")),
        ("LANDFALL_TEARDOWN_MACHINE", &machine("teardown")),
        ("LANDFALL_REDEPLOY_MACHINE", &machine("redeploy")),
        ("LANDFALL_QUARANTINE_SECONDS", "90"),
    ]);
    Fleet::new(ledger.clone(), client, &variables).unwrap()
}

async fn tick(fleet: &Fleet, now: &str) -> Result<Answer, Fault> {
    let deadline = Instant::now() + Duration::from_secs(50);
    fleet.handle(json!({"detail-type": "Scheduled Event"}), Invocation { deadline, now: at(now) }).await
}

/// Calls so far, in any order: platforms are served side by side.
fn calls(shared: &Shared) -> Vec<String> {
    let mut calls = std::mem::take(&mut shared.lock().unwrap().calls);
    calls.sort();
    calls
}

async fn running(ledger: &Ledger, text: &str, started: &str) -> Run {
    let run = run(text, Machine::Deploy, at(started));
    let platform = platform(text, at(started));
    ledger.admit(Admission { platform, revision: None, plan: None, run: run.clone() }).await.unwrap().unwrap();
    run
}

/// A platform whose deploy went well, due at [`DUE`].
async fn due(ledger: &Ledger, text: &str) {
    let started = "2026-03-04T08:00:00Z";
    let mut platform = platform(text, at(started));
    platform.schedule = Some(Schedule { cron: "0 10 * * *".into(), time_zone: "UTC".into(), freeze: Vec::new() });
    platform.next_due = Some(at(DUE));
    let run = run(text, Machine::Deploy, at(started));
    let ending = Ending { status: RunStatus::Succeeded, failure: None, restored: false, quarantined_until: None };
    ledger.admit(Admission { platform, revision: None, plan: None, run: run.clone() }).await.unwrap().unwrap();
    ledger.finish(&run.platform, run.id, &ending, at(started)).await.unwrap();
}

async fn next_due(ledger: &Ledger, text: &str) -> Option<Timestamp> {
    ledger.platform(&name(text)).await.unwrap().unwrap().next_due
}

#[tokio::test]
async fn what_is_due_is_started_once_however_often_the_tick_comes() {
    let (ledger, shared) = (Ledger::memory(), Shared::default());
    let fleet = fleet(&ledger, &shared);
    due(&ledger, "demo").await;
    assert_eq!(tick(&fleet, NOW).await.unwrap(), Answer { started: 1, reaped: 0 });
    assert_eq!(calls(&shared), [r#"start landfall-redeploy demo-20260304T100000Z {"platform":"demo"}"#]);
    assert_eq!(next_due(&ledger, "demo").await, Some(at(NEXT)));
    assert_eq!(tick(&fleet, NOW).await.unwrap(), Answer { started: 0, reaped: 0 });
    assert!(calls(&shared).is_empty());
    // A tick that ended between the start and the note of the next time.
    ledger.set_due(&name("demo"), Some(at(NEXT)), Some(at(DUE))).await.unwrap();
    assert_eq!(tick(&fleet, NOW).await.unwrap(), Answer { started: 0, reaped: 0 });
    assert_eq!(next_due(&ledger, "demo").await, Some(at(NEXT)));
}

#[tokio::test]
async fn the_trouble_of_one_platform_does_not_stop_the_others() {
    let (ledger, shared) = (Ledger::memory(), Shared::default());
    for text in ["alpha", "broken", "gamma"] {
        due(&ledger, text).await;
    }
    let fault = tick(&fleet(&ledger, &shared), NOW).await.unwrap_err();
    assert_eq!(fault.name, FaultName::AccessDenied);
    assert!(fault.message.starts_with("1 of 3 went wrong. broken: "), "{fault}");
    for (text, expected) in [("alpha", NEXT), ("broken", DUE), ("gamma", NEXT)] {
        assert_eq!(next_due(&ledger, text).await, Some(at(expected)), "{text}");
    }
}

#[tokio::test]
async fn a_run_whose_execution_is_gone_is_settled_and_its_platform_freed() {
    let (ledger, shared) = (Ledger::memory(), Shared::default());
    let run = running(&ledger, "demo", "2026-03-04T09:00:00Z").await;
    let fleet = fleet(&ledger, &shared);
    assert_eq!(tick(&fleet, NOW).await.unwrap(), Answer { started: 0, reaped: 1 });
    let settled = ledger.run(&run.platform, run.id).await.unwrap().unwrap();
    assert_eq!((settled.status, settled.ended), (RunStatus::Failed, Some(at(NOW))));
    assert_eq!(settled.failure.unwrap().name, "States.Runtime");
    let platform = ledger.platform(&run.platform).await.unwrap().unwrap();
    assert_eq!(platform.status, Status::Failed);
    assert!(!platform.is_free(at(NOW)) && platform.is_free(at("2026-03-04T10:03:30Z")));
    assert_eq!(tick(&fleet, NOW).await.unwrap(), Answer { started: 0, reaped: 0 });
}

#[tokio::test]
async fn a_run_that_is_alive_and_in_time_is_left_alone() {
    let (ledger, shared) = (Ledger::memory(), Shared::default());
    let run = running(&ledger, "demo", "2026-03-04T09:00:00Z").await;
    shared.lock().unwrap().running.push(run.execution.clone());
    assert_eq!(tick(&fleet(&ledger, &shared), NOW).await.unwrap(), Answer { started: 0, reaped: 0 });
    assert!(calls(&shared).is_empty());
}

#[tokio::test]
async fn a_run_that_is_too_late_writes_no_more_and_is_stopped() {
    let (ledger, shared) = (Ledger::memory(), Shared::default());
    let run = running(&ledger, "demo", "2026-03-04T07:00:00Z").await;
    shared.lock().unwrap().running.push(run.execution.clone());
    let fleet = fleet(&ledger, &shared);
    assert_eq!(tick(&fleet, NOW).await.unwrap(), Answer { started: 0, reaped: 1 });
    assert_eq!(calls(&shared), ["stop demo-1 DeadlineExceeded"]);
    let revoked = ledger.run(&run.platform, run.id).await.unwrap().unwrap();
    assert_eq!(revoked.failure.unwrap().name, "DeadlineExceeded");
    // The event was lost: the next tick settles it, and what it failed of stays.
    shared.lock().unwrap().running.clear();
    tick(&fleet, "2026-03-04T10:07:00Z").await.unwrap();
    let settled = ledger.run(&run.platform, run.id).await.unwrap().unwrap();
    assert_eq!((settled.status, settled.failure.unwrap().name.as_str()), (RunStatus::Failed, "DeadlineExceeded"));
}

#[tokio::test]
async fn a_cancelled_run_that_goes_on_is_stopped() {
    let (ledger, shared) = (Ledger::memory(), Shared::default());
    let run = running(&ledger, "demo", "2026-03-04T09:00:00Z").await;
    shared.lock().unwrap().running.push(run.execution.clone());
    ledger.cancel(&run.platform).await.unwrap();
    assert_eq!(tick(&fleet(&ledger, &shared), NOW).await.unwrap(), Answer { started: 0, reaped: 1 });
    assert_eq!(calls(&shared), ["stop demo-1 Cancelled"]);
}

#[tokio::test]
async fn wishes_on_free_platforms_are_fulfilled() {
    let (ledger, shared) = (Ledger::memory(), Shared::default());
    let mut expected = Vec::new();
    for (text, machine) in [("demo", Machine::Deploy), ("old", Machine::Teardown)] {
        due(&ledger, text).await;
        let waiting = Waiting::new(machine, None, at(NOW));
        let platform = ledger.platform(&name(text)).await.unwrap().unwrap();
        ledger.leave_waiting(&platform, waiting.clone()).await.unwrap();
        let trigger = if machine == Machine::Deploy { r#","trigger":"Waiting""# } else { "" };
        let machine = if machine == Machine::Deploy { "deploy" } else { "teardown" };
        expected.push(format!(r#"start landfall-{machine} {text}-{} {{"platform":"{text}"{trigger}}}"#, waiting.id));
    }
    assert_eq!(tick(&fleet(&ledger, &shared), NOW).await.unwrap(), Answer { started: 2, reaped: 0 });
    assert_eq!(calls(&shared), expected);
}

#[tokio::test]
async fn a_plan_whose_execution_has_ended_unheard_waits_no_longer() {
    let (ledger, shared) = (Ledger::memory(), Shared::default());
    due(&ledger, "demo").await;
    let asked = at("2026-03-04T09:59:30Z");
    let platform = ledger.reserve_plan(ledger.platform(&name("demo")).await.unwrap().unwrap()).await.unwrap();
    let (plan, execution) = (platform.last_plan, "arn:deploy:demo-2".to_owned());
    let until = asked + Request::LIMIT;
    let pending = Pending { plan, version_id: None, execution: execution.clone(), until, decision: None };
    let request = Request::new(plan, Trigger::Upload, vec!["Delete network/vpc".into()], asked);
    ledger.ask(platform, pending.clone(), request, None).await.unwrap();
    let waits = async || ledger.platform(&name("demo")).await.unwrap().unwrap().approval;
    let fleet = fleet(&ledger, &shared);

    tick(&fleet, "2026-03-04T10:00:00Z").await.unwrap();
    assert_eq!(waits().await, Some(pending.clone()), "Step Functions may not know it yet");
    shared.lock().unwrap().running.push(execution);
    tick(&fleet, NOW).await.unwrap();
    assert_eq!(waits().await, Some(pending), "it is under way");
    shared.lock().unwrap().running.clear();
    tick(&fleet, NOW).await.unwrap();
    assert_eq!(waits().await, None);
}

#[tokio::test]
async fn nothing_is_begun_after_the_deadline() {
    let (ledger, shared) = (Ledger::memory(), Shared::default());
    due(&ledger, "demo").await;
    let late = Invocation { deadline: Instant::now(), now: at(NOW) };
    assert_eq!(fleet(&ledger, &shared).handle(json!({}), late).await.unwrap(), Answer { started: 0, reaped: 0 });
    assert_eq!(next_due(&ledger, "demo").await, Some(at(DUE)));
}
