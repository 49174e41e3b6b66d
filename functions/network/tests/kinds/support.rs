//! Subjects, scripts, and the answers that EC2, IAM and CloudWatch Logs give.

use aws_sdk_ec2::error::ErrorMetadata;
use aws_sdk_ec2::types::{Tag, TagSpecification};
use aws_smithy_mocks::Rule;
use domain::{
    AccountId, Component, Fault, FaultName, Generation, Identity, Incarnation, Kind, Locator, PlatformName, ResourceId,
    Tags, Target, Token,
};
use engine::{Actual, CallError, Kinds, Observed, Resource, Subject};
use network::{Clients, kinds};
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
            ec2: mocked!(aws_sdk_ec2, Sequential, &rules),
            iam: mocked!(aws_sdk_iam, Sequential, &rules),
            logs: mocked!(aws_sdk_cloudwatchlogs, Sequential, &rules),
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
        id: ResourceId::new(Component::Network, "it"),
        generation: Generation::FIRST,
        kind,
        locator: None,
        spec: crate::specs::sample(kind),
        token: Token::parse("01JD0000000000000000000001").unwrap(),
        adopted: kind.is_given(),
        changing_since: None,
        leaving: false,
    }
}

/// The same, found before under this locator.
pub(crate) fn found(kind: Kind, locator: &str) -> Subject {
    Subject { locator: Some(Locator(locator.into())), ..subject(kind) }
}

/// The sample spec with one field changed.
pub(crate) fn with(mut subject: Subject, field: &str, value: Value) -> Subject {
    subject.spec[field] = value;
    subject
}

pub(crate) fn change(field: &str, old: Value, new: Value) -> FieldChange {
    FieldChange { field: field.into(), old, new }
}

/// The tags that a thing made for the subject carries.
pub(crate) fn tags_of(subject: &Subject) -> Tags {
    subject.create_tags(&Tags::from([("owner".into(), "me".into())]))
}

/// The same, as EC2 lists them.
pub(crate) fn ec2_tags(subject: &Subject) -> Vec<Tag> {
    tags_of(subject).into_iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

/// Whether a create carries every tag that the subject is found by.
pub(crate) fn carries_identity(specifications: &[TagSpecification]) -> bool {
    let sent: Tags = specifications
        .iter()
        .flat_map(TagSpecification::tags)
        .filter_map(|tag| Some((tag.key()?.to_owned(), tag.value()?.to_owned())))
        .collect();
    let wanted = tags_of(&subject(Kind::Vpc));
    wanted.iter().all(|(key, value)| sent.get(key) == Some(value))
}

pub(crate) fn code(code: &str) -> ErrorMetadata {
    ErrorMetadata::builder().code(code).message("because").build()
}

pub(crate) fn fault_name<T: std::fmt::Debug>(answer: Result<T, CallError>) -> FaultName {
    match answer {
        Err(CallError::Fault(Fault { name, .. })) => name,
        other => panic!("no fault: {other:?}"),
    }
}

/// The thing at rest, which differs in nothing from the subject's spec.
pub(crate) fn as_wanted(subject: &Subject, observed: Observed) -> Actual {
    let actual = present(observed);
    for (field, value) in actual.properties.as_object().unwrap() {
        assert_eq!(Some(value), subject.spec.get(field), "{field}");
    }
    actual
}

pub(crate) fn present(observed: Observed) -> Actual {
    match observed {
        Observed::Present(actual) => actual,
        other => panic!("not at rest: {other:?}"),
    }
}

pub(crate) fn tag_change() -> FieldChange {
    change("tags", json!({"owner": "you", "old": "x"}), json!({"owner": "me", "new": "y"}))
}
