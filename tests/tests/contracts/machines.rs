//! The state machines: complete, bounded in time, and at one with the list of faults.

use std::collections::BTreeSet;

use domain::{Class, FaultName};
use serde_json::Value;

use crate::machine::{State, reachable, states, tasks};
use crate::repository::{machines, one_or_many, strings, template};
use crate::template::logical;

/// Errors that Step Functions and Lambda raise by themselves.
/// <https://docs.aws.amazon.com/step-functions/latest/dg/bp-lambda-serviceexception.html>
const PLATFORM: &[&str] = &[
    "Lambda.AWSLambdaException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.SdkClientException",
    "Lambda.ServiceException",
    "Lambda.TooManyRequestsException",
    "Lambda.Unknown",
    "Runtime.ExitError",
    "Sandbox.Timedout",
    "States.ALL",
    "States.Timeout",
    "StepFunctions.AWSStepFunctionsException",
    "StepFunctions.ExecutionLimitExceededException",
    "StepFunctions.SdkClientException",
];

#[test]
fn every_state_is_reached_and_every_follower_exists() {
    for (machine, definition) in machines() {
        let states = states(&machine, &definition);
        let all: BTreeSet<_> = states.iter().map(|state| state.name).collect();
        let reached = reachable(&states, definition["StartAt"].as_str().unwrap());
        assert_eq!(all, reached, "{machine}");
    }
}

#[test]
fn every_end_is_a_succeed_or_a_fail_with_the_name_of_the_fault() {
    for (machine, definition) in machines() {
        for state in states(&machine, &definition) {
            match state.kind() {
                "Succeed" => {}
                "Fail" => {
                    for field in ["Error", "Cause"] {
                        let text = state.body[field].as_str().unwrap_or_default();
                        assert!(
                            text.starts_with("{% $") && text.contains(field),
                            "{}: {field} is `{text}`",
                            state.place
                        );
                    }
                }
                _ => assert!(!state.followers().is_empty(), "{} ends nowhere", state.place),
            }
        }
    }
}

#[test]
fn every_error_that_is_matched_is_a_fault_or_the_platforms() {
    for (machine, definition) in machines() {
        for state in states(&machine, &definition) {
            for branch in state.retries().into_iter().chain(state.catches()) {
                for error in one_or_many(&branch["ErrorEquals"]) {
                    assert!(fault(error).is_some() || PLATFORM.contains(&error), "{}: {error}", state.place);
                }
            }
        }
    }
}

#[test]
fn every_fault_is_caught_by_every_task() {
    for (machine, definition) in machines() {
        for task in tasks(&machine, &definition) {
            let last = task.catches().pop().unwrap_or_else(|| panic!("{} catches nothing", task.place));
            assert_eq!(one_or_many(&last["ErrorEquals"]), ["States.ALL"], "{}", task.place);
        }
    }
}

#[test]
fn every_function_is_called_again_after_exactly_the_transient_faults() {
    let transient: BTreeSet<_> =
        FaultName::ALL.iter().filter(|name| name.class() == Class::Transient).map(|name| name.as_str()).collect();
    for (machine, definition) in machines() {
        for task in tasks(&machine, &definition).iter().filter(|task| task.function().is_some()) {
            let ours = retried(task).into_iter().filter(|error| fault(error).is_some()).collect::<BTreeSet<_>>();
            assert_eq!(ours, transient, "{}", task.place);
        }
    }
}

#[test]
fn every_retry_backs_off_has_a_ceiling_and_jitter() {
    for (machine, definition) in machines() {
        for task in tasks(&machine, &definition) {
            assert!(!task.retries().is_empty(), "{} is never retried", task.place);
            for retry in task.retries() {
                for field in ["IntervalSeconds", "MaxAttempts", "BackoffRate", "MaxDelaySeconds"] {
                    assert!(retry[field].as_u64() > Some(0), "{}: {field}", task.place);
                }
                assert_eq!(retry["JitterStrategy"], "FULL", "{}", task.place);
            }
        }
    }
}

#[test]
fn a_child_ends_before_the_task_that_waits_for_it_and_that_before_its_machine() {
    let all = machines();
    for (machine, definition) in &all {
        let limit = definition["TimeoutSeconds"].as_u64().unwrap_or_else(|| panic!("{machine} has no TimeoutSeconds"));
        for task in tasks(machine, definition) {
            assert!(task.timeout() < limit, "{} may outlive its machine", task.place);
            if let Some(child) = task.child() {
                assert!(
                    all[&child]["TimeoutSeconds"].as_u64() < Some(task.timeout()),
                    "{} ends before its child",
                    task.place
                );
            }
        }
    }
}

