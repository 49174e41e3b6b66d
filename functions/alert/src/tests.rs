//! The text of every kind of message.

mod sending;

use std::sync::{Arc, Mutex};

use aws_sdk_sns::operation::publish::{PublishError, PublishOutput};
use aws_sdk_sns::types::error::NotFoundException;
use aws_smithy_mocks::{MockResponse, mock};
use domain::{Component, Epoch, Generation, Kind, Locator, Operation, ResourceId, RunId, State, Target};
use engine::Fence;
use ledger::{
    Admission, Approval, Ending, Guards, Machine, ObjectKey, OnFailure, OnManifestDelete, Pending, PlanHead, Request,
    Restore, RunStatus, Trigger,
};
use serde_json::json;
use tokio::time::Instant;

use super::*;

const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:landfall-alerts";
const EXECUTION: &str =
    "arn:aws:states:eu-west-1:123456789012:execution:landfall-deploy:7d0b3f8a-51f6-4c2e-9d53-0f6f3a2b9c11";
const RUN: &str = "01JZ8Q4T7N3M5V6W7X8Y9Z0A1B";

/// What was published, and what the topics answer.
#[derive(Default)]
struct Topics {
    sent: Vec<(String, String, String)>,
    missing: Vec<&'static str>,
}

type Shared = Arc<Mutex<Topics>>;

