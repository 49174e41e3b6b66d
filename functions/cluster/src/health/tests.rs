use std::sync::{Arc, Mutex};

use aws_credential_types::Credentials;
use aws_sdk_eks::types::{Nodegroup, NodegroupScalingConfig};
use aws_sdk_lambda::operation::invoke::{InvokeInput, InvokeOutput};
use aws_sdk_lambda::primitives::Blob;
use aws_smithy_mocks::{Rule, mock};
use domain::{
    AccountId, Component, Generation, Kind, Locator, Outputs, Record, Region, ResourceId, RunId, State, Target,
};
use jiff::Timestamp;
use kube::{GateRequest, GateResponse};
use lambda::Status;
use plan::{Desired, Goal, Plan};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::judge::{Trial, dns, nodes, trial};
use super::*;

fn of<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn node(name: &str, ready: Option<&str>) -> Value {
    let condition =
        |status| json!([{"type": "Ready", "status": status, "reason": "KubeletNotReady", "message": "no CNI"}]);
    json!({"metadata": {"name": name}, "status": {"conditions": ready.map(condition)}})
}

#[test]
fn every_node_of_a_group_is_ready_and_none_is_missing() {
    let all = |nodes: &[Value]| nodes.iter().cloned().map(of::<Node>).collect::<Vec<_>>();
    for (desired, there, lacking) in [
        (2, vec![node("a", Some("True")), node("b", Some("True"))], vec![]),
        // A group that is made smaller has more for a while.
        (1, vec![node("a", Some("True")), node("b", Some("True"))], vec![]),
        (0, vec![], vec![]),
        (2, vec![node("a", Some("True"))], vec!["node group core: 1 of 2 nodes are there"]),
        (1, vec![node("a", Some("False"))], vec!["node a is not ready: KubeletNotReady: no CNI"]),
        (1, vec![node("a", Some("Unknown"))], vec!["node a is not ready: KubeletNotReady: no CNI"]),
        (1, vec![node("a", None)], vec!["node a has not said whether it is ready"]),
    ] {
        assert_eq!(nodes("core", desired, &all(&there)), lacking);
    }
}

fn daemon_set(generation: i64, wanted: i32, ready: i32) -> Value {
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

fn deployment(ready: i32) -> Value {
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

fn pod(name: &str, status: Value) -> Value {
    json!({"metadata": {"name": name, "labels": {"landfall.dev/run": "run-1"}}, "status": status})
}

fn unscheduled() -> Value {
    json!({"phase": "Pending", "conditions": [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/2 nodes are available"},
    ]})
}

fn without_image() -> Value {
    json!({"phase": "Pending", "containerStatuses": [{
        "name": "pause", "image": "i", "imageID": "", "ready": false, "restartCount": 0,
        "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}},
    }]})
}

fn crashed() -> Value {
    json!({"phase": "Running", "containerStatuses": [{
        "name": "main", "image": "i", "imageID": "", "ready": false, "restartCount": 3,
        "state": {"terminated": {"exitCode": 1, "reason": "Error"}},
    }]})
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
        assert_eq!((workload.is_ready(), workload.lacking(&pods).as_str()), (is_ready, told));
    }
    let workload = Workload::of_deployment("coredns", Some(of(deployment(1))));
    let pods = [of(pod("a", unscheduled()))];
    let told = "Deployment coredns: 1 of 2 pods are ready; a finds no node: Unschedulable: 0/2 nodes are available";
    assert_eq!((workload.is_ready(), workload.lacking(&pods).as_str()), (false, told));
    assert_eq!(workload.registry(), Some("602.dkr.ecr.eu-west-1.amazonaws.com"));
    assert!(Workload::of_deployment("coredns", Some(of(deployment(2)))).is_ready());
}

fn slice(ready: Value) -> Value {
    json!({"metadata": {}, "addressType": "IPv4", "endpoints": [{"addresses": ["10.0.0.1"], "conditions": ready}]})
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
            Trial::Waits("is Failed: Evicted".into()),
        ),
    ] {
        assert_eq!(trial(found.map(of).as_ref(), label), expected);
    }
}

