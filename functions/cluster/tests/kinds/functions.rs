//! Functions: copies of the installation's, in the platform's VPC.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_ec2::operation::describe_network_interfaces::DescribeNetworkInterfacesOutput;
use aws_sdk_ec2::types::NetworkInterface;
use aws_sdk_iam::operation::get_role::GetRoleOutput;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::operation::create_function::{CreateFunctionError, CreateFunctionOutput};
use aws_sdk_lambda::operation::delete_function::DeleteFunctionOutput;
use aws_sdk_lambda::operation::get_function::{GetFunctionError, GetFunctionOutput};
use aws_sdk_lambda::operation::tag_resource::TagResourceOutput;
use aws_sdk_lambda::operation::untag_resource::UntagResourceOutput;
use aws_sdk_lambda::operation::update_function_code::{UpdateFunctionCodeError, UpdateFunctionCodeOutput};
use aws_sdk_lambda::operation::update_function_configuration::UpdateFunctionConfigurationOutput;
use aws_sdk_lambda::types::builders::FunctionConfigurationBuilder;
use aws_sdk_lambda::types::{
    Architecture, FunctionCodeLocation, FunctionConfiguration, LastUpdateStatus, LastUpdateStatusReasonCode,
    LoggingConfig, State, StateReasonCode, TagsError, VpcConfigResponse,
};
use aws_smithy_mocks::{Rule, mock};
use domain::{FaultName, Kind};
use engine::{CallError, Observed, Progress, Subject};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::{
    SINCE, Script, answer, as_wanted, carries_identity, change, changing, eks_tags, fault, fault_name, found, present,
    refuse, subject, tag_change, with,
};

const NAME: &str = "home_demo_gate";
const ARN: &str = "arn:aws:lambda:eu-west-1:123456789012:function:home_demo_gate";

/// The function of the sample spec, with code of that digest.
fn function(state: State, code: &str) -> FunctionConfigurationBuilder {
    FunctionConfiguration::builder()
        .function_name(NAME)
        .function_arn(ARN)
        .description("The way in")
        .role("arn:aws:iam::123456789012:role/demo-gate")
        .code_sha256(code)
        .memory_size(256)
        .timeout(15)
        .logging_config(LoggingConfig::builder().log_group("/landfall/home/demo/gate").build())
        .vpc_config(
            VpcConfigResponse::builder()
                .subnet_ids("subnet-1")
                .subnet_ids("subnet-2")
                .security_group_ids("sg-1")
                .build(),
        )
        .state(state)
        .last_update_status(LastUpdateStatus::Successful)
}

fn shown(function: FunctionConfigurationBuilder) -> Rule {
    let function = function.build();
    mock!(Client::get_function).match_requests(|asked| asked.function_name() == Some(NAME)).then_output(move || {
        let tags = Some(eks_tags(Kind::Function));
        GetFunctionOutput::builder().configuration(function.clone()).set_tags(tags).build()
    })
}

fn gone() -> Rule {
    refuse!(Client::get_function => GetFunctionError "ResourceNotFoundException")
}

/// The installation's own, with code of that digest at this place.
fn source(code: &'static str, place: &str) -> Rule {
    let place = place.to_owned();
    mock!(Client::get_function).match_requests(|asked| asked.function_name() == Some("home-gate")).then_output(
        move || {
            let location = FunctionCodeLocation::builder().location(&place).build();
            let configuration = FunctionConfiguration::builder().code_sha256(code).build();
            GetFunctionOutput::builder().configuration(configuration).code(location).build()
        },
    )
}

/// Where Lambda keeps a package: it answers so often, in that way.
async fn store(times: usize, status: &'static str) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = format!("http://{}/code?X-Amz-Signature=secret", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    tokio::spawn(async move {
        for _ in 0..times {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 1024]).await.unwrap();
            counted.fetch_add(1, Ordering::Relaxed);
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 3\r\nconnection: close\r\n\r\nzip");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (place, asked)
}

