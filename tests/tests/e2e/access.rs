//! The way to a platform's cluster: what `kubectl` would read, call and be told.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Output, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::support::{Person, World, scenario};

/// Does what `kubectl` does with a configuration: calls the program that makes the token, in this environment, and asks
/// the API who its bearer is.
async fn whoami(config: &Value, environment: &BTreeMap<String, String>) -> Value {
    let (cluster, exec) = (&config["clusters"][0]["cluster"], &config["users"][0]["user"]["exec"]);
    let arguments = exec["args"].as_array().unwrap().iter().map(|argument| argument.as_str().unwrap());
    let mut plugin = Command::new(exec["command"].as_str().unwrap());
    let output = plugin.args(arguments).env_clear().envs(environment).output().await.unwrap();
    let credential: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    assert_eq!((&credential["apiVersion"], &credential["kind"]), (&exec["apiVersion"], &json!("ExecCredential")));
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("authority");
    let encoded = cluster["certificate-authority-data"].as_str().unwrap();
    std::fs::write(&authority, STANDARD.decode(encoded).unwrap()).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/access.py");
    let mut client = Command::new(sandbox::venv::python().await.unwrap());
    client.arg(script).arg(cluster["server"].as_str().unwrap()).arg(authority);
    let told = with_input(&mut client, credential["status"]["token"].as_str().unwrap()).await;
    serde_json::from_slice(&told.stdout).unwrap_or_else(|error| panic!("{error}: {told:?}"))
}

async fn with_input(command: &mut Command, input: &str) -> Output {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).await.unwrap();
    child.wait_with_output().await.unwrap()
}

/// A role that somebody may take on.
async fn role_for(world: &World, person: &Person, name: &str) {
    let trust = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": person.arn()}, "Action": "sts:AssumeRole",
    }]});
    let made = world.iam.create_role().role_name(name).path("/teams/").assume_role_policy_document(trust.to_string());
    let arn = made.send().await.unwrap().role.unwrap().arn;
    let take = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRole", "Resource": arn,
    }]});
    let put = world.iam.put_user_policy().user_name(&person.name).policy_name("take").policy_document(take.to_string());
    put.send().await.unwrap();
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

async fn printed(person: &Person, platform: &str) -> Value {
    let output = person.landfall(&["kubeconfig", platform, "--file", "-"]).output().await.unwrap();
    assert!(output.status.success(), "{}", said(&output));
    serde_saphyr::from_str(std::str::from_utf8(&output.stdout).unwrap()).unwrap()
}

fn environment(world: &World, person: &Person) -> BTreeMap<String, String> {
    let own = person.keys().iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
    world.sandbox.environment().clone().into_iter().chain(own).collect()
}

#[test]
fn who_has_an_access_entry_gets_into_the_cluster_and_who_has_none_as_a_role() {
    scenario(async |world| {
        let (ada, bob) = (world.person("access-ada").await, world.person("access-bob").await);
        role_for(world, &bob, "access-reader").await;
        let user = world.user("access");
        user.deploy(
            "network: {availabilityZones: 2, nat: Single}\n\
             cluster: {apiServer: {publicAccessCidrs: [203.0.113.7/32]}, accessEntries: {\
             ada: {user: access-ada, policies: [AmazonEKSClusterAdminPolicy]}, \
             team: {role: access-reader, policies: [AmazonEKSViewPolicy]}}}\n\
             compute: {fargateProfiles: {system: {selectors: [{namespace: kube-system}]}}}",
        )
        .await;

        let told = whoami(&printed(&ada, "access").await, &environment(world, &ada)).await;
        assert_eq!((&told["status"], &told["username"]), (&json!(201), &json!(ada.arn())), "{told}");
        assert!(told["groups"].as_array().unwrap().contains(&json!("eks-access-policy:AmazonEKSClusterAdminPolicy")));

        // Bob has no entry of his own: he is told so, and Kubernetes refuses him.
        assert_eq!(whoami(&printed(&bob, "access").await, &environment(world, &bob)).await["status"], 401);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("kubeconfig");
        let written = bob.landfall(&["kubeconfig", "access", "--file", file.to_str().unwrap()]).output().await.unwrap();
        assert!(written.status.success() && said(&written).contains("has no access entry in `access`"), "{written:?}");

        // In a shell he is the role that trusts him, as long as the shell lasts.
        let script = "cat \"$KUBECONFIG\"; echo ---; echo \"$KUBECONFIG $LANDFALL_SHELL\"; env | grep ^AWS_";
        let mut shell = bob.landfall(&["shell", "access"]);
        let ran = with_input(shell.env("SHELL", "/bin/sh").env("PATH", "/usr/bin:/bin"), script).await;
        assert!(said(&ran).contains("as the role access-reader, for an hour"), "{ran:?}");
        let output = String::from_utf8(ran.stdout).unwrap();
        let (config, rest) = output.split_once("---\n").unwrap();
        let (place, variables) = rest.split_once('\n').unwrap();
        let variables = variables.lines().filter_map(|line| line.split_once('='));
        let variables: BTreeMap<String, String> =
            variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let told = whoami(&serde_saphyr::from_str(config).unwrap(), &variables).await;
        let session = format!("arn:aws:sts::{}:assumed-role/access-reader/landfall-access-bob", world.account());
        assert_eq!((&told["status"], &told["username"]), (&json!(201), &json!(session)), "{told}");
        let (path, platform) = place.split_once(' ').unwrap();
        assert_eq!((platform, Path::new(path).parent().unwrap().exists()), ("access", false));

        let refused = ada.landfall(&["shell", "access", "--role", "access-reader"]).output().await.unwrap();
        assert!(said(&refused).contains("caused by: access-reader: AccessDenied"), "{refused:?}");
    });
}
