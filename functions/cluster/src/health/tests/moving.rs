//! Pods on Fargate that move while a run verifies.

use super::super::samples::{fargate_node, on_fargate, runs};
use super::*;

const OLD: &str = "v1.34.7-eks-1";
const NEW: &str = "v1.35.4-eks-1";
const EVICTION: &str = "/api/v1/namespaces/apps/pods/web-1/eviction";

/// A world with these pods on Fargate, each with the version of its kubelet.
fn world(pods: &[(Value, &str)]) -> World {
    let world = World::on_fargate(json!([{"namespace": "apps", "labels": {}}]));
    world.set("/api/v1/namespaces/apps", json!({"metadata": {"name": "apps"}}));
    have(&world, pods);
    world
}

fn have(world: &World, pods: &[(Value, &str)]) {
    let node = |(pod, kubelet): &(Value, &str)| fargate_node(pod["metadata"]["name"].as_str().unwrap(), kubelet);
    world.set("/api/v1/nodes", list(&pods.iter().map(node).collect::<Vec<_>>()));
    world.set("/api/v1/pods", list(&pods.iter().map(|(pod, ..)| pod.clone()).collect::<Vec<_>>()));
}

fn web(name: &str) -> Value {
    on_fargate(name, Some("web"), runs(true))
}

#[tokio::test]
async fn pods_on_fargate_are_brought_to_the_minor_of_the_control_plane_one_by_one() {
    let world = world(&[(web("web-1"), OLD), (web("web-2"), OLD)]);
    let first = world.look().await.unwrap();
    let told = "2 pods on Fargate do not run 1.35 yet: apps/web-1 (1.34), apps/web-2 (1.34)";
    assert_eq!((first.status, first.message.as_str()), (Status::Pending, told));
    assert_eq!(world.changes(), [format!("POST {EVICTION}")]);
    have(&world, &[(web("web-3"), NEW), (web("web-2"), OLD)]);
    assert_eq!(world.look().await.unwrap().status, Status::Pending);
    assert_eq!(world.changes(), [EVICTION.replace("web-1", "web-2")].map(|path| format!("POST {path}")));
    have(&world, &[(web("web-3"), NEW), (web("web-4"), NEW)]);
    let last = world.look().await.unwrap();
    assert_eq!(last.message, "the test pod apps/landfall-verify was just made");
    assert_eq!(world.changes(), ["POST /api/v1/namespaces/apps/pods"]);
}

#[tokio::test]
async fn a_budget_that_lets_no_pod_go_is_named_with_the_pod_and_then_a_fault() {
    let mut world = world(&[(web("web-1"), OLD)]);
    let budget = "The disruption budget web needs 1 healthy pods and has 1 currently";
    world.set(EVICTION, json!({"code": 429, "message": "Not now.", "details": {"causes": [{"message": budget}]}}));
    let waits = world.look().await.unwrap();
    let told = format!(
        "1 pod on Fargate does not run 1.35 yet: apps/web-1 (1.34); apps/web-1 stays for now: Not now. {budget}"
    );
    assert_eq!((waits.status, waits.message), (Status::Pending, told.clone()));
    world.later(600);
    let fault = world.look().await.unwrap_err();
    assert_eq!((fault.name, fault.message), (FaultName::Unhealthy, format!("the cluster demo does not work: {told}")));
    assert!(fault.next.unwrap().contains("`kubectl get pods -A -o wide -l eks.amazonaws.com/fargate-profile`"));
}

#[tokio::test]
async fn a_pod_that_nobody_would_make_again_is_named_and_neither_evicted_nor_waited_for() {
    let world = world(&[(on_fargate("bare", None, runs(true)), OLD)]);
    world.look().await.unwrap();
    let path = "/api/v1/namespaces/apps/pods/landfall-verify";
    let mut running = world.objects.lock().unwrap()[path].clone();
    running["status"] = json!({"phase": "Running"});
    world.set(path, running);
    let done = world.look().await.unwrap();
    assert_eq!(done.status, Status::Ready);
    assert!(done.message.ends_with("without a controller, and so on another minor still: apps/bare"), "{done:?}");
    let of_trial = [format!("POST {}", path.trim_end_matches("/landfall-verify")), format!("DELETE {path}")];
    assert_eq!(world.changes()[..2], of_trial, "nothing is evicted");
}

#[tokio::test]
async fn nothing_moves_while_something_else_does_not_work() {
    let world = world(&[(web("web-1"), OLD)]);
    world.set("/apis/apps/v1/namespaces/kube-system/deployments/coredns", deployment(1));
    let waits = world.look().await.unwrap();
    let told = "Deployment coredns: 1 of 2 pods are ready; 1 pod on Fargate does not run 1.35 yet: apps/web-1 (1.34)";
    assert_eq!((waits.status, waits.message.as_str()), (Status::Pending, told));
    assert_eq!(world.changes(), Vec::<String>::new());
}

#[tokio::test]
async fn patience_begins_anew_with_each_pod_that_moves() {
    let mut world = world(&[]);
    let mut moved = web("web-2");
    moved["metadata"]["creationTimestamp"] = json!((world.examined.since + SignedDuration::from_secs(500)).to_string());
    have(&world, &[(moved, NEW), (web("web-1"), OLD)]);
    world.set(EVICTION, json!({"code": 429, "message": "Not now."}));
    world.later(1099);
    assert_eq!(world.look().await.unwrap().status, Status::Pending);
    world.later(1100);
    assert_eq!(world.look().await.unwrap_err().name, FaultName::Unhealthy);
}

#[tokio::test]
async fn a_pod_that_goes_at_last_is_given_time_to_come_back() {
    let mut world = world(&[(web("web-1"), OLD)]);
    world.later(600);
    assert_eq!(world.look().await.unwrap().status, Status::Pending);
    assert_eq!(world.changes(), [format!("POST {EVICTION}")]);
}

#[test]
fn no_number_of_pods_that_come_asks_for_patience_for_ever() {
    let at = |second| Timestamp::from_second(second).unwrap();
    let until = |moved: &[i64], going: Option<i64>| {
        let found = Found { moved: moved.iter().copied().map(at).collect(), going: going.map(at), ..Found::default() };
        overdue_at(at(0), SignedDuration::from_secs(600), &found).as_second()
    };
    assert_eq!((until(&[], None), until(&[300], None), until(&[300, 100], None)), (600, 900, 900));
    assert_eq!((until(&[5000], None), until(&[300], Some(5000)), until(&[], Some(-9))), (1200, 5600, 600));
}