/// A platform's cluster with two nodes, and its Kubernetes.
struct World {
    /// What the API server has, by path.
    objects: Arc<Mutex<std::collections::BTreeMap<String, Value>>>,
    changes: Arc<Mutex<Vec<String>>>,
    health: Health,
    examined: Examined,
}

const PODS: &str = "/api/v1/namespaces/kube-system/pods";
const TRIAL: &str = "/api/v1/namespaces/kube-system/pods/landfall-verify";

fn list(items: &[Value]) -> Value {
    json!({"kind": "List", "apiVersion": "v1", "metadata": {}, "items": items})
}

impl World {
    fn new() -> Self {
        let objects = Arc::new(Mutex::new(std::collections::BTreeMap::from([
            ("/api/v1/nodes".to_owned(), list(&[node("a", Some("True")), node("b", Some("True"))])),
            ("/apis/apps/v1/namespaces/kube-system/daemonsets/aws-node".to_owned(), daemon_set(2, 2, 2)),
            ("/apis/apps/v1/namespaces/kube-system/deployments/coredns".to_owned(), deployment(2)),
            (
                "/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices".to_owned(),
                list(&[slice(json!({"ready": true}))]),
            ),
            (PODS.to_owned(), list(&[])),
        ])));
        let changes = Arc::default();
        let gate = api(&objects, &changes);
        let groups = mock!(aws_sdk_eks::Client::describe_nodegroup)
            .match_requests(|asked| asked.nodegroup_name() == Some("core-1"))
            .then_output(|| {
                let scaling = NodegroupScalingConfig::builder().desired_size(2).build();
                let group = Nodegroup::builder().scaling_config(scaling).build();
                aws_sdk_eks::operation::describe_nodegroup::DescribeNodegroupOutput::builder().nodegroup(group).build()
            });
        let credentials = SharedCredentialsProvider::new(Credentials::new("id", "secret", None, None, "test"));
        let health = Health {
            eks: testkit::mocked!(aws_sdk_eks, MatchAny, [&groups]),
            lambda: testkit::mocked!(aws_sdk_lambda, MatchAny, [&gate]),
            credentials,
            patience: Duration::from_secs(600),
        };
        Self { objects, changes, health, examined: examined() }
    }

    async fn look(&self) -> Result<Triple, Fault> {
        self.health.look(self.examined.clone()).await
    }

    fn set(&self, path: &str, object: Value) {
        self.objects.lock().unwrap().insert(path.to_owned(), object);
    }

    fn later(&mut self, seconds: i64) {
        self.examined.now = self.examined.since + SignedDuration::from_secs(seconds);
    }

    fn changes(&self) -> Vec<String> {
        std::mem::take(&mut self.changes.lock().unwrap())
    }
}

/// The gate before an API server that has these objects, and keeps what is changed.
fn api(objects: &Arc<Mutex<std::collections::BTreeMap<String, Value>>>, changes: &Arc<Mutex<Vec<String>>>) -> Rule {
    let (objects, changes) = (objects.clone(), changes.clone());
    mock!(aws_sdk_lambda::Client::invoke).then_compute_output(move |input: &InvokeInput| {
        let request: GateRequest = serde_json::from_slice(input.payload().unwrap().as_ref()).unwrap();
        let mut objects = objects.lock().unwrap();
        let path = request.path.split('?').next().unwrap().to_owned();
        let answer = match request.method.as_str() {
            "GET" => objects.get(&path).cloned(),
            "DELETE" => objects.remove(&path),
            _ => {
                let object: Value = serde_json::from_str(&request.body).unwrap();
                objects.insert(format!("{path}/{}", object["metadata"]["name"].as_str().unwrap()), object.clone());
                Some(object)
            }
        };
        if request.method != "GET" {
            changes.lock().unwrap().push(format!("{} {path}", request.method));
        }
        let status = if answer.is_some() { 200 } else { 404 };
        let body = answer.unwrap_or(json!({"kind": "Status", "reason": "NotFound"})).to_string();
        let response = GateResponse { status, headers: Default::default(), body };
        InvokeOutput::builder().payload(Blob::new(serde_json::to_vec(&response).unwrap())).build()
    })
}

