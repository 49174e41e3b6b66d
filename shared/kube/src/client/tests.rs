use std::sync::{Arc, Mutex};

use aws_credential_types::Credentials;
use aws_sdk_lambda::operation::invoke::{InvokeError, InvokeInput, InvokeOutput};
use aws_smithy_mocks::{Rule, mock};
use k8s_openapi::api::core::v1::{Node, Pod};
use serde_json::{Value, json};

use super::*;

fn client(rules: &[&Rule]) -> Client {
    Client {
        lambda: testkit::mocked!(aws_sdk_lambda, Sequential, rules),
        credentials: SharedCredentialsProvider::new(Credentials::new("id", "secret", None, None, "test")),
        gate: "landfall_demo_gate".into(),
        address: Address {
            cluster: "demo".into(),
            region: Region::parse("eu-west-1").unwrap(),
            endpoint: "https://abc.gr7.eu-west-1.eks.amazonaws.com".into(),
            certificate_authority: "Q0E=".into(),
        },
    }
}

/// The gate, answering with this of the API server; what it was asked is kept.
fn gate(status: u16, body: &Value, asked: &Arc<Mutex<Vec<GateRequest>>>) -> Rule {
    let payload = json!({"status": status, "body": body.to_string()}).to_string();
    let asked = asked.clone();
    mock!(aws_sdk_lambda::Client::invoke)
        .match_requests(move |input: &InvokeInput| {
            let request = serde_json::from_slice(input.payload().unwrap().as_ref()).unwrap();
            asked.lock().unwrap().push(request);
            input.function_name() == Some("landfall_demo_gate")
        })
        .then_output(move || InvokeOutput::builder().payload(Blob::new(payload.clone())).build())
}

fn failing(error: &'static str, message: &'static str) -> Rule {
    mock!(aws_sdk_lambda::Client::invoke).then_output(move || {
        let payload = json!({"errorType": error, "errorMessage": message}).to_string();
        InvokeOutput::builder().function_error("Unhandled").payload(Blob::new(payload)).build()
    })
}

fn refusing(code: &'static str) -> Rule {
    mock!(aws_sdk_lambda::Client::invoke)
        .then_error(move || InvokeError::generic(aws_sdk_lambda::error::ErrorMetadata::builder().code(code).build()))
}

fn status(reason: &str) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "message": "because"})
}

#[tokio::test]
async fn a_request_carries_a_token_for_the_cluster_to_its_endpoint_alone() {
    let asked = Arc::default();
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "kube-system"}});
    let found: Option<Pod> = client(&[&gate(200, &pod, &asked)]).get(Some("kube-system"), "a").await.unwrap();
    assert_eq!(found.unwrap().metadata.name.as_deref(), Some("a"));
    let asked = asked.lock().unwrap().remove(0);
    assert_eq!((asked.method.as_str(), asked.path.as_str()), ("GET", "/api/v1/namespaces/kube-system/pods/a"));
    assert_eq!(asked.endpoint, "https://abc.gr7.eu-west-1.eks.amazonaws.com");
    assert_eq!((asked.certificate_authority.as_str(), asked.body.as_str()), ("Q0E=", ""));
    assert!(asked.headers["authorization"].starts_with("Bearer k8s-aws-v1."));
}

#[tokio::test]
async fn all_pages_of_a_list_are_read() {
    let asked = Arc::default();
    let page = |name: &str, token: &str| {
        json!({"kind": "NodeList", "apiVersion": "v1", "metadata": {"continue": token},
            "items": [{"metadata": {"name": name}}]})
    };
    let client = client(&[&gate(200, &page("a", "next"), &asked), &gate(200, &page("b", ""), &asked)]);
    let nodes: Vec<Node> = client.list(None, &ListParams::default().labels("role=core")).await.unwrap();
    let names: Vec<_> = nodes.into_iter().map(|node| node.metadata.name.unwrap()).collect();
    assert_eq!(names, ["a", "b"]);
    let paths: Vec<_> = asked.lock().unwrap().iter().map(|request| request.path.clone()).collect();
    assert!(paths[0].starts_with("/api/v1/nodes?") && paths[0].contains("labelSelector=role%3Dcore"), "{paths:?}");
    assert!(!paths[0].contains("continue=") && paths[1].contains("continue=next"), "{paths:?}");
}

