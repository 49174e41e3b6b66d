//! Log groups, the role of flow logs, and flow logs.

use aws_sdk_cloudwatchlogs::Client as Logs;
use aws_sdk_cloudwatchlogs::operation::create_log_group::{CreateLogGroupError, CreateLogGroupOutput};
use aws_sdk_cloudwatchlogs::operation::delete_log_group::{DeleteLogGroupError, DeleteLogGroupOutput};
use aws_sdk_cloudwatchlogs::operation::describe_log_groups::DescribeLogGroupsOutput;
use aws_sdk_cloudwatchlogs::operation::list_tags_for_resource::ListTagsForResourceOutput;
use aws_sdk_cloudwatchlogs::operation::put_retention_policy::{PutRetentionPolicyError, PutRetentionPolicyOutput};
use aws_sdk_cloudwatchlogs::operation::tag_resource::TagResourceOutput;
use aws_sdk_cloudwatchlogs::operation::untag_resource::UntagResourceOutput;
use aws_sdk_cloudwatchlogs::types::LogGroup;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::operation::create_flow_logs::{CreateFlowLogsError, CreateFlowLogsOutput};
use aws_sdk_ec2::operation::delete_flow_logs::DeleteFlowLogsOutput;
use aws_sdk_ec2::operation::describe_flow_logs::DescribeFlowLogsOutput;
use aws_sdk_ec2::types::{FlowLog, UnsuccessfulItem, UnsuccessfulItemError};
use aws_sdk_iam::Client as Iam;
use aws_sdk_iam::operation::attach_role_policy::AttachRolePolicyOutput;
use aws_sdk_iam::operation::create_role::{CreateRoleError, CreateRoleOutput};
use aws_sdk_iam::operation::delete_role::{DeleteRoleError, DeleteRoleOutput};
use aws_sdk_iam::operation::delete_role_permissions_boundary::DeleteRolePermissionsBoundaryOutput;
use aws_sdk_iam::operation::delete_role_policy::{DeleteRolePolicyError, DeleteRolePolicyOutput};
use aws_sdk_iam::operation::detach_role_policy::DetachRolePolicyOutput;
use aws_sdk_iam::operation::get_role::{GetRoleError, GetRoleOutput};
use aws_sdk_iam::operation::get_role_policy::GetRolePolicyOutput;
use aws_sdk_iam::operation::list_attached_role_policies::ListAttachedRolePoliciesOutput;
use aws_sdk_iam::operation::list_role_policies::{ListRolePoliciesError, ListRolePoliciesOutput};
use aws_sdk_iam::operation::put_role_permissions_boundary::PutRolePermissionsBoundaryOutput;
use aws_sdk_iam::operation::put_role_policy::{PutRolePolicyError, PutRolePolicyOutput};
use aws_sdk_iam::operation::tag_role::TagRoleOutput;
use aws_sdk_iam::operation::untag_role::UntagRoleOutput;
use aws_sdk_iam::operation::update_assume_role_policy::UpdateAssumeRolePolicyOutput;
use aws_sdk_iam::operation::update_role_description::UpdateRoleDescriptionOutput;
use aws_sdk_iam::types::{AttachedPermissionsBoundary, AttachedPolicy, Role, Tag};
use aws_smithy_mocks::{Rule, mock};
use domain::{FaultName, Kind, Locator};
use engine::{CallError, Observed, Progress};
use serde_json::{Value, json};

use crate::support::*;

const GROUP: &str = "/landfall/home/demo/flow-logs";
const GROUP_ARN: &str = "arn:aws:logs:eu-west-1:123456789012:log-group:/landfall/home/demo/flow-logs";

fn groups(names: &'static [&'static str]) -> Rule {
    mock!(Logs::describe_log_groups)
        .match_requests(|request| request.log_group_name_prefix() == Some(GROUP))
        .then_output(|| {
            let group = |name: &&str| LogGroup::builder().log_group_name(*name).retention_in_days(30).build();
            DescribeLogGroupsOutput::builder().set_log_groups(Some(names.iter().map(group).collect())).build()
        })
}

