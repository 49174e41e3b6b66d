//! A KMS key with its alias.

use std::collections::BTreeSet;

use async_trait::async_trait;
use aws_sdk_kms::Client;
use aws_sdk_kms::types::{KeyMetadata, KeyState, Tag};
use domain::{Locator, Outputs, Tags};
use engine::{CallError, Created, Observed, Progress, Resource, Subject};
use plan::cluster::KmsKeySpec;
use plan::{FieldChange, UNFINISHED};
use resources::seen::{Phase, Seen, changed, is_subject, observed, outputs, put_unfinished};
use resources::{answered, finished, tag_change};
use serde_json::json;

/// After how many days a key that is deleted is gone for good: the least that KMS allows.
const GRACE_DAYS: i32 = 7;

/// [`domain::Kind::KmsKey`]. Its locator is its id.
///
/// Idempotent because it is found by its alias, and before it has one by its tags; a create takes no token, so there may be
/// two of it, of which one is kept. Leaves behind on failure a key that lacks
/// its alias or its rotation: `observe` shows what is missing and `update` does it. Its deletion is only ever scheduled: a
/// key that waits for it counts as gone, and can be kept in the console for a week.
///
/// Permissions: `kms:CreateKey`, `kms:TagResource`, `kms:UntagResource`, `kms:CreateAlias`, `kms:DeleteAlias`,
/// `kms:EnableKeyRotation`, `kms:GetKeyRotationStatus`, `kms:UpdateKeyDescription`, `kms:DescribeKey`,
/// `kms:ListResourceTags`, `kms:ListKeys`, `kms:ListAliases`, `kms:ScheduleKeyDeletion`.
/// <https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html>
pub(crate) struct KmsKey(pub(crate) Client);

#[async_trait]
impl Resource for KmsKey {
    async fn observe(&self, subject: &Subject) -> Result<Observed, CallError> {
        let spec: KmsKeySpec = subject.spec()?;
        let aliased = self.describe(&spec.alias).await?.filter(|key| !is_leaving(key));
        if let Some(key) = &aliased
            && !is_subject(subject, &self.tags(key.key_id()).await?)
        {
            return Ok(Observed::Foreign(Locator(key.key_id().to_owned())));
        }
        let found = match &subject.locator {
            Some(locator) => self.describe(&locator.0).await?.into_iter().collect(),
            None => self.tagged(subject, aliased.as_ref()).await?,
        };
        let mut listed = Vec::new();
        for key in found.into_iter().filter(|key| !is_leaving(key)) {
            let has_alias = aliased.as_ref().is_some_and(|aliased| aliased.key_id() == key.key_id());
            listed.push(self.seen(&spec, &key, has_alias).await?);
        }
        Ok(observed(subject, listed))
    }

    async fn create(&self, subject: &Subject) -> Result<Created, CallError> {
        let spec: KmsKeySpec = subject.spec()?;
        let tags = pairs(subject.create_tags(&spec.tags));
        let call = self.0.create_key().description(&spec.description).set_tags(Some(tags));
        let answer = call.customize().config_override(once()).send().await.map_err(aws::creating("kms:CreateKey"))?;
        let key = answer.key_metadata();
        let id = answered("kms:CreateKey", key.map(KeyMetadata::key_id))?;
        let outputs = key.map(known).unwrap_or_default();
        let progress = finished(self.finish(&spec, &id).await);
        Ok(Created { locator: Locator(id), outputs, progress })
    }

    async fn update(&self, subject: &Subject, changes: &[FieldChange]) -> Result<Progress, CallError> {
        let spec: KmsKeySpec = subject.spec()?;
        let id = subject.locator()?;
        if changed(changes, "description") {
            let call = self.0.update_key_description().key_id(id).description(&spec.description);
            call.send().await.map_err(aws::changing("kms:UpdateKeyDescription"))?;
        }
        if changed(changes, UNFINISHED) {
            self.finish(&spec, id).await?;
        }
        if let Some(change) = tag_change(changes) {
            if !change.put.is_empty() {
                let call = self.0.tag_resource().key_id(id).set_tags(Some(pairs(change.put)));
                call.send().await.map_err(aws::changing("kms:TagResource"))?;
            }
            if !change.remove.is_empty() {
                let call = self.0.untag_resource().key_id(id).set_tag_keys(Some(change.remove));
                call.send().await.map_err(aws::changing("kms:UntagResource"))?;
            }
        }
        Ok(Progress::Done)
    }

