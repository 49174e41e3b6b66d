//! Whole admissions: a ledger in memory, and an S3 and an EC2 that answer from a bucket and three zones.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_ec2::operation::describe_availability_zones::DescribeAvailabilityZonesOutput;
use aws_sdk_ec2::types::AvailabilityZone;
use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectOutput};
use aws_sdk_s3::operation::head_object::{HeadObjectError, HeadObjectOutput};
use aws_sdk_s3::operation::put_object::PutObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::error::{NoSuchKey, NotFound};
use aws_smithy_mocks::{MockResponse, mock};
use ledger::{Decided, Decision, Ending, RunStatus};
use serde_json::{Value, json};
use testkit::mocked;
use tokio::time::Instant;

use super::*;
use crate::judge::Redeploy;

mod approval;
mod people;

/// The current versions of objects, by key, with their ids.
type Versions = BTreeMap<String, (String, Vec<u8>)>;

#[derive(Clone, Default)]
struct Bucket(Arc<Mutex<Versions>>);

impl Bucket {
    fn put(&self, key: &str, bytes: impl Into<Vec<u8>>) -> String {
        let mut objects = self.0.lock().unwrap();
        let id = format!("version-{}", RunNumber::next());
        objects.insert(key.to_owned(), (id.clone(), bytes.into()));
        id
    }

    fn delete(&self, key: &str) {
        self.0.lock().unwrap().remove(key);
    }

    fn get(&self, key: Option<&str>) -> Option<(String, Vec<u8>)> {
        self.0.lock().unwrap().get(key.unwrap_or_default()).cloned()
    }
}

struct RunNumber;

impl RunNumber {
    fn next() -> String {
        domain::RunId::random().to_string()
    }
}

fn s3(bucket: &Bucket) -> aws_sdk_s3::Client {
    let (reading, looking, writing) = (bucket.clone(), bucket.clone(), bucket.clone());
    let get =
        mock!(aws_sdk_s3::Client::get_object).then_compute_response(move |input| match reading.get(input.key()) {
            Some((version, bytes)) => MockResponse::Output(
                GetObjectOutput::builder().version_id(version).body(ByteStream::from(bytes)).build(),
            ),
            None => MockResponse::Error(GetObjectError::NoSuchKey(no_such_key())),
        });
    let head =
        mock!(aws_sdk_s3::Client::head_object).then_compute_response(move |input| match looking.get(input.key()) {
            Some((version, _)) => MockResponse::Output(HeadObjectOutput::builder().version_id(version).build()),
            None => MockResponse::Error(HeadObjectError::NotFound(not_found())),
        });
    let put = mock!(aws_sdk_s3::Client::put_object).then_compute_output(move |input| {
        writing.put(input.key().unwrap_or_default(), input.body().bytes().unwrap_or_default());
        PutObjectOutput::builder().build()
    });
    mocked!(aws_sdk_s3, MatchAny, [&get, &head, &put])
}

fn no_such_key() -> NoSuchKey {
    NoSuchKey::builder().meta(aws_sdk_s3::error::ErrorMetadata::builder().code("NoSuchKey").build()).build()
}

fn not_found() -> NotFound {
    NotFound::builder().meta(aws_sdk_s3::error::ErrorMetadata::builder().code("NotFound").build()).build()
}

/// AWS as a plan asks it; of clusters, none of these tests makes one.
fn facts() -> facts::Clients {
    let zone = |n: u8| {
        let name = ["a", "b", "c"][usize::from(n) - 1];
        AvailabilityZone::builder().zone_id(format!("euw1-az{n}")).zone_name(format!("eu-west-1{name}")).build()
    };
    let zones = mock!(aws_sdk_ec2::Client::describe_availability_zones).then_output(move || {
        let output = DescribeAvailabilityZonesOutput::builder();
        [1, 2, 3].into_iter().fold(output, |output, n| output.availability_zones(zone(n))).build()
    });
    facts::Clients {
        ec2: mocked!(aws_sdk_ec2, MatchAny, [&zones]),
        ..facts::Clients::new(
            &SdkConfig::builder().behavior_version(BehaviorVersion::latest()).build(),
            &"eu-west-1".parse().unwrap(),
        )
    }
}

const KEY: &str = "manifests/demo.yaml";

