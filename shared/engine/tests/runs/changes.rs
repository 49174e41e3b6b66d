//! From one plan to the next: what is made, changed, replaced and taken away, and in which order.

use domain::{Component, Fault, FaultName, Generation, Kind, ResourceId};
use engine::{Outcome, Pass};
use jiff::SignedDuration;
use plan::{Goal, Need, Until};
use serde_json::json;
use testkit::{Harness, Injected, Verb, desired, plan_of};

use crate::{empty, mutations, network, without};

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

/// Nodes that only the failed plan wanted are newer than the control plane may be.
#[tokio::test]
async fn what_nobody_wants_goes_before_what_it_stands_on_follows() {
    let harness = Harness::default();
    harness.deploy(&without(network("10.0.0.0/16", "a"), &["table", "address", "nat", "route"])).await.unwrap();
    harness.world.take_calls();
    let mut back = without(network("10.0.0.0/16", "b"), &["subnet", "table", "address", "nat", "route"]);
    let earlier = Need { resource: ResourceId::new(Component::Network, "nowhere"), until: Until::Earlier };
    back.resources.get_mut(&ResourceId::new(Component::Network, "vpc")).unwrap().needs.push(earlier);
    harness.deploy(&back).await.unwrap();
    assert_eq!(mutations(&harness), [(Verb::Delete, "subnet".to_owned()), (Verb::Update, "vpc".to_owned())]);
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
