//! Who the access entries of the examples name: in a real account such roles are there.

use ::sandbox::Sandbox;
use serde_json::json;

use crate::program::Done;

/// Where IAM Identity Center puts the roles of permission sets.
/// <https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html>
const PERMISSION_SETS: &str = "/aws-reserved/sso.amazonaws.com/";

const ROLES: [(&str, &str); 3] = [
    (PERMISSION_SETS, "AWSReservedSSO_AdministratorAccess_0123456789abcdef"),
    ("/", "deployer"),
    ("/", "platform-admin"),
];

/// Makes them in a sandbox that has just come up.
///
/// # Errors
/// If IAM refuses.
pub(crate) async fn people(sandbox: &Sandbox) -> Done {
    let iam = aws_sdk_iam::Client::new(sandbox.config());
    let nobody = json!({"Version": "2012-10-17", "Statement": []}).to_string();
    for (path, name) in ROLES {
        iam.create_role().path(path).role_name(name).assume_role_policy_document(&nobody).send().await?;
    }
    Ok(())
}