fn group_tags(ours: bool) -> Rule {
    mock!(Logs::list_tags_for_resource).match_requests(|request| request.resource_arn() == Some(GROUP_ARN)).then_output(
        move || {
            let tags = if ours { tags_of(&subject(Kind::LogGroup)) } else { Default::default() };
            ListTagsForResourceOutput::builder().set_tags(Some(tags.into_iter().collect())).build()
        },
    )
}

#[tokio::test]
async fn a_log_group_is_found_by_its_exact_name_and_must_carry_our_tags() {
    let script = Script::of([
        groups(&["/landfall/home/demo/flow-logs-2", GROUP]),
        group_tags(true),
        groups(&[GROUP]),
        group_tags(false),
        groups(&["/landfall/home/demo/flow-logs-2"]),
    ]);
    let (kind, subject) = (script.kind(Kind::LogGroup), subject(Kind::LogGroup));
    let actual = as_wanted(&subject, kind.observe(&subject).await.unwrap());
    assert_eq!(actual.outputs["arn"], GROUP_ARN);
    assert_eq!(kind.observe(&subject).await, Ok(Observed::Foreign(Locator(GROUP.into()))));
    assert_eq!(kind.observe(&subject).await, Ok(Observed::Absent));
}

#[tokio::test]
async fn a_log_group_is_made_and_keeps_its_events_for_so_long() {
    let made = || {
        mock!(Logs::create_log_group)
            .match_requests(|request| request.tags().is_some_and(|tags| tags["landfall:platform"] == "demo"))
            .then_output(|| CreateLogGroupOutput::builder().build())
    };
    let kept = mock!(Logs::put_retention_policy)
        .match_requests(|request| request.retention_in_days() == Some(30))
        .then_output(|| PutRetentionPolicyOutput::builder().build());
    let not_kept = mock!(Logs::put_retention_policy)
        .then_error(|| PutRetentionPolicyError::generic(code("OperationAbortedException")));
    let there = mock!(Logs::create_log_group)
        .then_error(|| CreateLogGroupError::generic(code("ResourceAlreadyExistsException")));
    let script = Script::of([made(), kept, made(), not_kept, there]);
    let (kind, subject) = (script.kind(Kind::LogGroup), subject(Kind::LogGroup));
    let done = kind.create(&subject).await.unwrap();
    assert_eq!((done.locator.0.as_str(), done.outputs["arn"].as_str()), (GROUP, GROUP_ARN));
    assert_eq!(done.progress, Progress::Done);
    assert_eq!(kind.create(&subject).await.unwrap().progress, Progress::Pending);
    assert_eq!(fault_name(kind.create(&subject).await), FaultName::UpdateInProgress);
}

#[tokio::test]
async fn a_log_group_is_changed_and_deleted() {
    let kept = mock!(Logs::put_retention_policy).then_output(|| PutRetentionPolicyOutput::builder().build());
    let put = mock!(Logs::tag_resource)
        .match_requests(|request| request.tags().is_some_and(|tags| tags.len() == 2))
        .then_output(|| TagResourceOutput::builder().build());
    let removed = mock!(Logs::untag_resource)
        .match_requests(|request| request.tag_keys() == ["old"])
        .then_output(|| UntagResourceOutput::builder().build());
    let deleted = mock!(Logs::delete_log_group).then_output(|| DeleteLogGroupOutput::builder().build());
    let gone =
        mock!(Logs::delete_log_group).then_error(|| DeleteLogGroupError::generic(code("ResourceNotFoundException")));
    let script = Script::of([kept, put, removed, deleted, gone]);
    let (kind, subject) = (script.kind(Kind::LogGroup), found(Kind::LogGroup, GROUP));
    let changes = [change("retentionDays", Value::Null, json!(30)), tag_change()];
    assert_eq!(kind.update(&subject, &changes).await, Ok(Progress::Done));
    assert_eq!(kind.delete(&subject).await, Ok(Progress::Done));
    assert_eq!(kind.delete(&subject).await, Err(CallError::NotFound));
}

