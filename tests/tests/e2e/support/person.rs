//! Somebody who uses the `landfall` command with no permission but those that the documents name.

use std::path::Path;
use std::process::{Output, Stdio};

use k8s_openapi::api::core::v1::Node;
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::World;

/// A user of IAM with the permissions of `docs/permissions/use.json`.
pub(crate) struct Person {
    world: &'static World,
    /// The user's name.
    pub(crate) name: String,
    keys: [(&'static str, String); 2],
}

impl Person {
    pub(super) async fn new(world: &'static World, name: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/permissions/use.json");
        let mut policy = std::fs::read_to_string(path).unwrap();
        let names = [
            ("STATE_BUCKET", world.sandbox.variable("LANDFALL_STATE_BUCKET")),
            ("BUCKET", world.sandbox.variable("LANDFALL_BUCKET")),
            ("TABLE", world.table()),
            ("REGION", "eu-west-1"),
            ("ACCOUNT", world.account()),
        ];
        for (name, value) in names {
            policy = policy.replace(name, value);
        }
        world.iam.create_user().user_name(name).send().await.unwrap();
        let put = world.iam.put_user_policy().user_name(name).policy_name("use").policy_document(policy);
        put.send().await.unwrap();
        let key = world.iam.create_access_key().user_name(name).send().await.unwrap().access_key.unwrap();
        let keys = [("AWS_ACCESS_KEY_ID", key.access_key_id), ("AWS_SECRET_ACCESS_KEY", key.secret_access_key)];
        Self { world, name: name.to_owned(), keys }
    }

    /// The ARN of the user.
    pub(crate) fn arn(&self) -> String {
        format!("arn:aws:iam::{}:user/{}", self.world.account(), self.name)
    }

    /// `landfall` with these arguments, and nothing of this machine's environment.
    pub(crate) fn landfall(&self, arguments: &[&str]) -> Command {
        let programs = std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().to_owned();
        let mut command = Command::new(programs.join("landfall"));
        command.env_clear().envs(self.world.sandbox.environment()).envs(self.keys.clone()).args(arguments);
        command
    }

    /// What `kubectl` answers who works with what `landfall kubeconfig` has written for the platform.
    pub(crate) async fn kubectl(&self, platform: &str, arguments: &[&str], input: &str) -> Output {
        let folder = tempfile::tempdir().unwrap();
        let (config, cache) = (folder.path().join("config"), folder.path().join("cache"));
        let written = self.landfall(&["kubeconfig", platform, "--file", config.to_str().unwrap()]).output().await;
        let written = written.unwrap();
        assert!(written.status.success(), "{written:?}");
        let mut kubectl = Command::new(sandbox::kubernetes::program().await.unwrap());
        kubectl.env_clear().envs(self.world.sandbox.environment()).envs(self.keys.clone());
        kubectl.arg("kubectl").arg("--kubeconfig").arg(config).arg("--cache-dir").arg(cache).args(arguments);
        let mut running = kubectl.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        running.stdin.take().unwrap().write_all(input.as_bytes()).await.unwrap();
        running.wait_with_output().await.unwrap()
    }

    /// The platform's nodes, as `kubectl get nodes` shows them.
    pub(crate) async fn nodes(&self, platform: &str) -> Vec<Node> {
        let got = self.kubectl(platform, &["get", "nodes", "--output", "json"], "").await;
        assert!(got.status.success(), "{got:?}");
        let mut list: Value = serde_json::from_slice(&got.stdout).unwrap();
        serde_json::from_value(list["items"].take()).unwrap()
    }

    /// The credentials, as variables.
    pub(crate) fn keys(&self) -> &[(&'static str, String); 2] {
        &self.keys
    }
}