/// One installation with its bucket.
struct World {
    admit: Admit,
    bucket: Bucket,
    /// The executions that were stopped, each with its error.
    stopped: Stopped,
}

type Stopped = Arc<Mutex<Vec<String>>>;

fn step_functions(stopped: &Stopped) -> aws_sdk_sfn::Client {
    let stopped = stopped.clone();
    let stop = mock!(aws_sdk_sfn::Client::stop_execution).then_compute_output(move |input| {
        let (execution, error) = (input.execution_arn().unwrap_or_default(), input.error().unwrap_or_default());
        stopped.lock().unwrap().push(format!("{execution} {error}"));
        let output = aws_sdk_sfn::operation::stop_execution::StopExecutionOutput::builder();
        output.stop_date(std::time::SystemTime::UNIX_EPOCH.into()).build().unwrap()
    });
    mocked!(aws_sdk_sfn, MatchAny, [&stop])
}

impl World {
    fn new() -> Self {
        let bucket = Bucket::default();
        let s3 = s3(&bucket);
        let stopped = Stopped::default();
        let admit = Admit {
            installation: "landfall".into(),
            region: "eu-west-1".parse().unwrap(),
            bucket: "manifests".into(),
            ledger: Ledger::memory(),
            plans: PlanStore::new(s3.clone(), "state"),
            s3,
            facts: facts(),
            cluster_role: "arn:aws:iam::123456789012:role/landfall/landfall/cluster".into(),
            gate_function: "landfall-gate".into(),
            step_functions: step_functions(&stopped),
        };
        Self { admit, bucket, stopped }
    }

    async fn ask(&self, machine: Machine, event: Value) -> Result<Answer, Fault> {
        let execution = format!("arn:aws:states:eu-west-1:123456789012:execution:deploy:{}", RunNumber::next());
        self.ask_as(&execution, machine, event).await
    }

    async fn ask_as(&self, execution: &str, machine: Machine, event: Value) -> Result<Answer, Fault> {
        let invocation = Invocation { deadline: Instant::now(), now: now() };
        self.admit.handle(Input { machine, execution: execution.into(), event }, invocation).await
    }

    /// Uploads a manifest with these lines of its spec, and admits the event.
    async fn upload(&self, lines: &str) -> Result<Answer, Fault> {
        self.bucket.put(KEY, manifest("demo", "eu-west-1", lines));
        self.ask(Machine::Deploy, created(KEY)).await
    }

    async fn settle(&self, answer: &Answer, status: RunStatus) {
        let ending = Ending { status, failure: None, restored: false, quarantined_until: None };
        let (platform, run) = (answer.platform.as_ref().unwrap(), answer.run.unwrap());
        self.admit.ledger.finish(platform, run, &ending, now()).await.unwrap();
    }

    /// A platform whose first revision was deployed well.
    async fn deployed(lines: &str) -> Self {
        let world = Self::new();
        let answer = world.upload(lines).await.unwrap();
        world.settle(&answer, RunStatus::Succeeded).await;
        world
    }

    async fn platform(&self) -> Platform {
        self.admit.ledger.platform(&"demo".parse().unwrap()).await.unwrap().unwrap()
    }
}

fn now() -> Timestamp {
    "2026-03-04T09:41:12Z".parse().unwrap()
}

fn manifest(name: &str, region: &str, lines: &str) -> String {
    let lines: String = lines.lines().map(|line| format!("  {line}\n")).collect();
    format!(
        "apiVersion: landfall.dev/v1alpha1\nkind: Platform\nmetadata: {{name: {name}}}\nspec:\n  region: {region}\n{lines}"
    )
}

fn created(key: &str) -> Value {
    json!({"detail-type": "Object Created", "source": "aws.s3",
        "detail": {"bucket": {"name": "manifests"}, "object": {"key": key, "version-id": "some", "sequencer": "0"}}})
}

fn deleted(key: &str) -> Value {
    json!({"detail-type": "Object Deleted", "source": "aws.s3",
        "detail": {"bucket": {"name": "manifests"}, "object": {"key": key}, "deletion-type": "Delete Marker Created"}})
}

fn by_hand(trigger: &str) -> Value {
    json!({"platform": "demo", "trigger": trigger})
}