fn role(ours: bool) -> Rule {
    mock!(Iam::get_role).then_output(move || {
        let tags = if ours { tags_of(&subject(Kind::Role)) } else { Default::default() };
        let tag = |(key, value)| Tag::builder().key(key).value(value).build().unwrap();
        let boundary = AttachedPermissionsBoundary::builder()
            .permissions_boundary_arn("arn:aws:iam::123456789012:policy/corp")
            .build();
        GetRoleOutput::builder()
            .role(
                role_builder()
                    .description("VPC flow logs write with this role")
                    .assume_role_policy_document("%7B%22Version%22%3A%222012-10-17%22%7D")
                    .permissions_boundary(boundary)
                    .set_tags(Some(tags.into_iter().map(tag).collect()))
                    .build()
                    .unwrap(),
            )
            .build()
    })
}

fn role_builder() -> aws_sdk_iam::types::builders::RoleBuilder {
    Role::builder()
        .role_name("demo-flow-logs")
        .path("/landfall/home/demo/")
        .role_id("AROA1")
        .arn("arn:aws:iam::123456789012:role/landfall/home/demo/demo-flow-logs")
        .create_date(aws_sdk_iam::primitives::DateTime::from_secs(0))
}

/// The answers to what is asked of a role's policies: its own, then those attached.
fn policies(own: Option<&'static str>, attached: &'static str) -> Vec<Rule> {
    let names = mock!(Iam::list_role_policies).then_output(move || {
        let names = own.map(|_| vec!["write-flow-logs".to_owned()]).unwrap_or_default();
        ListRolePoliciesOutput::builder().set_policy_names(Some(names)).build().unwrap()
    });
    let document = own.map(|document| {
        let encoded = document.replace('{', "%7B").replace('"', "%22");
        mock!(Iam::get_role_policy).then_output(move || {
            GetRolePolicyOutput::builder()
                .role_name("demo-flow-logs")
                .policy_name("write-flow-logs")
                .policy_document(&encoded)
                .build()
                .unwrap()
        })
    });
    let managed = mock!(Iam::list_attached_role_policies).then_output(move || {
        let policy = AttachedPolicy::builder().policy_name("any").policy_arn(attached).build();
        ListAttachedRolePoliciesOutput::builder().attached_policies(policy).build()
    });
    [Some(names), document, Some(managed)].into_iter().flatten().collect()
}

const OWN: &str = r#"{"Version": "2012-10-17", "Statement": []}"#;
const SHARED: &str = "arn:aws:iam::123456789012:policy/shared";

#[tokio::test]
async fn a_role_is_shown_with_what_it_may_do() {
    let mut rules = vec![role(true)];
    rules.extend(policies(Some(OWN), SHARED));
    for drifted in
        [policies(Some("{cut"), SHARED), policies(None, SHARED), policies(Some(OWN), "arn:aws:iam::aws:policy/More")]
    {
        rules.push(role(true));
        rules.extend(drifted);
    }
    let script = Script::of(rules);
    let (kind, subject) = (script.kind(Kind::Role), subject(Kind::Role));
    let actual = as_wanted(&subject, kind.observe(&subject).await.unwrap());
    assert_eq!(actual.outputs["arn"], "arn:aws:iam::123456789012:role/landfall/home/demo/demo-flow-logs");
    let wanted = &subject.spec;
    for field in ["policies", "policies", "managedPolicies"] {
        let drifted = present(kind.observe(&subject).await.unwrap());
        assert_ne!(drifted.properties[field], wanted[field]);
    }
}

#[tokio::test]
async fn a_role_of_that_name_without_our_tags_is_foreign() {
    let none = mock!(Iam::get_role).then_error(|| GetRoleError::generic(code("NoSuchEntity")));
    let script = Script::of([role(false), none]);
    let (kind, subject) = (script.kind(Kind::Role), subject(Kind::Role));
    assert_eq!(kind.observe(&subject).await, Ok(Observed::Foreign(Locator("demo-flow-logs".into()))));
    assert_eq!(kind.observe(&subject).await, Ok(Observed::Absent));
}

