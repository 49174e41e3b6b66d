//! The role by which VPC flow logs write to one log group.

use async_trait::async_trait;
use aws_sdk_iam::Client;
use aws_sdk_iam::types::{Role, Tag};
use domain::{Locator, Tags};
use engine::{CallError, Created, Observed, Progress, Resource, Subject};
use plan::FieldChange;
use plan::network::FlowLogRoleSpec;
use serde_json::{Value, json};

use resources::seen::{Phase, Seen, changed, is_subject, observed, outputs};
use resources::{answered, finished};

/// The name of the role's only policy.
const POLICY: &str = "write-flow-logs";

/// [`domain::Kind::FlowLogRole`]. Its locator is its name.
///
/// Idempotent because an account has a role's name once; a role of that name without our tags is foreign. Leaves behind
/// on failure a role without its policy: `observe` shows no log group and `update` writes the policy. IAM answers reads
/// from copies that lag: what is not there yet counts as absent, and a second create is refused by name.
///
/// Permissions: `iam:CreateRole`, `iam:TagRole`, `iam:UntagRole`, `iam:PutRolePolicy`, `iam:DeleteRolePolicy`,
/// `iam:PutRolePermissionsBoundary`, `iam:DeleteRolePermissionsBoundary`, `iam:DeleteRole`, `iam:GetRolePolicy`,
/// `iam:GetRole`. The last also without the path: a role that is not there has none, and who may look only under a path
/// is told AccessDenied of it.
/// <https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html>
pub(crate) struct FlowLogRole(pub(crate) Client);

#[async_trait]
impl Resource for FlowLogRole {
    async fn observe(&self, subject: &Subject) -> Result<Observed, CallError> {
        let spec: FlowLogRoleSpec = subject.spec()?;
        let answer = self.0.get_role().role_name(&spec.name).send().await.map_err(aws::reading("iam:GetRole"));
        let role = match answer {
            Ok(answer) => answer.role,
            Err(CallError::NotFound) => None,
            Err(error) => return Err(error),
        };
        let Some(role) = role else { return Ok(Observed::Absent) };
        let tags: Tags = role.tags().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect();
        if !is_subject(subject, &tags) {
            return Ok(Observed::Foreign(Locator(spec.name)));
        }
        let written = self.policy(&spec.name).await?;
        let properties = json!({
            "name": role.role_name(),
            "path": role.path(),
            "permissionsBoundary": boundary(&role),
            "logGroupArn": (written == Some(policy(spec.log_group_arn.as_str()))).then_some(&spec.log_group_arn),
            "tags": aws::shown_tags(&spec.tags, &tags),
        });
        let outputs = outputs([("arn", role.arn()), ("name", &spec.name)]);
        Ok(observed(subject, vec![Seen { id: spec.name, phase: Phase::Resting, tags, properties, outputs }]))
    }

    async fn create(&self, subject: &Subject) -> Result<Created, CallError> {
        let spec: FlowLogRoleSpec = subject.spec()?;
        let call = self
            .0
            .create_role()
            .role_name(&spec.name)
            .path(&spec.path)
            .description("VPC flow logs write with this role")
            .assume_role_policy_document(trust(subject).to_string())
            .set_permissions_boundary(spec.permissions_boundary.clone())
            .set_tags(Some(pairs(subject.create_tags(&spec.tags))));
        let answer = call.send().await.map_err(aws::creating("iam:CreateRole"))?;
        let arn = answered("iam:CreateRole", answer.role().map(Role::arn))?;
        let progress = finished(self.allow(&spec).await);
        let outputs = outputs([("arn", &arn), ("name", &spec.name)]);
        Ok(Created { locator: Locator(spec.name), outputs, progress })
    }

