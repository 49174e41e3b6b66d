//! What every implementation of the ledger's table must show. One suite, run in memory and on DynamoDB.

mod people;

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
    the_newest_wish_waits(&ledger).await;
    settling_twice_is_settling_once(&ledger).await;
    only_the_holder_releases(&ledger).await;
    unknown_fields_survive(&ledger, &table).await;
    an_unchanged_run_leaves_no_events(&ledger).await;
    a_failed_run_goes_back_once(&ledger).await;
    a_cancelled_run_writes_nothing_and_ends_as_cancelled(&ledger).await;
    a_platform_that_is_gone_is_born_again(&ledger).await;
    an_alert_is_marked_once(&ledger).await;
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

async fn the_newest_wish_waits(ledger: &Ledger) {
    let fence = admitted(ledger).await;
    let busy = stored(ledger, &fence.platform).await;
    let first = Waiting::new(Machine::Deploy, Some("v2".into()), minutes(1));
    let second = Waiting::new(Machine::Deploy, Some("v3".into()), minutes(2));
    ledger.leave_waiting(&busy, first.clone()).await.unwrap();
    assert!(matches!(ledger.leave_waiting(&busy, second.clone()).await, Err(LedgerError::Raced(_))));
    ledger.leave_waiting(&stored(ledger, &busy.name).await, second.clone()).await.unwrap();
    ledger.clear_waiting(&busy.name, first.id).await.unwrap();
    assert_eq!(stored(ledger, &busy.name).await.waiting, Some(second), "the older wish takes nothing away");
    ledger.finish(&busy.name, fence.run, &succeeded(), minutes(3)).await.unwrap();
    ledger.admit(deploy(stored(ledger, &busy.name).await, minutes(4))).await.unwrap().unwrap();
    assert_eq!(stored(ledger, &busy.name).await.waiting, None, "a deploy reads what is newest");
}

async fn settling_twice_is_settling_once(ledger: &Ledger) {
    let fence = admitted(ledger).await;
    ledger.enter_phase(&fence, "Converge", minutes(1)).await.unwrap();
    ledger.enter_phase(&fence, "Converge", minutes(2)).await.unwrap();
    ledger.enter_phase(&fence, "Verify", minutes(3)).await.unwrap();
    let first = ledger.finish(&fence.platform, fence.run, &succeeded(), minutes(5)).await.unwrap().unwrap();
    let platform = stored(ledger, &fence.platform).await;
    let again = ledger.finish(&fence.platform, fence.run, &failed(false), minutes(9)).await.unwrap().unwrap();
    assert_eq!(first, again);
    assert_eq!(stored(ledger, &fence.platform).await, platform);
    assert_eq!((platform.status, platform.last_good, platform.lease), (Status::Ready, 1, None));
    let phases: Vec<_> = first.phases.iter().map(|p| (p.name.as_str(), p.started, p.ended)).collect();
    let expected = [("Converge", minutes(1), Some(minutes(3))), ("Verify", minutes(3), Some(minutes(5)))];
    assert_eq!(phases, expected);
    assert!(!ledger.open_runs().await.unwrap().iter().any(|run| run.id == fence.run));
    assert_eq!(ledger.write(&fence, None, &record(&fence, "vpc")).await, Err(LedgerError::Fenced));
    assert_eq!(ledger.finish(&fence.platform, RunId::random(), &succeeded(), minutes(9)).await, Ok(None));
}

