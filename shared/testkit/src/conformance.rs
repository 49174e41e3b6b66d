//! What every implementation of the ledger's table must show. One suite, run in memory and on DynamoDB.

mod people;
mod runs;

use std::sync::Arc;

use domain::{
    AccountId, AwsAnswer, Claim, Component, Edge, Fault, FaultName, Generation, Kind, Outputs, PlatformName, Record,
    Region, ResourceId, RunId, State, Target, Token,
};
use engine::{Fence, Ledger as _, LedgerError, Version};
use jiff::{SignedDuration, Timestamp};
use ledger::{
    Action, Admission, Approval, Condition, Decided, Decision, Ending, Failure, Guards, Item, Key, Ledger, Machine,
    ObjectKey, OnFailure, OnManifestDelete, Pause, Pending, PlanHead, Platform, Request, Restore, Revision, Revoked,
    Run, RunStatus, Status, Table, TaskToken, Trigger, Waiting, Write,
};
use serde_json::{Value, json};

/// Runs the whole suite over a table. Every case uses names of its own, so the table may hold other things. Panics at
/// the first case that fails.
pub async fn ledger_conformance(table: Arc<dyn Table>) {
    let ledger = Ledger::new(Arc::clone(&table));
    conditions_hold_for_all_writes_or_none(&table).await;
    queries_are_ordered_and_bounded(&table).await;
    of_two_actors_one_takes_the_lease(&ledger).await;
    a_taken_lease_is_seen(&ledger).await;
    an_old_epoch_writes_nothing(&ledger).await;
    of_two_writers_of_one_record_one_is_raced(&ledger).await;
    many_writers_of_one_run_all_succeed(&ledger).await;
    runs::the_newest_wish_waits(&ledger).await;
    runs::the_next_step_waits_for_the_one_before(&ledger).await;
    runs::settling_twice_is_settling_once(&ledger).await;
    runs::only_the_holder_releases(&ledger).await;
    unknown_fields_survive(&ledger, &table).await;
    runs::an_unchanged_run_leaves_no_events(&ledger).await;
    runs::a_failed_run_goes_back_once(&ledger).await;
    runs::a_cancelled_run_writes_nothing_and_ends_as_cancelled(&ledger).await;
    runs::a_platform_that_is_gone_is_born_again(&ledger).await;
    runs::an_alert_is_marked_once(&ledger).await;
    people::what_a_run_knew_is_found_again(&ledger).await;
    people::a_plan_is_good_once_its_deploy_succeeded(&ledger).await;
    people::a_pause_is_one_platforms_or_alls(&ledger).await;
    people::a_word_counts_for_the_plan_that_waits_and_no_other(&ledger).await;
    an_item_of_a_newer_landfall_is_not_guessed_at(&ledger, &table).await;
}

fn start() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn minutes(count: i64) -> Timestamp {
    start() + SignedDuration::from_mins(count)
}

/// A name that nobody used before.
fn name() -> PlatformName {
    PlatformName::parse(&format!("p{}", RunId::random().to_string().to_lowercase())).unwrap()
}

fn object(name: &PlatformName) -> ObjectKey {
    ObjectKey { bucket: "manifests".into(), key: format!("manifests/{name}.yaml") }
}

fn target() -> Target {
    Target { account: AccountId::parse("123456789012").unwrap(), region: Region::parse("eu-west-1").unwrap() }
}

fn fresh() -> Platform {
    let name = name();
    let object = object(&name);
    Platform::new(name, "landfall".into(), object, target(), start())
}

fn guards(on_failure: OnFailure) -> Guards {
    Guards {
        deletion_protection: true,
        on_manifest_delete: OnManifestDelete::Retain,
        approval: Approval::Destructive,
        on_failure,
    }
}

