//! Add-ons: their health is told, a failed creation is seen, and none is deleted while EKS changes it.

use aws_sdk_eks::Client;
use aws_sdk_eks::operation::create_addon::{CreateAddonError, CreateAddonOutput};
use aws_sdk_eks::operation::delete_addon::{DeleteAddonError, DeleteAddonOutput};
use aws_sdk_eks::operation::describe_addon::{DescribeAddonError, DescribeAddonOutput};
use aws_sdk_eks::operation::describe_pod_identity_association::DescribePodIdentityAssociationOutput;
use aws_sdk_eks::operation::update_addon::{UpdateAddonError, UpdateAddonOutput};
use aws_sdk_eks::types::builders::AddonBuilder;
use aws_sdk_eks::types::{
    Addon, AddonHealth, AddonIssue, AddonIssueCode, AddonStatus, PodIdentityAssociation, ResolveConflicts, UpdateStatus,
};
use aws_smithy_mocks::{Rule, mock};
use domain::{FaultName, Kind};
use engine::{CallError, Observed, Progress};
use plan::HEALTH;
use serde_json::{Value, json};

use crate::support::{
    Script, TOKEN, answer, as_wanted, carries_identity, change, changing, eks_tags, fault, fault_name, found,
    no_updates, present, refuse, subject, updates, with,
};

const ARN: &str = "arn:aws:eks:eu-west-1:123456789012:addon/demo/vpc-cni/1";