fn interfaces(ids: &'static [&'static str]) -> Rule {
    mock!(aws_sdk_ec2::Client::describe_network_interfaces)
        .match_requests(|asked| {
            let by = |name: &str, value: &str| {
                asked
                    .filters()
                    .iter()
                    .any(|filter| filter.name() == Some(name) && filter.values() == [value.to_owned()])
            };
            by("group-id", "sg-1") && asked.filters().len() == 1
        })
        .then_output(|| {
            let one = |id: &&str| NetworkInterface::builder().network_interface_id(*id).build();
            let all = ids.iter().map(one).collect();
            DescribeNetworkInterfacesOutput::builder().set_network_interfaces(Some(all)).build()
        })
}

fn leaving() -> Subject {
    Subject { leaving: true, ..found(Kind::Function, NAME) }
}

#[tokio::test]
async fn a_function_goes_through_its_states() {
    let updating = function(State::Active, "bmV3").last_update_status(LastUpdateStatus::InProgress);
    let failed = function(State::Failed, "bmV3")
        .state_reason_code(StateReasonCode::SubnetOutOfIpAddresses)
        .state_reason("no address is left");
    let untagged =
        answer!(Client::get_function => GetFunctionOutput { configuration: function(State::Active, "bmV3").build() });
    let script = Script::of([
        shown(function(State::Pending, "bmV3")),
        shown(updating),
        shown(function(State::Active, "bmV3")),
        shown(function(State::Inactive, "bmV3")),
        shown(failed),
        gone(),
        untagged,
    ]);
    let (kind, subject) = (script.kind(Kind::Function), found(Kind::Function, NAME));
    for _ in 0..2 {
        assert!(matches!(kind.observe(&subject).await, Ok(Observed::Pending(_))));
    }
    let actual = as_wanted(&subject, kind.observe(&subject).await.unwrap());
    assert_eq!((actual.outputs["name"].as_str(), actual.outputs["arn"].as_str()), (NAME, ARN));
    as_wanted(&subject, kind.observe(&subject).await.unwrap());
    let seen = kind.observe(&subject).await;
    assert!(matches!(seen, Ok(Observed::Failed(_, why)) if why == "SubnetOutOfIPAddresses: no address is left"));
    assert_eq!(kind.observe(&subject).await, Ok(Observed::Absent));
    assert!(matches!(kind.observe(&subject).await, Ok(Observed::Foreign(_))));
}

#[tokio::test]
async fn tags_that_may_not_be_seen_make_nothing_foreign() {
    let error = TagsError::builder().error_code("AccessDeniedException").message("no").build().unwrap();
    let hidden = answer!(Client::get_function => GetFunctionOutput {
        configuration: function(State::Active, "bmV3").build(), tags_error: error
    });
    let script = Script::of([hidden]);
    let denied = fault(script.kind(Kind::Function).observe(&found(Kind::Function, NAME)).await);
    assert_eq!(denied.name, FaultName::AccessDenied);
    assert!(denied.message.contains("lambda:ListTags"), "{denied}");
}

