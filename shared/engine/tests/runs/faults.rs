//! What goes wrong on the way: answers that are lost, things that come late, what AWS gives up on, other writers.

use std::time::Duration;

use domain::{Component, Fault, FaultName, Generation, Kind, ResourceId};
use engine::{Outcome, Pass};
use jiff::SignedDuration;
use plan::Goal;
use serde_json::json;
use testkit::{Harness, Injected, Verb, desired, plan_of};
use tokio::time::Instant;

use crate::{empty, mutations, network, reference};

#[tokio::test]
async fn a_create_whose_answer_was_lost_or_an_error_of_the_service_is_found_and_not_made_again() {
    for answer in [Injected::AnswerLost, Injected::ErrorAfterEffect] {
        let harness = Harness::default();
        harness.world.visible_after(|| SignedDuration::from_secs(20));
        let mut once = Some(answer.clone());
        harness.world.script(move |call| match (call.verb, call.id.name()) {
            (Verb::Create, "vpc") => once.take(),
            _ => None,
        });
        harness.deploy(&network("10.0.0.0/16", "a")).await.unwrap();
        assert_eq!(harness.world.alive().iter().filter(|thing| thing.contains(" Vpc ")).count(), 1, "{answer:?}");
    }
}

#[tokio::test]
async fn a_create_that_was_half_done_is_finished_by_the_phase_that_began_it() {
    let harness = Harness::default();
    let mut begun = false;
    harness.world.script(move |call| {
        (call.verb == Verb::Create && call.id.name() == "vpc" && !std::mem::replace(&mut begun, true))
            .then_some(Injected::HalfDone)
    });
    harness.deploy(&network("10.0.0.0/16", "a")).await.unwrap();
    assert!(mutations(&harness).contains(&(Verb::Update, "vpc".to_owned())));
}

#[tokio::test]
async fn a_create_that_never_arrived_is_made_again_after_the_settling_time() {
    let harness = Harness::default();
    let mut lost = false;
    harness.world.script(move |call| {
        (call.verb == Verb::Create && !std::mem::replace(&mut lost, true)).then_some(Injected::RequestLost)
    });
    let begun = harness.clock.now();
    harness.deploy(&network("10.0.0.0/16", "a")).await.unwrap();
    assert!(harness.clock.now() > begun + SignedDuration::from_secs(30));
    assert_eq!(harness.world.alive().len(), 6);
}

#[tokio::test]
async fn what_becomes_visible_after_the_settling_time_is_surplus_and_goes() {
    let harness = Harness::default();
    let plan = network("10.0.0.0/16", "a");
    harness.world.visible_after(|| SignedDuration::from_secs(45));
    harness.world.script(|call| (call.verb == Verb::Create && call.id.name() == "vpc").then_some(Injected::AnswerLost));
    assert!(matches!(harness.call(&plan, Pass::Converge(Goal::Foundation)).await, Ok(Outcome::Pending { .. })));
    harness.world.heal();
    harness.clock.pass(SignedDuration::from_secs(31));
    assert!(matches!(harness.call(&plan, Pass::Converge(Goal::Foundation)).await, Ok(Outcome::Pending { .. })));
    harness.world.visible_after(|| SignedDuration::ZERO);
    harness.clock.pass(SignedDuration::from_secs(60));
    harness.deploy(&plan).await.unwrap();
    harness.deploy(&empty()).await.unwrap();
    assert_eq!(harness.world.alive(), Vec::<String>::new());
}