fn alert(ledger: &Ledger, shared: &Shared) -> Alert {
    let topics = shared.clone();
    let publish = mock!(Client::publish).then_compute_response(move |request| {
        let mut topics = topics.lock().unwrap();
        let text = |value: Option<&str>| value.unwrap().to_owned();
        let topic = text(request.topic_arn());
        if topics.missing.iter().any(|missing| topic.ends_with(missing)) {
            let meta = aws_sdk_sns::error::ErrorMetadata::builder().code("NotFound").message("no such topic").build();
            return MockResponse::Error(PublishError::NotFoundException(
                NotFoundException::builder().meta(meta).build(),
            ));
        }
        topics.sent.push((topic, text(request.subject()), text(request.message())));
        MockResponse::Output(PublishOutput::builder().build())
    });
    Alert::new(ledger.clone(), testkit::mocked!(aws_sdk_sns, MatchAny, [&publish]), "landfall".into(), TOPIC.into())
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

async fn tell(alert: &Alert, payload: &Value) -> Result<Answer, Fault> {
    alert.handle(payload.clone(), Invocation { deadline: Instant::now(), now: at("2026-03-04T09:41:12Z") }).await
}

/// The one message that went out.
async fn text(ledger: &Ledger, payload: &Value) -> String {
    let shared = Shared::default();
    assert!(tell(&alert(ledger, &shared), payload).await.unwrap().sent);
    let topics = shared.lock().unwrap();
    let [(topic, subject, body)] = &topics.sent[..] else { panic!("{:?}", topics.sent) };
    assert_eq!(topic, TOPIC);
    assert!(!body.contains("123456789012") && subject.is_ascii() && subject.len() < 100);
    format!("{subject}\n---\n{body}")
}

fn sample(case: &str) -> Value {
    let path = format!("{}/../../events/alert/{case}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn failed(name: &str, cause: &str) -> Value {
    let error = json!({"Error": name, "Cause": cause});
    json!({"platform": "demo", "run": RUN, "execution": EXECUTION, "reason": "Failed", "error": error})
}

/// A platform as its machine leaves it before it tells.
struct Scene {
    last_good: u64,
    plan: u64,
    on_failure: OnFailure,
    machine: Machine,
    /// Name, kind, locator and state of each resource.
    resources: Vec<(&'static str, Kind, Option<&'static str>, State)>,
}

impl Default for Scene {
    fn default() -> Self {
        let (on_failure, machine) = (OnFailure::RollBack, Machine::Deploy);
        Self { last_good: 0, plan: 1, on_failure, machine, resources: Vec::new() }
    }
}

fn waiting(reason: &str) -> Operation {
    let since = at("2026-03-04T09:35:00Z");
    Operation { run: RunId::parse(RUN).unwrap(), epoch: Epoch(1), since, reason: Some(reason.into()) }
}

impl Scene {
    fn platform(&self) -> Platform {
        let bound = ObjectKey { bucket: "landfall-bucket".into(), key: "manifests/demo.yaml".into() };
        let target = Target { account: "123456789012".parse().unwrap(), region: "eu-west-1".parse().unwrap() };
        let guards = Guards {
            deletion_protection: true,
            on_manifest_delete: OnManifestDelete::Retain,
            approval: Approval::Destructive,
            on_failure: self.on_failure,
        };
        let name = "demo".parse().unwrap();
        Platform {
            last_good: self.last_good,
            plan: self.plan,
            guards: Some(guards),
            ..Platform::new(name, "landfall".into(), bound, target, at("2026-03-01T00:00:00Z"))
        }
    }

    /// The run is under way.
    async fn running(&self) -> (Ledger, Fence) {
        let ledger = Ledger::memory();
        let began = at("2026-03-04T09:30:00Z");
        let trigger = if self.machine == Machine::Deploy { Trigger::Upload } else { Trigger::Destroy };
        let run = Run {
            id: RunId::parse(RUN).unwrap(),
            plan: self.plan,
            ..Run::new("demo".parse().unwrap(), self.machine, trigger, EXECUTION.into(), began)
        };
        let admission = Admission { platform: self.platform(), revision: None, plan: None, run };
        let fence = ledger.admit(admission).await.unwrap().unwrap();
        for (name, kind, locator, state) in &self.resources {
            let record = domain::Record {
                id: ResourceId::new(Component::Network, *name),
                generation: Generation::FIRST,
                kind: *kind,
                schema: domain::Record::SCHEMA,
                target: self.platform().target,
                locator: locator.map(|locator| Locator(locator.into())),
                spec: json!({}),
                needs: Vec::new(),
                state: state.clone(),
                outputs: Default::default(),
                adopted: false,
                attempts: 1,
                confirmed: None,
                created: began,
                updated: began,
            };
            ledger.write(&fence, None, &record).await.unwrap();
        }
        (ledger, fence)
    }

    /// The run failed, was fenced, and is settled.
    async fn settled(&self, expected: Restore, restored: bool) -> Ledger {
        let (ledger, fence) = self.running().await;
        let failure = Failure { name: "QuotaExceeded".into(), message: "no address left".into() };
        let now = at("2026-03-04T09:41:00Z");
        let fenced = ledger.fence(&fence.platform, fence.run, &failure, now).await.unwrap();
        assert_eq!(fenced.restore, expected);
        let uri = format!("s3://landfall-statebucket/diagnostics/demo/{RUN}.json");
        ledger.note_diagnostics(&fence.platform, fence.run, &uri).await.unwrap();
        let ending = Ending { status: RunStatus::Failed, failure: Some(failure), restored, quarantined_until: None };
        ledger.finish(&fence.platform, fence.run, &ending, now).await.unwrap();
        ledger
    }
}

const QUOTA: &str = "network/nat-address-1: The quota of Elastic IPs (5) of this region is used up. \
                     Next: ask for more under EC2-VPC Elastic IPs in Service Quotas.";

#[tokio::test]
async fn a_first_deploy_that_failed_and_was_undone() {
    let ledger = Scene::default().settled(Restore::Empty, true).await;
    insta::assert_snapshot!(text(&ledger, &failed("QuotaExceeded", QUOTA)).await);
}

#[tokio::test]
async fn an_update_that_failed_and_was_undone() {
    let resources = vec![
        ("vpc", Kind::Vpc, Some("vpc-0a1b"), State::Ready),
        ("nat-1", Kind::NatGateway, Some("nat-0a1b"), State::Ready),
    ];
    let scene = Scene { last_good: 1, plan: 2, resources, ..Scene::default() };
    let ledger = scene.settled(Restore::LastGood, true).await;
    let cause = r#"{"errorType":"AccessDenied","errorMessage":"AWS denied ec2:CreateNatGateway to arn:aws:sts::123456789012:assumed-role/x (UnauthorizedOperation) Next: allow ec2:CreateNatGateway to the function's role, then run `landfall retry demo`"}"#;
    insta::assert_snapshot!(text(&ledger, &failed("AccessDenied", cause)).await);
}

#[tokio::test]
async fn an_update_whose_way_back_failed_too() {
    let resources = vec![
        ("vpc", Kind::Vpc, Some("vpc-0a1b"), State::Ready),
        ("nat-2", Kind::NatGateway, Some("nat-0c2d"), State::Deleting(waiting("AWS says deleting"))),
    ];
    let scene = Scene { last_good: 1, plan: 2, resources, ..Scene::default() };
    let ledger = scene.settled(Restore::LastGood, false).await;
    let cause = format!("{QUOTA} Then this failed too: Stuck: network/nat-2: no progress for 30 minutes");
    insta::assert_snapshot!(text(&ledger, &failed("QuotaExceeded", &cause)).await);
}

#[tokio::test]
async fn a_deploy_that_stops_where_it_failed() {
    let resources = vec![
        ("vpc", Kind::Vpc, Some("vpc-0a1b"), State::Ready),
        ("nat-1", Kind::NatGateway, Some("nat-0c2d"), State::Failed(waiting("Elastic IP is in use"))),
    ];
    let scene = Scene { on_failure: OnFailure::Stop, resources, ..Scene::default() };
    let ledger = scene.settled(Restore::None, false).await;
    let cause = "network/nat-1: AWS gave up on the NAT gateway nat-0c2d: Elastic IP is in use.";
    insta::assert_snapshot!(text(&ledger, &failed("CreateFailed", cause)).await);
}

#[tokio::test]
async fn a_repair_of_the_last_good_plan_that_failed() {
    let scene = Scene { last_good: 1, plan: 1, ..Scene::default() };
    let ledger = scene.settled(Restore::None, false).await;
    insta::assert_snapshot!(text(&ledger, &failed("States.Timeout", "")).await);
}

#[tokio::test]
async fn a_teardown_that_left_something_behind() {
    let resources = (0..22).map(|_| "").enumerate();
    let names: Vec<&'static str> =
        resources.map(|(number, _)| &*Box::leak(format!("subnet-{number:02}").into_boxed_str())).collect();
    let resources = names.into_iter().map(|name| (name, Kind::Subnet, None, State::Ready)).collect();
    let scene = Scene { last_good: 1, plan: 0, machine: Machine::Teardown, resources, ..Scene::default() };
    let ledger = scene.settled(Restore::None, false).await;
    let cause = "2 are left: the interface eni-0abc in subnet-0def belongs to ELB app/web. \
                 Next: delete the load balancer app/web, then run `landfall destroy demo`";
    let mut payload = failed("LeftBehind", cause);
    payload["execution"] = EXECUTION.replace("-deploy:", "-teardown:").into();
    insta::assert_snapshot!(text(&ledger, &payload).await);
}

#[tokio::test]
async fn a_manifest_with_errors() {
    insta::assert_snapshot!(text(&Ledger::memory(), &sample("nothing-started")).await);
}

#[tokio::test]
async fn a_teardown_that_is_refused() {
    let cause =
        "demo is protected against deletion Next: run `landfall unprotect demo --for 1h`, then `landfall destroy demo`";
    let error = json!({"Error": "Protected", "Cause": cause});
    let execution = EXECUTION.replace("-deploy:", "-teardown:");
    let payload = json!({"execution": execution, "reason": "Failed", "error": error});
    insta::assert_snapshot!(text(&Ledger::memory(), &payload).await);
}

#[tokio::test]
async fn a_manifest_that_was_deleted() {
    let scene = Scene { last_good: 1, resources: vec![("vpc", Kind::Vpc, None, State::Ready)], ..Scene::default() };
    let (ledger, _) = scene.running().await;
    let payload = json!({"platform": "demo", "execution": EXECUTION.replace("7d0b", "8e1c"), "reason": "Retained"});
    insta::assert_snapshot!(text(&ledger, &payload).await);
}

/// The execution that asks for approval.
fn asking() -> String {
    EXECUTION.replace("7d0b", "8e1c")
}

/// A platform whose plan 2 waits for approval in an execution of its own.
async fn asked(reasons: Vec<String>) -> Ledger {
    let ledger = Scene { last_good: 1, plan: 1, ..Scene::default() }.settled(Restore::None, false).await;
    let platform = ledger.platform(&"demo".parse().unwrap()).await.unwrap().unwrap();
    let now = at("2026-03-04T09:41:00Z");
    let pending = Pending {
        plan: 2,
        version_id: Some("v2".into()),
        execution: asking(),
        until: now + Request::LIMIT,
        decision: None,
    };
    let head = PlanHead { number: 2, revision: 2, document: "plans/demo/2.json".into(), resources: 7, at: now };
    ledger.ask(platform, pending, Request::new(2, Trigger::Upload, reasons, now), Some(head)).await.unwrap();
    ledger
}

#[tokio::test]
async fn a_plan_that_waits_for_approval() {
    let mut reasons: Vec<String> =
        (0..21).map(|number| format!("Replace network/subnet-{number} because of cidr")).collect();
    reasons.push("Loosen safety.deletionProtection: true -> false".into());
    let ledger = asked(reasons).await;
    let mut payload = sample("approval-required");
    (payload["execution"], payload["plan"]) = (asking().into(), 2.into());
    insta::assert_snapshot!(text(&ledger, &payload).await);
}

#[tokio::test]
async fn a_plan_that_somebody_rejected() {
    let ledger = asked(vec!["Delete network/vpc".into()]).await;
    let cause = "plan 2 of demo was rejected by arn:aws:iam::123456789012:user/ada";
    let error = json!({"Error": "Rejected", "Cause": cause});
    let payload = json!({"execution": asking(), "reason": "Failed", "error": error});
    insta::assert_snapshot!(text(&ledger, &payload).await);
}

#[tokio::test]
async fn whoever_asked_for_approval_may_still_tell_of_a_failure() {
    let ledger = asked(Vec::new()).await;
    let shared = Shared::default();
    let alert = alert(&ledger, &shared);
    let mut wish = sample("approval-required");
    (wish["execution"], wish["plan"]) = (asking().into(), 2.into());
    let expired = json!({"Error": "ApprovalExpired", "Cause": "nobody approved it"});
    let expired = json!({"execution": asking(), "reason": "Failed", "error": expired});
    for payload in [&wish, &wish, &expired, &expired] {
        tell(&alert, payload).await.unwrap();
    }
    assert_eq!(shared.lock().unwrap().sent.len(), 2);
}

/// The event of the execution that holds the platform.
fn event(case: &str) -> Value {
    let mut event = sample(case);
    event["detail"]["executionArn"] = EXECUTION.into();
    event
}

#[tokio::test]
async fn an_execution_that_was_aborted() {
    let scene = Scene {
        resources: vec![("vpc", Kind::Vpc, Some("vpc-0a1b"), State::Pending(waiting("AWS says pending")))],
        ..Scene::default()
    };
    let (ledger, _) = scene.running().await;
    insta::assert_snapshot!(text(&ledger, &event("execution-aborted")).await);
}

#[tokio::test]
async fn an_execution_that_timed_out() {
    let (ledger, _) = Scene::default().running().await;
    insta::assert_snapshot!(text(&ledger, &event("execution-timed-out")).await);
}

#[tokio::test]
async fn an_execution_that_landfall_stopped_for_its_deadline() {
    let (ledger, _) = Scene::default().running().await;
    let mut event = event("execution-aborted");
    event["detail"]["error"] = "DeadlineExceeded".into();
    event["detail"]["cause"] = "the run took longer than its 2 hours and did not end itself \
                                Next: see `landfall status demo`, then run `landfall retry demo`"
        .into();
    insta::assert_snapshot!(text(&ledger, &event).await);
}

#[tokio::test]
async fn a_redeploy_that_could_not_begin() {
    insta::assert_snapshot!(text(&Ledger::memory(), &sample("redeploy-failed")).await);
}

#[tokio::test]
async fn a_redeploy_that_ended_before_its_deploy_could_tell() {
    let (ledger, _) = Scene::default().running().await;
    let mut event = event("redeploy-failed");
    event["detail"]["executionArn"] = EXECUTION.replace("-deploy:", "-redeploy:").into();
    let text = text(&ledger, &event).await;
    assert!(text.contains("Nothing: the run ended before it could undo anything.") && text.contains(RUN), "{text}");
}

#[tokio::test]
async fn the_platform_of_an_uploaded_object_is_found() {
    let (ledger, _) = Scene::default().running().await;
    let mut event = sample("execution-failed");
    let object = json!({"bucket": {"name": "landfall-bucket"}, "object": {"key": "manifests/demo.yaml"}});
    event["detail"]["input"] = json!({"detail-type": "Object Created", "detail": object}).to_string().into();
    assert!(text(&ledger, &event).await.starts_with("[landfall] demo: deploy failed (QuotaExceeded)\n"));
}
