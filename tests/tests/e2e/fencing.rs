//! A function that outlives its run: what it had asked of AWS may still land, and then there is an end to it.
//!
//! Every EC2 create of the platform hangs and lands late, so that the function is in the middle of its work when its run
//! ends. The gateway's record of calls tells what landed, and when.

use jiff::{SignedDuration, Timestamp};
use ledger::{Lease, RunStatus, Status};
use sandbox::{Call, Effect, Rule};
use serde_json::json;

use crate::support::{User, World, scenario, until};

/// How late the creates land. Less than one attempt of a call may take, so that the function goes on afterwards.
const LATE: u64 = 6_000;

/// A step that was begun under the old epoch may take so long (the engine's limit of one call), plus some for the machine.
const STEP: SignedDuration = SignedDuration::from_secs(15);

async fn outlived(world: &'static World, user: &User, end: impl AsyncFnOnce(&Lease)) {
    let name = user.name.as_str();
    world.sandbox.script(Rule::new("ec2", "Create*", Effect::HangThenDo { milliseconds: LATE }).about(name));
    user.upload(&user.manifest("network: {availabilityZones: 2}")).await;
    let lease = user.leased().await;
    until("the first claim", async || (!user.records().await.is_empty()).then_some(())).await;
    end(&lease).await;
    let ended = Timestamp::now();
    let quarantined_until = until("the quarantine", async || user.platform().await?.quarantined_until).await;
    assert!(quarantined_until > ended + SignedDuration::from_secs(60), "longer than a function may run");

    // Asked for at once, and begun when nothing of the old run can be left.
    world.start("LANDFALL_DEPLOY_MACHINE", json!({"platform": name, "trigger": "Retry"})).await;
    until("the rest", async || (Timestamp::now() > ended + STEP).then_some(())).await;
    world.sandbox.clear_rules_of(name);
    let ready = until("the run that waited", async || {
        user.platform().await.filter(|platform| platform.status == Status::Ready)
    });
    assert_eq!(ready.await.waiting, None);
    let next = user.runs().await.remove(0);
    assert_eq!(next.status, RunStatus::Succeeded, "{:?}", next.failure);
    assert!(next.started >= quarantined_until, "{} < {quarantined_until}", next.started);

    let calls =
        world.sandbox.calls().into_iter().filter(|call| call.mutating && call.platform.as_deref() == Some(name));
    let (old, new): (Vec<Call>, Vec<Call>) = calls.partition(|call| call.began() < next.started);
    assert!(old.iter().any(|call| call.at > ended), "no function outlived its run: {old:#?}");
    for call in &old {
        assert!(call.at < quarantined_until, "landed after the quarantine: {call:#?}");
        assert!(call.began() < ended + STEP, "begun long after the epoch had passed: {call:#?}");
    }
    assert!(!new.is_empty());

    let records = user.records().await;
    let named: Vec<&str> = records.values().filter_map(|record| Some(record.locator.as_ref()?.0.as_str())).collect();
    let there = world.sandbox.tagged(name);
    assert!(there.iter().all(|id| named.contains(&id.as_str())), "{there:?} are there, {named:?} are named");
}

#[test]
fn a_cancelled_run_changes_nothing_after_the_quarantine() {
    scenario(async |world| {
        let user = world.user("fence-cancel");
        outlived(world, &user, async |lease| {
            // As `landfall cancel` does it: the ledger first.
            world.ledger.cancel(&user.name).await.unwrap().unwrap();
            world.sfn.stop_execution().execution_arn(&lease.execution).send().await.unwrap();
        })
        .await;
    });
}

#[test]
fn an_aborted_run_changes_nothing_after_the_quarantine() {
    scenario(async |world| {
        let user = world.user("fence-abort");
        outlived(world, &user, async |lease| {
            world.sfn.stop_execution().execution_arn(&lease.execution).cause("By hand.").send().await.unwrap();
        })
        .await;
    });
}