/// A deploy of the platform's next revision and plan.
fn deploy(mut platform: Platform, now: Timestamp) -> Admission {
    platform.revision += 1;
    platform.last_plan += 1;
    platform.plan = platform.last_plan;
    platform.guards = Some(guards(OnFailure::RollBack));
    let execution = format!("arn:aws:states:eu-west-1:123456789012:execution:deploy:{}", RunId::random());
    let mut run = Run::new(platform.name.clone(), Machine::Deploy, Trigger::Upload, execution, now);
    (run.revision, run.plan) = (platform.revision, platform.plan);
    let revision = Revision {
        number: platform.revision,
        key: platform.bound.clone(),
        version_id: format!("v{}", platform.revision),
        manifest: json!({"kind": "Platform", "empty": {}, "none": null, "list": [1, "two", 0.5]}),
        at: now,
    };
    let plan = PlanHead {
        number: platform.plan,
        revision: platform.revision,
        document: format!("plans/{}/{}.json", platform.name, platform.plan),
        resources: 7,
        at: now,
    };
    Admission { platform, revision: Some(revision), plan: Some(plan), run }
}

async fn admitted(ledger: &Ledger) -> Fence {
    ledger.admit(deploy(fresh(), start())).await.unwrap().unwrap()
}

async fn stored(ledger: &Ledger, name: &PlatformName) -> Platform {
    ledger.platform(name).await.unwrap().unwrap()
}

fn succeeded() -> Ending {
    Ending { status: RunStatus::Succeeded, failure: None, restored: false, quarantined_until: None }
}

fn failed(restored: bool) -> Ending {
    Ending { status: RunStatus::Failed, failure: Some(stuck()), restored, quarantined_until: None }
}

fn stuck() -> Failure {
    Failure { name: FaultName::Stuck.to_string(), message: "it stands still".into() }
}

fn record(fence: &Fence, resource: &str) -> Record {
    let claim = Claim { run: fence.run, token: Token::random(), at: start() };
    Record {
        id: ResourceId::new(Component::Network, resource),
        generation: Generation::FIRST,
        kind: Kind::Vpc,
        schema: Record::SCHEMA,
        target: target(),
        locator: None,
        spec: json!({"cidr": "10.0.0.0/16", "tags": {}, "nothing": null}),
        needs: Vec::new(),
        state: State::Creating(claim),
        outputs: Outputs::new(),
        adopted: false,
        attempts: 1,
        confirmed: None,
        created: start(),
        updated: start(),
    }
}

fn set(key: &Key, condition: Condition, fields: Value) -> Write {
    let fields: Item = serde_json::from_value(fields).unwrap();
    Write { key: key.clone(), condition, action: Action::Set(fields) }
}

async fn conditions_hold_for_all_writes_or_none(table: &Arc<dyn Table>) {
    let (a, b) = (Key::new(format!("TEST#{}", name()), "a"), Key::new(format!("TEST#{}", name()), "b"));
    table.transact(vec![set(&a, Condition::Absent, json!({"n": 1, "gone": "x"}))]).await.unwrap();
    let twice = vec![set(&b, Condition::Absent, json!({"n": 1})), set(&a, Condition::Absent, json!({"n": 2}))];
    assert_eq!(table.transact(twice).await, Err(ledger::TableError::Refused(1)));
    assert_eq!(table.get(&b).await.unwrap(), None, "nothing of a refused transaction is written");
    let at = |n: u64| Condition::Fields(vec![("n", n.into()), ("other", Value::Null)]);
    table.transact(vec![set(&a, at(1), json!({"n": 2, "gone": null, "kept": {"deep": null}}))]).await.unwrap();
    assert!(table.transact(vec![set(&a, at(1), json!({"n": 3}))]).await.is_err());
    let item = table.get(&a).await.unwrap().unwrap();
    assert_eq!(item.get("n"), Some(&json!(2)));
    assert_eq!(item.get("gone"), None, "a null removes its field");
    assert_eq!(item.get("kept"), Some(&json!({"deep": null})));
    let check = Write { key: b.clone(), condition: at(1), action: Action::Check };
    assert!(table.transact(vec![check]).await.is_err(), "no fields hold of an item that is not there");
    table.transact(vec![Write { key: a.clone(), condition: at(2), action: Action::Delete }]).await.unwrap();
    assert_eq!(table.get(&a).await.unwrap(), None);
}

