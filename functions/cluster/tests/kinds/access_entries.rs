//! Access entries with their policies: what is allowed comes first, then what is not goes.

use aws_sdk_eks::Client;
use aws_sdk_eks::operation::associate_access_policy::{AssociateAccessPolicyError, AssociateAccessPolicyOutput};
use aws_sdk_eks::operation::create_access_entry::{CreateAccessEntryError, CreateAccessEntryOutput};
use aws_sdk_eks::operation::delete_access_entry::{DeleteAccessEntryError, DeleteAccessEntryOutput};
use aws_sdk_eks::operation::describe_access_entry::{DescribeAccessEntryError, DescribeAccessEntryOutput};
use aws_sdk_eks::operation::disassociate_access_policy::DisassociateAccessPolicyError;
use aws_sdk_eks::operation::list_associated_access_policies::ListAssociatedAccessPoliciesOutput;
use aws_sdk_eks::operation::update_access_entry::{UpdateAccessEntryError, UpdateAccessEntryOutput};
use aws_sdk_eks::types::builders::AccessEntryBuilder;
use aws_sdk_eks::types::{AccessEntry, AccessScope, AccessScopeType, AssociatedAccessPolicy};
use aws_smithy_mocks::{Rule, mock};
use domain::{FaultName, Kind};
use engine::{CallError, Observed, Progress};
use serde_json::json;

use crate::support::{
    Script, TOKEN, answer, as_wanted, carries_identity, change, eks_tags, fault_name, found, present, refuse, subject,
};

const ARN: &str = "arn:aws:eks:eu-west-1:123456789012:access-entry/demo/role/123456789012/deployer/1";

fn entry() -> AccessEntryBuilder {
    AccessEntry::builder()
        .cluster_name("demo")
        .access_entry_arn(ARN)
        .principal_arn("arn:aws:iam::123456789012:role/deployer")
        .kubernetes_groups("viewers")
        .set_tags(Some(eks_tags(Kind::AccessEntry)))
}

fn shown(entry: AccessEntryBuilder) -> Rule {
    answer!(Client::describe_access_entry => DescribeAccessEntryOutput { access_entry: entry.clone().build() })
}

/// Policies by their names, each with its namespaces.
fn allowed(policies: &'static [(&'static str, &'static [&'static str])]) -> Rule {
    mock!(Client::list_associated_access_policies).then_output(move || {
        let policy = |(name, namespaces): &(&str, &[&str])| {
            let scope =
                AccessScope::builder().set_namespaces(Some(namespaces.iter().map(ToString::to_string).collect()));
            AssociatedAccessPolicy::builder()
                .policy_arn(format!("arn:aws:eks::aws:cluster-access-policy/{name}"))
                .access_scope(scope.build())
                .build()
        };
        let listed = policies.iter().map(policy).collect();
        ListAssociatedAccessPoliciesOutput::builder().set_associated_access_policies(Some(listed)).build()
    })
}

fn associated(name: &'static str, kind: AccessScopeType, namespaces: usize) -> Rule {
    mock!(Client::associate_access_policy)
        .match_requests(move |request| {
            let scope = request.access_scope().unwrap();
            request.policy_arn().unwrap().ends_with(name)
                && scope.r#type() == Some(&kind)
                && scope.namespaces().len() == namespaces
        })
        .then_output(|| AssociateAccessPolicyOutput::builder().build())
}

#[tokio::test]
async fn an_entry_is_seen_with_its_policies_and_what_somebody_changed() {
    let gone = refuse!(Client::describe_access_entry => DescribeAccessEntryError "ResourceNotFoundException");
    let script = Script::of([
        shown(entry()),
        allowed(&[("AmazonEKSViewPolicy", &[]), ("AmazonEKSEditPolicy", &["more", "apps"])]),
        shown(entry().kubernetes_groups("masters")),
        allowed(&[("AmazonEKSClusterAdminPolicy", &[])]),
        gone,
        shown(entry().set_tags(None)),
    ]);
    let (kind, subject) = (script.kind(Kind::AccessEntry), found(Kind::AccessEntry, ARN));
    as_wanted(&subject, kind.observe(&subject).await.unwrap());
    let drifted = present(kind.observe(&subject).await.unwrap()).properties;
    assert_eq!(drifted["groups"], json!(["viewers", "masters"]));
    assert!(drifted["policies"][0]["arn"].as_str().unwrap().ends_with("AmazonEKSClusterAdminPolicy"));
    assert_eq!(kind.observe(&subject).await, Ok(Observed::Absent));
    assert!(matches!(kind.observe(&subject).await, Ok(Observed::Foreign(_))));
}

