//! Keys of KMS and their aliases.

use std::collections::BTreeSet;

use aws_sdk_kms::Client;
use aws_sdk_kms::types::{AliasListEntry, KeyMetadata, KeyState};
use domain::{Fault, FaultName, Tags};
use engine::CallError;
use jiff::Timestamp;
use lambda::call_fault;

use super::{Found, named, tagged, time};

/// A key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// It, with its tags.
    pub found: Found,
    /// When KMS deletes it, if it waits for that. Then nothing more can be done about it, and it costs nothing.
    /// Source: <https://docs.aws.amazon.com/kms/latest/developerguide/deleting-keys.html>
    pub goes: Option<Timestamp>,
}

/// The keys whose tags `are_ours`. Many keys of an account are AWS's, or somebody's who lets nobody read their tags: these
/// are passed over.
/// Source: <https://docs.aws.amazon.com/kms/latest/APIReference/API_ListKeys.html>
pub async fn keys(kms: &Client, are_ours: impl Fn(&Found) -> bool) -> Result<Vec<Key>, Fault> {
    let of_aws: BTreeSet<String> =
        listed_aliases(kms, "alias/aws/").await?.into_iter().filter_map(|alias| alias.target_key_id).collect();
    let listed: Result<Vec<_>, _> = kms.list_keys().into_paginator().items().send().collect().await;
    let listed = listed.map_err(aws::reading("kms:ListKeys")).map_err(call_fault)?;
    let mut keys = Vec::new();
    for id in listed.into_iter().filter_map(|key| key.key_id).filter(|id| !of_aws.contains(id)) {
        let Some(tags) = tags(kms, &id).await? else { continue };
        let command = "kms schedule-key-deletion --pending-window-in-days 7 --key-id";
        let found = tagged("KMS key", &id, tags, None, command);
        if are_ours(&found)
            && let Some(key) = describe(kms, &id).await?
        {
            let found = Found { created: time(key.creation_date()).or(found.created), ..found };
            keys.push(Key { found, goes: goes(&key) });
        }
    }
    Ok(keys)
}

/// Aliases by the beginning of their names.
pub async fn aliases(kms: &Client, prefix: &str) -> Result<Vec<Found>, Fault> {
    let one = |alias: AliasListEntry| {
        let name = alias.alias_name.unwrap_or_default();
        named("KMS alias", &name, &name, time(alias.creation_date.as_ref()), "kms delete-alias --alias-name")
    };
    Ok(listed_aliases(kms, prefix).await?.into_iter().map(one).collect())
}

/// How the aliases of an installation begin.
pub fn alias_prefix(installation: &str) -> String {
    format!("alias{}", super::path(installation))
}

/// Source: <https://docs.aws.amazon.com/kms/latest/APIReference/API_ListAliases.html>
async fn listed_aliases(kms: &Client, prefix: &str) -> Result<Vec<AliasListEntry>, Fault> {
    let listed: Result<Vec<_>, _> = kms.list_aliases().into_paginator().items().send().collect().await;
    let listed = listed.map_err(aws::reading("kms:ListAliases")).map_err(call_fault)?;
    let begins = |alias: &AliasListEntry| alias.alias_name().is_some_and(|name| name.starts_with(prefix));
    Ok(listed.into_iter().filter(begins).collect())
}

async fn tags(kms: &Client, id: &str) -> Result<Option<Tags>, Fault> {
    let listed: Result<Vec<_>, _> = kms.list_resource_tags().key_id(id).into_paginator().items().send().collect().await;
    match listed.map_err(aws::reading("kms:ListResourceTags")) {
        Ok(tags) => Ok(Some(tags.into_iter().map(|tag| (tag.tag_key, tag.tag_value)).collect())),
        Err(CallError::Fault(fault)) if fault.name == FaultName::AccessDenied => Ok(None),
        Err(CallError::NotFound) => Ok(None),
        Err(error) => Err(call_fault(error)),
    }
}

async fn describe(kms: &Client, id: &str) -> Result<Option<KeyMetadata>, Fault> {
    match kms.describe_key().key_id(id).send().await.map_err(aws::reading("kms:DescribeKey")) {
        Ok(answer) => Ok(answer.key_metadata),
        Err(CallError::NotFound) => Ok(None),
        Err(error) => Err(call_fault(error)),
    }
}

fn goes(key: &KeyMetadata) -> Option<Timestamp> {
    key.deletion_date().filter(|_| key.key_state() == Some(&KeyState::PendingDeletion)).and_then(|at| time(Some(at)))
}