async fn queries_are_ordered_and_bounded(table: &Arc<dyn Table>) {
    use ledger::Direction::{Backward, Forward};
    let partition = format!("TEST#{}", name());
    for sort in ["RUN#2", "META", "RUN#1", "RUN#3"] {
        let key = Key::new(partition.clone(), sort);
        table.transact(vec![set(&key, Condition::Absent, json!({"is": sort}))]).await.unwrap();
    }
    let names = |items: Vec<Item>| -> Vec<String> {
        items.iter().map(|item| item["is"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(table.query(&partition, "RUN#", Forward, None).await.unwrap()), ["RUN#1", "RUN#2", "RUN#3"]);
    assert_eq!(names(table.query(&partition, "RUN#", Backward, Some(2)).await.unwrap()), ["RUN#3", "RUN#2"]);
    assert_eq!(table.query(&partition, "", Forward, None).await.unwrap().len(), 4);
}

async fn of_two_actors_one_takes_the_lease(ledger: &Ledger) {
    let platform = fresh();
    let (one, two) = (deploy(platform.clone(), start()), deploy(platform, start()));
    let (one, two) = tokio::join!(ledger.admit(one), ledger.admit(two));
    let took = [&one, &two].iter().filter(|result| matches!(result, Ok(Some(_)))).count();
    assert_eq!(took, 1, "{one:?} {two:?}");
    assert!([&one, &two].iter().any(|result| matches!(result, Err(LedgerError::Raced(_)))));
}

async fn a_taken_lease_is_seen(ledger: &Ledger) {
    let fence = admitted(ledger).await;
    let platform = stored(ledger, &fence.platform).await;
    assert_eq!(platform.lease.as_ref().map(|lease| lease.run), Some(fence.run));
    assert_eq!(platform.status, Status::Deploying);
    assert_eq!(ledger.platform_of(&platform.bound).await.unwrap(), Some(platform.name.clone()));
    assert_eq!(ledger.revision(&platform.name, 1).await.unwrap().unwrap().manifest["list"], json!([1, "two", 0.5]));
    assert_eq!(ledger.plan_head(&platform.name, 1).await.unwrap().unwrap().resources, 7);
    let run = ledger.run(&platform.name, fence.run).await.unwrap().unwrap();
    assert_eq!(ledger.run_of(&run.execution).await.unwrap(), Some(run.clone()));
    assert!(ledger.open_runs().await.unwrap().contains(&run));
    assert!(ledger.platforms().await.unwrap().contains(&platform));
    assert_eq!(ledger.admit(deploy(platform.clone(), start())).await, Ok(None), "a second run finds the lease taken");
    assert_eq!(ledger.standing(&fence).await, Ok(run));
    let reserved = ledger.reserve_plan(platform.clone()).await.unwrap();
    assert_eq!(reserved, Platform { last_plan: 2, version: platform.version + 1, ..platform.clone() });
    assert!(matches!(ledger.reserve_plan(platform).await, Err(LedgerError::Raced(_))));
}

async fn an_old_epoch_writes_nothing(ledger: &Ledger) {
    let old = admitted(ledger).await;
    let fenced = ledger.fence(&old.platform, old.run, &stuck(), start()).await.unwrap();
    assert_eq!(fenced.fence.epoch, old.epoch.next());
    assert_eq!(ledger.write(&old, None, &record(&old, "vpc")).await, Err(LedgerError::Fenced));
    assert_eq!(ledger.check(&old).await, Err(LedgerError::Fenced));
    assert_eq!(ledger.records(&old.platform).await.unwrap(), []);
    assert_eq!(ledger.standing(&old).await, Err(LedgerError::Fenced));
    assert_eq!(ledger.enter_phase(&old, "Prune", start()).await, Err(LedgerError::Fenced));
    let new = fenced.fence;
    let version = ledger.write(&new, None, &record(&new, "vpc")).await.unwrap();
    let edge = record(&new, "vpc").edge();
    assert_eq!(ledger.forget(&old, version, &edge).await, Err(LedgerError::Fenced));
    let stranger = Fence { run: RunId::random(), ..new.clone() };
    assert_eq!(ledger.forget(&stranger, version, &edge).await, Err(LedgerError::Fenced));
    assert_eq!(ledger.check(&stranger).await, Err(LedgerError::Fenced));
    ledger.forget(&new, version, &edge).await.unwrap();
}

async fn of_two_writers_of_one_record_one_is_raced(ledger: &Ledger) {
    let fence = admitted(ledger).await;
    let vpc = record(&fence, "vpc");
    let first = ledger.write(&fence, None, &vpc).await.unwrap();
    assert!(matches!(ledger.write(&fence, None, &vpc).await, Err(LedgerError::Raced(_))));
    let ready = Record { state: State::Ready, ..vpc.clone() };
    let (one, two) = tokio::join!(ledger.write(&fence, Some(first), &ready), ledger.write(&fence, Some(first), &ready));
    assert_eq!([&one, &two].iter().filter(|result| result.is_ok()).count(), 1, "{one:?} {two:?}");
    let seen = ledger.records(&fence.platform).await.unwrap();
    assert_eq!((seen[0].record.clone(), seen[0].version), (ready, Version(first.0 + 1)));
    let words: Vec<String> = ledger.events(fence.run).await.unwrap().into_iter().map(|event| event.state).collect();
    assert_eq!(words, ["creating", "ready"], "an event for each write that happened");
}

async fn many_writers_of_one_run_all_succeed(ledger: &Ledger) {
    let fence = admitted(ledger).await;
    let writes = (0..12).map(|n| {
        let (ledger, fence) = (ledger.clone(), fence.clone());
        tokio::spawn(async move { ledger.write(&fence, None, &record(&fence, &format!("subnet-{n}"))).await })
    });
    for write in writes.collect::<Vec<_>>() {
        write.await.unwrap().unwrap();
    }
    let ids: Vec<Edge> = ledger.records(&fence.platform).await.unwrap().iter().map(|s| s.record.edge()).collect();
    assert_eq!(ids.len(), 12);
    assert!(ids.is_sorted());
}

async fn unknown_fields_survive(ledger: &Ledger, table: &Arc<dyn Table>) {
    let fence = admitted(ledger).await;
    let version = ledger.write(&fence, None, &record(&fence, "vpc")).await.unwrap();
    let partition = format!("PLATFORM#{}", fence.platform);
    let keys = ["META", "EPOCH", &format!("RUN#{}", fence.run), "RES#network/vpc#1"];
    for sort in keys {
        let key = Key::new(partition.clone(), sort);
        table.transact(vec![set(&key, Condition::Always, json!({"fromTheFuture": {"a": [1]}}))]).await.unwrap();
    }
    let ready = Record { state: State::Ready, ..record(&fence, "vpc") };
    ledger.write(&fence, Some(version), &ready).await.unwrap();
    ledger.fence(&fence.platform, fence.run, &stuck(), minutes(1)).await.unwrap();
    ledger.finish(&fence.platform, fence.run, &failed(true), minutes(2)).await.unwrap();
    for sort in keys {
        let item = table.get(&Key::new(partition.clone(), sort)).await.unwrap().unwrap();
        assert_eq!(item.get("fromTheFuture"), Some(&json!({"a": [1]})), "{sort}");
    }
}

async fn an_item_of_a_newer_landfall_is_not_guessed_at(ledger: &Ledger, table: &Arc<dyn Table>) {
    let fence = admitted(ledger).await;
    let key = Key::new(format!("PLATFORM#{}", fence.platform), "META");
    table.transact(vec![set(&key, Condition::Always, json!({"schema": 999}))]).await.unwrap();
    assert!(matches!(ledger.platform(&fence.platform).await, Err(LedgerError::Unreadable(_))));
    // Not left behind: whoever lists platforms on the same table would meet it.
    table.transact(vec![set(&key, Condition::Always, json!({"schema": 1}))]).await.unwrap();
}
