//! Who may use a control plane, with the access policies.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use aws_sdk_eks::Client;
use aws_sdk_eks::types::{AccessEntry as Listed, AccessScope, AccessScopeType};
use domain::Locator;
use engine::{CallError, Created, Observed, Progress, Resource, Subject};
use plan::FieldChange;
use plan::cluster::{AccessEntrySpec, AccessPolicy};
use resources::seen::{Phase, Seen, changed, is_subject, observed, outputs};
use resources::{answered, finished};
use serde_json::json;

use crate::eks;

/// The namespaces in which a policy holds, by its ARN; none: in all of the cluster.
type Policies = BTreeMap<String, BTreeSet<String>>;

/// [`domain::Kind::AccessEntry`]. Its locator is its ARN.
///
/// Idempotent because a cluster has one entry for a principal; one without our tags is foreign. Leaves behind on failure
/// an entry that lacks policies: `observe` shows those that are there and `update` does the rest.
///
/// Permissions: `eks:CreateAccessEntry`, `eks:TagResource`, `eks:UntagResource`, `eks:DescribeAccessEntry`,
/// `eks:UpdateAccessEntry`, `eks:ListAssociatedAccessPolicies`, `eks:AssociateAccessPolicy`,
/// `eks:DisassociateAccessPolicy`, `eks:DeleteAccessEntry`.
/// <https://docs.aws.amazon.com/eks/latest/userguide/access-entries.html>
pub(crate) struct AccessEntry(pub(crate) Client);

#[async_trait]
impl Resource for AccessEntry {
    async fn observe(&self, subject: &Subject) -> Result<Observed, CallError> {
        let spec: AccessEntrySpec = subject.spec()?;
        let Some(entry) = self.find(&spec).await? else { return Ok(Observed::Absent) };
        let tags = eks::tags(entry.tags());
        let arn = entry.access_entry_arn().unwrap_or_default().to_owned();
        if !is_subject(subject, &tags) {
            return Ok(Observed::Foreign(Locator(arn)));
        }
        let there = self.policies(&spec).await?;
        let policies: Vec<AccessPolicy> = there.into_iter().map(|policy| shown(&spec, policy)).collect();
        let properties = json!({
            "cluster": entry.cluster_name(),
            "principal": entry.principal_arn(),
            "groups": entry.kubernetes_groups(),
            "policies": policies,
            "tags": aws::shown_tags(&spec.tags, &tags),
        });
        let outputs = outputs([("arn", &arn)]);
        Ok(observed(subject, vec![Seen { id: arn, phase: Phase::Resting, tags, properties, outputs }]))
    }

    async fn create(&self, subject: &Subject) -> Result<Created, CallError> {
        let spec: AccessEntrySpec = subject.spec()?;
        let call = self.0.create_access_entry().cluster_name(spec.cluster.as_str()).principal_arn(&spec.principal);
        let call = call.set_kubernetes_groups(Some(spec.groups.clone())).set_tags(eks::tagged(subject, &spec.tags));
        let answer = call.client_request_token(subject.token.to_string()).send().await;
        let answer = answer.map_err(aws::creating("eks:CreateAccessEntry"))?;
        let arn = answered("eks:CreateAccessEntry", answer.access_entry().and_then(Listed::access_entry_arn))?;
        let progress = finished(self.allow(&spec, &Policies::new()).await);
        Ok(Created { outputs: outputs([("arn", &arn)]), locator: Locator(arn), progress })
    }

    async fn update(&self, subject: &Subject, changes: &[FieldChange]) -> Result<Progress, CallError> {
        let spec: AccessEntrySpec = subject.spec()?;
        if changed(changes, "groups") {
            let call = self.0.update_access_entry().cluster_name(spec.cluster.as_str()).principal_arn(&spec.principal);
            let call = call.set_kubernetes_groups(Some(spec.groups.clone()));
            call.send().await.map_err(aws::changing("eks:UpdateAccessEntry"))?;
        }
        if changed(changes, "policies") {
            self.allow(&spec, &self.policies(&spec).await?).await?;
        }
        eks::retag(&self.0, subject.locator()?, changes).await?;
        Ok(Progress::Done)
    }

