//! A service account's IAM role, given by the Pod Identity agent.

use async_trait::async_trait;
use aws_sdk_eks::Client;
use aws_sdk_eks::types::PodIdentityAssociation as Listed;
use domain::{Locator, Outputs};
use engine::{CallError, Created, Observed, Progress, Resource, Subject};
use plan::FieldChange;
use plan::cluster::PodIdentityAssociationSpec;
use resources::answered;
use resources::seen::{Phase, Seen, changed, is_subject, observed, outputs};
use serde_json::json;

use crate::eks;

/// [`domain::Kind::PodIdentityAssociation`]. Its locator is its id.
///
/// Idempotent because the create has a client token and a service account has one association; one without our tags is
/// foreign. Leaves nothing behind on failure.
///
/// Permissions: `eks:CreatePodIdentityAssociation`, `eks:TagResource`, `eks:UntagResource`,
/// `eks:ListPodIdentityAssociations`, `eks:DescribePodIdentityAssociation`, `eks:UpdatePodIdentityAssociation`,
/// `eks:DeletePodIdentityAssociation`, `iam:GetRole`, `iam:PassRole`.
/// <https://docs.aws.amazon.com/eks/latest/APIReference/API_CreatePodIdentityAssociation.html>
pub(crate) struct PodIdentityAssociation(pub(crate) Client);

#[async_trait]
impl Resource for PodIdentityAssociation {
    async fn observe(&self, subject: &Subject) -> Result<Observed, CallError> {
        let spec: PodIdentityAssociationSpec = subject.spec()?;
        let Some(association) = self.find(&spec).await? else { return Ok(Observed::Absent) };
        let tags = eks::tags(association.tags());
        let id = association.association_id().unwrap_or_default().to_owned();
        if !is_subject(subject, &tags) {
            return Ok(Observed::Foreign(Locator(id)));
        }
        let properties = json!({
            "cluster": association.cluster_name(),
            "namespace": association.namespace(),
            "serviceAccount": association.service_account(),
            "role": association.role_arn(),
            "tags": aws::shown_tags(&spec.tags, &tags),
        });
        let outputs = known(&association);
        Ok(observed(subject, vec![Seen { id, phase: Phase::Resting, tags, properties, outputs }]))
    }

    async fn create(&self, subject: &Subject) -> Result<Created, CallError> {
        let spec: PodIdentityAssociationSpec = subject.spec()?;
        let call = self
            .0
            .create_pod_identity_association()
            .cluster_name(spec.cluster.as_str())
            .namespace(&spec.namespace)
            .service_account(&spec.service_account)
            .role_arn(spec.role.as_str())
            .client_request_token(subject.token.to_string())
            .set_tags(eks::tagged(subject, &spec.tags));
        let answer = call.send().await.map_err(aws::creating("eks:CreatePodIdentityAssociation"))?;
        let association = answer.association();
        let id = answered("eks:CreatePodIdentityAssociation", association.and_then(Listed::association_id))?;
        let outputs = association.map(known).unwrap_or_default();
        Ok(Created { locator: Locator(id), outputs, progress: Progress::Done })
    }

    async fn update(&self, subject: &Subject, changes: &[FieldChange]) -> Result<Progress, CallError> {
        let spec: PodIdentityAssociationSpec = subject.spec()?;
        let Some(association) = self.find(&spec).await? else { return Err(CallError::NotFound) };
        if changed(changes, "role") {
            let call = self.0.update_pod_identity_association().cluster_name(spec.cluster.as_str());
            let call = call.association_id(subject.locator()?).role_arn(spec.role.as_str());
            call.send().await.map_err(aws::changing("eks:UpdatePodIdentityAssociation"))?;
        }
        eks::retag(&self.0, association.association_arn().unwrap_or_default(), changes).await?;
        Ok(Progress::Done)
    }

    async fn delete(&self, subject: &Subject) -> Result<Progress, CallError> {
        let spec: PodIdentityAssociationSpec = subject.spec()?;
        let call = self.0.delete_pod_identity_association().cluster_name(spec.cluster.as_str());
        let call = call.association_id(subject.locator()?);
        call.send().await.map_err(aws::deleting("eks:DeletePodIdentityAssociation"))?;
        Ok(Progress::Done)
    }
}

impl PodIdentityAssociation {
    async fn find(&self, spec: &PodIdentityAssociationSpec) -> Result<Option<Listed>, CallError> {
        let cluster = spec.cluster.as_str();
        let call = self.0.list_pod_identity_associations().cluster_name(cluster);
        let call = call.namespace(&spec.namespace).service_account(&spec.service_account);
        let listed = match call.send().await.map_err(aws::reading("eks:ListPodIdentityAssociations")) {
            Ok(listed) => listed,
            Err(CallError::NotFound) => return Ok(None),
            Err(error) => return Err(error),
        };
        let Some(id) = listed.associations().iter().find_map(|one| one.association_id()) else { return Ok(None) };
        let call = self.0.describe_pod_identity_association().cluster_name(cluster).association_id(id);
        match call.send().await.map_err(aws::reading("eks:DescribePodIdentityAssociation")) {
            Ok(answer) => Ok(answer.association),
            Err(CallError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn known(association: &Listed) -> Outputs {
    let (id, arn) = (association.association_id(), association.association_arn());
    outputs([("id", id.unwrap_or_default()), ("arn", arn.unwrap_or_default())])
}
