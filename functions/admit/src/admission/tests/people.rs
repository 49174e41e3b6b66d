//! What people ask for by hand: to go back, and to rest.

use super::approval::{MOVE, execution, guarded};
use super::*;

#[tokio::test]
async fn a_roll_back_repeats_a_good_plan_and_the_schedule_keeps_it() {
    let world = World::deployed("").await;
    let second = world.upload("tags: {a: b}").await.unwrap();
    world.settle(&second, RunStatus::Succeeded).await;
    let third = world.upload("tags: {a: c}").await.unwrap();
    world.settle(&third, RunStatus::Failed).await;
    let to = |plan: u64| json!({"platform": "demo", "trigger": "Rollback", "plan": plan});
    for never in [0, 3, 9] {
        let fault = world.ask(Machine::Deploy, to(never)).await.unwrap_err();
        assert_eq!((fault.name, fault.next.is_some()), (FaultName::InvalidInput, true), "{never}: {fault}");
    }
    let back = world.ask(Machine::Deploy, to(1)).await.unwrap();
    assert_eq!((back.outcome, back.plan), (Outcome::Admitted, Some(1)));
    let run = world.admit.ledger.run(&"demo".parse().unwrap(), back.run.unwrap()).await.unwrap().unwrap();
    assert_eq!((run.trigger, run.revision), (Trigger::Rollback, 1));
    assert_eq!(world.ask(Machine::Deploy, to(2)).await.unwrap().outcome, Outcome::Waiting);
    assert_eq!(world.platform().await.waiting.unwrap().plan, Some(2));
    world.settle(&back, RunStatus::Succeeded).await;
    let kept = world.ask(Machine::Deploy, by_hand("Schedule")).await.unwrap();
    assert_eq!((kept.outcome, kept.plan), (Outcome::Admitted, Some(1)), "the schedule goes nowhere by itself");
    world.settle(&kept, RunStatus::Succeeded).await;
    let late = world.ask(Machine::Deploy, created(KEY)).await.unwrap();
    assert_eq!(late.outcome, Outcome::Ignored, "nor does a late event: {}", late.message);
    let forward = world.upload("tags: {a: d}").await.unwrap();
    assert_eq!((forward.outcome, forward.plan), (Outcome::Admitted, Some(4)));
    assert_eq!(world.platform().await.kept_plan, None);
}

#[tokio::test]
async fn a_roll_back_is_guarded_like_any_plan() {
    let world = guarded("").await;
    let asked = world.upload_in("one", MOVE).await.unwrap();
    world.say(asked.plan.unwrap(), true).await;
    let moved = world.again("one").await.unwrap();
    // As the run leaves it: the VPC of the new block stands alone.
    let fence = world.admit.ledger.holder(&"demo".parse().unwrap()).await.unwrap().unwrap();
    let stored = world.admit.ledger.records(&fence.platform).await.unwrap().remove(0);
    let plan = world.admit.plans.load(&world.platform().await, 2).await.unwrap();
    let spec = plan.resources[&stored.record.id].spec.clone();
    let there = domain::Record { spec, ..stored.record };
    world.admit.ledger.write(&fence, Some(stored.version), &there).await.unwrap();
    world.settle(&moved, RunStatus::Succeeded).await;
    let to = async |name: &str| {
        let event = json!({"platform": "demo", "trigger": "Rollback", "plan": 1});
        world.ask_as(&execution(name), Machine::Deploy, event).await
    };
    let to_one = to("back").await.unwrap();
    assert_eq!((to_one.outcome, to_one.plan), (Outcome::ApprovalRequired, Some(1)), "{to_one:?}");
    world.say(1, false).await;
    let again = to("again").await.unwrap();
    assert_eq!((again.outcome, again.plan), (Outcome::ApprovalRequired, Some(1)), "a word of before counts no more");
    world.say(1, true).await;
    let back = to("again").await.unwrap();
    assert_eq!((back.outcome, back.plan), (Outcome::Admitted, Some(1)));
}

fn pause() -> Pause {
    Pause { by: "arn:aws:iam::123456789012:user/ada".into(), at: now() }
}

#[tokio::test]
async fn while_a_platform_rests_nothing_starts_by_itself() {
    let world = World::deployed("safety: {onManifestDelete: Teardown, deletionProtection: false}").await;
    let name: PlatformName = "demo".parse().unwrap();
    world.admit.ledger.set_pause(&name, Some(&pause())).await.unwrap();
    let waits = world.upload("tags: {a: b}").await.unwrap();
    assert_eq!(waits.outcome, Outcome::Waiting);
    assert!(waits.message.contains("`landfall resume demo`"), "{}", waits.message);
    assert_eq!(world.ask(Machine::Deploy, by_hand("Waiting")).await.unwrap().outcome, Outcome::Waiting);
    assert_eq!(world.ask(Machine::Deploy, by_hand("Schedule")).await.unwrap().outcome, Outcome::Unchanged);
    assert!(world.upload("natt: 1").await.is_err(), "an error is told at once");
    world.bucket.delete(KEY);
    assert_eq!(world.ask(Machine::Deploy, deleted(KEY)).await.unwrap().outcome, Outcome::Waiting);
    let by_a_person = json!({"platform": "demo", "trigger": "Rollback", "plan": 1});
    let run = world.ask(Machine::Deploy, by_a_person).await.unwrap();
    assert_eq!(run.outcome, Outcome::Admitted, "what people start goes on");
    world.settle(&run, RunStatus::Succeeded).await;
    world.admit.ledger.set_pause(&name, None).await.unwrap();
    let taken_up = world.ask(Machine::Deploy, by_hand("Waiting")).await.unwrap();
    assert_eq!(taken_up.outcome, Outcome::TeardownRequested, "what counts is what lies in the bucket then");
}

#[tokio::test]
async fn while_all_rest_a_new_platform_waits_for_its_first_deploy() {
    let world = World::new();
    world.admit.ledger.set_pause_of_all(Some(&pause())).await.unwrap();
    let waits = world.upload("").await.unwrap();
    assert_eq!(waits.outcome, Outcome::Waiting);
    assert!(waits.message.contains("`landfall resume --all`"), "{}", waits.message);
    assert_eq!(world.upload("tags: {a: b}").await.unwrap().outcome, Outcome::Waiting);
    assert_eq!(world.platform().await.status, Status::New);
    world.admit.ledger.set_pause_of_all(None).await.unwrap();
    let first = world.ask(Machine::Deploy, by_hand("Waiting")).await.unwrap();
    assert_eq!((first.outcome, first.plan), (Outcome::Admitted, Some(1)));
    assert_eq!(world.platform().await.waiting, None);
}
