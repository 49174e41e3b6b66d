//! Subjects, scripts, and the answers that AWS gives.

use std::collections::HashMap;

use aws_sdk_eks::error::ErrorMetadata;
use aws_sdk_eks::operation::describe_update::DescribeUpdateOutput;
use aws_sdk_eks::operation::list_updates::ListUpdatesOutput;
use aws_sdk_eks::primitives::DateTime;
use aws_sdk_eks::types::{ErrorCode, ErrorDetail, Update, UpdateStatus, UpdateType};
use aws_smithy_mocks::{Rule, mock};
use cluster::{Clients, kinds};
use domain::{
    AccountId, Component, Fault, FaultName, Generation, Identity, Incarnation, Kind, Locator, PlatformName, ResourceId,
    Tags, Target, Token,
};
use engine::{Actual, CallError, Kinds, Observed, Resource, Subject};
use jiff::Timestamp;
use plan::FieldChange;
use serde_json::{Value, json};
use testkit::mocked;

/// The calls that are expected, in order, with their answers.
pub(crate) struct Script {
    rules: Vec<Rule>,
    kinds: Kinds,
}

impl Script {
    pub(crate) fn of(rules: impl IntoIterator<Item = Rule>) -> Self {
        let rules: Vec<Rule> = rules.into_iter().collect();
        let clients = Clients {
            eks: mocked!(aws_sdk_eks, Sequential, &rules),
            ec2: mocked!(aws_sdk_ec2, Sequential, &rules),
            iam: mocked!(aws_sdk_iam, Sequential, &rules),
            kms: mocked!(aws_sdk_kms, Sequential, &rules),
            logs: mocked!(aws_sdk_cloudwatchlogs, Sequential, &rules),
            lambda: mocked!(aws_sdk_lambda, Sequential, &rules),
            gate: "home-gate".to_owned(),
        };
        Self { kinds: kinds(&clients), rules }
    }

    pub(crate) fn kind(&self, kind: Kind) -> &dyn Resource {
        self.kinds[&kind].as_ref()
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        for (number, rule) in self.rules.iter().enumerate() {
            assert!(rule.num_calls() > 0, "call {number} of the script was not made");
        }
    }
}

/// An answer of one operation: `answer!(Client::describe_cluster => DescribeClusterOutput {cluster: …})`.
macro_rules! answer {
    ($client:path => $output:ident { $($field:ident: $value:expr),* $(,)? }) => {
        aws_smithy_mocks::mock!($client).then_output(move || $output::builder()$(.$field($value.clone()))*.build())
    };
}
pub(crate) use answer;

/// A refusal of one operation, by its code.
macro_rules! refuse {
    ($client:path => $error:ident $code:literal) => {
        aws_smithy_mocks::mock!($client).then_error(|| $error::generic($crate::support::code($code)))
    };
}
pub(crate) use refuse;

pub(crate) fn identity() -> Identity {
    Identity {
        installation: "home".into(),
        platform: PlatformName::parse("demo").unwrap(),
        incarnation: Incarnation::parse("01JD0000000000000000000000").unwrap(),
    }
}

/// A resource of that kind that nobody has found yet, with the sample spec.
pub(crate) fn subject(kind: Kind) -> Subject {
    Subject {
        identity: identity(),
        target: Target {
            account: AccountId::parse("123456789012").unwrap(),
            region: domain::Region::parse("eu-west-1").unwrap(),
        },
        id: ResourceId::new(Component::Cluster, "it"),
        generation: Generation::FIRST,
        kind,
        locator: None,
        spec: crate::specs::sample(kind),
        token: Token::parse("01JD0000000000000000000001").unwrap(),
        adopted: false,
        changing_since: None,
        leaving: false,
    }
}

/// The same, found before under this locator.
pub(crate) fn found(kind: Kind, locator: &str) -> Subject {
    Subject { locator: Some(Locator(locator.into())), ..subject(kind) }
}

/// When this phase began to change what is being changed.
pub(crate) const SINCE: i64 = 1_800_000_000;

/// The same, being changed in this phase.
pub(crate) fn changing(kind: Kind, locator: &str) -> Subject {
    Subject { changing_since: Some(Timestamp::from_second(SINCE).unwrap()), ..found(kind, locator) }
}

pub(crate) fn change(field: &str, old: Value, new: Value) -> FieldChange {
    FieldChange { field: field.into(), old, new }
}

pub(crate) fn tag_change() -> FieldChange {
    change("tags", json!({"owner": "you", "old": "x"}), json!({"owner": "me", "new": "y"}))
}

/// The tags that a thing made for a subject of that kind carries.
pub(crate) fn tags_of(kind: Kind) -> Tags {
    subject(kind).create_tags(&Tags::from([("owner".into(), "me".into())]))
}

/// The same, as EKS lists them.
pub(crate) fn eks_tags(kind: Kind) -> HashMap<String, String> {
    tags_of(kind).into_iter().collect()
}

/// Whether a create carries every tag that a subject is found by.
pub(crate) fn carries_identity(sent: Option<&HashMap<String, String>>) -> bool {
    let wanted = tags_of(Kind::ControlPlane);
    sent.is_some_and(|sent| wanted.iter().all(|(key, value)| sent.get(key) == Some(value)))
}

pub(crate) const TOKEN: Option<&str> = Some("01JD0000000000000000000001");

pub(crate) fn code(code: &str) -> ErrorMetadata {
    ErrorMetadata::builder().code(code).message("because").build()
}

pub(crate) fn fault<T: std::fmt::Debug>(answer: Result<T, CallError>) -> Fault {
    match answer {
        Err(CallError::Fault(fault)) => fault,
        other => panic!("no fault: {other:?}"),
    }
}

pub(crate) fn fault_name<T: std::fmt::Debug>(answer: Result<T, CallError>) -> FaultName {
    fault(answer).name
}

/// The thing at rest.
pub(crate) fn present(observed: Observed) -> Actual {
    match observed {
        Observed::Present(actual) => actual,
        other => panic!("not at rest: {other:?}"),
    }
}

/// The same, which differs in nothing from the subject's spec. What the spec says nothing of is null.
pub(crate) fn as_wanted(subject: &Subject, observed: Observed) -> Actual {
    let actual = present(observed);
    for (field, value) in actual.properties.as_object().unwrap() {
        let wanted = subject.spec.get(field).unwrap_or(&Value::Null);
        assert_eq!(plan::classify(subject.kind, &json!({field: value}), &json!({field: wanted})), plan::Change::None);
    }
    actual
}

/// Of the updates that EKS lists, the one that is described: begun so many seconds after the change, and ended so.
pub(crate) fn updates(after: i64, status: UpdateStatus) -> [Rule; 2] {
    let error = ErrorDetail::builder().error_code(ErrorCode::PodEvictionFailure).error_message("a budget").build();
    let update = Update::builder()
        .id("u-1")
        .r#type(UpdateType::VersionUpdate)
        .status(status)
        .created_at(DateTime::from_secs(SINCE + after))
        .errors(error)
        .build();
    [
        answer!(aws_sdk_eks::Client::list_updates => ListUpdatesOutput { update_ids: "u-1" }),
        answer!(aws_sdk_eks::Client::describe_update => DescribeUpdateOutput { update: update }),
    ]
}

/// No update was made yet.
pub(crate) fn no_updates() -> Rule {
    mock!(aws_sdk_eks::Client::list_updates).then_output(|| ListUpdatesOutput::builder().build())
}

/// The sample spec with one field changed.
pub(crate) fn with(mut subject: Subject, field: &str, value: Value) -> Subject {
    subject.spec[field] = value;
    subject
}