/// A token in a log could end a wait that nobody approved.
#[test]
fn what_waits_for_a_token_is_bounded_and_its_machine_logs_no_data() {
    let template = template();
    for (machine, definition) in machines() {
        let waits = |task: &State| task.body["Resource"].as_str().unwrap().ends_with(".waitForTaskToken");
        let waiting: Vec<_> = tasks(&machine, &definition).into_iter().filter(waits).collect();
        let logging = &template["Resources"][logical(&machine, "Machine")]["Properties"]["Logging"];
        assert_eq!(logging["IncludeExecutionData"], waiting.is_empty(), "{machine}");
        for task in waiting {
            assert_eq!(Some(task.timeout()), u64::try_from(ledger::Request::LIMIT.as_secs()).ok(), "{}", task.place);
            assert!(!retried(&task).contains(&"States.Timeout"), "{} would wait again", task.place);
        }
    }
}

#[test]
fn control_faults_and_a_newer_revision_end_a_run_without_harm() {
    let mut harmless: BTreeSet<_> =
        FaultName::ALL.iter().filter(|name| name.class() == Class::Control).map(|name| name.as_str()).collect();
    harmless.insert(FaultName::Superseded.as_str());
    for machine in ["deploy", "teardown"] {
        let definition = &machines()[machine];
        let first = &definition["States"]["What may still be done?"]["Choices"][0];
        assert_eq!(quoted(first["Condition"].as_str().unwrap()).collect::<BTreeSet<_>>(), harmless, "{machine}");
        assert_eq!(definition["States"][first["Next"].as_str().unwrap()]["Type"], "Fail", "{machine}");
    }
}

/// Each `Catch` says at which stage it stands. Only a fault while running leads to the fence and from there to a
/// restore; every other stage has a rule of its own, so that a restore which fails never restores again.
#[test]
fn only_a_running_stage_leads_to_the_fence() {
    for machine in ["deploy", "teardown"] {
        let definition = &machines()[machine];
        let caught: BTreeSet<_> = tasks(machine, definition)
            .iter()
            .flat_map(State::catches)
            .filter_map(|entry| entry["Assign"]["stage"].as_str())
            .map(str::to_owned)
            .collect();
        let choice = &definition["States"]["What may still be done?"];
        let rules: BTreeSet<_> = strings(&choice["Choices"])
            .into_iter()
            .filter(|text| text.contains("$stage"))
            .flat_map(quoted)
            .map(str::to_owned)
            .collect();
        assert_eq!(caught.difference(&rules).collect::<Vec<_>>(), ["Running"], "{machine}");
        assert_eq!(rules.difference(&caught).count(), 0, "{machine}: a rule for a stage that is never set");
        assert_eq!(choice["Default"], "Fence off the run", "{machine}");
        let fenced = choice["Choices"].as_array().unwrap().iter().filter(|rule| rule["Next"] == "Fence off the run");
        assert_eq!(fenced.count(), 0, "{machine}");
    }
}

#[test]
fn what_is_pending_is_asked_again_after_the_wait_that_it_asked_for() {
    for (machine, definition) in machines() {
        let states = states(&machine, &definition);
        for wait in states.iter().filter(|state| state.kind() == "Wait") {
            assert_eq!(wait.body["Seconds"], "{% $states.input.wait %}", "{}", wait.place);
        }
        for choice in states.iter().filter(|state| asks_whether_ready(state.body)) {
            let wait = &definition["States"][choice.body["Default"].as_str().unwrap()];
            let task = &definition["States"][wait["Next"].as_str().unwrap()];
            assert_eq!((&wait["Type"], &task["Next"]), (&"Wait".into(), &choice.name.into()), "{}", choice.place);
        }
    }
}

#[test]
fn names_are_short_sentences_and_expressions_are_jsonata() {
    for (machine, definition) in machines() {
        assert_eq!(definition["QueryLanguage"], "JSONata", "{machine}");
        assert!(definition["Comment"].is_string(), "{machine} does not say what it does");
        for state in states(&machine, &definition) {
            let first = state.name.chars().next().unwrap();
            assert!(first.is_uppercase() && state.name.len() <= 80, "{}", state.place);
            assert!(
                !state.name.contains('_') && !state.name.chars().skip(1).any(char::is_uppercase),
                "{}",
                state.place
            );
        }
    }
}

fn asks_whether_ready(body: &Value) -> bool {
    strings(&body["Choices"]).iter().any(|text| text.contains("status = 'ready'"))
}

fn retried<'a>(task: &State<'a>) -> Vec<&'a str> {
    task.retries().into_iter().flat_map(|retry| one_or_many(&retry["ErrorEquals"])).collect()
}

fn fault(name: &str) -> Option<FaultName> {
    FaultName::ALL.iter().copied().find(|fault| fault.as_str() == name)
}

/// What stands between single quotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('\'').skip(1).step_by(2)
}
