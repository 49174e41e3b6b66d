//! The gate: Landfall's own way to a cluster's Kubernetes API, public endpoint or not.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_ec2::types::Filter;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::Environment;
use domain::{Outputs, Region};
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::{Address, Client};
use ledger::{RunStatus, Status};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::clusters::{destroyed, mended, minors};
use crate::support::{Person, User, World, scenario};

const NODES: &str = "compute: {managedNodeGroups: {core: {instanceTypes: [m7g.large], minSize: 2, maxSize: 3, \
     taints: [{key: core, effect: NoSchedule}]}}}";

/// What the port answers who speaks no TLS: an API server says that it wants it, and who is shut out hears nothing.
async fn heard_at(endpoint: &str) -> String {
    let Ok(mut stream) = TcpStream::connect(endpoint.trim_start_matches("https://")).await else {
        return String::new();
    };
    let _ = stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await;
    let mut heard = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut heard)).await.unwrap();
    String::from_utf8_lossy(&heard).into_owned()
}

/// Kubernetes as the person sees it, through the platform's gate.
pub(crate) async fn kubernetes(user: &User, person: &Person) -> Client {
    let records = user.records().await;
    let output = |record: &str, name: &str| records[record].outputs[name].clone();
    let [(_, id), (_, secret)] = person.keys().clone();
    Client {
        lambda: user.world.lambda.clone(),
        credentials: SharedCredentialsProvider::new(Credentials::new(id, secret, None, None, "test")),
        gate: output("gate", "name"),
        address: Address {
            cluster: output("control-plane", "name"),
            region: Region::parse("eu-west-1").unwrap(),
            endpoint: output("control-plane", "endpoint"),
            certificate_authority: output("control-plane", "certificateAuthority"),
        },
    }
}

/// How often the function `cluster` has gone through a gate.
fn passages(world: &World) -> usize {
    let through = |call: &&sandbox::Call| call.service == "lambda" && call.action == "Invoke" && call.status == 200;
    world.sandbox.calls().iter().filter(through).filter(|call| call.caller.contains("ClusterRole")).count()
}

/// How the installation's own gate, which stands in no VPC, fails when it is asked to go to this control plane.
async fn asked_by_the_installations_own(world: &World, control_plane: &Outputs) -> String {
    let request = json!({
        "endpoint": control_plane["endpoint"], "certificateAuthority": control_plane["certificateAuthority"],
        "method": "GET", "path": "/version",
    });
    let payload = Blob::new(request.to_string());
    let answer = world.lambda.invoke().function_name("landfall-gate").payload(payload).send().await.unwrap();
    assert!(answer.function_error().is_some());
    let told: Value = serde_json::from_slice(answer.payload().unwrap().as_ref()).unwrap();
    told["errorType"].as_str().unwrap().to_owned()
}

async fn interfaces(world: &World, group: &str) -> usize {
    let in_group = Filter::builder().name("group-id").values(group).build();
    let listed = world.ec2.describe_network_interfaces().filters(in_group).send().await.unwrap();
    listed.network_interfaces().len()
}

