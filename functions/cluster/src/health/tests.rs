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
use serde::Deserialize;
use serde_json::{Value, json};

use super::samples::{daemon_set, deployment, node, pod, slice, unscheduled, without_image};
use super::*;

mod moving;

/// A platform's cluster with two nodes, and its Kubernetes.
struct World {
    /// What the API server has, by path.
    objects: Arc<Mutex<std::collections::BTreeMap<String, Value>>>,
    changes: Arc<Mutex<Vec<String>>>,
    health: Health,
    examined: Examined,
}

const PODS: &str = "/api/v1/namespaces/kube-system/pods";
const SYSTEM_NAMESPACE: &str = "/api/v1/namespaces/kube-system";
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
            (SYSTEM_NAMESPACE.to_owned(), json!({"metadata": {"name": "kube-system"}})),
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

    /// The same without nodes, but with a Fargate profile, at 1.35.
    fn on_fargate(selectors: Value) -> Self {
        let mut world = Self::new();
        let profile = json!({
            "cluster": "demo", "name": "f", "executionRole": "r", "subnets": [], "tags": {}, "selectors": selectors,
        });
        let Examined { plan, records, .. } = &mut world.examined;
        plan.resources.retain(|id, _| id.name() != "node-group-core");
        let (id, kind) = (ResourceId::new(Component::Cluster, "fargate-profile-f"), Kind::FargateProfile);
        let desired = Desired { kind, goal: Goal::Compute, spec: profile.clone(), needs: Vec::new() };
        plan.resources.insert(id.clone(), desired);
        let record = Record { id, kind, spec: profile, ..records[0].clone() };
        records.push(record);
        world.set("/version", json!({"gitVersion": "v1.35.4-eks-7f9249a"}));
        world.set("/api/v1/pods", list(&[]));
        world
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
            _ if path.ends_with("/eviction") => objects.get(&path).cloned().or(Some(json!({"status": "Success"}))),
            _ => {
                let object: Value = serde_json::from_str(&request.body).unwrap();
                objects.insert(format!("{path}/{}", object["metadata"]["name"].as_str().unwrap()), object.clone());
                Some(object)
            }
        };
        if request.method != "GET" {
            changes.lock().unwrap().push(format!("{} {path}", request.method));
        }
        let status = answer.as_ref().map_or(404, |answer| u16::deserialize(&answer["code"]).unwrap_or(200));
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
async fn the_way_to_kubernetes_may_take_its_time_and_is_asked_for_where_there_is_nothing_else() {
    let mut world = World::new();
    world.examined.plan.resources.retain(|id, _| ["control-plane", "gate"].contains(&id.name()));
    assert_eq!(
        world.look().await.unwrap().message,
        "everything is as planned, and Kubernetes answers, with no place yet to try a pod"
    );
    for (code, name) in [(403, FaultName::AccessDenied), (503, FaultName::ServiceUnavailable)] {
        world.set(SYSTEM_NAMESPACE, json!({"kind": "Status", "code": code, "message": "not yet"}));
        world.later(599);
        let waits = world.look().await.unwrap();
        assert!(waits.status == Status::Pending && waits.message.contains("not yet"), "{waits:?}");
        world.later(600);
        assert_eq!(world.look().await.unwrap_err().name, name);
    }
    assert_eq!(world.changes(), Vec::<String>::new());
}

#[tokio::test]
async fn a_test_pod_that_failed_is_made_anew_and_is_gone_from_where_it_was_before() {
    let mut world =
        World::on_fargate(json!([{"namespace": "kube-system", "labels": {}}, {"namespace": "apps", "labels": {}}]));
    world.look().await.unwrap();
    let mut made = world.objects.lock().unwrap()[TRIAL].clone();
    made["status"] = json!({"phase": "Failed", "reason": "Evicted"});
    world.set(TRIAL, made.clone());
    world.later(601);
    let fault = world.look().await.unwrap_err();
    assert!(fault.message.contains("is Failed: Evicted, and is made anew"), "{fault}");
    world.later(1);
    world.look().await.unwrap();
    made["status"] = json!({"phase": "Running"});
    world.set(TRIAL, made);
    world.set("/api/v1/namespaces/apps/pods/landfall-verify", pod("landfall-verify", json!({"phase": "Running"})));
    world.changes();
    assert_eq!(world.look().await.unwrap().status, Status::Ready);
    assert!(world.changes().contains(&"DELETE /api/v1/namespaces/apps/pods/landfall-verify".to_owned()));
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
    let selector = |namespace: &str, labels: Value| json!({"namespace": namespace, "labels": labels});
    let world = World::on_fargate(json!([
        selector("team-*", json!({})),
        selector("kube-system", json!({"k8s-app": "kube-dns"})),
        selector("missing", json!({})),
        selector("apps", json!({"place": "fargate"})),
    ]));
    world.set("/api/v1/namespaces/apps", json!({"metadata": {"name": "apps"}}));
    world.look().await.unwrap();
    assert_eq!(world.changes(), ["POST /api/v1/namespaces/apps/pods"]);
    let made = world.objects.lock().unwrap()["/api/v1/namespaces/apps/pods/landfall-verify"].clone();
    assert_eq!(made["metadata"]["labels"]["place"], "fargate");
}