fn examined() -> Examined {
    let target =
        Target { account: AccountId::parse("123456789012").unwrap(), region: Region::parse("eu-west-1").unwrap() };
    let outputs = |pairs: &[(&str, &str)]| -> Outputs {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let addon = |name: &str| json!({"cluster": "demo", "name": name, "version": "v1", "configuration": null, "roles": {}, "tags": {}});
    let group = json!({
        "cluster": "demo", "name": "core-1", "role": "r", "subnets": [], "amiType": "a", "capacityType": "c",
        "instanceTypes": [], "minSize": 2, "maxSize": 2, "desiredSize": null, "labels": {},
        "taints": [{"key": "core", "effect": "NO_SCHEDULE"}], "maxUnavailable": 1, "version": "1.35",
        "launchTemplate": "lt-1", "launchTemplateVersion": "1", "tags": {},
    });
    let endpoint = [("name", "demo"), ("endpoint", "https://a.eks"), ("certificateAuthority", "Q0E=")];
    let all = [
        ("control-plane", Kind::ControlPlane, json!({"name": "demo"}), outputs(&endpoint)),
        ("gate", Kind::Function, json!({}), outputs(&[("name", "home_demo_gate")])),
        ("addon-vpc-cni", Kind::Addon, addon("vpc-cni"), Outputs::new()),
        ("addon-coredns", Kind::Addon, addon("coredns"), Outputs::new()),
        ("node-group-core", Kind::NodeGroup, group, Outputs::new()),
    ];
    let mut plan = Plan::empty(target.clone());
    let mut records = Vec::new();
    for (name, kind, spec, outputs) in all {
        let id = ResourceId::new(Component::Cluster, name);
        let desired = Desired { kind, goal: Goal::Compute, spec: spec.clone(), needs: Vec::new() };
        plan.resources.insert(id.clone(), desired);
        records.push(Record {
            id,
            generation: Generation::FIRST,
            kind,
            schema: Record::SCHEMA,
            target: target.clone(),
            locator: Some(Locator(name.to_owned())),
            spec,
            needs: Vec::new(),
            state: State::Ready,
            outputs,
            adopted: false,
            attempts: 1,
            confirmed: None,
            created: Timestamp::UNIX_EPOCH,
            updated: Timestamp::UNIX_EPOCH,
        });
    }
    let now = Timestamp::from_second(1_800_000_000).unwrap();
    Examined { plan, records, run: RunId::random(), since: now, now }
}

#[tokio::test]
async fn a_cluster_works_when_its_test_pod_has_run_and_nothing_is_left_of_that() {
    let world = World::new();
    let first = world.look().await.unwrap();
    assert_eq!(
        (first.status, first.message.as_str()),
        (Status::Pending, "the test pod kube-system/landfall-verify was just made")
    );
    let made = world.objects.lock().unwrap()[TRIAL].clone();
    assert_eq!(made["spec"]["tolerations"][0]["key"], "core");
    assert_eq!(made["spec"]["containers"][0]["image"], "602.dkr.ecr.eu-west-1.amazonaws.com/eks/pause:3.5");
    assert_eq!(world.look().await.unwrap().status, Status::Pending, "it does not run yet");
    let mut running = made;
    running["status"] = json!({"phase": "Running"});
    world.set(TRIAL, running);
    assert_eq!(world.look().await.unwrap().status, Status::Ready);
    assert_eq!(world.changes(), [format!("POST {PODS}"), format!("DELETE {TRIAL}")]);
}

#[tokio::test]
async fn a_test_pod_of_another_run_proves_nothing() {
    let world = World::new();
    world.set(TRIAL, pod("landfall-verify", json!({"phase": "Running"})));
    assert_eq!(world.look().await.unwrap().status, Status::Pending);
    assert_eq!(world.look().await.unwrap().status, Status::Pending);
    assert_eq!(world.changes(), [format!("DELETE {TRIAL}"), format!("POST {PODS}")]);
}

#[tokio::test]
async fn what_is_lacking_is_waited_for_and_then_a_fault_that_names_it() {
    let mut world = World::new();
    world.set("/apis/apps/v1/namespaces/kube-system/deployments/coredns", deployment(0));
    world.set(PODS, list(&[pod("coredns-1", unscheduled())]));
    let waits = world.look().await.unwrap();
    let why =
        "Deployment coredns: 0 of 2 pods are ready; coredns-1 finds no node: Unschedulable: 0/2 nodes are available";
    assert_eq!((waits.status, waits.message.as_str()), (Status::Pending, why));
    assert_eq!(world.changes(), Vec::<String>::new(), "no test pod is made before the rest works");
    world.later(601);
    let fault = world.look().await.unwrap_err();
    assert_eq!(fault.name, FaultName::Unhealthy);
    assert!(fault.message.contains(why) && fault.next.unwrap().contains("landfall shell demo"), "{}", fault.message);
}

#[tokio::test]
async fn a_test_pod_that_never_runs_is_taken_away_with_the_fault() {
    let mut world = World::new();
    world.look().await.unwrap();
    let mut stuck = world.objects.lock().unwrap()[TRIAL].clone();
    stuck["status"] = without_image();
    world.set(TRIAL, stuck);
    world.changes();
    world.later(600);
    let fault = world.look().await.unwrap_err();
    assert!(fault.message.contains("ImagePullBackOff"), "{fault}");
    assert_eq!(world.changes(), [format!("DELETE {TRIAL}")]);
}

#[tokio::test]
async fn where_no_pod_can_come_only_the_rest_is_looked_at_and_without_a_gate_nothing() {
    let mut world = World::new();
    world.examined.plan.resources.retain(|id, _| id.name() != "node-group-core");
    assert_eq!(world.look().await.unwrap().status, Status::Ready);
    world.examined.plan.resources.retain(|id, _| id.name() != "gate");
    world.set("/apis/apps/v1/namespaces/kube-system/deployments/coredns", deployment(0));
    assert_eq!(world.look().await.unwrap().status, Status::Ready, "the plan is from before there were gates");
    assert_eq!(world.changes(), Vec::<String>::new());
}

#[tokio::test]
async fn on_fargate_the_test_pod_comes_where_a_profile_takes_it() {
    let mut world = World::new();
    let selector = |namespace: &str, labels: Value| json!({"namespace": namespace, "labels": labels});
    let profile = json!({
        "cluster": "demo", "name": "f", "executionRole": "r", "subnets": [], "tags": {}, "selectors": [
            selector("team-*", json!({})),
            selector("kube-system", json!({"k8s-app": "kube-dns"})),
            selector("missing", json!({})),
            selector("apps", json!({"place": "fargate"})),
        ],
    });
    world.examined.plan.resources.retain(|id, _| id.name() != "node-group-core");
    let template = world.examined.records[0].clone();
    let id = ResourceId::new(Component::Cluster, "fargate-profile-f");
    let desired = Desired { kind: Kind::FargateProfile, goal: Goal::Compute, spec: profile.clone(), needs: Vec::new() };
    world.examined.plan.resources.insert(id.clone(), desired);
    world.examined.records.push(Record { id, kind: Kind::FargateProfile, spec: profile, ..template });
    world.set("/api/v1/namespaces/apps", json!({"metadata": {"name": "apps"}}));
    world.look().await.unwrap();
    assert_eq!(world.changes(), ["POST /api/v1/namespaces/apps/pods"]);
    let made = world.objects.lock().unwrap()["/api/v1/namespaces/apps/pods/landfall-verify"].clone();
    assert_eq!(made["metadata"]["labels"]["place"], "fargate");
}