#[tokio::test]
async fn what_is_there_already_or_gone_already_is_as_good() {
    let asked = Arc::default();
    let gone = || gate(404, &status("NotFound"), &asked);
    let client = client(&[&gate(409, &status("AlreadyExists"), &asked), &gone(), &gone()]);
    client.create(Some("a"), &Pod::default()).await.unwrap();
    client.delete::<Pod>(Some("a"), "b").await.unwrap();
    assert_eq!(client.get::<Pod>(Some("a"), "b").await.unwrap(), None);
    let methods: Vec<_> = asked.lock().unwrap().iter().map(|request| request.method.clone()).collect();
    assert_eq!(methods, ["POST", "DELETE", "GET"]);
}

#[tokio::test]
async fn an_eviction_asks_for_exactly_that_pod_and_tells_what_is_against_it() {
    let asked = Arc::default();
    let pod: Pod =
        serde_json::from_value(json!({"metadata": {"name": "web", "namespace": "apps", "uid": "1-2"}})).unwrap();
    let budget = json!({
        "kind": "Status", "status": "Failure", "reason": "TooManyRequests", "code": 429,
        "message": "Cannot evict pod as it would violate the pod's disruption budget.",
        "details": {"causes": [{"reason": "DisruptionBudget", "message": "The disruption budget web needs 2 healthy pods and has 2 currently"}]},
    });
    let several =
        json!({"kind": "Status", "status": "Failure", "code": 500, "message": "more than one PodDisruptionBudget"});
    let why = "Cannot evict pod as it would violate the pod's disruption budget. The disruption budget web needs 2 healthy pods and has 2 currently";
    for (status, answer, expected) in [
        (201, json!({"kind": "Status", "status": "Success", "code": 201}), None),
        (404, status("NotFound"), None),
        (409, status("Conflict"), None),
        (429, budget, Some(why)),
        (201, several, Some("more than one PodDisruptionBudget")),
        (500, json!({}), Some("no reason is given")),
    ] {
        let found = client(&[&gate(status, &answer, &asked)]).evict(&pod).await.unwrap();
        assert_eq!(found.as_deref(), expected, "{status} {answer}");
    }
    let fault = client(&[&gate(403, &status("Forbidden"), &asked)]).evict(&pod).await.unwrap_err();
    assert_eq!(fault.name, FaultName::AccessDenied);
    let request = asked.lock().unwrap().remove(0);
    let (path, _) = request.path.split_once('?').unwrap();
    assert_eq!((request.method.as_str(), path), ("POST", "/api/v1/namespaces/apps/pods/web/eviction"));
    let body: Value = serde_json::from_str(&request.body).unwrap();
    assert_eq!((&body["apiVersion"], &body["kind"]), (&json!("policy/v1"), &json!("Eviction")));
    assert_eq!(body["metadata"], json!({"name": "web", "namespace": "apps"}));
    assert_eq!(body["deleteOptions"]["preconditions"], json!({"uid": "1-2"}));
}

#[tokio::test]
async fn the_api_server_tells_its_version() {
    let (asked, git) = (Arc::default(), "v1.35.4-eks-7f9249a");
    let info = json!({
        "major": "1", "minor": "35", "gitVersion": git, "gitCommit": "", "gitTreeState": "clean", "buildDate": "",
        "goVersion": "go1.26", "compiler": "gc", "platform": "linux/amd64",
    });
    assert_eq!(client(&[&gate(200, &info, &asked)]).version().await.unwrap(), git);
    assert_eq!(asked.lock().unwrap()[0].path, "/version");
}

#[tokio::test]
async fn each_failure_on_the_way_has_its_fault() {
    use FaultName::*;
    let asked = Arc::default();
    for (rule, fault) in [
        (gate(401, &status("Unauthorized"), &asked), AccessDenied),
        (gate(403, &status("Forbidden"), &asked), AccessDenied),
        (gate(429, &status("TooManyRequests"), &asked), Throttled),
        (gate(503, &json!("no leader"), &asked), ServiceUnavailable),
        (gate(422, &status("Invalid"), &asked), Internal),
        (gate(200, &json!({"kind": "Node", "apiVersion": "v1"}), &asked), ServiceUnavailable),
        (failing("ConnectionLost", "no connection"), ConnectionLost),
        (failing("InvalidInput", "no method"), Internal),
        (failing("Sandbox.Timedout", "15 seconds"), ServiceUnavailable),
        (refusing("ResourceNotFoundException"), Unverified),
        (refusing("ResourceConflictException"), ServiceUnavailable),
        (refusing("AccessDeniedException"), AccessDenied),
    ] {
        let found = client(&[&rule]).get::<Pod>(Some("a"), "b").await.unwrap_err();
        assert_eq!(found.name, fault, "{found}");
        assert!(!found.message.contains("k8s-aws-v1"), "{found}");
    }
}
