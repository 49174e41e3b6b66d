//! The sample events: every function has some, every task's input is among them, and the rules let the right ones through.

use std::collections::BTreeSet;

use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use serde_json::Value;

use crate::machine::tasks;
use crate::repository::{entries, events, functions, machines, template};

#[test]
fn every_function_has_events_and_no_other_has() {
    assert_eq!(entries("events"), functions());
    for name in functions() {
        assert!(!events(&name).is_empty(), "{name}");
    }
}

#[test]
fn every_task_sends_what_is_among_the_samples() {
    for (machine, definition) in machines() {
        for task in tasks(&machine, &definition) {
            let Some(function) = task.function() else { continue };
            let sent = &task.body["Arguments"]["Payload"];
            let matches = |sample: &Value| fields(sample) == fields(sent) && constants_agree(sent, sample);
            assert!(events(&function).values().any(matches), "{} sends what no sample shows: {sent}", task.place);
        }
    }
}

#[test]
fn what_the_event_bus_sends_has_its_envelope() {
    for name in functions() {
        for (case, sample) in events(&name) {
            let event = if name == "admit" { sample["event"].clone() } else { sample };
            if event.get("detail-type").is_some() {
                let read: EventBridgeEvent<Value> =
                    serde_json::from_value(event).unwrap_or_else(|error| panic!("{name}/{case}: {error}"));
                assert!(read.source.starts_with("aws."), "{name}/{case}");
            }
        }
    }
}

#[test]
fn the_rules_let_through_what_counts() {
    let admit = |case: &str| events("admit")[case]["event"].clone();
    assert_eq!(rules_for(&admit("object-created")), ["ManifestPutRule"]);
    assert_eq!(rules_for(&admit("object-deleted")), ["ManifestDeletedRule"]);
    assert!(rules_for(&admit("object-deleted-permanently")).is_empty(), "a purged old version tears nothing down");
    let mut elsewhere = admit("object-created");
    elsewhere["detail"]["object"]["key"] = "notes/demo.yaml".into();
    assert!(rules_for(&elsewhere).is_empty());
    for function in ["settle", "alert"] {
        for case in ["execution-failed", "execution-timed-out", "execution-aborted", "redeploy-failed"] {
            let mut event = events(function)[case].clone();
            assert_eq!(rules_for(&event), ["RunEndedBadlyRule"], "{function}/{case}");
            event["detail"]["status"] = "SUCCEEDED".into();
            assert!(rules_for(&event).is_empty(), "{function}/{case}");
        }
    }
    let mut child = events("settle")["execution-failed"].clone();
    child["detail"]["stateMachineArn"] = "arn:aws:states:eu-west-1:123456789012:stateMachine:landfall-converge".into();
    assert!(rules_for(&child).is_empty(), "the parent of a child settles");
}

/// The rules whose pattern matches, by logical id.
fn rules_for(event: &Value) -> Vec<String> {
    let template = template();
    let resources = template["Resources"].as_object().unwrap();
    let rules = resources.iter().filter(|(_, resource)| resource["Type"] == "AWS::Events::Rule");
    rules
        .filter(|(_, rule)| rule["Properties"].get("EventPattern").is_some_and(|pattern| matches(pattern, event)))
        .map(|(name, _)| name.clone())
        .collect()
}

/// As EventBridge matches: every field of the pattern, one of its values.
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html>
fn matches(pattern: &Value, event: &Value) -> bool {
    match pattern {
        Value::Object(fields) => fields.iter().all(|(name, inner)| matches(inner, &event[name])),
        Value::Array(values) => values.iter().any(|value| match value.get("prefix") {
            Some(prefix) => event.as_str().is_some_and(|text| text.starts_with(prefix.as_str().unwrap())),
            None => value == event || refers_to(value, event),
        }),
        _ => false,
    }
}

/// Whether a reference of the template, such as `DeployMachine` or `Bucket`, stands for this value in the samples.
fn refers_to(reference: &Value, value: &Value) -> bool {
    let (Some(reference), Some(value)) = (reference.as_str(), value.as_str()) else { return false };
    match reference.strip_suffix("Machine") {
        Some(machine) => value.ends_with(&format!(":stateMachine:landfall-{}", machine.to_lowercase())),
        None => reference == "Bucket" && value.starts_with("landfall-bucket-"),
    }
}

fn fields(object: &Value) -> BTreeSet<&String> {
    object.as_object().unwrap().keys().collect()
}

/// What the task writes out, such as `"pass": "prune"`, is the same in the sample.
fn constants_agree(sent: &Value, sample: &Value) -> bool {
    let sent = sent.as_object().unwrap();
    sent.iter().all(|(name, value)| value.as_str().is_some_and(|text| text.starts_with("{%")) || sample[name] == *value)
}