#[tokio::test]
async fn an_upload_is_admitted_once_however_often_its_event_comes() {
    let world = World::new();
    let answer = world.upload("").await.unwrap();
    assert_eq!((answer.outcome, answer.plan, answer.epoch), (Outcome::Admitted, Some(1), Some(domain::Epoch(1))));
    let again = world.ask(Machine::Deploy, created(KEY)).await.unwrap();
    assert_eq!(again.outcome, Outcome::Ignored, "{}", again.message);
    world.settle(&answer, RunStatus::Succeeded).await;
    let late = world.ask(Machine::Deploy, created(KEY)).await.unwrap();
    assert_eq!(late.outcome, Outcome::Ignored, "{}", late.message);
    let platform = world.platform().await;
    assert_eq!((platform.revision, platform.last_good, platform.target.account.as_str()), (1, 1, "123456789012"));
    assert_eq!(platform.slots.len(), 3);
}

#[tokio::test]
async fn an_execution_that_asks_again_gets_the_same_run() {
    let world = World::new();
    world.bucket.put(KEY, manifest("demo", "eu-west-1", ""));
    let execution = "arn:aws:states:eu-west-1:123456789012:execution:deploy:one";
    let first = world.ask_as(execution, Machine::Deploy, created(KEY)).await.unwrap();
    let second = world.ask_as(execution, Machine::Deploy, created(KEY)).await.unwrap();
    assert_eq!((first.run, first.epoch, first.plan), (second.run, second.epoch, second.plan));
    world.settle(&first, RunStatus::Succeeded).await;
    let third = world.ask_as(execution, Machine::Deploy, created(KEY)).await.unwrap_err();
    assert_eq!(third.name, FaultName::LostLease);
}

#[tokio::test]
async fn of_two_admissions_at_once_one_runs_and_nothing_is_lost() {
    let world = World::new();
    world.bucket.put(KEY, manifest("demo", "eu-west-1", ""));
    let (one, two) = tokio::join!(world.ask(Machine::Deploy, created(KEY)), world.ask(Machine::Deploy, created(KEY)));
    let mut outcomes = [one.unwrap().outcome, two.unwrap().outcome];
    outcomes.sort_by_key(|outcome| *outcome != Outcome::Admitted);
    assert_eq!(outcomes, [Outcome::Admitted, Outcome::Ignored]);
}

#[tokio::test]
async fn the_same_manifest_again_runs_the_same_plan() {
    let world = World::deployed("").await;
    let answer = world.upload("").await.unwrap();
    assert_eq!((answer.outcome, answer.plan), (Outcome::Admitted, Some(1)), "drift is repaired by any run");
    assert_eq!(world.platform().await.revision, 2);
    world.settle(&answer, RunStatus::Succeeded).await;
    let changed = world.upload("tags: {owner: me}").await.unwrap();
    assert_eq!(changed.plan, Some(2));
}

#[tokio::test]
async fn an_upload_during_a_run_waits_and_the_newest_wins() {
    let world = World::new();
    let first = world.upload("").await.unwrap();
    assert_eq!(world.upload("tags: {a: b}").await.unwrap().outcome, Outcome::Waiting);
    let older = world.platform().await.waiting.unwrap();
    assert_eq!(world.upload("tags: {a: c}").await.unwrap().outcome, Outcome::Waiting);
    let newer = world.platform().await.waiting.unwrap();
    assert_ne!(older.version_id, newer.version_id);
    assert_eq!(world.ask(Machine::Deploy, created(KEY)).await.unwrap().outcome, Outcome::Ignored, "it waits already");
    assert_eq!(world.ask(Machine::Deploy, by_hand("Schedule")).await.unwrap().outcome, Outcome::Unchanged);
    world.settle(&first, RunStatus::Succeeded).await;
    let next = world.ask(Machine::Deploy, by_hand("Waiting")).await.unwrap();
    assert_eq!((next.outcome, next.plan), (Outcome::Admitted, Some(2)));
    let platform = world.platform().await;
    assert_eq!((platform.waiting, platform.version_id), (None, newer.version_id));
}

