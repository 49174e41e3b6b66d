//! Fargate profiles, of which EKS makes and deletes one at a time.

use aws_sdk_eks::Client;
use aws_sdk_eks::operation::create_fargate_profile::{CreateFargateProfileError, CreateFargateProfileOutput};
use aws_sdk_eks::operation::delete_fargate_profile::{DeleteFargateProfileError, DeleteFargateProfileOutput};
use aws_sdk_eks::operation::describe_fargate_profile::{DescribeFargateProfileError, DescribeFargateProfileOutput};
use aws_sdk_eks::types::builders::FargateProfileBuilder;
use aws_sdk_eks::types::{
    FargateProfile, FargateProfileHealth, FargateProfileIssue, FargateProfileSelector, FargateProfileStatus,
};
use aws_smithy_mocks::{Rule, mock};
use domain::{FaultName, Kind};
use engine::{CallError, Observed, Progress};

use crate::support::{
    Script, TOKEN, answer, as_wanted, carries_identity, eks_tags, fault_name, found, refuse, subject,
};

const ARN: &str = "arn:aws:eks:eu-west-1:123456789012:fargateprofile/demo/apps-1a2b3c4d/1";

fn profile(status: FargateProfileStatus) -> FargateProfileBuilder {
    let selector = |namespace: &str| FargateProfileSelector::builder().namespace(namespace);
    let issue = FargateProfileIssue::builder().message("no role").build();
    FargateProfile::builder()
        .cluster_name("demo")
        .fargate_profile_name("apps-1a2b3c4d")
        .fargate_profile_arn(ARN)
        .pod_execution_role_arn("arn:aws:iam::123456789012:role/demo-fargate")
        .subnets("subnet-1")
        .subnets("subnet-2")
        .selectors(selector("apps").build())
        .selectors(selector("team-*").labels("place", "fargate").build())
        .health(FargateProfileHealth::builder().issues(issue).build())
        .status(status)
        .set_tags(Some(eks_tags(Kind::FargateProfile)))
}

fn shown(profile: FargateProfileBuilder) -> Rule {
    answer!(Client::describe_fargate_profile => DescribeFargateProfileOutput { fargate_profile: profile.clone().build() })
}

#[tokio::test]
async fn a_profile_goes_through_its_states() {
    use FargateProfileStatus::{Active, CreateFailed, Creating, DeleteFailed, Deleting};
    let gone = refuse!(Client::describe_fargate_profile => DescribeFargateProfileError "ResourceNotFoundException");
    let foreign = shown(profile(Active).set_tags(None));
    let states = [Creating, Deleting, Active, CreateFailed, DeleteFailed];
    let script = Script::of(states.map(|state| shown(profile(state))).into_iter().chain([gone, foreign]));
    let (kind, subject) = (script.kind(Kind::FargateProfile), found(Kind::FargateProfile, ARN));
    for _ in 0..2 {
        assert!(matches!(kind.observe(&subject).await, Ok(Observed::Pending(_))));
    }
    as_wanted(&subject, kind.observe(&subject).await.unwrap());
    for _ in 0..2 {
        assert!(matches!(kind.observe(&subject).await, Ok(Observed::Failed(_, why)) if why == "no role"));
    }
    assert_eq!(kind.observe(&subject).await, Ok(Observed::Absent));
    assert!(matches!(kind.observe(&subject).await, Ok(Observed::Foreign(_))));
}

#[tokio::test]
async fn a_profile_is_asked_for_again_with_the_same_token_and_while_another_is_made_later() {
    let made = mock!(Client::create_fargate_profile)
        .match_requests(|request| {
            request.client_request_token() == TOKEN
                && carries_identity(request.tags())
                && request.selectors().len() == 2
                && request.subnets() == ["subnet-2", "subnet-1"]
        })
        .sequence()
        .http_status(500, None)
        .output(|| {
            let made = profile(FargateProfileStatus::Creating).build();
            CreateFargateProfileOutput::builder().fargate_profile(made).build()
        })
        .build();
    let lost = mock!(Client::create_fargate_profile).sequence().http_status(200, Some("cut".into())).build();
    let busy = refuse!(Client::create_fargate_profile => CreateFargateProfileError "ResourceInUseException");
    let many = refuse!(Client::create_fargate_profile => CreateFargateProfileError "ResourceLimitExceededException");
    let bad = refuse!(Client::create_fargate_profile => CreateFargateProfileError "InvalidParameterException");
    let script = Script::of([made.clone(), lost, busy, many, bad]);
    let (kind, subject) = (script.kind(Kind::FargateProfile), subject(Kind::FargateProfile));
    let created = kind.create(&subject).await.unwrap();
    assert_eq!((created.locator.0.as_str(), created.progress, made.num_calls()), (ARN, Progress::Pending, 2));
    assert!(matches!(kind.create(&subject).await, Err(CallError::Unknown(_))));
    assert_eq!(fault_name(kind.create(&subject).await), FaultName::UpdateInProgress);
    assert_eq!(fault_name(kind.create(&subject).await), FaultName::QuotaExceeded);
    assert_eq!(fault_name(kind.create(&subject).await), FaultName::CreateFailed);
}

#[tokio::test]
async fn a_profile_is_deleted_after_the_others() {
    let busy = refuse!(Client::delete_fargate_profile => DeleteFargateProfileError "ResourceInUseException");
    let deleted = answer!(Client::delete_fargate_profile => DeleteFargateProfileOutput {});
    let gone = refuse!(Client::delete_fargate_profile => DeleteFargateProfileError "ResourceNotFoundException");
    let script = Script::of([busy, deleted, gone]);
    let (kind, subject) = (script.kind(Kind::FargateProfile), found(Kind::FargateProfile, ARN));
    assert_eq!(fault_name(kind.delete(&subject).await), FaultName::DependencyStillThere);
    assert_eq!(kind.delete(&subject).await, Ok(Progress::Pending));
    assert_eq!(kind.delete(&subject).await, Err(CallError::NotFound));
}