/// The first attempt arrives when the second has long been made, and a subnet stands in that one.
#[tokio::test(start_paused = true)]
async fn what_others_stand_on_stays_when_its_double_is_made_later() {
    let harness = Harness::default();
    let plan = network("10.0.0.0/16", "a");
    let mut late = false;
    harness.world.script(move |call| {
        (call.verb == Verb::Create && call.id.name() == "vpc" && !std::mem::replace(&mut late, true))
            .then_some(Injected::ArrivesLate(SignedDuration::from_secs(40)))
    });
    let foundation = Pass::Converge(Goal::Foundation);
    assert!(matches!(harness.call(&plan, foundation).await, Ok(Outcome::Pending { .. })));
    harness.clock.pass(SignedDuration::from_secs(31));
    harness.until_ready(&plan, foundation).await.unwrap();
    let kept = harness.record("vpc").locator;
    harness.clock.pass(SignedDuration::from_secs(10));
    assert_eq!(harness.world.alive().iter().filter(|thing| thing.contains(" Vpc ")).count(), 2);
    harness.deploy(&plan).await.unwrap();
    assert_eq!(harness.record("vpc").locator, kept);
    assert_eq!(harness.world.alive().len(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_call_has_returned_by_its_deadline_however_much_is_there_to_delete() {
    let harness = Harness::default();
    let tags = harness.identity.resource_tags(&ResourceId::new(Component::Network, "vpc"), Generation::FIRST);
    for double in 0..10 {
        harness.world.place(&format!("vpc-{double}"), Kind::Vpc, tags.clone(), json!({"cidr": "10.0.0.0/16"}));
    }
    harness.world.script(|call| (call.verb == Verb::Delete).then(|| Injected::Slow(Duration::from_secs(11))));
    let (plan, begun) = (network("10.0.0.0/16", "a"), Instant::now());
    let outcome = harness.call(&plan, Pass::Converge(Goal::Foundation)).await;
    assert!(matches!(outcome, Ok(Outcome::Pending { .. })), "{outcome:?}");
    assert!(begun.elapsed() <= Harness::LIMIT, "{:?}", begun.elapsed());
    harness.deploy(&plan).await.unwrap();
    assert_eq!(harness.world.alive().len(), 6);
}

/// A subnet of the second generation, whose answer was lost and which is not visible before it is asked for again.
#[tokio::test]
async fn a_later_generation_that_meets_its_own_late_predecessor_takes_it_up() {
    let harness = Harness::default();
    harness.deploy(&network("10.0.0.0/16", "a")).await.unwrap();
    let wider = network("10.8.0.0/16", "a");
    harness.world.visible_after(|| SignedDuration::from_secs(45));
    harness
        .world
        .script(|call| (call.verb == Verb::Create && call.id.name() == "subnet").then_some(Injected::AnswerLost));
    assert!(matches!(harness.call(&wider, Pass::Converge(Goal::Foundation)).await, Ok(Outcome::Pending { .. })));
    harness.world.visible_after(|| SignedDuration::ZERO);
    harness.world.heal();
    harness.deploy(&wider).await.unwrap();
    assert_eq!(harness.record("subnet").generation, Generation(2));
    assert_eq!(harness.world.alive().len(), 6);
}

#[tokio::test]
async fn a_quota_takes_the_claim_back_and_names_the_resource() {
    let harness = Harness::default();
    harness.world.script(|call| {
        let quota = Fault::new(FaultName::QuotaExceeded, "the region allows 5 addresses");
        (call.verb == Verb::Create && call.id.name() == "address").then_some(Injected::Fault(quota))
    });
    let fault = harness.deploy(&network("10.0.0.0/16", "a")).await.unwrap_err();
    assert_eq!(fault.name, FaultName::QuotaExceeded);
    assert_eq!(fault.resource.unwrap().name(), "address");
    assert!(harness.records.all().iter().all(|record| record.id.name() != "address"));
}

#[tokio::test]
async fn what_aws_gave_up_on_fails_this_phase_and_is_deleted_first_by_the_next() {
    let mut harness = Harness::default();
    harness.world.script(|call| {
        (call.verb == Verb::Create && call.id.name() == "nat").then(|| Injected::FailsLater("no capacity".into()))
    });
    let plan = network("10.0.0.0/16", "a");
    for _ in 0..2 {
        let fault = harness.deploy(&plan).await.unwrap_err();
        assert_eq!((fault.name, fault.message.as_str()), (FaultName::CreateFailed, "no capacity"));
    }
    harness.world.heal();
    harness.next_phase();
    harness.deploy(&plan).await.unwrap();
    assert_eq!(harness.world.alive().len(), 6);
}

/// AWS shows a failed attachment for hours and lets nobody delete it.
#[tokio::test]
async fn what_aws_gave_up_on_and_nobody_can_delete_does_not_keep_a_teardown_from_ending() {
    let mut harness = Harness::default();
    harness.world.script(|call| {
        (call.verb == Verb::Create && call.id.name() == "link").then(|| Injected::FailsLater("no capacity".into()))
    });
    let mut plan = network("10.0.0.0/16", "a");
    let spec =
        json!({"vpc": reference("vpc"), "transitGateway": "tgw-1", "subnets": [reference("subnet")], "tags": {}});
    let needs = &["vpc", "subnet"];
    plan.resources.extend([desired("link", Kind::TransitGatewayAttachment, Goal::Egress, spec, needs)]);
    assert_eq!(harness.deploy(&plan).await.unwrap_err().name, FaultName::CreateFailed);
    harness.next_phase();
    harness.deploy(&empty()).await.unwrap();
    assert_eq!(harness.world.alive(), Vec::<String>::new());
}

#[tokio::test]
async fn drift_is_repaired_and_what_vanished_is_made_again() {
    let mut harness = Harness::default();
    let plan = network("10.0.0.0/16", "a");
    harness.deploy(&plan).await.unwrap();
    harness.clock.pass(SignedDuration::from_hours(1));
    let vpc = harness.record("vpc");
    let mut other = vpc.spec.clone();
    other["tags"] = json!({});
    harness.world.tamper(&vpc.locator.unwrap().0, Some(other));
    harness.world.tamper(&harness.record("route").locator.unwrap().0, None);
    harness.world.take_calls();
    harness.next_phase();
    harness.deploy(&plan).await.unwrap();
    assert_eq!(mutations(&harness), [(Verb::Update, "vpc".to_owned()), (Verb::Create, "route".to_owned())]);
}

#[tokio::test]
async fn an_old_epoch_creates_nothing() {
    let harness = Harness::default();
    harness.records.next_epoch();
    let fault = harness.deploy(&network("10.0.0.0/16", "a")).await.unwrap_err();
    assert_eq!(fault.name, FaultName::LostLease);
    assert_eq!(mutations(&harness), []);
}

#[tokio::test]
async fn an_old_epoch_asks_for_no_deletion_again() {
    let harness = Harness::default();
    harness.deploy(&network("10.0.0.0/16", "a")).await.unwrap();
    let vpc = harness.record("vpc").locator.unwrap().0;
    harness.world.place("eni-foreign", Kind::SecurityGroup, Default::default(), json!({"vpc": vpc}));
    for _ in 0..40 {
        assert!(matches!(harness.call(&empty(), Pass::Prune).await, Ok(Outcome::Pending { .. })));
        harness.clock.pass(SignedDuration::from_secs(10));
    }
    harness.world.take_calls();
    assert!(matches!(harness.call(&empty(), Pass::Prune).await, Ok(Outcome::Pending { .. })));
    assert_eq!(mutations(&harness), [(Verb::Delete, "vpc".to_owned())]);
    harness.records.next_epoch();
    assert_eq!(harness.call(&empty(), Pass::Prune).await.unwrap_err().name, FaultName::LostLease);
    assert_eq!(mutations(&harness), []);
}

#[tokio::test]
async fn what_somebody_else_hung_on_it_ends_as_stuck_with_the_reason() {
    let harness = Harness::default();
    let plan = network("10.0.0.0/16", "a");
    harness.deploy(&plan).await.unwrap();
    let vpc = harness.record("vpc").locator.unwrap().0;
    harness.world.place("eni-foreign", Kind::SecurityGroup, Default::default(), json!({"vpc": vpc}));
    let fault = harness.until_ready(&empty(), Pass::Prune).await.unwrap_err();
    assert_eq!(fault.name, FaultName::Stuck);
    assert!(fault.message.contains("eni-foreign"), "{fault}");
    assert!(harness.world.alive().iter().any(|thing| thing.contains("eni-foreign")));
}

#[tokio::test]
async fn who_uses_an_output_that_a_change_renewed_follows_in_the_same_run() {
    let plan = |size: u32| {
        let version = json!({"$of": "network/template", "output": "version"});
        let template = json!({"name": "t", "volumes": {"/dev/xvda": size}});
        let group = json!({"cluster": "c", "name": "g", "launchTemplateVersion": version});
        plan_of([
            desired("template", Kind::LaunchTemplate, Goal::Foundation, template, &[]),
            desired("group", Kind::NodeGroup, Goal::Foundation, group, &["template"]),
        ])
    };
    let mut harness = Harness::default();
    harness.deploy(&plan(20)).await.unwrap();
    harness.next_phase();
    harness.deploy(&plan(40)).await.unwrap();
    assert_eq!(harness.record("group").spec["launchTemplateVersion"], json!("2"));
}

#[tokio::test]
async fn a_change_that_aws_gave_up_on_is_a_fault_of_its_run_and_no_second_try() {
    let plan = |size: u32| {
        let group = json!({"cluster": "c", "name": "g", "minSize": size});
        plan_of([desired("group", Kind::NodeGroup, Goal::Foundation, group, &[])])
    };
    let mut harness = Harness::default();
    harness.deploy(&plan(1)).await.unwrap();
    harness.next_phase();
    harness.world.script(|call| (call.verb == Verb::Update).then(|| Injected::FailsLater("a budget".into())));
    assert_eq!(harness.deploy(&plan(2)).await.unwrap_err().name, FaultName::UpdateFailed);
    let updates = harness.world.effects().into_iter().filter(|effect| effect.verb == Verb::Update);
    assert_eq!(updates.count(), 1);
    harness.world.heal();
    harness.next_phase();
    harness.deploy(&plan(2)).await.unwrap();
}
