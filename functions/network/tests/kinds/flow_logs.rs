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
use aws_sdk_iam::operation::create_role::{CreateRoleError, CreateRoleOutput};
use aws_sdk_iam::operation::delete_role::{DeleteRoleError, DeleteRoleOutput};
use aws_sdk_iam::operation::delete_role_permissions_boundary::DeleteRolePermissionsBoundaryOutput;
use aws_sdk_iam::operation::delete_role_policy::{DeleteRolePolicyError, DeleteRolePolicyOutput};
use aws_sdk_iam::operation::get_role::{GetRoleError, GetRoleOutput};
use aws_sdk_iam::operation::get_role_policy::{GetRolePolicyError, GetRolePolicyOutput};
use aws_sdk_iam::operation::put_role_permissions_boundary::PutRolePermissionsBoundaryOutput;
use aws_sdk_iam::operation::put_role_policy::{PutRolePolicyError, PutRolePolicyOutput};
use aws_sdk_iam::operation::tag_role::TagRoleOutput;
use aws_sdk_iam::operation::untag_role::UntagRoleOutput;
use aws_sdk_iam::types::{AttachedPermissionsBoundary, Role, Tag};
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
        let tags = if ours { tags_of(&subject(Kind::FlowLogRole)) } else { Default::default() };
        let tag = |(key, value)| Tag::builder().key(key).value(value).build().unwrap();
        let boundary = AttachedPermissionsBoundary::builder()
            .permissions_boundary_arn("arn:aws:iam::123456789012:policy/corp")
            .build();
        GetRoleOutput::builder()
            .role(
                role_builder()
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

fn document(group: &str) -> String {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Action": [
                "logs:CreateLogStream", "logs:DescribeLogGroups", "logs:DescribeLogStreams", "logs:PutLogEvents",
            ],
            "Resource": [group, format!("{group}:*")],
        }],
    })
    .to_string()
}

fn policy(document: String) -> Rule {
    let encoded = document.replace('{', "%7B").replace('"', "%22");
    mock!(Iam::get_role_policy).then_output(move || {
        GetRolePolicyOutput::builder()
            .role_name("demo-flow-logs")
            .policy_name("write-flow-logs")
            .policy_document(&encoded)
            .build()
            .unwrap()
    })
}

#[tokio::test]
async fn a_role_is_shown_with_the_group_that_it_may_write_to() {
    let none = mock!(Iam::get_role_policy).then_error(|| GetRolePolicyError::generic(code("NoSuchEntity")));
    let script = Script::of([
        role(true),
        policy(document(GROUP_ARN)),
        role(true),
        policy(document("arn:aws:logs:eu-west-1:123456789012:log-group:other")),
        role(true),
        none,
        role(true),
        policy("{cut".into()),
    ]);
    let (kind, subject) = (script.kind(Kind::FlowLogRole), subject(Kind::FlowLogRole));
    let actual = as_wanted(&subject, kind.observe(&subject).await.unwrap());
    assert_eq!(actual.outputs["arn"], "arn:aws:iam::123456789012:role/landfall/home/demo/demo-flow-logs");
    for _ in 0..3 {
        let drifted = present(kind.observe(&subject).await.unwrap());
        assert_eq!(drifted.properties["logGroupArn"], Value::Null);
    }
}

#[tokio::test]
async fn a_role_of_that_name_without_our_tags_is_foreign() {
    let none = mock!(Iam::get_role).then_error(|| GetRoleError::generic(code("NoSuchEntity")));
    let script = Script::of([role(false), none]);
    let (kind, subject) = (script.kind(Kind::FlowLogRole), subject(Kind::FlowLogRole));
    assert_eq!(kind.observe(&subject).await, Ok(Observed::Foreign(Locator("demo-flow-logs".into()))));
    assert_eq!(kind.observe(&subject).await, Ok(Observed::Absent));
}

#[tokio::test]
async fn a_role_is_made_under_its_path_and_boundary_for_flow_logs_of_this_account() {
    let made = || {
        mock!(Iam::create_role)
            .match_requests(|request| {
                let trust = request.assume_role_policy_document().unwrap_or_default();
                request.path() == Some("/landfall/home/demo/")
                    && request.permissions_boundary() == Some("arn:aws:iam::123456789012:policy/corp")
                    && trust.contains("vpc-flow-logs.amazonaws.com")
                    && trust.contains("123456789012")
            })
            .then_output(|| CreateRoleOutput::builder().role(role_builder().build().unwrap()).build())
    };
    let allowed = mock!(Iam::put_role_policy)
        .match_requests(|request| request.policy_document().is_some_and(|text| text.contains(GROUP_ARN)))
        .then_output(|| PutRolePolicyOutput::builder().build());
    let hidden = mock!(Iam::put_role_policy).then_error(|| PutRolePolicyError::generic(code("NoSuchEntity")));
    let there = mock!(Iam::create_role).then_error(|| CreateRoleError::generic(code("EntityAlreadyExists")));
    let script = Script::of([made(), allowed, made(), hidden, there]);
    let (kind, subject) = (script.kind(Kind::FlowLogRole), subject(Kind::FlowLogRole));
    assert_eq!(kind.create(&subject).await.unwrap().progress, Progress::Done);
    assert_eq!(kind.create(&subject).await.unwrap().progress, Progress::Pending);
    assert_eq!(fault_name(kind.create(&subject).await), FaultName::UpdateInProgress);
}

#[tokio::test]
async fn a_role_is_changed() {
    let bound =
        mock!(Iam::put_role_permissions_boundary).then_output(|| PutRolePermissionsBoundaryOutput::builder().build());
    let allowed = mock!(Iam::put_role_policy).then_output(|| PutRolePolicyOutput::builder().build());
    let put = mock!(Iam::tag_role).then_output(|| TagRoleOutput::builder().build());
    let removed = mock!(Iam::untag_role).then_output(|| UntagRoleOutput::builder().build());
    let freed = mock!(Iam::delete_role_permissions_boundary)
        .then_output(|| DeleteRolePermissionsBoundaryOutput::builder().build());
    let script = Script::of([bound, allowed, put, removed, freed]);
    let (kind, subject) = (script.kind(Kind::FlowLogRole), found(Kind::FlowLogRole, "demo-flow-logs"));
    let boundary = change("permissionsBoundary", Value::Null, Value::Null);
    let changes = [boundary.clone(), change("logGroupArn", Value::Null, json!(GROUP_ARN)), tag_change()];
    assert_eq!(kind.update(&subject, &changes).await, Ok(Progress::Done));
    let free = with(subject, "permissionsBoundary", Value::Null);
    assert_eq!(kind.update(&free, &[boundary]).await, Ok(Progress::Done));
}

#[tokio::test]
async fn a_role_goes_after_its_policy() {
    let policy_gone =
        || mock!(Iam::delete_role_policy).then_error(|| DeleteRolePolicyError::generic(code("NoSuchEntity")));
    let policy_deleted = mock!(Iam::delete_role_policy).then_output(|| DeleteRolePolicyOutput::builder().build());
    let deleted = mock!(Iam::delete_role).then_output(|| DeleteRoleOutput::builder().build());
    let refused = |text: &'static str| mock!(Iam::delete_role).then_error(move || DeleteRoleError::generic(code(text)));
    let script = Script::of([
        policy_deleted,
        deleted,
        policy_gone(),
        refused("DeleteConflict"),
        policy_gone(),
        refused("NoSuchEntity"),
    ]);
    let (kind, subject) = (script.kind(Kind::FlowLogRole), found(Kind::FlowLogRole, "demo-flow-logs"));
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
