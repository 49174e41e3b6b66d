//! The key: found by its alias, or by its tags before it has one; of two, one is kept.

use aws_sdk_kms::Client;
use aws_sdk_kms::operation::create_alias::{CreateAliasError, CreateAliasOutput};
use aws_sdk_kms::operation::create_key::{CreateKeyError, CreateKeyOutput};
use aws_sdk_kms::operation::delete_alias::DeleteAliasOutput;
use aws_sdk_kms::operation::describe_key::{DescribeKeyError, DescribeKeyOutput};
use aws_sdk_kms::operation::enable_key_rotation::{EnableKeyRotationError, EnableKeyRotationOutput};
use aws_sdk_kms::operation::get_key_rotation_status::GetKeyRotationStatusOutput;
use aws_sdk_kms::operation::list_aliases::ListAliasesOutput;
use aws_sdk_kms::operation::list_keys::ListKeysOutput;
use aws_sdk_kms::operation::list_resource_tags::{ListResourceTagsError, ListResourceTagsOutput};
use aws_sdk_kms::operation::schedule_key_deletion::{ScheduleKeyDeletionError, ScheduleKeyDeletionOutput};
use aws_sdk_kms::operation::tag_resource::TagResourceOutput;
use aws_sdk_kms::operation::untag_resource::UntagResourceOutput;
use aws_sdk_kms::operation::update_key_description::UpdateKeyDescriptionOutput;
use aws_sdk_kms::types::{AliasListEntry, KeyListEntry, KeyMetadata, KeyState, Tag};
use aws_smithy_mocks::{Rule, mock};
use domain::{FaultName, Kind};
use engine::{CallError, Observed, Progress};
use plan::UNFINISHED;
use serde_json::{Value, json};

use crate::support::{Script, as_wanted, change, fault_name, found, present, refuse, subject, tag_change, tags_of};

/// An answer to whoever asks for the key of that id or alias.
fn described(asked: &'static str, id: &'static str, state: KeyState) -> Rule {
    mock!(Client::describe_key).match_requests(move |request| request.key_id() == Some(asked)).then_output(move || {
        let key = KeyMetadata::builder().key_id(id).arn(format!("arn:key/{id}")).description("Encrypts");
        DescribeKeyOutput::builder().key_metadata(key.key_state(state.clone()).build().unwrap()).build()
    })
}

fn unknown() -> Rule {
    refuse!(Client::describe_key => DescribeKeyError "NotFoundException")
}

fn tagged(ours: bool) -> Rule {
    let tags: Vec<Tag> = tags_of(Kind::KmsKey)
        .into_iter()
        .filter(|_| ours)
        .map(|(key, value)| Tag::builder().tag_key(key).tag_value(value).build().unwrap())
        .collect();
    mock!(Client::list_resource_tags)
        .then_output(move || ListResourceTagsOutput::builder().set_tags(Some(tags.clone())).build())
}

fn rotates(rotates: bool) -> Rule {
    mock!(Client::get_key_rotation_status)
        .then_output(move || GetKeyRotationStatusOutput::builder().key_rotation_enabled(rotates).build())
}

/// All keys of the account, and which of them has an alias.
fn listed(keys: &'static [&'static str], with_alias: &'static [&'static str]) -> [Rule; 2] {
    [
        mock!(Client::list_aliases).then_output(move || {
            let aliases = with_alias.iter().map(|id| AliasListEntry::builder().target_key_id(*id).build());
            ListAliasesOutput::builder().set_aliases(Some(aliases.collect())).build()
        }),
        mock!(Client::list_keys).then_output(move || {
            let keys = keys.iter().map(|id| KeyListEntry::builder().key_id(*id).build());
            ListKeysOutput::builder().set_keys(Some(keys.collect())).build()
        }),
    ]
}

const ALIAS: &str = "alias/landfall/home/demo/cluster";

#[tokio::test]
async fn a_key_is_found_by_its_alias_and_complete() {
    let [aliases, keys] = listed(&["k-1", "k-9"], &["k-1", "k-9"]);
    let script = Script::of([
        described(ALIAS, "k-1", KeyState::Enabled),
        tagged(true),
        aliases,
        keys,
        tagged(true),
        rotates(true),
    ]);
    let subject = subject(Kind::KmsKey);
    let actual = as_wanted(&subject, script.kind(Kind::KmsKey).observe(&subject).await.unwrap());
    assert_eq!((actual.locator.0.as_str(), actual.outputs["arn"].as_str()), ("k-1", "arn:key/k-1"));
}

#[tokio::test]
async fn a_key_whose_answer_was_lost_is_found_by_its_tags_among_those_without_an_alias() {
    let [aliases, keys] = listed(&["k-1", "k-8", "k-9"], &["k-9"]);
    let denied = refuse!(Client::list_resource_tags => ListResourceTagsError "AccessDeniedException");
    let script = Script::of([
        unknown(),
        aliases,
        keys,
        tagged(true),
        described("k-1", "k-1", KeyState::Enabled),
        // Of others' keys nobody may read the tags.
        denied,
        tagged(true),
        rotates(false),
    ]);
    let seen = script.kind(Kind::KmsKey).observe(&subject(Kind::KmsKey)).await.unwrap();
    assert_eq!(present(seen).properties[UNFINISHED], json!(["its alias", "its rotation"]));
}