#[test]
fn a_cluster_that_only_its_vpc_reaches_is_verified_through_its_gate_and_taken_away() {
    scenario(async |world| {
        let user = world.user("inside");
        let ada = world.person("inside-ada").await;
        let spec = |tags: &str, minor: &str| {
            format!(
                "tags: {{{tags}}}\nsafety: {{deletionProtection: false}}\n\
                 network: {{availabilityZones: 2, cidr: 10.20.0.0/20}}\n\
                 cluster: {{version: '{minor}', apiServer: {{privateAccessCidrs: [10.20.0.0/20]}}, \
                 accessEntries: {{ada: {{user: inside-ada, policies: [AmazonEKSClusterAdminPolicy]}}}}}}\n{NODES}"
            )
        };
        let before = passages(world);
        user.deploy(&spec("team: one, gone: soon", "1.34")).await;
        assert!(passages(world) > before);
        let records = user.records().await;
        let network = world.eks.describe_cluster().name("inside").send().await.unwrap().cluster.unwrap();
        let network = network.resources_vpc_config.unwrap();
        assert!(!network.endpoint_public_access() && network.endpoint_private_access());
        let there = &records["control-plane"].outputs;
        assert_eq!(heard_at(&there["endpoint"]).await, "");
        assert_eq!(asked_by_the_installations_own(world, there).await, "ConnectionLost");
        let refused = ada.kubectl("inside", &["get", "nodes", "--request-timeout=5s"], "").await;
        assert!(!refused.status.success() && refused.stdout.is_empty(), "{refused:?}");
        let kubernetes = kubernetes(&user, &ada).await;
        assert_eq!(kubernetes.get::<Pod>(Some("kube-system"), "landfall-verify").await.unwrap(), None);
        assert!(kubernetes.get::<Service>(Some("kube-system"), "kube-dns").await.unwrap().is_some());
        let written = world.logs.describe_log_streams().log_group_name("/landfall/landfall/inside/gate").send().await;
        assert!(!written.unwrap().log_streams().is_empty(), "the gate writes where its role lets it");

        // What somebody does to the gate is undone.
        let gate = &records["gate"].outputs["name"];
        let other = world.lambda.get_function().function_name("landfall-alert").send().await.unwrap();
        let other = package(other.code().unwrap().location().unwrap()).await;
        let call = world.lambda.update_function_code().function_name(gate).zip_file(Blob::new(other));
        call.send().await.unwrap();
        settled(world, gate).await;
        let theirs = Environment::builder().variables("LD_PRELOAD_OF_SOMEBODY", "/opt/listen.so").build();
        let call =
            world.lambda.update_function_configuration().function_name(gate).memory_size(512).environment(theirs);
        call.send().await.unwrap();
        settled(world, gate).await;
        mended(&user).await;
        let ours = world.lambda.get_function_configuration().function_name("landfall-gate").send().await.unwrap();
        let found = world.lambda.get_function_configuration().function_name(gate).send().await.unwrap();
        assert_eq!((found.code_sha256(), found.memory_size()), (ours.code_sha256(), Some(256)));
        let variables = found.environment().and_then(|environment| environment.variables());
        assert!(variables.is_none_or(|variables| variables.is_empty()), "{variables:?}");

        let version = user.upload(&user.manifest(&spec("team: two", "1.36"))).await;
        assert_eq!(user.settled_at(&version).await.status, Status::Ready);
        assert_eq!(minors(world, "inside").await, ("1.36".to_owned(), vec!["1.36".to_owned()]));
        let tags = world.lambda.list_tags().resource(found.function_arn().unwrap()).send().await.unwrap().tags.unwrap();
        assert_eq!((tags.get("team").map(String::as_str), tags.get("gone")), (Some("two"), None));

        let group = records["security-group-gate"].locator.clone().unwrap().0;
        assert!(interfaces(world, &group).await > 0);
        destroyed(&user).await;
        assert_eq!(interfaces(world, &group).await, 0);
    });
}

async fn settled(world: &World, function: &str) {
    crate::support::until("an update by hand", async || {
        let found = world.lambda.get_function_configuration().function_name(function).send().await.unwrap();
        (found.last_update_status().map(|status| status.as_str()) == Some("Successful")).then_some(())
    })
    .await;
}

/// What lies at a place that a service names.
async fn package(place: &str) -> Vec<u8> {
    let answer = sandbox::http().build().unwrap().get(place).send().await.unwrap();
    answer.bytes().await.unwrap().to_vec()
}

#[test]
fn what_does_not_work_in_kubernetes_ends_the_run_and_is_named() {
    scenario(async |world| {
        let user = world.user("deaf");
        let ada = world.person("deaf-ada").await;
        let spec = format!(
            "safety: {{deletionProtection: false, onFailure: Stop}}\nnetwork: {{availabilityZones: 2}}\n\
             cluster: {{apiServer: {{publicAccessCidrs: [203.0.113.7/32]}}, \
             accessEntries: {{ada: {{user: deaf-ada, policies: [AmazonEKSClusterAdminPolicy]}}}}}}\n{NODES}"
        );
        user.deploy(&spec).await;
        assert_ne!(
            heard_at(&user.records().await["control-plane"].outputs["endpoint"]).await,
            "",
            "this one is public"
        );
        // EKS looks at the pods of CoreDNS, and not whether anybody finds them.
        let kubernetes = kubernetes(&user, &ada).await;
        kubernetes.delete::<Service>(Some("kube-system"), "kube-dns").await.unwrap();
        let before = user.runs().await.len();
        world.start("LANDFALL_DEPLOY_MACHINE", json!({"platform": "deaf"})).await;
        let run = user.run_after(before).await;
        let failure = run.failure.unwrap();
        assert_eq!((run.status, failure.name.as_str()), (RunStatus::Failed, "Unhealthy"), "{failure:?}");
        assert!(failure.message.contains("Service kube-dns has no ready endpoint"), "{failure:?}");
        world.alert(&["Unhealthy", "kube-dns"]).await;
        destroyed(&user).await;
    });
}

#[test]
fn pods_that_fit_nowhere_end_the_first_deploy() {
    scenario(async |world| {
        let user = world.user("homeless");
        let nowhere = "addons: {coredns: {configuration: {nodeSelector: {place: nowhere}}}}";
        let run = user
            .apply(&format!(
                "network: {{availabilityZones: 2}}\n\
                 cluster: {{apiServer: {{publicAccessCidrs: [203.0.113.7/32]}}, {nowhere}}}\n{NODES}"
            ))
            .await;
        let failure = run.failure.unwrap();
        assert_eq!((run.status, failure.name.as_str()), (RunStatus::Failed, "Unhealthy"), "{failure:?}");
        assert!(failure.message.contains("cluster/addon-coredns"), "{failure:?}");
        assert_eq!(user.physical().await, Vec::<String>::new());
    });
}
