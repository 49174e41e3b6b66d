//! An IAM role with its policies.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use aws_sdk_iam::Client;
use aws_sdk_iam::types::{Role as Listed, Tag};
use domain::{Locator, Tags};
use engine::{CallError, Created, Observed, Progress, Resource, Subject};
use plan::{FieldChange, RoleSpec};
use serde_json::{Value, json};

use crate::seen::{Phase, Seen, changed, is_subject, observed, outputs};
use crate::{answered, finished, tag_change};

/// [`domain::Kind::Role`]. Its locator is its name.
///
/// Idempotent because an account has a role's name once; a role of that name without our tags is foreign. Leaves behind
/// on failure a role that lacks policies: `observe` shows those that are there and `update` writes the rest. IAM answers
/// reads from copies that lag: what is not there yet counts as absent, and a second create is refused by name.
///
/// Permissions: `iam:CreateRole`, `iam:TagRole`, `iam:UntagRole`, `iam:UpdateRoleDescription`,
/// `iam:UpdateAssumeRolePolicy`, `iam:PutRolePolicy`, `iam:DeleteRolePolicy`, `iam:ListRolePolicies`,
/// `iam:GetRolePolicy`, `iam:AttachRolePolicy`, `iam:DetachRolePolicy`, `iam:ListAttachedRolePolicies`,
/// `iam:PutRolePermissionsBoundary`, `iam:DeleteRolePermissionsBoundary`, `iam:DeleteRole`, `iam:GetRole`. The last also
/// without the path: a role that is not there has none, and who may look only under a path is told AccessDenied of it.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html>
pub struct Role(pub Client);

#[async_trait]
impl Resource for Role {
    async fn observe(&self, subject: &Subject) -> Result<Observed, CallError> {
        let spec: RoleSpec = subject.spec()?;
        let Some(role) = self.find(&spec.name).await? else { return Ok(Observed::Absent) };
        let tags: Tags = role.tags().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect();
        if !is_subject(subject, &tags) {
            return Ok(Observed::Foreign(Locator(spec.name)));
        }
        let properties = json!({
            "name": role.role_name(),
            "path": role.path(),
            "description": role.description().unwrap_or_default(),
            "trust": document(role.assume_role_policy_document().unwrap_or_default()),
            "policies": self.written(&spec.name).await?,
            "managedPolicies": self.attached(&spec.name).await?,
            "permissionsBoundary": boundary(&role),
            "tags": aws::shown_tags(&spec.tags, &tags),
        });
        let outputs = outputs([("arn", role.arn()), ("name", &spec.name)]);
        Ok(observed(subject, vec![Seen { id: spec.name, phase: Phase::Resting, tags, properties, outputs }]))
    }

    async fn create(&self, subject: &Subject) -> Result<Created, CallError> {
        let spec: RoleSpec = subject.spec()?;
        let call = self
            .0
            .create_role()
            .role_name(&spec.name)
            .path(&spec.path)
            .description(&spec.description)
            .assume_role_policy_document(spec.trust.to_string())
            .set_permissions_boundary(spec.permissions_boundary.clone())
            .set_tags(Some(pairs(subject.create_tags(&spec.tags))));
        let answer = call.send().await.map_err(aws::creating("iam:CreateRole"))?;
        let arn = answered("iam:CreateRole", answer.role().map(Listed::arn))?;
        let progress = finished(self.allow(&spec, &BTreeMap::new(), &BTreeSet::new()).await);
        let outputs = outputs([("arn", &arn), ("name", &spec.name)]);
        Ok(Created { locator: Locator(spec.name), outputs, progress })
    }

