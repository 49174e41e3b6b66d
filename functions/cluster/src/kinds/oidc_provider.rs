//! A control plane's issuer of tokens, made known to IAM.

use async_trait::async_trait;
use aws_sdk_iam::Client;
use aws_sdk_iam::types::Tag;
use domain::{Locator, Tags};
use engine::{CallError, Created, Observed, Progress, Resource, Subject};
use plan::FieldChange;
use plan::cluster::OidcProviderSpec;
use resources::seen::{Phase, Seen, is_subject, observed, outputs};
use resources::tag_change;
use serde_json::json;

/// Whom the tokens of service accounts are for.
const AUDIENCE: &str = "sts.amazonaws.com";

/// [`domain::Kind::OidcProvider`]. Its locator is its ARN, which follows from the issuer.
///
/// Idempotent because an account has a provider for an issuer once. Leaves nothing behind on failure.
///
/// Permissions: `iam:CreateOpenIDConnectProvider`, `iam:GetOpenIDConnectProvider`, `iam:TagOpenIDConnectProvider`,
/// `iam:UntagOpenIDConnectProvider`, `iam:DeleteOpenIDConnectProvider`.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html>
pub(crate) struct OidcProvider(pub(crate) Client);

#[async_trait]
impl Resource for OidcProvider {
    async fn observe(&self, subject: &Subject) -> Result<Observed, CallError> {
        let spec: OidcProviderSpec = subject.spec()?;
        let arn = arn(subject, &spec);
        let call = self.0.get_open_id_connect_provider().open_id_connect_provider_arn(&arn);
        let provider = match call.send().await.map_err(aws::reading("iam:GetOpenIDConnectProvider")) {
            Ok(provider) => provider,
            Err(CallError::NotFound) => return Ok(Observed::Absent),
            Err(error) => return Err(error),
        };
        let tags: Tags = provider.tags().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect();
        if !is_subject(subject, &tags) {
            return Ok(Observed::Foreign(Locator(arn)));
        }
        let properties = json!({"issuer": &spec.issuer, "tags": aws::shown_tags(&spec.tags, &tags)});
        let outputs = outputs([("arn", &arn), ("host", host(&spec))]);
        Ok(observed(subject, vec![Seen { id: arn, phase: Phase::Resting, tags, properties, outputs }]))
    }

    async fn create(&self, subject: &Subject) -> Result<Created, CallError> {
        let spec: OidcProviderSpec = subject.spec()?;
        let arn = arn(subject, &spec);
        let call = self.0.create_open_id_connect_provider().url(spec.issuer.as_str()).client_id_list(AUDIENCE);
        let call = call.set_tags(Some(pairs(subject.create_tags(&spec.tags))));
        call.send().await.map_err(aws::creating("iam:CreateOpenIDConnectProvider"))?;
        let outputs = outputs([("arn", &arn), ("host", host(&spec))]);
        Ok(Created { locator: Locator(arn), outputs, progress: Progress::Done })
    }

    async fn update(&self, subject: &Subject, changes: &[FieldChange]) -> Result<Progress, CallError> {
        let arn = subject.locator()?;
        if let Some(change) = tag_change(changes) {
            if !change.put.is_empty() {
                let call = self.0.tag_open_id_connect_provider().open_id_connect_provider_arn(arn);
                let call = call.set_tags(Some(pairs(change.put)));
                call.send().await.map_err(aws::changing("iam:TagOpenIDConnectProvider"))?;
            }
            if !change.remove.is_empty() {
                let call = self.0.untag_open_id_connect_provider().open_id_connect_provider_arn(arn);
                let call = call.set_tag_keys(Some(change.remove));
                call.send().await.map_err(aws::changing("iam:UntagOpenIDConnectProvider"))?;
            }
        }
        Ok(Progress::Done)
    }

    async fn delete(&self, subject: &Subject) -> Result<Progress, CallError> {
        let call = self.0.delete_open_id_connect_provider().open_id_connect_provider_arn(subject.locator()?);
        call.send().await.map_err(aws::deleting("iam:DeleteOpenIDConnectProvider"))?;
        Ok(Progress::Done)
    }
}

fn host(spec: &OidcProviderSpec) -> &str {
    spec.issuer.as_str().trim_start_matches("https://")
}

fn arn(subject: &Subject, spec: &OidcProviderSpec) -> String {
    let target = &subject.target;
    format!("arn:{}:iam::{}:oidc-provider/{}", aws::partition(&target.region), target.account, host(spec))
}

fn pairs(tags: Tags) -> Vec<Tag> {
    // The builder refuses only what lacks a key or a value.
    tags.into_iter().filter_map(|(key, value)| Tag::builder().key(key).value(value).build().ok()).collect()
}
