use k8s_openapi::api::discovery::v1::EndpointSlice;
use serde_json::{Value, json};

use super::super::samples::{crashed, daemon_set, deployment, node, of, pod, slice, unscheduled, without_image};
use super::*;

#[test]
fn as_many_nodes_of_a_group_are_ready_as_are_wanted() {
    let all = |nodes: &[Value]| nodes.iter().cloned().map(of::<Node>).collect::<Vec<_>>();
    let none = "node group core: 0 of 1 nodes are ready";
    let mut leaving = node("a", Some("True"));
    leaving["metadata"]["deletionTimestamp"] = json!("2026-11-21T00:00:00Z");
    for (desired, there, lacking) in [
        (2, vec![node("a", Some("True")), node("b", Some("True"))], vec![]),
        // A group that is made smaller has more for a while.
        (1, vec![node("a", Some("True")), node("b", Some("True"))], vec![]),
        (0, vec![], vec![]),
        (2, vec![node("a", Some("True"))], vec!["node group core: 1 of 2 nodes are ready"]),
        // One that is not wanted may come or go.
        (1, vec![node("a", Some("True")), node("b", Some("False"))], vec![]),
        (1, vec![node("a", Some("False"))], vec![none, "node a is not ready: KubeletNotReady: no CNI"]),
        (1, vec![node("a", Some("Unknown"))], vec![none, "node a is not ready: KubeletNotReady: no CNI"]),
        (1, vec![node("a", None)], vec![none, "node a has not said whether it is ready"]),
        (1, vec![leaving], vec![none, "node a is going"]),
    ] {
        assert_eq!(nodes("core", desired, &all(&there)), lacking);
    }
}

#[test]
fn a_workload_is_ready_when_all_of_its_pods_are_and_otherwise_says_why_not() {
    let ready = json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]});
    for (found, is_ready, pods, told) in [
        (Some(daemon_set(2, 2, 2)), true, vec![], "DaemonSet aws-node: 2 of 2 pods are ready"),
        (Some(daemon_set(2, 0, 0)), true, vec![], "DaemonSet aws-node: 0 of 0 pods are ready"),
        (Some(daemon_set(3, 2, 2)), false, vec![], "DaemonSet aws-node is being rolled out"),
        (None, false, vec![], "DaemonSet aws-node is not there"),
        (
            Some(daemon_set(2, 2, 1)),
            false,
            vec![pod("a", ready.clone()), pod("b", without_image())],
            "DaemonSet aws-node: 1 of 2 pods are ready; b has its container pause waiting: ImagePullBackOff: no such image",
        ),
        (
            Some(daemon_set(2, 1, 0)),
            false,
            vec![pod("a", crashed())],
            "DaemonSet aws-node: 0 of 1 pods are ready; a has its container main ended with code 1: Error",
        ),
    ] {
        let workload = Workload::of_daemon_set("aws-node", found.map(of));
        let pods: Vec<Pod> = pods.into_iter().map(of).collect();
        assert_eq!((workload.is_ready(0), workload.lacking(&pods).as_str()), (is_ready, told));
    }
    let on_nodes = Workload::of_daemon_set("aws-node", Some(of(daemon_set(2, 2, 1))));
    assert!(on_nodes.is_ready(1), "on a node that is not ready none can be");
    let workload = Workload::of_deployment("coredns", Some(of(deployment(1))));
    assert!(!workload.is_ready(1));
    let pods = [of(pod("a", unscheduled()))];
    let told = "Deployment coredns: 1 of 2 pods are ready; a finds no node: Unschedulable: 0/2 nodes are available";
    assert_eq!((workload.is_ready(0), workload.lacking(&pods).as_str()), (false, told));
    assert_eq!(workload.registry(), Some("602.dkr.ecr.eu-west-1.amazonaws.com"));
    assert!(Workload::of_deployment("coredns", Some(of(deployment(2)))).is_ready(0));
}

#[test]
fn dns_has_an_endpoint_that_is_ready() {
    for (slices, answers) in [
        (vec![slice(json!({"ready": false})), slice(json!({"ready": true}))], true),
        (vec![slice(json!({}))], true),
        (vec![slice(json!({"ready": false}))], false),
        (vec![], false),
    ] {
        let slices: Vec<EndpointSlice> = slices.into_iter().map(of).collect();
        assert_eq!(dns(&slices).is_none(), answers);
    }
}

#[test]
fn the_test_pod_counts_only_for_its_own_run() {
    let label = ("landfall.dev/run", "run-1");
    let running = json!({"phase": "Running"});
    let mut going = pod("landfall-verify", running.clone());
    going["metadata"]["deletionTimestamp"] = json!("2026-11-21T12:00:00Z");
    for (found, expected) in [
        (None, Trial::Missing),
        (Some(pod("landfall-verify", running.clone())), Trial::Runs),
        (Some(pod("landfall-verify", json!({"phase": "Succeeded"}))), Trial::Runs),
        (Some(going), Trial::Stale),
        (Some(json!({"metadata": {"name": "landfall-verify"}, "status": running})), Trial::Stale),
        (
            Some(json!({"metadata": {"name": "a", "labels": {"landfall.dev/run": "run-1"}}})),
            Trial::Waits("it was just made".into()),
        ),
        (
            Some(pod("landfall-verify", unscheduled())),
            Trial::Waits("finds no node: Unschedulable: 0/2 nodes are available".into()),
        ),
        (
            Some(pod("landfall-verify", json!({"phase": "Failed", "reason": "Evicted"}))),
            Trial::Failed("is Failed: Evicted".into()),
        ),
    ] {
        assert_eq!(trial(found.map(of).as_ref(), label), expected);
    }
}