#[tokio::test]
async fn of_two_keys_both_are_seen() {
    let [aliases, keys] = listed(&["k-1", "k-2"], &["k-1"]);
    let script = Script::of([
        described(ALIAS, "k-1", KeyState::Enabled),
        tagged(true),
        aliases,
        keys,
        tagged(true),
        described("k-2", "k-2", KeyState::Enabled),
        tagged(true),
        rotates(true),
        tagged(true),
        rotates(true),
    ]);
    let seen = script.kind(Kind::KmsKey).observe(&subject(Kind::KmsKey)).await;
    assert!(matches!(seen, Ok(Observed::Many(all)) if all.len() == 2));
}

#[tokio::test]
async fn a_key_on_its_way_out_is_gone_and_somebody_elses_is_foreign() {
    let script = Script::of([
        unknown(),
        described("k-1", "k-1", KeyState::PendingDeletion),
        described(ALIAS, "k-7", KeyState::Enabled),
        tagged(false),
    ]);
    let (kind, subject) = (script.kind(Kind::KmsKey), found(Kind::KmsKey, "k-1"));
    assert_eq!(kind.observe(&subject).await, Ok(Observed::Absent));
    assert!(matches!(kind.observe(&subject).await, Ok(Observed::Foreign(locator)) if locator.0 == "k-7"));
}

#[tokio::test]
async fn a_create_is_sent_once_and_what_fails_after_it_is_left_to_the_update() {
    let key = || KeyMetadata::builder().key_id("k-1").arn("arn:key/k-1").build().unwrap();
    let made = mock!(Client::create_key)
        .match_requests(|request| request.tags().len() == tags_of(Kind::KmsKey).len())
        .then_output(move || CreateKeyOutput::builder().key_metadata(key()).build());
    let slow = mock!(Client::enable_key_rotation)
        .then_error(|| EnableKeyRotationError::generic(crate::support::code("KMSInvalidStateException")));
    let lost = mock!(Client::create_key).sequence().http_status(500, None).build();
    let many = refuse!(Client::create_key => CreateKeyError "LimitExceededException");
    let script = Script::of([made, slow, lost.clone(), many]);
    let (kind, subject) = (script.kind(Kind::KmsKey), subject(Kind::KmsKey));
    let created = kind.create(&subject).await.unwrap();
    assert_eq!((created.locator.0.as_str(), created.progress), ("k-1", Progress::Pending));
    assert_eq!(fault_name(kind.create(&subject).await), FaultName::ServiceUnavailable);
    assert_eq!(lost.num_calls(), 1);
    assert_eq!(fault_name(kind.create(&subject).await), FaultName::QuotaExceeded);
}

#[tokio::test]
async fn an_update_finishes_what_is_missing_and_changes_what_differs() {
    let described_anew = mock!(Client::update_key_description)
        .match_requests(|request| request.description() == Some("Encrypts"))
        .then_output(|| UpdateKeyDescriptionOutput::builder().build());
    let rotated = mock!(Client::enable_key_rotation).then_output(|| EnableKeyRotationOutput::builder().build());
    let named = mock!(Client::create_alias)
        .match_requests(|request| request.target_key_id() == Some("k-1") && request.alias_name() == Some(ALIAS))
        .then_output(|| CreateAliasOutput::builder().build());
    let put = mock!(Client::tag_resource)
        .match_requests(|request| request.tags().len() == 2)
        .then_output(|| TagResourceOutput::builder().build());
    let removed = mock!(Client::untag_resource)
        .match_requests(|request| request.tag_keys() == ["old"])
        .then_output(|| UntagResourceOutput::builder().build());
    let taken = refuse!(Client::create_alias => CreateAliasError "LimitExceededException");
    let again = mock!(Client::enable_key_rotation).then_output(|| EnableKeyRotationOutput::builder().build());
    let script = Script::of([described_anew, rotated, unknown(), named, put, removed, again, unknown(), taken]);
    let (kind, subject) = (script.kind(Kind::KmsKey), found(Kind::KmsKey, "k-1"));
    let missing = change(UNFINISHED, json!(["its alias"]), Value::Null);
    let text = change("description", json!("x"), json!("Encrypts"));
    assert_eq!(kind.update(&subject, &[text, missing.clone(), tag_change()]).await, Ok(Progress::Done));
    assert_eq!(fault_name(kind.update(&subject, &[missing]).await), FaultName::QuotaExceeded);
}

#[tokio::test]
async fn the_alias_goes_with_its_own_key_alone() {
    let unnamed = mock!(Client::delete_alias)
        .match_requests(|request| request.alias_name() == Some(ALIAS))
        .then_output(|| DeleteAliasOutput::builder().build());
    let scheduled = |id: &'static str| {
        mock!(Client::schedule_key_deletion)
            .match_requests(move |request| request.key_id() == Some(id) && request.pending_window_in_days() == Some(7))
            .then_output(|| ScheduleKeyDeletionOutput::builder().build())
    };
    let gone = refuse!(Client::schedule_key_deletion => ScheduleKeyDeletionError "NotFoundException");
    let script = Script::of([
        described(ALIAS, "k-1", KeyState::Enabled),
        unnamed,
        scheduled("k-1"),
        described(ALIAS, "k-1", KeyState::Enabled),
        scheduled("k-2"),
        unknown(),
        gone,
    ]);
    let kind = script.kind(Kind::KmsKey);
    assert_eq!(kind.delete(&found(Kind::KmsKey, "k-1")).await, Ok(Progress::Done));
    assert_eq!(kind.delete(&found(Kind::KmsKey, "k-2")).await, Ok(Progress::Done));
    assert_eq!(kind.delete(&found(Kind::KmsKey, "k-1")).await, Err(CallError::NotFound));
}
