//! How pods come by their roles: the issuer that IAM trusts, and Pod Identity associations.

use aws_sdk_eks::operation::create_pod_identity_association::{
    CreatePodIdentityAssociationError, CreatePodIdentityAssociationOutput,
};
use aws_sdk_eks::operation::delete_pod_identity_association::{
    DeletePodIdentityAssociationError, DeletePodIdentityAssociationOutput,
};
use aws_sdk_eks::operation::describe_pod_identity_association::DescribePodIdentityAssociationOutput;
use aws_sdk_eks::operation::list_pod_identity_associations::{
    ListPodIdentityAssociationsError, ListPodIdentityAssociationsOutput,
};
use aws_sdk_eks::operation::update_pod_identity_association::{
    UpdatePodIdentityAssociationError, UpdatePodIdentityAssociationOutput,
};
use aws_sdk_eks::types::builders::PodIdentityAssociationBuilder;
use aws_sdk_eks::types::{PodIdentityAssociation, PodIdentityAssociationSummary};
use aws_sdk_iam::operation::create_open_id_connect_provider::{
    CreateOpenIDConnectProviderError, CreateOpenIdConnectProviderOutput,
};
use aws_sdk_iam::operation::delete_open_id_connect_provider::DeleteOpenIdConnectProviderOutput;
use aws_sdk_iam::operation::get_open_id_connect_provider::{
    GetOpenIDConnectProviderError, GetOpenIdConnectProviderOutput,
};
use aws_sdk_iam::operation::tag_open_id_connect_provider::TagOpenIdConnectProviderOutput;
use aws_sdk_iam::operation::untag_open_id_connect_provider::UntagOpenIdConnectProviderOutput;
use aws_sdk_iam::types::Tag;
use aws_smithy_mocks::{Rule, mock};
use domain::{FaultName, Kind};
use engine::{CallError, Observed, Progress};
use serde_json::json;

use crate::support::{
    Script, TOKEN, answer, as_wanted, carries_identity, change, eks_tags, fault_name, found, present, refuse, subject,
    tag_change, tags_of,
};

type Eks = aws_sdk_eks::Client;
type Iam = aws_sdk_iam::Client;

const PROVIDER: &str = "arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/ABC";

fn provider(ours: bool) -> Rule {
    let tags: Vec<Tag> = tags_of(Kind::OidcProvider)
        .into_iter()
        .filter(|_| ours)
        .map(|(key, value)| Tag::builder().key(key).value(value).build().unwrap())
        .collect();
    mock!(Iam::get_open_id_connect_provider)
        .match_requests(|request| request.open_id_connect_provider_arn() == Some(PROVIDER))
        .then_output(move || GetOpenIdConnectProviderOutput::builder().set_tags(Some(tags.clone())).build())
}

#[tokio::test]
async fn a_provider_is_made_once_for_an_issuer_and_found_by_it() {
    let made = mock!(Iam::create_open_id_connect_provider)
        .match_requests(|request| {
            request.client_id_list() == ["sts.amazonaws.com"]
                && request.url() == Some("https://oidc.eks.eu-west-1.amazonaws.com/id/ABC")
                && request.tags().len() == tags_of(Kind::OidcProvider).len()
        })
        .then_output(|| CreateOpenIdConnectProviderOutput::builder().build());
    let there = refuse!(Iam::create_open_id_connect_provider => CreateOpenIDConnectProviderError "EntityAlreadyExists");
    let gone = refuse!(Iam::get_open_id_connect_provider => GetOpenIDConnectProviderError "NoSuchEntity");
    let script = Script::of([made, there, provider(true), gone, provider(false)]);
    let (kind, subject) = (script.kind(Kind::OidcProvider), subject(Kind::OidcProvider));
    let created = kind.create(&subject).await.unwrap();
    assert_eq!((created.locator.0.as_str(), created.progress), (PROVIDER, Progress::Done));
    assert_eq!(fault_name(kind.create(&subject).await), FaultName::UpdateInProgress);
    let actual = as_wanted(&subject, kind.observe(&subject).await.unwrap());
    assert_eq!(actual.outputs["host"], "oidc.eks.eu-west-1.amazonaws.com/id/ABC");
    assert_eq!(kind.observe(&subject).await, Ok(Observed::Absent));
    assert!(matches!(kind.observe(&subject).await, Ok(Observed::Foreign(_))));
}

#[tokio::test]
async fn a_provider_is_tagged_anew_and_deleted() {
    let put = answer!(Iam::tag_open_id_connect_provider => TagOpenIdConnectProviderOutput {});
    let removed = answer!(Iam::untag_open_id_connect_provider => UntagOpenIdConnectProviderOutput {});
    let deleted = answer!(Iam::delete_open_id_connect_provider => DeleteOpenIdConnectProviderOutput {});
    let script = Script::of([put, removed, deleted]);
    let (kind, subject) = (script.kind(Kind::OidcProvider), found(Kind::OidcProvider, PROVIDER));
    assert_eq!(kind.update(&subject, &[tag_change()]).await, Ok(Progress::Done));
    assert_eq!(kind.delete(&subject).await, Ok(Progress::Done));
}