#[tokio::test]
async fn an_entry_that_lacks_a_policy_is_left_to_the_update() {
    let made = mock!(Client::create_access_entry)
        .match_requests(|request| {
            request.client_request_token() == TOKEN
                && carries_identity(request.tags())
                && request.kubernetes_groups() == ["viewers"]
        })
        .then_output(|| CreateAccessEntryOutput::builder().access_entry(entry().build()).build());
    let failed = mock!(Client::associate_access_policy)
        .then_error(|| AssociateAccessPolicyError::generic(crate::support::code("ResourceNotFoundException")));
    let there = refuse!(Client::create_access_entry => CreateAccessEntryError "ResourceInUseException");
    let nobody = refuse!(Client::create_access_entry => CreateAccessEntryError "InvalidParameterException");
    let lost = mock!(Client::create_access_entry).sequence().http_status(200, Some("cut".into())).build();
    let script = Script::of([
        made,
        associated("AmazonEKSEditPolicy", AccessScopeType::Namespace, 2),
        failed,
        there,
        nobody,
        lost,
    ]);
    let (kind, subject) = (script.kind(Kind::AccessEntry), subject(Kind::AccessEntry));
    let created = kind.create(&subject).await.unwrap();
    assert_eq!((created.locator.0.as_str(), created.progress), (ARN, Progress::Pending));
    assert_eq!(fault_name(kind.create(&subject).await), FaultName::UpdateInProgress);
    assert_eq!(fault_name(kind.create(&subject).await), FaultName::CreateFailed);
    assert!(matches!(kind.create(&subject).await, Err(CallError::Unknown(_))));
}

#[tokio::test]
async fn policies_are_given_before_others_are_taken() {
    let groups = mock!(Client::update_access_entry)
        .match_requests(|request| request.kubernetes_groups() == ["viewers"])
        .then_output(|| UpdateAccessEntryOutput::builder().build());
    let taken = mock!(Client::disassociate_access_policy)
        .match_requests(|request| request.policy_arn().unwrap().ends_with("AmazonEKSAdminPolicy"))
        .then_error(|| DisassociateAccessPolicyError::generic(crate::support::code("ResourceNotFoundException")));
    let script = Script::of([
        groups,
        allowed(&[("AmazonEKSAdminPolicy", &[]), ("AmazonEKSEditPolicy", &["apps"])]),
        associated("AmazonEKSEditPolicy", AccessScopeType::Namespace, 2),
        associated("AmazonEKSViewPolicy", AccessScopeType::Cluster, 0),
        taken,
    ]);
    let changes = [change("groups", json!([]), json!(["viewers"])), change("policies", json!([]), json!([]))];
    let answer = script.kind(Kind::AccessEntry).update(&found(Kind::AccessEntry, ARN), &changes).await;
    assert_eq!(answer, Ok(Progress::Done));
}

#[tokio::test]
async fn a_refused_change_and_a_deletion_are_told_apart() {
    let wrong = refuse!(Client::update_access_entry => UpdateAccessEntryError "InvalidParameterException");
    let deleted = answer!(Client::delete_access_entry => DeleteAccessEntryOutput {});
    let gone = refuse!(Client::delete_access_entry => DeleteAccessEntryError "ResourceNotFoundException");
    let script = Script::of([wrong, deleted, gone]);
    let (kind, subject) = (script.kind(Kind::AccessEntry), found(Kind::AccessEntry, ARN));
    let groups = [change("groups", json!([]), json!(["viewers"]))];
    assert_eq!(fault_name(kind.update(&subject, &groups).await), FaultName::UpdateFailed);
    assert_eq!(kind.delete(&subject).await, Ok(Progress::Done));
    assert_eq!(kind.delete(&subject).await, Err(CallError::NotFound));
}
