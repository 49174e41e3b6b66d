//! What Kubernetes answers, for tests.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

pub(super) fn of<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

pub(super) fn node(name: &str, ready: Option<&str>) -> Value {
    let condition =
        |status| json!([{"type": "Ready", "status": status, "reason": "KubeletNotReady", "message": "no CNI"}]);
    json!({"metadata": {"name": name}, "status": {"conditions": ready.map(condition)}})
}

pub(super) fn daemon_set(generation: i64, wanted: i32, ready: i32) -> Value {
    json!({
        "metadata": {"generation": generation},
        "spec": {
            "selector": {"matchLabels": {"k8s-app": "aws-node"}},
            "template": {"spec": {"containers": [{"name": "aws-node", "image": "602.dkr.ecr.eu-west-1.amazonaws.com/cni:v1"}]}},
        },
        "status": {
            "observedGeneration": 2, "desiredNumberScheduled": wanted, "currentNumberScheduled": wanted,
            "numberMisscheduled": 0, "numberReady": ready,
        },
    })
}

pub(super) fn deployment(ready: i32) -> Value {
    json!({
        "metadata": {"generation": 1},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"k8s-app": "kube-dns"}},
            "template": {"spec": {"containers": [{"name": "coredns", "image": "602.dkr.ecr.eu-west-1.amazonaws.com/eks/coredns:v1"}]}},
        },
        "status": {"observedGeneration": 1, "readyReplicas": ready},
    })
}

pub(super) fn pod(name: &str, status: Value) -> Value {
    json!({"metadata": {"name": name, "labels": {"landfall.dev/run": "run-1"}}, "status": status})
}

pub(super) fn unscheduled() -> Value {
    json!({"phase": "Pending", "conditions": [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/2 nodes are available"},
    ]})
}

pub(super) fn without_image() -> Value {
    json!({"phase": "Pending", "containerStatuses": [{
        "name": "pause", "image": "i", "imageID": "", "ready": false, "restartCount": 0,
        "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}},
    }]})
}

pub(super) fn crashed() -> Value {
    json!({"phase": "Running", "containerStatuses": [{
        "name": "main", "image": "i", "imageID": "", "ready": false, "restartCount": 3,
        "state": {"terminated": {"exitCode": 1, "reason": "Error"}},
    }]})
}

pub(super) fn slice(ready: Value) -> Value {
    json!({"metadata": {}, "addressType": "IPv4", "endpoints": [{"addresses": ["10.0.0.1"], "conditions": ready}]})
}

/// A pod on the Fargate node `fargate-NAME`, made by this controller before the run.
pub(super) fn on_fargate(name: &str, controller: Option<&str>, status: Value) -> Value {
    let owner = |uid: &str| json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": uid, "uid": uid, "controller": true}]);
    json!({
        "metadata": {
            "name": name, "namespace": "apps", "uid": format!("uid-of-{name}"), "creationTimestamp": "2026-11-21T00:00:00Z",
            "ownerReferences": controller.map(owner),
        },
        "spec": {"nodeName": format!("fargate-{name}"), "containers": []},
        "status": status,
    })
}

/// The status of a pod that runs, ready or not.
pub(super) fn runs(ready: bool) -> Value {
    let status = if ready { "True" } else { "False" };
    json!({"phase": "Running", "conditions": [{"type": "Ready", "status": status}]})
}

/// The Fargate node of that pod.
pub(super) fn fargate_node(pod: &str, kubelet: &str) -> Value {
    json!({"metadata": {"name": format!("fargate-{pod}")}, "status": {"nodeInfo": {"kubeletVersion": kubelet}}})
}