#[tokio::test]
async fn a_function_is_made_once_from_the_installations_code() {
    let made = mock!(Client::create_function)
        .match_requests(|request| {
            request.code().and_then(|code| code.zip_file()).map(|zip| zip.as_ref()) == Some(b"zip")
                && carries_identity(request.tags())
                && request.architectures() == [Architecture::Arm64]
                && request.vpc_config().is_some_and(|network| network.subnet_ids().len() == 2)
                && request.logging_config().and_then(|logging| logging.log_group()) == Some("/landfall/home/demo/gate")
        })
        .then_output(|| CreateFunctionOutput::builder().function_name(NAME).function_arn(ARN).build());
    let lost = mock!(Client::create_function).sequence().http_status(500, None).build();
    let there = refuse!(Client::create_function => CreateFunctionError "ResourceConflictException");
    let (place, asked) = store(3, "200 OK").await;
    let script =
        Script::of([source("bmV3", &place), made, source("bmV3", &place), lost.clone(), source("bmV3", &place), there]);
    let (kind, subject) = (script.kind(Kind::Function), subject(Kind::Function));
    let created = kind.create(&subject).await.unwrap();
    assert_eq!((created.locator.0.as_str(), created.progress), (NAME, Progress::Pending));
    assert_eq!(fault_name(kind.create(&subject).await), FaultName::ServiceUnavailable);
    assert_eq!(lost.num_calls(), 1, "without a token, nothing is sent twice");
    assert_eq!(fault_name(kind.create(&subject).await), FaultName::UpdateInProgress);
    assert_eq!(asked.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_role_that_lambda_does_not_know_yet_is_waited_for_only_while_it_is_new() {
    let refused = || refuse!(Client::create_function => CreateFunctionError "InvalidParameterValueException");
    let role = |age: i64| {
        let made = aws_sdk_iam::primitives::DateTime::from_secs(Timestamp::now().as_second() - age);
        let role = aws_sdk_iam::types::Role::builder().path("/").role_name("demo-gate").role_id("AROA1").arn("a");
        let role = role.create_date(made).build().unwrap();
        mock!(aws_sdk_iam::Client::get_role)
            .match_requests(|asked| asked.role_name() == Some("demo-gate"))
            .then_output(move || GetRoleOutput::builder().role(role.clone()).build())
    };
    let (place, _) = store(2, "200 OK").await;
    let script = Script::of([source("bmV3", &place), refused(), role(5), source("bmV3", &place), refused(), role(600)]);
    let (kind, subject) = (script.kind(Kind::Function), subject(Kind::Function));
    assert_eq!(fault_name(kind.create(&subject).await), FaultName::UpdateInProgress);
    assert_eq!(fault_name(kind.create(&subject).await), FaultName::CreateFailed);
}

#[tokio::test]
async fn code_that_does_not_come_is_asked_for_again_and_its_signed_place_is_told_nobody() {
    let (place, _) = store(1, "403 Forbidden").await;
    let gone = refuse!(Client::get_function => GetFunctionError "ResourceNotFoundException");
    let script = Script::of([source("bmV3", &place), gone]);
    let (kind, subject) = (script.kind(Kind::Function), subject(Kind::Function));
    let lost = fault(kind.create(&subject).await);
    assert_eq!(lost.name, FaultName::ServiceUnavailable);
    assert!(lost.message.contains("403") && !lost.message.contains("secret"), "{lost}");
    let missing = fault(kind.create(&subject).await);
    assert_eq!(missing.name, FaultName::CreateFailed);
    assert!(missing.message.contains("home-gate"), "{missing}");
}

#[tokio::test]
async fn code_is_drift_only_if_the_installation_has_other_code() {
    let script = Script::of([
        shown(function(State::Active, "b2xk")),
        source("bmV3", "http://127.0.0.1:1"),
        shown(function(State::Active, "bmV3")),
        source("bmV3", "http://127.0.0.1:1"),
    ]);
    let (kind, subject) = (script.kind(Kind::Function), found(Kind::Function, NAME));
    assert_eq!(present(kind.observe(&subject).await.unwrap()).properties["code"], "b2xk");
    // A plan of an older installation, which a restore goes back to.
    let older = with(subject, "code", json!("b2xk"));
    assert_eq!(present(kind.observe(&older).await.unwrap()).properties["code"], "b2xk");
}

#[tokio::test]
async fn one_thing_is_changed_at_a_time_and_the_code_first() {
    let coded = mock!(Client::update_function_code)
        .match_requests(|request| request.zip_file().map(|zip| zip.as_ref()) == Some(b"zip"))
        .then_output(|| UpdateFunctionCodeOutput::builder().build());
    let busy = refuse!(Client::update_function_code => UpdateFunctionCodeError "ResourceConflictException");
    let configured = mock!(Client::update_function_configuration)
        .match_requests(|request| {
            request.vpc_config().is_some_and(|network| network.security_group_ids() == ["sg-1"])
                && request.timeout() == Some(15)
        })
        .then_output(|| UpdateFunctionConfigurationOutput::builder().build());
    let (place, _) = store(2, "200 OK").await;
    let old = || function(State::Active, "b2xk").timeout(3);
    let new = || source("bmV3", &place);
    let script = Script::of([
        shown(old()),
        new(),
        new(),
        coded,
        shown(old()),
        new(),
        new(),
        busy,
        shown(function(State::Active, "bmV3").timeout(3)),
        configured,
        shown(function(State::Active, "bmV3")),
    ]);
    let (kind, subject) = (script.kind(Kind::Function), changing(Kind::Function, NAME));
    let changes = [change("code", json!("b2xk"), json!("bmV3")), change("timeout", json!(3), json!(15))];
    assert_eq!(kind.update(&subject, &changes).await, Ok(Progress::Pending));
    assert_eq!(fault_name(kind.update(&subject, &changes).await), FaultName::UpdateInProgress);
    assert_eq!(kind.update(&subject, &changes).await, Ok(Progress::Pending));
    assert_eq!(kind.update(&subject, &changes).await, Ok(Progress::Done));
}

#[tokio::test]
async fn only_the_users_tags_are_changed() {
    let tagged = mock!(Client::tag_resource)
        .match_requests(|request| {
            request.resource() == Some(ARN) && request.tags().is_some_and(|tags| tags.len() == 2 && tags["new"] == "y")
        })
        .then_output(|| TagResourceOutput::builder().build());
    let untagged = mock!(Client::untag_resource)
        .match_requests(|request| request.tag_keys() == ["old"])
        .then_output(|| UntagResourceOutput::builder().build());
    let script = Script::of([shown(function(State::Active, "bmV3")), tagged, untagged]);
    let subject = changing(Kind::Function, NAME);
    assert_eq!(script.kind(Kind::Function).update(&subject, &[tag_change()]).await, Ok(Progress::Done));
}

#[tokio::test]
async fn an_update_that_ended_as_failed_in_this_phase_is_a_fault() {
    let failed = |at: i64| {
        let at = Timestamp::from_second(at).unwrap().strftime("%Y-%m-%dT%H:%M:%S.250+0000").to_string();
        shown(
            function(State::Active, "bmV3")
                .timeout(3)
                .last_modified(at)
                .last_update_status(LastUpdateStatus::Failed)
                .last_update_status_reason_code(LastUpdateStatusReasonCode::InvalidSecurityGroup)
                .last_update_status_reason("no such group"),
        )
    };
    let again = mock!(Client::update_function_configuration)
        .then_output(|| UpdateFunctionConfigurationOutput::builder().build());
    let script = Script::of([failed(SINCE + 1), failed(SINCE - 1), again]);
    let (kind, subject) = (script.kind(Kind::Function), changing(Kind::Function, NAME));
    let changes = [change("timeout", json!(3), json!(15))];
    let why = fault(kind.update(&subject, &changes).await);
    assert_eq!(why.name, FaultName::UpdateFailed);
    assert!(why.message.contains("InvalidSecurityGroup: no such group"), "{why}");
    assert_eq!(kind.update(&subject, &changes).await, Ok(Progress::Pending));
}

#[tokio::test]
async fn a_function_is_gone_only_when_its_interfaces_are() {
    let deleted = answer!(Client::delete_function => DeleteFunctionOutput {});
    let script = Script::of([
        shown(function(State::Active, "bmV3")),
        deleted,
        gone(),
        interfaces(&["eni-1", "eni-2"]),
        gone(),
        interfaces(&["eni-1"]),
        gone(),
        interfaces(&[]),
        gone(),
        interfaces(&[]),
        gone(),
    ]);
    let (kind, subject) = (script.kind(Kind::Function), leaving());
    assert_eq!(kind.delete(&subject).await, Ok(Progress::Pending));
    let left = present(kind.observe(&subject).await.unwrap());
    assert_eq!((left.locator.0.as_str(), &left.properties), (NAME, &json!({})));
    let held = fault(kind.delete(&subject).await);
    assert_eq!(held.name, FaultName::DependencyStillThere);
    assert!(held.message.contains("eni-1"), "{held}");
    assert_eq!(kind.observe(&subject).await, Ok(Observed::Absent));
    assert_eq!(kind.delete(&subject).await, Err(CallError::NotFound));
    // One that is wanted is made again, whatever was left of it.
    assert_eq!(kind.observe(&found(Kind::Function, NAME)).await, Ok(Observed::Absent));
    assert_eq!(subject.spec["securityGroups"], Value::from(vec!["sg-1"]));
}
