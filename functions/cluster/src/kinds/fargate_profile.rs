//! Which pods run on Fargate.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use aws_sdk_eks::Client;
use aws_sdk_eks::types::{FargateProfile as Listed, FargateProfileSelector, FargateProfileStatus};
use domain::{Locator, Outputs};
use engine::{CallError, Created, Observed, Progress, Resource, Subject};
use plan::FieldChange;
use plan::cluster::{FargateProfileSpec, FargateSelector};
use resources::answered;
use resources::seen::{Phase, Seen, in_order_of, is_subject, observed, outputs};
use serde_json::json;

use crate::eks;

/// [`domain::Kind::FargateProfile`]. Its locator is its ARN.
///
/// Idempotent because the create has a client token and a cluster has a name once; one without our tags is foreign. Leaves
/// behind on failure a profile in the state `CREATE_FAILED`, which can be deleted. EKS makes and deletes one at a time in a
/// cluster and answers another with a conflict, which is waited for.
///
/// Permissions: `eks:CreateFargateProfile`, `eks:TagResource`, `eks:UntagResource`, `eks:DescribeFargateProfile`,
/// `eks:DeleteFargateProfile`, `iam:PassRole`.
/// <https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateFargateProfile.html>
pub(crate) struct FargateProfile(pub(crate) Client);

#[async_trait]
impl Resource for FargateProfile {
    async fn observe(&self, subject: &Subject) -> Result<Observed, CallError> {
        let spec: FargateProfileSpec = subject.spec()?;
        let call =
            self.0.describe_fargate_profile().cluster_name(spec.cluster.as_str()).fargate_profile_name(&spec.name);
        let profile = match call.send().await.map_err(aws::reading("eks:DescribeFargateProfile")) {
            Ok(answer) => answer.fargate_profile,
            Err(CallError::NotFound) => None,
            Err(error) => return Err(error),
        };
        let Some(profile) = profile else { return Ok(Observed::Absent) };
        let tags = eks::tags(profile.tags());
        let arn = profile.fargate_profile_arn().unwrap_or_default().to_owned();
        if !is_subject(subject, &tags) {
            return Ok(Observed::Foreign(Locator(arn)));
        }
        let subnets: BTreeSet<String> = profile.subnets().iter().cloned().collect();
        let properties = json!({
            "cluster": profile.cluster_name(),
            "name": profile.fargate_profile_name(),
            "executionRole": profile.pod_execution_role_arn(),
            "subnets": in_order_of(&spec.subnets, &subnets),
            "selectors": profile.selectors().iter().map(planned).collect::<Vec<_>>(),
            "tags": aws::shown_tags(&spec.tags, &tags),
        });
        let (phase, outputs) = (phase(&profile), known(&spec, &arn));
        Ok(observed(subject, vec![Seen { id: arn, phase, tags, properties, outputs }]))
    }

    async fn create(&self, subject: &Subject) -> Result<Created, CallError> {
        let spec: FargateProfileSpec = subject.spec()?;
        let call = self
            .0
            .create_fargate_profile()
            .cluster_name(spec.cluster.as_str())
            .fargate_profile_name(&spec.name)
            .pod_execution_role_arn(spec.execution_role.as_str())
            .set_subnets(Some(spec.subnets.iter().map(|subnet| subnet.as_str().to_owned()).collect()))
            .set_selectors(Some(spec.selectors.iter().map(selector).collect()))
            .client_request_token(subject.token.to_string())
            .set_tags(eks::tagged(subject, &spec.tags));
        let answer = call.send().await.map_err(aws::creating("eks:CreateFargateProfile"))?;
        let arn = answered("eks:CreateFargateProfile", answer.fargate_profile().and_then(Listed::fargate_profile_arn))?;
        Ok(Created { outputs: known(&spec, &arn), locator: Locator(arn), progress: Progress::Pending })
    }

    async fn update(&self, subject: &Subject, changes: &[FieldChange]) -> Result<Progress, CallError> {
        eks::retag(&self.0, subject.locator()?, changes).await?;
        Ok(Progress::Done)
    }

    async fn delete(&self, subject: &Subject) -> Result<Progress, CallError> {
        let spec: FargateProfileSpec = subject.spec()?;
        let call = self.0.delete_fargate_profile().cluster_name(spec.cluster.as_str()).fargate_profile_name(&spec.name);
        call.send().await.map_err(aws::deleting("eks:DeleteFargateProfile"))?;
        Ok(Progress::Pending)
    }
}

fn phase(profile: &Listed) -> Phase {
    let issues = || {
        let issues = profile.health().map(|health| health.issues()).unwrap_or_default();
        issues.iter().filter_map(|issue| issue.message()).collect::<Vec<_>>().join("; ")
    };
    match profile.status() {
        Some(FargateProfileStatus::Active) => Phase::Resting,
        Some(FargateProfileStatus::Deleting) => Phase::Leaving,
        Some(FargateProfileStatus::CreateFailed | FargateProfileStatus::DeleteFailed) => Phase::Failed(issues()),
        _ => Phase::Working,
    }
}

fn known(spec: &FargateProfileSpec, arn: &str) -> Outputs {
    outputs([("arn", arn), ("name", &spec.name)])
}

fn selector(selector: &FargateSelector) -> FargateProfileSelector {
    let labels = (!selector.labels.is_empty()).then(|| selector.labels.clone().into_iter().collect());
    FargateProfileSelector::builder().namespace(&selector.namespace).set_labels(labels).build()
}

fn planned(selector: &FargateProfileSelector) -> FargateSelector {
    let labels = selector.labels().into_iter().flatten();
    FargateSelector {
        namespace: selector.namespace().unwrap_or_default().to_owned(),
        labels: labels.map(|(key, value)| (key.clone(), value.clone())).collect::<BTreeMap<_, _>>(),
    }
}