    async fn update(&self, subject: &Subject, changes: &[FieldChange]) -> Result<Progress, CallError> {
        let spec: FlowLogRoleSpec = subject.spec()?;
        if changed(changes, "permissionsBoundary") {
            self.bound(&spec).await?;
        }
        if changed(changes, "logGroupArn") {
            self.allow(&spec).await?;
        }
        if let Some(change) = resources::tag_change(changes) {
            if !change.put.is_empty() {
                let call = self.0.tag_role().role_name(&spec.name).set_tags(Some(pairs(change.put)));
                call.send().await.map_err(aws::changing("iam:TagRole"))?;
            }
            if !change.remove.is_empty() {
                let call = self.0.untag_role().role_name(&spec.name).set_tag_keys(Some(change.remove));
                call.send().await.map_err(aws::changing("iam:UntagRole"))?;
            }
        }
        Ok(Progress::Done)
    }

    /// A role goes only without policies.
    async fn delete(&self, subject: &Subject) -> Result<Progress, CallError> {
        let name = subject.locator()?;
        let answer = self.0.delete_role_policy().role_name(name).policy_name(POLICY).send().await;
        match answer.map_err(aws::deleting("iam:DeleteRolePolicy")) {
            Ok(_) | Err(CallError::NotFound) => {}
            Err(error) => return Err(error),
        }
        self.0.delete_role().role_name(name).send().await.map_err(aws::deleting("iam:DeleteRole"))?;
        Ok(Progress::Done)
    }
}

impl FlowLogRole {
    async fn policy(&self, role: &str) -> Result<Option<Value>, CallError> {
        let answer = self.0.get_role_policy().role_name(role).policy_name(POLICY).send().await;
        match answer.map_err(aws::reading("iam:GetRolePolicy")) {
            // A document that cannot be read is not ours.
            Ok(answer) => Ok(Some(serde_json::from_str(&decoded(answer.policy_document())).unwrap_or_default())),
            Err(CallError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn allow(&self, spec: &FlowLogRoleSpec) -> Result<(), CallError> {
        let document = policy(spec.log_group_arn.as_str()).to_string();
        let call = self.0.put_role_policy().role_name(&spec.name).policy_name(POLICY).policy_document(document);
        call.send().await.map_err(aws::changing("iam:PutRolePolicy"))?;
        Ok(())
    }

    async fn bound(&self, spec: &FlowLogRoleSpec) -> Result<(), CallError> {
        match &spec.permissions_boundary {
            Some(boundary) => {
                let call = self.0.put_role_permissions_boundary().role_name(&spec.name).permissions_boundary(boundary);
                call.send().await.map_err(aws::changing("iam:PutRolePermissionsBoundary"))?;
            }
            None => {
                let call = self.0.delete_role_permissions_boundary().role_name(&spec.name);
                match call.send().await.map_err(aws::changing("iam:DeleteRolePermissionsBoundary")) {
                    Ok(_) | Err(CallError::NotFound) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }
}

fn boundary(role: &Role) -> Option<&str> {
    role.permissions_boundary().and_then(|boundary| boundary.permissions_boundary_arn())
}

fn pairs(tags: Tags) -> Vec<Tag> {
    // The builder refuses only what lacks a key or a value.
    tags.into_iter().filter_map(|(key, value)| Tag::builder().key(key).value(value).build().ok()).collect()
}

/// Flow logs of this account only: otherwise others could have the service write here (the confused deputy).
fn trust(subject: &Subject) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"Service": "vpc-flow-logs.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"aws:SourceAccount": subject.target.account}},
        }],
    })
}

/// It may not make log groups: one that we deleted would come back.
fn policy(log_group_arn: &str) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Action": [
                "logs:CreateLogStream", "logs:DescribeLogGroups", "logs:DescribeLogStreams", "logs:PutLogEvents",
            ],
            "Resource": [log_group_arn, format!("{log_group_arn}:*")],
        }],
    })
}

/// IAM answers documents percent-encoded.
///
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRolePolicy.html>
fn decoded(document: &str) -> String {
    let mut bytes = Vec::with_capacity(document.len());
    let mut rest = document.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits: Vec<u8> = rest.by_ref().take(2).collect();
        let code = std::str::from_utf8(&digits).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(code.unwrap_or(b'%'));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_decoded() {
        assert_eq!(decoded("%7B%22Version%22%3A%222012-10-17%22%7D"), r#"{"Version":"2012-10-17"}"#);
        assert_eq!(decoded(r#"{"plain": true}"#), r#"{"plain": true}"#);
    }
}