/// The add-on of the sample spec.
fn addon(status: AddonStatus) -> AddonBuilder {
    let issue = AddonIssue::builder().code(AddonIssueCode::ConfigurationConflict).message("conflicts").build();
    Addon::builder()
        .cluster_name("demo")
        .addon_name("vpc-cni")
        .addon_arn(ARN)
        .addon_version("v1.20.4-eksbuild.1")
        .configuration_values(r#"{"env":{"A":"b"}}"#)
        .pod_identity_associations("arn:aws:eks:eu-west-1:123456789012:podidentityassociation/demo/a-1")
        .health(AddonHealth::builder().issues(issue).build())
        .status(status)
        .set_tags(Some(eks_tags(Kind::Addon)))
}

fn shown(addon: AddonBuilder) -> [Rule; 2] {
    let association = PodIdentityAssociation::builder()
        .service_account("aws-node")
        .role_arn("arn:aws:iam::123456789012:role/demo-vpc-cni")
        .build();
    [
        answer!(Client::describe_addon => DescribeAddonOutput { addon: addon.clone().build() }),
        answer!(Client::describe_pod_identity_association => DescribePodIdentityAssociationOutput { association: association }),
    ]
}

#[tokio::test]
async fn an_addon_goes_through_its_states() {
    use AddonStatus::{Active, CreateFailed, Creating, DeleteFailed, Deleting, UpdateFailed, Updating};
    let states = [Creating, Updating, Deleting, Active, UpdateFailed, CreateFailed, DeleteFailed];
    let gone = refuse!(Client::describe_addon => DescribeAddonError "ResourceNotFoundException");
    let foreign =
        answer!(Client::describe_addon => DescribeAddonOutput { addon: addon(Active).set_tags(None).build() });
    let script = Script::of(states.into_iter().flat_map(|state| shown(addon(state))).chain([gone, foreign]));
    let (kind, subject) = (script.kind(Kind::Addon), found(Kind::Addon, ARN));
    for _ in 0..3 {
        assert!(matches!(kind.observe(&subject).await, Ok(Observed::Pending(_))));
    }
    for _ in 0..2 {
        as_wanted(&subject, kind.observe(&subject).await.unwrap());
    }
    for _ in 0..2 {
        let failed = kind.observe(&subject).await;
        assert!(matches!(failed, Ok(Observed::Failed(_, why)) if why == "ConfigurationConflict: conflicts"));
    }
    assert_eq!(kind.observe(&subject).await, Ok(Observed::Absent));
    assert!(matches!(kind.observe(&subject).await, Ok(Observed::Foreign(_))));
}

#[tokio::test]
async fn an_addon_that_ends_degraded_is_changed_if_it_should_be_other_and_else_is_a_fault_with_its_reasons() {
    let degraded = || shown(addon(AddonStatus::Degraded)).into_iter();
    let changed = answer!(Client::update_addon => UpdateAddonOutput {});
    let other = shown(addon(AddonStatus::Degraded).configuration_values("{}")).into_iter();
    let again = [no_updates()].into_iter().chain(degraded());
    let script = Script::of(degraded().chain(again).chain([no_updates()]).chain(other).chain([changed]));
    let (kind, subject) = (script.kind(Kind::Addon), changing(Kind::Addon, ARN));
    let degraded = present(kind.observe(&subject).await.unwrap()).properties;
    let why = fault(kind.update(&subject, &[change(HEALTH, degraded[HEALTH].clone(), Value::Null)]).await);
    assert_eq!(
        (why.name, why.message.as_str()),
        (FaultName::Unhealthy, "EKS reports: ConfigurationConflict: conflicts")
    );
    let health = change(HEALTH, degraded[HEALTH].clone(), Value::Null);
    let back = [health, change("configuration", Value::Null, json!({"env": {"A": "b"}}))];
    assert_eq!(kind.update(&subject, &back).await, Ok(Progress::Pending), "a restore gets it out of that");
}

#[tokio::test]
async fn an_addon_is_asked_for_again_with_the_same_token() {
    let made = mock!(Client::create_addon)
        .match_requests(|request| {
            request.client_request_token() == TOKEN
                && carries_identity(request.tags())
                && request.configuration_values() == Some(r#"{"env":{"A":"b"}}"#)
                && request.resolve_conflicts() == Some(&ResolveConflicts::Overwrite)
                && request.pod_identity_associations()[0].service_account() == "aws-node"
        })
        .sequence()
        .http_status(500, None)
        .output(|| CreateAddonOutput::builder().addon(addon(AddonStatus::Creating).build()).build())
        .build();
    let lost = mock!(Client::create_addon).sequence().http_status(200, Some("cut".into())).build();
    let there = refuse!(Client::create_addon => CreateAddonError "ResourceInUseException");
    let bad = refuse!(Client::create_addon => CreateAddonError "InvalidParameterException");
    let script = Script::of([made.clone(), lost, there, bad]);
    let (kind, subject) = (script.kind(Kind::Addon), subject(Kind::Addon));
    let created = kind.create(&subject).await.unwrap();
    assert_eq!((created.locator.0.as_str(), created.progress, made.num_calls()), (ARN, Progress::Pending, 2));
    assert!(matches!(kind.create(&subject).await, Err(CallError::Unknown(_))));
    assert_eq!(fault_name(kind.create(&subject).await), FaultName::UpdateInProgress);
    assert_eq!(fault_name(kind.create(&subject).await), FaultName::CreateFailed);
}

#[tokio::test]
async fn a_configuration_is_compared_as_json_and_none_is_as_good_as_an_empty_one() {
    let other = addon(AddonStatus::Active).configuration_values("{ \"env\" : {\"A\": \"c\"} }");
    let empty = addon(AddonStatus::Active).configuration_values("{}");
    let cleared = mock!(Client::update_addon)
        .match_requests(|request| request.configuration_values() == Some("{}"))
        .then_output(|| UpdateAddonOutput::builder().build());
    let looks = shown(other.clone()).into_iter().chain(shown(empty));
    let script = Script::of(looks.chain([no_updates()]).chain(shown(other)).chain([cleared]));
    let (kind, subject) = (script.kind(Kind::Addon), changing(Kind::Addon, ARN));
    let drifted = present(kind.observe(&subject).await.unwrap()).properties;
    assert_eq!(drifted["configuration"], json!({"env": {"A": "c"}}));
    assert_eq!(present(kind.observe(&subject).await.unwrap()).properties["configuration"], Value::Null);
    let without = with(subject, "configuration", Value::Null);
    let gone = change("configuration", json!({"env": {"A": "c"}}), Value::Null);
    assert_eq!(kind.update(&without, &[gone]).await, Ok(Progress::Pending));
}

#[tokio::test]
async fn a_failed_update_is_not_tried_again_and_a_busy_one_is_waited_for() {
    let [listed, failed] = updates(0, UpdateStatus::Failed);
    let busy = refuse!(Client::update_addon => UpdateAddonError "ResourceInUseException");
    let bad = refuse!(Client::update_addon => UpdateAddonError "InvalidParameterException");
    let step = |answer: Rule| {
        let [older, association] = shown(addon(AddonStatus::Active).addon_version("v1.19.0-eksbuild.1"));
        [no_updates(), older, association, answer]
    };
    let script = Script::of([listed, failed].into_iter().chain(step(busy)).chain(step(bad)));
    let (kind, subject) = (script.kind(Kind::Addon), changing(Kind::Addon, ARN));
    let version = [change("version", json!("v1.19.0-eksbuild.1"), json!("v1.20.4-eksbuild.1"))];
    assert_eq!(fault_name(kind.update(&subject, &version).await), FaultName::UpdateFailed);
    assert_eq!(fault_name(kind.update(&subject, &version).await), FaultName::UpdateInProgress);
    assert_eq!(fault_name(kind.update(&subject, &version).await), FaultName::UpdateFailed);
}

#[tokio::test]
async fn an_addon_that_eks_changes_is_deleted_afterwards() {
    let [updating, _] = shown(addon(AddonStatus::Updating));
    let [active, _] = shown(addon(AddonStatus::Active));
    let gone = refuse!(Client::describe_addon => DescribeAddonError "ResourceNotFoundException");
    let deleted = answer!(Client::delete_addon => DeleteAddonOutput {});
    let already = refuse!(Client::delete_addon => DeleteAddonError "ResourceNotFoundException");
    let script = Script::of([updating, active, gone, deleted, already]);
    let (kind, subject) = (script.kind(Kind::Addon), found(Kind::Addon, ARN));
    assert_eq!(kind.retire(&subject).await, Ok(Progress::Pending));
    assert_eq!(kind.retire(&subject).await, Ok(Progress::Done));
    assert_eq!(kind.retire(&subject).await, Ok(Progress::Done));
    assert_eq!(kind.delete(&subject).await, Ok(Progress::Pending));
    assert_eq!(kind.delete(&subject).await, Err(CallError::NotFound));
}