    async fn update(&self, subject: &Subject, changes: &[FieldChange]) -> Result<Progress, CallError> {
        let spec: RoleSpec = subject.spec()?;
        if changed(changes, "description") {
            let call = self.0.update_role_description().role_name(&spec.name).description(&spec.description);
            call.send().await.map_err(aws::changing("iam:UpdateRoleDescription"))?;
        }
        if changed(changes, "trust") {
            let call = self.0.update_assume_role_policy().role_name(&spec.name);
            let call = call.policy_document(spec.trust.to_string());
            call.send().await.map_err(aws::changing("iam:UpdateAssumeRolePolicy"))?;
        }
        if changed(changes, "permissionsBoundary") {
            self.bound(&spec).await?;
        }
        if ["policies", "managedPolicies"].iter().any(|field| changed(changes, field)) {
            let (written, attached) = (self.written(&spec.name).await?, self.attached(&spec.name).await?);
            self.allow(&spec, &written, &attached).await?;
        }
        if let Some(change) = tag_change(changes) {
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

    /// A role goes only without policies, whoever gave it them.
    async fn delete(&self, subject: &Subject) -> Result<Progress, CallError> {
        let name = subject.locator()?;
        let (written, attached) = (self.written(name).await?, self.attached(name).await?);
        for policy in written.into_keys() {
            gone(self.take(name, &policy).await)?;
        }
        for arn in attached {
            gone(self.detach(name, &arn).await)?;
        }
        self.0.delete_role().role_name(name).send().await.map_err(aws::deleting("iam:DeleteRole"))?;
        Ok(Progress::Done)
    }
}

impl Role {
    async fn find(&self, name: &str) -> Result<Option<Listed>, CallError> {
        match self.0.get_role().role_name(name).send().await.map_err(aws::reading("iam:GetRole")) {
            Ok(answer) => Ok(answer.role),
            Err(CallError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The role's own policies, by name.
    async fn written(&self, role: &str) -> Result<BTreeMap<String, Value>, CallError> {
        let names = self.0.list_role_policies().role_name(role).into_paginator().items().send();
        let names: Result<Vec<String>, _> = names.collect().await;
        let mut written = BTreeMap::new();
        for name in names.map_err(aws::reading("iam:ListRolePolicies"))? {
            let answer = self.0.get_role_policy().role_name(role).policy_name(&name).send().await;
            match answer.map_err(aws::reading("iam:GetRolePolicy")) {
                Ok(answer) => _ = written.insert(name, document(answer.policy_document())),
                Err(CallError::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(written)
    }

    /// The ARNs of the managed policies that are attached.
    async fn attached(&self, role: &str) -> Result<BTreeSet<String>, CallError> {
        let attached = self.0.list_attached_role_policies().role_name(role).into_paginator().items().send();
        let attached: Result<Vec<_>, _> = attached.collect().await;
        let attached = attached.map_err(aws::reading("iam:ListAttachedRolePolicies"))?;
        Ok(attached.into_iter().filter_map(|policy| policy.policy_arn).collect())
    }

    /// From the policies that are there to those of the spec: what it allows first, then what it does not.
    async fn allow(
        &self,
        spec: &RoleSpec,
        written: &BTreeMap<String, Value>,
        attached: &BTreeSet<String>,
    ) -> Result<(), CallError> {
        for (name, policy) in spec.policies.iter().filter(|(name, policy)| written.get(*name) != Some(policy)) {
            let call = self.0.put_role_policy().role_name(&spec.name).policy_name(name);
            let call = call.policy_document(policy.to_string());
            call.send().await.map_err(aws::changing("iam:PutRolePolicy"))?;
        }
        for arn in spec.managed_policies.iter().filter(|arn| !attached.contains(*arn)) {
            let call = self.0.attach_role_policy().role_name(&spec.name).policy_arn(arn);
            call.send().await.map_err(aws::changing("iam:AttachRolePolicy"))?;
        }
        for name in written.keys().filter(|name| !spec.policies.contains_key(*name)) {
            gone(self.take(&spec.name, name).await)?;
        }
        for arn in attached.iter().filter(|arn| !spec.managed_policies.contains(arn)) {
            gone(self.detach(&spec.name, arn).await)?;
        }
        Ok(())
    }

    async fn take(&self, role: &str, policy: &str) -> Result<(), CallError> {
        let call = self.0.delete_role_policy().role_name(role).policy_name(policy);
        call.send().await.map(drop).map_err(aws::deleting("iam:DeleteRolePolicy"))
    }

    async fn detach(&self, role: &str, arn: &str) -> Result<(), CallError> {
        let call = self.0.detach_role_policy().role_name(role).policy_arn(arn);
        call.send().await.map(drop).map_err(aws::deleting("iam:DetachRolePolicy"))
    }

    async fn bound(&self, spec: &RoleSpec) -> Result<(), CallError> {
        let Some(boundary) = &spec.permissions_boundary else {
            let call = self.0.delete_role_permissions_boundary().role_name(&spec.name);
            return gone(call.send().await.map(drop).map_err(aws::changing("iam:DeleteRolePermissionsBoundary")));
        };
        let call = self.0.put_role_permissions_boundary().role_name(&spec.name).permissions_boundary(boundary);
        call.send().await.map_err(aws::changing("iam:PutRolePermissionsBoundary"))?;
        Ok(())
    }
}

/// What is not there need not be taken away.
fn gone(answer: Result<(), CallError>) -> Result<(), CallError> {
    match answer {
        Err(CallError::NotFound) => Ok(()),
        other => other,
    }
}

fn boundary(role: &Listed) -> Option<&str> {
    role.permissions_boundary().and_then(|boundary| boundary.permissions_boundary_arn())
}

fn pairs(tags: Tags) -> Vec<Tag> {
    // The builder refuses only what lacks a key or a value.
    tags.into_iter().filter_map(|(key, value)| Tag::builder().key(key).value(value).build().ok()).collect()
}

/// IAM answers documents percent-encoded. One that cannot be read is not ours.
///
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRolePolicy.html>
fn document(encoded: &str) -> Value {
    let text = percent_encoding::percent_decode_str(encoded).decode_utf8_lossy();
    serde_json::from_str(&text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_decoded() {
        let version = json!({"Version": "2012-10-17"});
        assert_eq!(document("%7B%22Version%22%3A%222012-10-17%22%7D"), version);
        assert_eq!(document(r#"{"Version": "2012-10-17"}"#), version);
        assert_eq!(document("%ff"), Value::Null);
    }
}