    async fn delete(&self, subject: &Subject) -> Result<Progress, CallError> {
        let spec: AccessEntrySpec = subject.spec()?;
        let call = self.0.delete_access_entry().cluster_name(spec.cluster.as_str()).principal_arn(&spec.principal);
        call.send().await.map_err(aws::deleting("eks:DeleteAccessEntry"))?;
        Ok(Progress::Done)
    }
}

impl AccessEntry {
    async fn find(&self, spec: &AccessEntrySpec) -> Result<Option<Listed>, CallError> {
        let call = self.0.describe_access_entry().cluster_name(spec.cluster.as_str()).principal_arn(&spec.principal);
        match call.send().await.map_err(aws::reading("eks:DescribeAccessEntry")) {
            Ok(answer) => Ok(answer.access_entry),
            Err(CallError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn policies(&self, spec: &AccessEntrySpec) -> Result<Policies, CallError> {
        let call = self.0.list_associated_access_policies().cluster_name(spec.cluster.as_str());
        let listed = call.principal_arn(&spec.principal).into_paginator().send();
        let pages: Result<Vec<_>, _> = listed.collect().await;
        let pages = pages.map_err(aws::reading("eks:ListAssociatedAccessPolicies"))?;
        let policies = pages.iter().flat_map(|page| page.associated_access_policies());
        let of = |scope: &AccessScope| scope.namespaces().iter().cloned().collect();
        Ok(policies
            .filter_map(|policy| {
                Some((policy.policy_arn()?.to_owned(), policy.access_scope().map(of).unwrap_or_default()))
            })
            .collect())
    }

    /// From the policies that are there to those of the spec: what it allows first, then what it does not.
    async fn allow(&self, spec: &AccessEntrySpec, there: &Policies) -> Result<(), CallError> {
        let wanted: Policies = spec
            .policies
            .iter()
            .map(|policy| (policy.arn.clone(), policy.namespaces.iter().cloned().collect()))
            .collect();
        for (arn, namespaces) in wanted.iter().filter(|(arn, namespaces)| there.get(*arn) != Some(namespaces)) {
            let call =
                self.0.associate_access_policy().cluster_name(spec.cluster.as_str()).principal_arn(&spec.principal);
            let call = call.policy_arn(arn).access_scope(scope(namespaces));
            call.send().await.map_err(aws::changing("eks:AssociateAccessPolicy"))?;
        }
        for arn in there.keys().filter(|arn| !wanted.contains_key(*arn)) {
            let call = self.0.disassociate_access_policy().cluster_name(spec.cluster.as_str());
            let call = call.principal_arn(&spec.principal).policy_arn(arn);
            match call.send().await.map_err(aws::deleting("eks:DisassociateAccessPolicy")) {
                Ok(_) | Err(CallError::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn scope(namespaces: &BTreeSet<String>) -> AccessScope {
    let kind = if namespaces.is_empty() { AccessScopeType::Cluster } else { AccessScopeType::Namespace };
    let namespaces = (!namespaces.is_empty()).then(|| namespaces.iter().cloned().collect());
    AccessScope::builder().r#type(kind).set_namespaces(namespaces).build()
}

/// A policy as EKS shows it; its namespaces in the order of the spec, if they are the same.
fn shown(spec: &AccessEntrySpec, (arn, namespaces): (String, BTreeSet<String>)) -> AccessPolicy {
    let same = |policy: &&AccessPolicy| {
        policy.arn == arn && policy.namespaces.iter().cloned().collect::<BTreeSet<_>>() == namespaces
    };
    let planned = spec.policies.iter().find(same).cloned();
    planned.unwrap_or_else(|| AccessPolicy { arn, namespaces: namespaces.into_iter().collect() })
}