async fn only_the_holder_releases(ledger: &Ledger) {
    let fence = admitted(ledger).await;
    let reaped = Ending { quarantined_until: Some(minutes(10)), ..failed(false) };
    ledger.finish(&fence.platform, fence.run, &reaped, minutes(1)).await.unwrap();
    let platform = stored(ledger, &fence.platform).await;
    assert_eq!((platform.status, platform.failed_plan), (Status::Failed, Some(1)));
    assert_eq!(ledger.admit(deploy(platform.clone(), minutes(9))).await, Ok(None), "the quarantine holds");
    let next = ledger.admit(deploy(platform, minutes(10))).await.unwrap().unwrap();
    assert!(next.epoch > fence.epoch);
    ledger.finish(&fence.platform, fence.run, &succeeded(), minutes(11)).await.unwrap();
    let lease = stored(ledger, &fence.platform).await.lease.unwrap();
    assert_eq!(lease.run, next.run, "the first run releases nothing");
    assert_eq!(ledger.fence(&fence.platform, fence.run, &stuck(), minutes(12)).await, Err(LedgerError::Fenced));
    let runs: Vec<RunId> = ledger.runs(&fence.platform, 5).await.unwrap().iter().map(|run| run.id).collect();
    assert_eq!(runs.len(), 2);
    assert_eq!(ledger.runs(&fence.platform, 1).await.unwrap().len(), 1);
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

async fn an_unchanged_run_leaves_no_events(ledger: &Ledger) {
    let fence = admitted(ledger).await;
    ledger.enter_phase(&fence, "Converge", minutes(1)).await.unwrap();
    ledger.finish(&fence.platform, fence.run, &succeeded(), minutes(2)).await.unwrap();
    assert_eq!(ledger.events(fence.run).await.unwrap(), []);
}

async fn a_failed_run_goes_back_once(ledger: &Ledger) {
    let first = admitted(ledger).await;
    let fenced = ledger.fence(&first.platform, first.run, &stuck(), minutes(1)).await.unwrap();
    assert_eq!((fenced.restore, fenced.plan), (Restore::Empty, 0), "no deploy has succeeded yet");
    let again = ledger.fence(&first.platform, first.run, &stuck(), minutes(2)).await.unwrap();
    assert_eq!(again, fenced);
    ledger.finish(&first.platform, first.run, &failed(true), minutes(3)).await.unwrap();
    assert_eq!(stored(ledger, &first.platform).await.status, Status::RolledBack);

    let good = ledger.admit(deploy(stored(ledger, &first.platform).await, minutes(4))).await.unwrap().unwrap();
    ledger.finish(&first.platform, good.run, &succeeded(), minutes(5)).await.unwrap();
    let bad = ledger.admit(deploy(stored(ledger, &first.platform).await, minutes(6))).await.unwrap().unwrap();
    let fenced = ledger.fence(&first.platform, bad.run, &stuck(), minutes(7)).await.unwrap();
    assert_eq!((fenced.restore, fenced.plan), (Restore::LastGood, 2));
    ledger.finish(&first.platform, bad.run, &failed(false), minutes(8)).await.unwrap();

    let mut stopping = deploy(stored(ledger, &first.platform).await, minutes(9));
    stopping.platform.guards = Some(guards(OnFailure::Stop));
    let stopping = ledger.admit(stopping).await.unwrap().unwrap();
    let fenced = ledger.fence(&first.platform, stopping.run, &stuck(), minutes(10)).await.unwrap();
    assert_eq!(fenced.restore, Restore::None);
}

async fn a_cancelled_run_writes_nothing_and_ends_as_cancelled(ledger: &Ledger) {
    let fence = admitted(ledger).await;
    let run = ledger.cancel(&fence.platform).await.unwrap().unwrap();
    assert!(run.cancelled);
    assert_eq!(ledger.write(&fence, None, &record(&fence, "vpc")).await, Err(LedgerError::Fenced));
    assert_eq!(ledger.fence(&fence.platform, fence.run, &stuck(), minutes(1)).await, Err(LedgerError::Fenced));
    let twice = ledger.revoke(&fence.platform, fence.run, &Revoked::Failed(stuck())).await.unwrap().unwrap();
    assert_eq!(twice, run, "who came first decides");
    assert!(stored(ledger, &fence.platform).await.lease.is_some(), "the lease stays until the run is settled");
    let ended = ledger.finish(&fence.platform, fence.run, &failed(false), minutes(2)).await.unwrap().unwrap();
    assert_eq!(ended.status, RunStatus::Cancelled);
    assert_eq!(ledger.cancel(&fence.platform).await, Ok(None));
}

async fn a_platform_that_is_gone_is_born_again(ledger: &Ledger) {
    let fence = admitted(ledger).await;
    let now = minutes(1);
    ledger.finish(&fence.platform, fence.run, &succeeded(), now).await.unwrap();
    let living = stored(ledger, &fence.platform).await;
    assert!(living.is_protected(now));
    let unprotected = ledger.unprotect(&living.name, minutes(60)).await.unwrap().unwrap();
    assert!(!unprotected.is_protected(now) && unprotected.is_protected(minutes(60)));

    let run = Run::new(living.name.clone(), Machine::Teardown, Trigger::Destroy, format!("arn:x:{}", name()), now);
    let admission = Admission { platform: unprotected, revision: None, plan: None, run };
    let teardown = ledger.admit(admission).await.unwrap().unwrap();
    ledger.finish(&living.name, teardown.run, &succeeded(), minutes(2)).await.unwrap();
    let gone = stored(ledger, &living.name).await;
    assert_eq!((gone.status, gone.last_good, gone.version_id.clone()), (Status::Gone, 0, None));
    assert_eq!(ledger.platform_of(&living.bound).await.unwrap(), None, "the object is free");
    assert!(!ledger.platforms().await.unwrap().iter().any(|platform| platform.name == living.name));
    let wish = Waiting::new(Machine::Deploy, None, minutes(3));
    ledger.leave_waiting(&gone, wish.clone()).await.unwrap();
    assert!(ledger.platforms().await.unwrap().iter().any(|platform| platform.name == living.name), "it waits");
    ledger.clear_waiting(&living.name, wish.id).await.unwrap();
    assert!(!ledger.platforms().await.unwrap().iter().any(|platform| platform.name == living.name));
    let gone = stored(ledger, &living.name).await;
    assert_eq!(ledger.runs(&living.name, 9).await.unwrap().len(), 2, "the history stays");
    assert_eq!(ledger.unprotect(&living.name, minutes(60)).await, Ok(None));

    let other = ObjectKey { bucket: "manifests".into(), key: format!("manifests/other-{}.yaml", living.name) };
    let reborn = gone.reborn(other.clone(), target(), minutes(3));
    assert_ne!(reborn.incarnation, living.incarnation);
    let next = ledger.admit(deploy(reborn, minutes(3))).await.unwrap().unwrap();
    assert!(next.epoch > teardown.epoch);
    let platform = stored(ledger, &living.name).await;
    assert_eq!((platform.revision, platform.plan), (2, 2), "numbers go on");
    assert_eq!(ledger.platform_of(&other).await.unwrap(), Some(living.name));
}

async fn an_alert_is_marked_once(ledger: &Ledger) {
    let execution = name().to_string();
    assert!(ledger.mark_alerted(&execution, start()).await.unwrap());
    assert!(!ledger.mark_alerted(&execution, minutes(1)).await.unwrap());
    ledger.unmark_alerted(&execution).await.unwrap();
    assert!(ledger.mark_alerted(&execution, minutes(2)).await.unwrap());
}

async fn an_item_of_a_newer_landfall_is_not_guessed_at(ledger: &Ledger, table: &Arc<dyn Table>) {
    let fence = admitted(ledger).await;
    let key = Key::new(format!("PLATFORM#{}", fence.platform), "META");
    table.transact(vec![set(&key, Condition::Always, json!({"schema": 999}))]).await.unwrap();
    assert!(matches!(ledger.platform(&fence.platform).await, Err(LedgerError::Unreadable(_))));
    // Not left behind: whoever lists platforms on the same table would meet it.
    table.transact(vec![set(&key, Condition::Always, json!({"schema": 1}))]).await.unwrap();
}
