//! Whole runs of the engine against a model of AWS.

use std::time::Duration;

use domain::{Component, Fault, FaultName, Generation, Kind, ResourceId};
use engine::{Outcome, Pass};
use jiff::SignedDuration;
use plan::{Goal, Need, Plan, Until};
use serde_json::{Value, json};
use testkit::{Harness, Injected, Verb, desired, plan_of};
use tokio::time::Instant;

fn reference(name: &str) -> Value {
    json!({"$of": format!("network/{name}"), "output": "id"})
}

/// A VPC, a subnet in it, an address, a NAT gateway, a table and the route to the gateway.
fn network(cidr: &str, tag: &str) -> Plan {
    let tags = json!({"team": tag});
    let spec = |value: Value| value;
    plan_of([
        desired("vpc", Kind::Vpc, Goal::Foundation, spec(json!({"cidr": cidr, "tags": tags})), &[]),
        desired(
            "subnet",
            Kind::Subnet,
            Goal::Foundation,
            json!({"vpc": reference("vpc"), "cidr": "10.0.0.0/24", "tags": tags}),
            &["vpc"],
        ),
        desired(
            "table",
            Kind::RouteTable,
            Goal::Foundation,
            json!({"vpc": reference("vpc"), "subnets": [reference("subnet")], "tags": tags}),
            &["vpc", "subnet"],
        ),
        desired(
            "address",
            Kind::ElasticIp,
            Goal::Egress,
            json!({"subnet": reference("subnet"), "tags": tags}),
            &["subnet"],
        ),
        desired(
            "nat",
            Kind::NatGateway,
            Goal::Egress,
            json!({"subnet": reference("subnet"), "address": reference("address"), "tags": tags}),
            &["subnet", "address"],
        ),
        desired(
            "route",
            Kind::Route,
            Goal::Egress,
            json!({"table": reference("table"), "destination": "0.0.0.0/0", "via": {"natGateway": reference("nat")}}),
            &["table", "nat"],
        ),
    ])
}

fn without(mut plan: Plan, names: &[&str]) -> Plan {
    plan.resources.retain(|id, _| !names.contains(&id.name()));
    plan
}

fn empty() -> Plan {
    plan_of([])
}

/// The calls that changed something: the model has nothing to retire.
fn mutations(harness: &Harness) -> Vec<(Verb, String)> {
    let calls = harness.world.take_calls().into_iter();
    calls
        .filter(|call| !matches!(call.verb, Verb::Observe | Verb::Retire))
        .map(|call| (call.verb, call.id.name().to_owned()))
        .collect()
}

#[tokio::test]
async fn a_plan_is_built_in_order_and_an_unchanged_one_touches_nothing() {
    let harness = Harness::default();
    let plan = network("10.0.0.0/16", "a");
    harness.deploy(&plan).await.unwrap();
    let order: Vec<String> = mutations(&harness).into_iter().map(|(_, name)| name).collect();
    let place = |name: &str| order.iter().position(|other| other == name).unwrap();
    assert!(place("vpc") < place("subnet") && place("nat") < place("route"));
    assert_eq!(harness.world.alive().len(), 6);
    harness.deploy(&plan).await.unwrap();
    assert_eq!(mutations(&harness), []);
}

#[tokio::test]
async fn only_what_changed_is_touched() {
    let harness = Harness::default();
    harness.deploy(&network("10.0.0.0/16", "a")).await.unwrap();
    harness.world.take_calls();
    let mut changed = network("10.0.0.0/16", "a");
    changed.resources.iter_mut().find(|(id, _)| id.name() == "vpc").unwrap().1.spec["tags"] = json!({"team": "b"});
    harness.deploy(&changed).await.unwrap();
    assert_eq!(mutations(&harness), [(Verb::Update, "vpc".to_owned())]);
}

