//! An EKS add-on.

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_sdk_eks::Client;
use aws_sdk_eks::types::{Addon as Listed, AddonPodIdentityAssociations, AddonStatus, ResolveConflicts};
use domain::{Locator, Outputs};
use engine::{CallError, Created, Observed, Progress, Resource, Subject};
use plan::FieldChange;
use plan::cluster::AddonSpec;
use resources::answered;
use resources::seen::{Phase, Seen, changed, is_subject, observed, outputs};
use serde_json::{Value, json};

use crate::eks::{self, Of};

/// [`domain::Kind::Addon`]. Its locator is its ARN.
///
/// Idempotent because the create has a client token and a cluster has an add-on once; one without our tags is foreign.
/// Leaves behind on failure an add-on in the state `CREATE_FAILED`, which can be deleted. What others changed in its
/// objects is overwritten.
///
/// Permissions: `eks:CreateAddon`, `eks:TagResource`, `eks:UntagResource`, `eks:DescribeAddon`,
/// `eks:DescribePodIdentityAssociation`, `eks:UpdateAddon`, `eks:ListUpdates`, `eks:DescribeUpdate`, `eks:DeleteAddon`;
/// for one with roles also `eks:CreatePodIdentityAssociation`, `eks:UpdatePodIdentityAssociation`,
/// `eks:DeletePodIdentityAssociation`, `iam:GetRole`, `iam:PassRole`.
/// <https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateAddon.html>
pub(crate) struct Addon(pub(crate) Client);

#[async_trait]
impl Resource for Addon {
    async fn observe(&self, subject: &Subject) -> Result<Observed, CallError> {
        let spec: AddonSpec = subject.spec()?;
        let Some(addon) = self.find(&spec).await? else { return Ok(Observed::Absent) };
        let tags = eks::tags(addon.tags());
        let arn = addon.addon_arn().unwrap_or_default().to_owned();
        if !is_subject(subject, &tags) {
            return Ok(Observed::Foreign(Locator(arn)));
        }
        let mut properties = self.shown(&spec, &addon).await?;
        properties["tags"] = json!(aws::shown_tags(&spec.tags, &tags));
        if addon.status() == Some(&AddonStatus::Degraded) {
            eks::put_health(&mut properties, issues(&addon));
        }
        let (phase, outputs) = (phase(&addon), known(&addon));
        Ok(observed(subject, vec![Seen { id: arn, phase, tags, properties, outputs }]))
    }

    async fn create(&self, subject: &Subject) -> Result<Created, CallError> {
        let spec: AddonSpec = subject.spec()?;
        let call = self
            .0
            .create_addon()
            .cluster_name(spec.cluster.as_str())
            .addon_name(&spec.name)
            .addon_version(&spec.version)
            .set_configuration_values(values(&spec))
            .set_pod_identity_associations(associations(&spec))
            .resolve_conflicts(ResolveConflicts::Overwrite)
            .client_request_token(subject.token.to_string())
            .set_tags(eks::tagged(subject, &spec.tags));
        let answer = call.send().await.map_err(aws::creating("eks:CreateAddon"))?;
        let arn = answered("eks:CreateAddon", answer.addon().and_then(Listed::addon_arn))?;
        let outputs = answer.addon().map(known).unwrap_or_default();
        Ok(Created { locator: Locator(arn), outputs, progress: Progress::Pending })
    }

    async fn update(&self, subject: &Subject, changes: &[FieldChange]) -> Result<Progress, CallError> {
        let spec: AddonSpec = subject.spec()?;
        let cluster = spec.cluster.as_str();
        eks::none_failed(&self.0, cluster, &Of::Addon(&spec.name), subject).await?;
        eks::retag(&self.0, subject.locator()?, changes).await?;
        let Some(addon) = self.find(&spec).await? else { return Err(CallError::NotFound) };
        let changes = &eks::left(changes, &self.shown(&spec, &addon).await?);
        if !["version", "configuration", "roles"].iter().any(|field| changed(changes, field)) {
            return eks::unhealthy(changes).map(|()| Progress::Done);
        }
        let call = self
            .0
            .update_addon()
            .cluster_name(cluster)
            .addon_name(&spec.name)
            .addon_version(&spec.version)
            .configuration_values(values(&spec).unwrap_or_else(|| "{}".to_owned()))
            .set_pod_identity_associations(Some(associations(&spec).unwrap_or_default()))
            .resolve_conflicts(ResolveConflicts::Overwrite);
        call.send().await.map_err(aws::changing("eks:UpdateAddon"))?;
        Ok(Progress::Pending)
    }

