//! Somebody who uses the `landfall` command with no permission but those that the documents name.

use std::path::Path;

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

    /// The credentials, as variables.
    pub(crate) fn keys(&self) -> &[(&'static str, String); 2] {
        &self.keys
    }
}