#[tokio::test]
async fn a_role_is_made_under_its_path_and_boundary_with_its_policies() {
    let made = || {
        mock!(Iam::create_role)
            .match_requests(|request| {
                request.path() == Some("/landfall/home/demo/")
                    && request.permissions_boundary() == Some("arn:aws:iam::123456789012:policy/corp")
                    && request.assume_role_policy_document() == Some(r#"{"Version":"2012-10-17"}"#)
            })
            .then_output(|| CreateRoleOutput::builder().role(role_builder().build().unwrap()).build())
    };
    let allowed = mock!(Iam::put_role_policy)
        .match_requests(|request| request.policy_name() == Some("write-flow-logs"))
        .then_output(|| PutRolePolicyOutput::builder().build());
    let attached = mock!(Iam::attach_role_policy)
        .match_requests(|request| request.policy_arn() == Some(SHARED))
        .then_output(|| AttachRolePolicyOutput::builder().build());
    let hidden = mock!(Iam::put_role_policy).then_error(|| PutRolePolicyError::generic(code("NoSuchEntity")));
    let there = mock!(Iam::create_role).then_error(|| CreateRoleError::generic(code("EntityAlreadyExists")));
    let script = Script::of([made(), allowed, attached, made(), hidden, there]);
    let (kind, subject) = (script.kind(Kind::Role), subject(Kind::Role));
    assert_eq!(kind.create(&subject).await.unwrap().progress, Progress::Done);
    assert_eq!(kind.create(&subject).await.unwrap().progress, Progress::Pending);
    assert_eq!(fault_name(kind.create(&subject).await), FaultName::UpdateInProgress);
}

#[tokio::test]
async fn a_role_is_changed() {
    let bound =
        mock!(Iam::put_role_permissions_boundary).then_output(|| PutRolePermissionsBoundaryOutput::builder().build());
    let described = mock!(Iam::update_role_description).then_output(|| UpdateRoleDescriptionOutput::builder().build());
    let trusted = mock!(Iam::update_assume_role_policy).then_output(|| UpdateAssumeRolePolicyOutput::builder().build());
    let allowed = mock!(Iam::put_role_policy).then_output(|| PutRolePolicyOutput::builder().build());
    let attached = mock!(Iam::attach_role_policy).then_output(|| AttachRolePolicyOutput::builder().build());
    let detached = mock!(Iam::detach_role_policy)
        .match_requests(|request| request.policy_arn() == Some("arn:aws:iam::aws:policy/More"))
        .then_output(|| DetachRolePolicyOutput::builder().build());
    let put = mock!(Iam::tag_role).then_output(|| TagRoleOutput::builder().build());
    let removed = mock!(Iam::untag_role).then_output(|| UntagRoleOutput::builder().build());
    let freed = mock!(Iam::delete_role_permissions_boundary)
        .then_output(|| DeleteRolePermissionsBoundaryOutput::builder().build());
    let mut rules = vec![described, trusted, bound];
    rules.extend(policies(Some("{cut"), "arn:aws:iam::aws:policy/More"));
    rules.extend([allowed, attached, detached, put, removed, freed]);
    let script = Script::of(rules);
    let (kind, subject) = (script.kind(Kind::Role), found(Kind::Role, "demo-flow-logs"));
    let to = |field: &str| change(field, Value::Null, Value::Null);
    let changes = [to("description"), to("trust"), to("permissionsBoundary"), to("policies"), tag_change()];
    assert_eq!(kind.update(&subject, &changes).await, Ok(Progress::Done));
    let free = with(subject, "permissionsBoundary", Value::Null);
    assert_eq!(kind.update(&free, &[to("permissionsBoundary")]).await, Ok(Progress::Done));
}

#[tokio::test]
async fn a_role_goes_after_its_policies() {
    let gone = || mock!(Iam::delete_role_policy).then_error(|| DeleteRolePolicyError::generic(code("NoSuchEntity")));
    let taken = mock!(Iam::delete_role_policy).then_output(|| DeleteRolePolicyOutput::builder().build());
    let detached = || mock!(Iam::detach_role_policy).then_output(|| DetachRolePolicyOutput::builder().build());
    let deleted = mock!(Iam::delete_role).then_output(|| DeleteRoleOutput::builder().build());
    let used = mock!(Iam::delete_role).then_error(|| DeleteRoleError::generic(code("DeleteConflict")));
    let absent = mock!(Iam::list_role_policies).then_error(|| ListRolePoliciesError::generic(code("NoSuchEntity")));
    let mut rules = policies(Some(OWN), SHARED);
    rules.extend([taken, detached(), deleted]);
    rules.extend(policies(Some(OWN), SHARED));
    rules.extend([gone(), detached(), used, absent]);
    let script = Script::of(rules);
    let (kind, subject) = (script.kind(Kind::Role), found(Kind::Role, "demo-flow-logs"));
    assert_eq!(kind.delete(&subject).await, Ok(Progress::Done));
    assert_eq!(fault_name(kind.delete(&subject).await), FaultName::DependencyStillThere);
    assert_eq!(kind.delete(&subject).await, Err(CallError::NotFound));
}

fn failed(text: &str) -> UnsuccessfulItem {
    let error = UnsuccessfulItemError::builder().code(text).message("because").build();
    UnsuccessfulItem::builder().error(error).build()
}

#[tokio::test]
async fn a_flow_log_waits_for_its_role() {
    let early = mock!(Client::create_flow_logs).then_error(|| CreateFlowLogsError::generic(code("InvalidParameter")));
    let there = mock!(Client::create_flow_logs)
        .then_output(|| CreateFlowLogsOutput::builder().unsuccessful(failed("FlowLogAlreadyExists")).build());
    let made = mock!(Client::create_flow_logs)
        .match_requests(|request| {
            request.client_token() == Some("01JD0000000000000000000001")
                && request.resource_ids() == ["vpc-1"]
                && carries_identity(request.tag_specifications())
        })
        .then_output(|| CreateFlowLogsOutput::builder().flow_log_ids("fl-1").build());
    let script = Script::of([early, there, made]);
    let (kind, subject) = (script.kind(Kind::FlowLog), subject(Kind::FlowLog));
    assert_eq!(fault_name(kind.create(&subject).await), FaultName::UpdateInProgress);
    assert_eq!(fault_name(kind.create(&subject).await), FaultName::UpdateInProgress);
    assert_eq!(kind.create(&subject).await.unwrap().locator.0, "fl-1");
}

#[tokio::test]
async fn a_flow_log_is_shown_and_deleted() {
    let listed = mock!(Client::describe_flow_logs).then_output(|| {
        let log = FlowLog::builder()
            .flow_log_id("fl-1")
            .resource_id("vpc-1")
            .log_group_name(GROUP)
            .deliver_logs_permission_arn("arn:aws:iam::123456789012:role/landfall/home/demo/demo-flow-logs")
            .set_tags(Some(ec2_tags(&subject(Kind::FlowLog))))
            .build();
        DescribeFlowLogsOutput::builder().flow_logs(log).build()
    });
    let deleted = mock!(Client::delete_flow_logs).then_output(|| DeleteFlowLogsOutput::builder().build());
    let gone = mock!(Client::delete_flow_logs)
        .then_output(|| DeleteFlowLogsOutput::builder().unsuccessful(failed("InvalidFlowLogId.NotFound")).build());
    let script = Script::of([listed, deleted, gone]);
    let (kind, subject) = (script.kind(Kind::FlowLog), found(Kind::FlowLog, "fl-1"));
    as_wanted(&subject, kind.observe(&subject).await.unwrap());
    assert_eq!(kind.delete(&subject).await, Ok(Progress::Done));
    assert_eq!(kind.delete(&subject).await, Err(CallError::NotFound));
}