    /// EKS deletes none that it is changing, and says so with a code that means many things.
    async fn retire(&self, subject: &Subject) -> Result<Progress, CallError> {
        let spec: AddonSpec = subject.spec()?;
        let updating = self.find(&spec).await?.is_some_and(|addon| addon.status() == Some(&AddonStatus::Updating));
        Ok(if updating { Progress::Pending } else { Progress::Done })
    }

    /// With all that it put into the cluster.
    async fn delete(&self, subject: &Subject) -> Result<Progress, CallError> {
        let spec: AddonSpec = subject.spec()?;
        let call = self.0.delete_addon().cluster_name(spec.cluster.as_str()).addon_name(&spec.name);
        call.send().await.map_err(aws::deleting("eks:DeleteAddon"))?;
        Ok(Progress::Pending)
    }
}

impl Addon {
    async fn find(&self, spec: &AddonSpec) -> Result<Option<Listed>, CallError> {
        let call = self.0.describe_addon().cluster_name(spec.cluster.as_str()).addon_name(&spec.name);
        match call.send().await.map_err(aws::reading("eks:DescribeAddon")) {
            Ok(answer) => Ok(answer.addon),
            Err(CallError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What EKS shows of the spec, but for the tags.
    async fn shown(&self, spec: &AddonSpec, addon: &Listed) -> Result<Value, CallError> {
        Ok(json!({
            "cluster": addon.cluster_name(),
            "name": addon.addon_name(),
            "version": addon.addon_version(),
            "configuration": configuration(addon),
            "roles": self.roles(spec, addon).await?,
        }))
    }

    /// The ARNs of the roles by the names of the service accounts.
    async fn roles(&self, spec: &AddonSpec, addon: &Listed) -> Result<BTreeMap<String, String>, CallError> {
        let mut roles = BTreeMap::new();
        for arn in addon.pod_identity_associations() {
            let id = arn.rsplit('/').next().unwrap_or_default();
            let call =
                self.0.describe_pod_identity_association().cluster_name(spec.cluster.as_str()).association_id(id);
            match call.send().await.map_err(aws::reading("eks:DescribePodIdentityAssociation")) {
                Ok(answer) => {
                    let association = answer.association();
                    let pair = association
                        .and_then(|one| Some((one.service_account()?.to_owned(), one.role_arn()?.to_owned())));
                    roles.extend(pair);
                }
                Err(CallError::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(roles)
    }
}

fn phase(addon: &Listed) -> Phase {
    match addon.status() {
        // What is degraded is there, and its health is told as drift; so is what an update could not change.
        Some(AddonStatus::Active | AddonStatus::Degraded | AddonStatus::UpdateFailed) => Phase::Resting,
        Some(AddonStatus::Deleting) => Phase::Leaving,
        Some(AddonStatus::CreateFailed | AddonStatus::DeleteFailed) => Phase::Failed(issues(addon).join("; ")),
        _ => Phase::Working,
    }
}

fn issues(addon: &Listed) -> Vec<String> {
    let issues = addon.health().map(|health| health.issues()).unwrap_or_default();
    let told = issues.iter().map(|issue| {
        let code = issue.code().map_or("no code", |code| code.as_str());
        format!("{code}: {}", issue.message().unwrap_or("EKS gave no reason"))
    });
    told.collect()
}

fn known(addon: &Listed) -> Outputs {
    outputs([("arn", addon.addon_arn().unwrap_or_default()), ("version", addon.addon_version().unwrap_or_default())])
}

/// EKS shows the configuration as the text that it was given. None is as good as an empty one.
fn configuration(addon: &Listed) -> Value {
    let text = addon.configuration_values().unwrap_or_default();
    let value: Value = serde_json::from_str(text).unwrap_or_default();
    if value.as_object().is_some_and(serde_json::Map::is_empty) { Value::Null } else { value }
}

fn values(spec: &AddonSpec) -> Option<String> {
    (!spec.configuration.is_null()).then(|| spec.configuration.to_string())
}

fn associations(spec: &AddonSpec) -> Option<Vec<AddonPodIdentityAssociations>> {
    let one = |(account, role): (&String, &plan::Ref)| {
        // The builder refuses only what lacks an account or a role.
        AddonPodIdentityAssociations::builder().service_account(account).role_arn(role.as_str()).build().ok()
    };
    (!spec.roles.is_empty()).then(|| spec.roles.iter().filter_map(one).collect())
}