#[tokio::test]
async fn what_a_phase_has_confirmed_it_does_not_look_at_again_before_verify_and_the_next_does() {
    let mut harness = Harness::default();
    let plan = network("10.0.0.0/16", "a");
    let foundation = Pass::Converge(Goal::Foundation);
    harness.until_ready(&plan, foundation).await.unwrap();
    harness.world.take_calls();
    harness.until_ready(&plan, foundation).await.unwrap();
    assert_eq!(harness.world.take_calls().len(), 0);
    harness.until_ready(&plan, Pass::Converge(Goal::Egress)).await.unwrap();
    harness.clock.pass(SignedDuration::from_hours(1));
    harness.world.take_calls();
    harness.until_ready(&plan, Pass::Verify).await.unwrap();
    assert_eq!(harness.world.take_calls().len(), 6);
    harness.next_phase();
    harness.until_ready(&plan, foundation).await.unwrap();
    assert!(harness.world.take_calls().iter().all(|call| call.verb == Verb::Observe));
}

/// The steps of an upgrade: nodes wait until their add-ons are of the plan, not only until they are there.
#[tokio::test]
async fn what_must_be_as_planned_is_updated_first() {
    for (until, expected) in [(Until::Ready, ["subnet", "vpc"]), (Until::Current, ["vpc", "subnet"])] {
        let harness = Harness::default();
        let plan = |tag: &str| {
            let mut plan = without(network("10.0.0.0/16", tag), &["table", "address", "nat", "route"]);
            let (_, subnet) = plan.resources.iter_mut().find(|(id, _)| id.name() == "subnet").unwrap();
            subnet.needs[0].until = until;
            plan
        };
        harness.deploy(&plan("a")).await.unwrap();
        harness.world.take_calls();
        let mut refused = false;
        harness.world.script(move |call| {
            let first = call.verb == Verb::Update && call.id.name() == "vpc" && !std::mem::replace(&mut refused, true);
            first.then(|| Injected::Fault(Fault::new(FaultName::Throttled, "too many calls")))
        });
        harness.deploy(&plan("b")).await.unwrap();
        let mut order: Vec<String> = mutations(&harness).into_iter().map(|(_, name)| name).collect();
        let first = order.iter().position(|name| name == "vpc").unwrap();
        order.remove(first);
        assert_eq!(order, expected, "{until:?}");
    }
}

/// The way back of an upgrade. What is only earlier may stand on what is later, and need not be there.
#[tokio::test]
async fn what_is_only_earlier_goes_first_and_is_no_need() {
    let harness = Harness::default();
    let plan = |tag: &str| {
        let mut plan = without(network("10.0.0.0/16", tag), &["table", "address", "nat", "route"]);
        let id = |name: &str| ResourceId::new(Component::Network, name);
        let earlier = ["subnet", "nowhere"].map(|name| Need { resource: id(name), until: Until::Earlier });
        plan.resources.get_mut(&id("vpc")).unwrap().needs.extend(earlier);
        plan
    };
    harness.deploy(&plan("a")).await.unwrap();
    harness.world.take_calls();
    harness.deploy(&plan("b")).await.unwrap();
    let order: Vec<String> = mutations(&harness).into_iter().map(|(_, name)| name).collect();
    assert_eq!(order, ["subnet", "vpc"]);
    assert_eq!(harness.record("vpc").needs, [], "no edge comes of it");
    harness.deploy(&empty()).await.unwrap();
}

#[tokio::test]
async fn what_the_plan_drops_is_pruned_in_reverse() {
    let harness = Harness::default();
    let plan = network("10.0.0.0/16", "a");
    harness.deploy(&plan).await.unwrap();
    harness.world.take_calls();
    harness.deploy(&without(plan, &["route", "nat", "address"])).await.unwrap();
    let deleted: Vec<String> = mutations(&harness).into_iter().map(|(_, name)| name).collect();
    assert_eq!(deleted, ["route", "nat", "address"]);
    assert_eq!(harness.world.alive().len(), 3);
}