    /// The alias first: what is made anew bears it. That of another key stays.
    async fn delete(&self, subject: &Subject) -> Result<Progress, CallError> {
        let spec: KmsKeySpec = subject.spec()?;
        let id = subject.locator()?;
        if self.describe(&spec.alias).await?.is_some_and(|key| key.key_id() == id) {
            let answer = self.0.delete_alias().alias_name(&spec.alias).send().await;
            match answer.map_err(aws::deleting("kms:DeleteAlias")) {
                Ok(_) | Err(CallError::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        let call = self.0.schedule_key_deletion().key_id(id).pending_window_in_days(GRACE_DAYS);
        call.send().await.map_err(aws::deleting("kms:ScheduleKeyDeletion"))?;
        Ok(Progress::Done)
    }
}

impl KmsKey {
    /// The key of an id, an ARN or an alias.
    async fn describe(&self, key: &str) -> Result<Option<KeyMetadata>, CallError> {
        match self.0.describe_key().key_id(key).send().await.map_err(aws::reading("kms:DescribeKey")) {
            Ok(answer) => Ok(answer.key_metadata),
            Err(CallError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The keys that carry our tags: the one with our alias, and among those without any. A creation whose answer was lost
    /// has none yet, and nearly all other keys of an account have one, so that few are asked for their tags.
    async fn tagged(&self, subject: &Subject, aliased: Option<&KeyMetadata>) -> Result<Vec<KeyMetadata>, CallError> {
        let aliases: Result<Vec<_>, _> = self.0.list_aliases().into_paginator().items().send().collect().await;
        let aliases = aliases.map_err(aws::reading("kms:ListAliases"))?;
        let named: BTreeSet<&str> = aliases.iter().filter_map(|alias| alias.target_key_id()).collect();
        let listed: Result<Vec<_>, _> = self.0.list_keys().into_paginator().items().send().collect().await;
        let mut found: Vec<KeyMetadata> = aliased.cloned().into_iter().collect();
        for key in listed.map_err(aws::reading("kms:ListKeys"))? {
            let Some(id) = key.key_id().filter(|id| !named.contains(id)) else { continue };
            // Of others' keys we may not read the tags.
            let Ok(tags) = self.tags(id).await else { continue };
            if is_subject(subject, &tags) && aliased.is_none_or(|aliased| aliased.key_id() != id) {
                found.extend(self.describe(id).await?);
            }
        }
        Ok(found)
    }

    async fn seen(&self, spec: &KmsKeySpec, key: &KeyMetadata, has_alias: bool) -> Result<Seen, CallError> {
        let id = key.key_id().to_owned();
        let tags = self.tags(&id).await?;
        let rotation = self.0.get_key_rotation_status().key_id(&id).send().await;
        let rotates = rotation.map_err(aws::reading("kms:GetKeyRotationStatus"))?.key_rotation_enabled();
        let mut properties = json!({
            "alias": spec.alias,
            "description": key.description(),
            "tags": aws::shown_tags(&spec.tags, &tags),
        });
        put_unfinished(&mut properties, &[("its alias", has_alias), ("its rotation", rotates)]);
        Ok(Seen { id, phase: Phase::Resting, tags, properties, outputs: known(key) })
    }

    async fn tags(&self, id: &str) -> Result<Tags, CallError> {
        let listed: Result<Vec<_>, _> =
            self.0.list_resource_tags().key_id(id).into_paginator().items().send().collect().await;
        let listed = listed.map_err(aws::reading("kms:ListResourceTags"))?;
        Ok(listed.into_iter().map(|tag| (tag.tag_key, tag.tag_value)).collect())
    }

    async fn finish(&self, spec: &KmsKeySpec, id: &str) -> Result<(), CallError> {
        self.0.enable_key_rotation().key_id(id).send().await.map_err(aws::changing("kms:EnableKeyRotation"))?;
        if self.describe(&spec.alias).await?.is_none() {
            let call = self.0.create_alias().alias_name(&spec.alias).target_key_id(id);
            call.send().await.map_err(aws::changing("kms:CreateAlias"))?;
        }
        Ok(())
    }
}

/// The create takes no client token, so the SDK may not send it twice.
fn once() -> aws_sdk_kms::config::Builder {
    aws_sdk_kms::config::Config::builder().retry_config(aws::once())
}

fn is_leaving(key: &KeyMetadata) -> bool {
    matches!(key.key_state(), Some(KeyState::PendingDeletion | KeyState::PendingReplicaDeletion))
}

fn known(key: &KeyMetadata) -> Outputs {
    outputs([("arn", key.arn().unwrap_or_default()), ("id", key.key_id())])
}

fn pairs(tags: Tags) -> Vec<Tag> {
    // The builder refuses only what lacks a key or a value.
    tags.into_iter().filter_map(|(key, value)| Tag::builder().tag_key(key).tag_value(value).build().ok()).collect()
}