fn association() -> PodIdentityAssociationBuilder {
    PodIdentityAssociation::builder()
        .cluster_name("demo")
        .namespace("apps")
        .service_account("api")
        .role_arn("arn:aws:iam::123456789012:role/demo-api")
        .association_id("a-1")
        .association_arn("arn:aws:eks:eu-west-1:123456789012:podidentityassociation/demo/a-1")
        .set_tags(Some(eks_tags(Kind::PodIdentityAssociation)))
}

fn shown(association: PodIdentityAssociationBuilder) -> [Rule; 2] {
    let summary = PodIdentityAssociationSummary::builder().association_id("a-1").build();
    [
        answer!(Eks::list_pod_identity_associations => ListPodIdentityAssociationsOutput { associations: summary }),
        answer!(Eks::describe_pod_identity_association => DescribePodIdentityAssociationOutput { association: association.clone().build() }),
    ]
}

#[tokio::test]
async fn an_association_is_found_by_its_service_account() {
    let none = answer!(Eks::list_pod_identity_associations => ListPodIdentityAssociationsOutput {});
    let gone =
        refuse!(Eks::list_pod_identity_associations => ListPodIdentityAssociationsError "ResourceNotFoundException");
    let drifted = shown(association().role_arn("arn:aws:iam::123456789012:role/other"));
    let foreign = shown(association().set_tags(None));
    let rules = shown(association()).into_iter().chain(drifted).chain([none, gone]).chain(foreign);
    let script = Script::of(rules);
    let (kind, subject) = (script.kind(Kind::PodIdentityAssociation), found(Kind::PodIdentityAssociation, "a-1"));
    as_wanted(&subject, kind.observe(&subject).await.unwrap());
    let drifted = present(kind.observe(&subject).await.unwrap()).properties;
    assert_eq!(drifted["role"], json!("arn:aws:iam::123456789012:role/other"));
    assert_eq!(kind.observe(&subject).await, Ok(Observed::Absent));
    assert_eq!(kind.observe(&subject).await, Ok(Observed::Absent));
    assert!(matches!(kind.observe(&subject).await, Ok(Observed::Foreign(locator)) if locator.0 == "a-1"));
}

#[tokio::test]
async fn an_association_is_asked_for_again_with_the_same_token_changed_and_deleted() {
    let made = mock!(Eks::create_pod_identity_association)
        .match_requests(|request| request.client_request_token() == TOKEN && carries_identity(request.tags()))
        .sequence()
        .http_status(500, None)
        .output(|| CreatePodIdentityAssociationOutput::builder().association(association().build()).build())
        .build();
    let there =
        refuse!(Eks::create_pod_identity_association => CreatePodIdentityAssociationError "ResourceInUseException");
    let lost = mock!(Eks::create_pod_identity_association).sequence().http_status(200, Some("cut".into())).build();
    let other = mock!(Eks::update_pod_identity_association)
        .match_requests(|request| request.role_arn() == Some("arn:aws:iam::123456789012:role/demo-api"))
        .then_output(|| UpdatePodIdentityAssociationOutput::builder().build());
    let wrong =
        refuse!(Eks::update_pod_identity_association => UpdatePodIdentityAssociationError "InvalidParameterException");
    let deleted = answer!(Eks::delete_pod_identity_association => DeletePodIdentityAssociationOutput {});
    let gone =
        refuse!(Eks::delete_pod_identity_association => DeletePodIdentityAssociationError "ResourceNotFoundException");
    let mut rules = vec![made.clone(), there, lost];
    rules.extend(
        shown(association()).into_iter().chain([other]).chain(shown(association())).chain([wrong, deleted, gone]),
    );
    let script = Script::of(rules);
    let (kind, subject) = (script.kind(Kind::PodIdentityAssociation), found(Kind::PodIdentityAssociation, "a-1"));
    let created = kind.create(&subject).await.unwrap();
    assert_eq!((created.locator.0.as_str(), created.progress, made.num_calls()), ("a-1", Progress::Done, 2));
    assert_eq!(fault_name(kind.create(&subject).await), FaultName::UpdateInProgress);
    assert!(matches!(kind.create(&subject).await, Err(CallError::Unknown(_))));
    let role = [change("role", json!("x"), json!("y"))];
    assert_eq!(kind.update(&subject, &role).await, Ok(Progress::Done));
    assert_eq!(fault_name(kind.update(&subject, &role).await), FaultName::UpdateFailed);
    assert_eq!(kind.delete(&subject).await, Ok(Progress::Done));
    assert_eq!(kind.delete(&subject).await, Err(CallError::NotFound));
}