#[tokio::test]
async fn every_error_of_a_manifest_is_told() {
    let world = World::new();
    let fault = world.upload("network: {natt: Single}\ntags: {aws:x: y}").await.unwrap_err();
    assert_eq!(fault.name, FaultName::InvalidManifest);
    assert!(fault.message.starts_with("manifests/demo.yaml has 2 errors:\n  6:"), "{fault}");
    assert!(fault.message.contains("\n  7:"), "{fault}");
    assert_eq!(world.admit.ledger.platforms().await.unwrap(), [], "nothing is bound to a bad manifest");
    let fault = world.upload("network: {availabilityZones: [eu-west-1x, eu-west-1a]}").await.unwrap_err();
    assert_eq!(fault.name, FaultName::UnusableNetwork, "{fault}");
    assert_eq!(world.admit.ledger.platforms().await.unwrap(), []);
}

#[tokio::test]
async fn name_key_and_region_belong_together() {
    let world = World::deployed("").await;
    world.bucket.put("manifests/second.yaml", manifest("demo", "eu-west-1", ""));
    let fault = world.ask(Machine::Deploy, created("manifests/second.yaml")).await.unwrap_err();
    assert_eq!(fault.name, FaultName::BoundElsewhere, "{fault}");
    world.bucket.put(KEY, manifest("other", "eu-west-1", ""));
    let fault = world.ask(Machine::Deploy, created(KEY)).await.unwrap_err();
    assert_eq!(fault.name, FaultName::BoundElsewhere, "{fault}");
    world.bucket.put(KEY, manifest("demo", "us-east-1", ""));
    let fault = world.ask(Machine::Deploy, created(KEY)).await.unwrap_err();
    assert_eq!(fault.name, FaultName::BoundElsewhere, "{fault}");
    world.bucket.put("manifests/third.yaml", manifest("third", "us-east-1", ""));
    let fault = world.ask(Machine::Deploy, created("manifests/third.yaml")).await.unwrap_err();
    assert_eq!(fault.name, FaultName::InvalidManifest, "{fault}");
    let fault = world.ask(Machine::Deploy, json!({"bucket": "else", "key": KEY})).await.unwrap_err();
    assert_eq!(fault.name, FaultName::InvalidInput, "{fault}");
}

#[tokio::test]
async fn the_deletion_of_a_manifest_is_judged_by_the_guards() {
    let world = World::deployed("").await;
    assert_eq!(world.ask(Machine::Deploy, deleted(KEY)).await.unwrap().outcome, Outcome::Ignored, "it is there again");
    world.bucket.delete(KEY);
    assert_eq!(world.ask(Machine::Deploy, deleted(KEY)).await.unwrap().outcome, Outcome::Retained);
    assert_eq!(world.ask(Machine::Deploy, deleted("manifests/x.yaml")).await.unwrap().outcome, Outcome::Ignored);
    assert_eq!(world.ask(Machine::Deploy, created(KEY)).await.unwrap().outcome, Outcome::Ignored, "a late event");
    assert_eq!(world.ask(Machine::Deploy, by_hand("Manual")).await.unwrap_err().name, FaultName::InvalidInput);

    let world = World::deployed("safety: {onManifestDelete: Teardown}").await;
    world.bucket.delete(KEY);
    let fault = world.ask(Machine::Deploy, deleted(KEY)).await.unwrap_err();
    assert_eq!(fault.name, FaultName::Protected);
    let until = now() + jiff::SignedDuration::from_mins(5);
    world.admit.ledger.unprotect(&"demo".parse().unwrap(), until).await.unwrap();
    assert_eq!(world.ask(Machine::Deploy, deleted(KEY)).await.unwrap().outcome, Outcome::TeardownRequested);
}