#[tokio::test]
async fn a_replacement_stands_before_the_old_one_goes_and_all_that_refers_to_it_follows() {
    let harness = Harness::default();
    harness.deploy(&network("10.0.0.0/16", "a")).await.unwrap();
    let wider = network("10.8.0.0/16", "a");
    harness.until_ready(&wider, Pass::Converge(Goal::Foundation)).await.unwrap();
    harness.until_ready(&wider, Pass::Converge(Goal::Egress)).await.unwrap();
    let generations: Vec<Generation> = harness
        .records
        .all()
        .iter()
        .filter(|record| record.kind == Kind::Vpc)
        .map(|record| record.generation)
        .collect();
    assert_eq!(generations, [Generation(1), Generation(2)]);
    harness.until_ready(&wider, Pass::Verify).await.unwrap();
    harness.until_ready(&wider, Pass::Prune).await.unwrap();
    assert_eq!(harness.world.alive().len(), 6);
    assert_eq!(harness.record("vpc").generation, Generation(2));
    assert_eq!(harness.record("subnet").generation, Generation(2));
}

/// EKS has a cluster's name once.
#[tokio::test]
async fn what_has_a_fixed_name_goes_with_all_that_stands_on_it_before_it_is_made_anew() {
    let harness = Harness::default();
    let cluster = |services: &str| {
        let name = json!({"$of": "network/control-plane", "output": "name"});
        let spec = json!({"name": "demo", "serviceIpv4Cidr": services});
        let group = json!({"cluster": name, "name": "core"});
        plan_of([
            desired("role", Kind::Role, Goal::Foundation, json!({"name": "demo"}), &[]),
            desired("control-plane", Kind::ControlPlane, Goal::Foundation, spec, &["role"]),
            desired("nodes", Kind::NodeGroup, Goal::Egress, group, &["control-plane"]),
        ])
    };
    harness.deploy(&cluster("172.20.0.0/16")).await.unwrap();
    harness.world.take_calls();
    harness.deploy(&cluster("172.21.0.0/16")).await.unwrap();
    let order: Vec<String> = mutations(&harness).iter().map(|(verb, name)| format!("{verb:?} {name}")).collect();
    assert_eq!(order, ["Delete nodes", "Delete control-plane", "Create control-plane", "Create nodes"]);
    assert_eq!(harness.world.alive().len(), 3, "the role stays");
}

/// A subnet of the new block does not fit into the old VPC.
#[tokio::test]
async fn nothing_is_made_in_what_is_being_replaced() {
    let harness = Harness::default();
    harness.deploy(&network("10.0.0.0/16", "a")).await.unwrap();
    harness.world.take_calls();
    let mut moved = network("10.8.0.0/16", "a");
    moved.resources.iter_mut().find(|(id, _)| id.name() == "subnet").unwrap().1.spec["cidr"] = json!("10.8.0.0/24");
    harness.deploy(&moved).await.unwrap();
    let made: Vec<_> = mutations(&harness).into_iter().filter(|(verb, _)| *verb == Verb::Create).collect();
    assert_eq!(made.iter().filter(|(_, name)| name == "subnet").count(), 1, "{made:?}");
}

#[tokio::test]
async fn a_roll_back_finds_the_generation_that_it_left() {
    let mut harness = Harness::default();
    let good = network("10.0.0.0/16", "a");
    harness.deploy(&good).await.unwrap();
    harness.until_ready(&network("10.8.0.0/16", "a"), Pass::Converge(Goal::Foundation)).await.unwrap();
    harness.next_phase();
    harness.world.take_calls();
    harness.deploy(&good).await.unwrap();
    assert!(mutations(&harness).iter().all(|(verb, _)| *verb == Verb::Delete));
    assert_eq!(harness.record("vpc").generation, Generation(1));
    assert_eq!(harness.world.alive().len(), 6);
}

#[tokio::test]
async fn teardown_leaves_nothing_even_with_a_gateway_still_pending() {
    let mut harness = Harness::default();
    let plan = network("10.0.0.0/16", "a");
    harness.until_ready(&plan, Pass::Converge(Goal::Foundation)).await.unwrap();
    assert!(matches!(harness.call(&plan, Pass::Converge(Goal::Egress)).await, Ok(Outcome::Pending { .. })));
    harness.next_phase();
    harness.until_ready(&empty(), Pass::Prune).await.unwrap();
    assert_eq!(harness.world.alive(), Vec::<String>::new());
    assert_eq!(harness.records.all(), []);
}

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