#[tokio::test]
async fn a_teardown_takes_the_lease_unless_it_is_refused_or_waits() {
    let world = World::new();
    let unknown = world.ask(Machine::Teardown, json!({"platform": "demo"})).await.unwrap_err();
    assert_eq!(unknown.name, FaultName::UnknownPlatform);
    let first = world.upload("").await.unwrap();
    let waiting = world.ask(Machine::Teardown, json!({"platform": "demo"})).await.unwrap();
    assert_eq!(waiting.outcome, Outcome::Waiting, "what never was deployed is not protected");
    assert_eq!(world.platform().await.waiting.unwrap().machine, Machine::Teardown);
    world.settle(&first, RunStatus::Succeeded).await;
    let refused = world.ask(Machine::Teardown, json!({"platform": "demo"})).await.unwrap_err();
    assert_eq!(refused.name, FaultName::Protected);
    assert_eq!(refused.next.as_deref(), Some("run `landfall unprotect demo --for 1h`, then `landfall destroy demo`"));

    let world = World::deployed("safety: {deletionProtection: false}").await;
    let answer = world.ask(Machine::Teardown, json!({"platform": "demo"})).await.unwrap();
    assert_eq!((answer.outcome, answer.plan), (Outcome::Admitted, Some(0)));
    assert_eq!(world.upload("").await.unwrap().outcome, Outcome::Waiting, "an upload waits for the end of a teardown");
    world.settle(&answer, RunStatus::Succeeded).await;
    let over = world.ask(Machine::Teardown, json!({"platform": "demo"})).await.unwrap();
    assert_eq!(over.outcome, Outcome::Ignored);
    assert_eq!(world.ask(Machine::Deploy, by_hand("Manual")).await.unwrap_err().name, FaultName::UnknownPlatform);
    let incarnation = world.platform().await.incarnation;
    let reborn = world.ask(Machine::Deploy, by_hand("Waiting")).await.unwrap();
    assert_eq!((reborn.outcome, reborn.plan), (Outcome::Admitted, Some(2)));
    assert_ne!(world.platform().await.incarnation, incarnation);
}

#[tokio::test]
async fn the_schedule_repeats_what_was_accepted_and_never_a_failed_plan() {
    let world = World::deployed("").await;
    world.bucket.put(KEY, "not a manifest");
    let answer = world.ask(Machine::Deploy, by_hand("Schedule")).await.unwrap();
    assert_eq!((answer.outcome, answer.plan), (Outcome::Admitted, Some(1)));
    world.settle(&answer, RunStatus::Succeeded).await;
    let worse = world.upload("tags: {a: b}").await.unwrap();
    world.settle(&worse, RunStatus::Failed).await;
    let answer = world.ask(Machine::Deploy, by_hand("Schedule")).await.unwrap();
    assert_eq!((answer.outcome, answer.plan), (Outcome::Admitted, Some(1)), "the last good plan is kept up");
    world.settle(&answer, RunStatus::Succeeded).await;
    for status in [RunStatus::Failed, RunStatus::Succeeded] {
        let answer = world.ask(Machine::Deploy, by_hand("Schedule")).await.unwrap();
        assert_eq!((answer.outcome, answer.plan), (Outcome::Admitted, Some(1)), "and the failed one is not tried");
        world.settle(&answer, status).await;
    }
    let retried = world.ask(Machine::Deploy, by_hand("Retry")).await.unwrap();
    assert_eq!((retried.outcome, retried.plan), (Outcome::Admitted, Some(2)));
}

#[test]
fn a_failed_plan_is_left_alone_where_nothing_is_rolled_back() {
    let guards = |on_failure| Guards {
        deletion_protection: true,
        on_manifest_delete: ledger::OnManifestDelete::Retain,
        approval: ledger::Approval::Destructive,
        on_failure,
    };
    let bound = ObjectKey { bucket: "b".into(), key: KEY.into() };
    let target = Target { account: "123456789012".parse().unwrap(), region: "eu-west-1".parse().unwrap() };
    let new = Platform::new("demo".parse().unwrap(), "landfall".into(), bound, target, now());
    assert_eq!(judge::redeploy(&new), Redeploy::Not);
    let again = |number| Redeploy::Again(number, "");
    let table = [
        // on failure, plan, last good, failed
        (ledger::OnFailure::RollBack, 2, 1, Some(2), again(1)),
        (ledger::OnFailure::RollBack, 1, 0, Some(1), Redeploy::Not),
        (ledger::OnFailure::RollBack, 1, 1, Some(1), Redeploy::Anew),
        (ledger::OnFailure::RollBack, 2, 2, None, Redeploy::Anew),
        (ledger::OnFailure::Stop, 2, 1, Some(2), Redeploy::Not),
        (ledger::OnFailure::Stop, 2, 2, None, Redeploy::Anew),
    ];
    for (on_failure, plan, last_good, failed_plan, expected) in table {
        let guards = Some(guards(on_failure));
        let platform = Platform { revision: 1, plan, last_good, failed_plan, guards, ..new.clone() };
        let found = match judge::redeploy(&platform) {
            Redeploy::Again(number, _) => again(number),
            other => other,
        };
        assert_eq!(found, expected, "{platform:?}");
    }
}
