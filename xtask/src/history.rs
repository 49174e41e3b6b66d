//! What an execution and its children cost, read from their histories.

use std::time::Duration;

use ::sandbox::Sandbox;
use aws_sdk_sfn::Client;
use aws_sdk_sfn::types::{ExecutionStatus, HistoryEvent, HistoryEventType};
use serde_json::Value;

use crate::program::Done;

/// USD per state transition. <https://aws.amazon.com/step-functions/pricing/>
const TRANSITION: f64 = 0.025 / 1000.0;
/// USD per second of an arm64 function of 256 MB, and per call. <https://aws.amazon.com/lambda/pricing/>
const SECOND: f64 = 0.000_013_333_4 * 0.25;
const CALL: f64 = 0.20 / 1_000_000.0;

/// What a run used.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Cost {
    /// From the first event of the execution to its last.
    pub(crate) took: Duration,
    /// States entered, those of children included.
    pub(crate) transitions: u32,
    /// Calls of functions, likewise.
    pub(crate) calls: u32,
    /// From the start of each of these calls to its answer, as Step Functions sees it.
    pub(crate) functions: Duration,
}

impl Cost {
    /// What AWS asks for transitions and functions, without free tier.
    pub(crate) fn dollars(&self) -> f64 {
        f64::from(self.transitions) * TRANSITION + f64::from(self.calls) * CALL + self.functions.as_secs_f64() * SECOND
    }
}

/// The executions of a sandbox.
pub(crate) struct Executions {
    client: Client,
}

impl Executions {
    /// Those of this sandbox.
    pub(crate) fn of(sandbox: &Sandbox) -> Self {
        Self { client: Client::new(sandbox.config()) }
    }

    /// Starts a machine, waits for the end, and answers what it cost.
    ///
    /// # Errors
    /// If it does not succeed.
    pub(crate) async fn run(&self, machine: &str, input: &str) -> Done<Cost> {
        let execution =
            self.client.start_execution().state_machine_arn(machine).input(input).send().await?.execution_arn;
        loop {
            let told = self.client.describe_execution().execution_arn(&execution).send().await?;
            match told.status() {
                ExecutionStatus::Succeeded => return self.cost(&execution).await,
                ExecutionStatus::Running => tokio::time::sleep(Duration::from_millis(200)).await,
                status => {
                    return Err(format!("{execution} ended as {status}: {}", told.cause().unwrap_or_default()).into());
                }
            }
        }
    }

    /// What an execution that has ended cost.
    ///
    /// # Errors
    /// If its history cannot be read.
    pub(crate) async fn cost(&self, execution: &str) -> Done<Cost> {
        let mut total = Cost::default();
        let mut open = vec![execution.to_owned()];
        while let Some(next) = open.pop() {
            let pages = self.client.get_execution_history().execution_arn(&next).into_paginator().items();
            let events = pages.send().collect::<Result<Vec<_>, _>>().await?;
            let own = cost_of(&events);
            let took = if next == execution { own.took } else { Duration::ZERO };
            total = Cost {
                took: total.took + took,
                transitions: total.transitions + own.transitions,
                calls: total.calls + own.calls,
                functions: total.functions + own.functions,
            };
            open.extend(children(&events));
        }
        Ok(total)
    }
}

fn cost_of(events: &[HistoryEvent]) -> Cost {
    let mut cost = Cost::default();
    let mut called = None;
    for event in events {
        match event.r#type() {
            HistoryEventType::TaskScheduled if is_function(event) => {
                cost.calls += 1;
                called = Some(seconds(event));
            }
            HistoryEventType::TaskSucceeded | HistoryEventType::TaskFailed | HistoryEventType::TaskTimedOut => {
                if let Some(since) = called.take() {
                    cost.functions += Duration::from_secs_f64((seconds(event) - since).max(0.0));
                }
            }
            other if other.as_str().ends_with("StateEntered") => cost.transitions += 1,
            _ => {}
        }
    }
    if let (Some(first), Some(last)) = (events.first(), events.last()) {
        cost.took = Duration::from_secs_f64((seconds(last) - seconds(first)).max(0.0));
    }
    cost
}

fn is_function(event: &HistoryEvent) -> bool {
    event.task_scheduled_event_details().is_some_and(|details| details.resource_type() == "lambda")
}

/// The executions that tasks of this history started and waited for.
fn children(events: &[HistoryEvent]) -> Vec<String> {
    let succeeded = events.iter().filter_map(|event| event.task_succeeded_event_details()?.output());
    let answers = succeeded.filter_map(|output| serde_json::from_str::<Value>(output).ok());
    answers.filter_map(|answer| Some(answer["ExecutionArn"].as_str()?.to_owned())).collect()
}

fn seconds(event: &HistoryEvent) -> f64 {
    event.timestamp().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use aws_sdk_sfn::primitives::DateTime;
    use aws_sdk_sfn::types::{TaskScheduledEventDetails, TaskSucceededEventDetails};

    use super::*;

    #[test]
    fn transitions_calls_and_children_are_counted() {
        let function = TaskScheduledEventDetails::builder().resource_type("lambda").resource("invoke");
        let function = function.region("eu-west-1").parameters("{}").build().unwrap();
        let child = TaskSucceededEventDetails::builder().resource_type("states").resource("startExecution.sync:2");
        let child = child.output(r#"{"ExecutionArn": "arn:child"}"#).build().unwrap();
        let at = |second: i64, kind: HistoryEventType| {
            HistoryEvent::builder().id(second).timestamp(DateTime::from_secs(second)).r#type(kind)
        };
        let events = [
            at(1, HistoryEventType::ExecutionStarted),
            at(1, HistoryEventType::TaskStateEntered),
            at(2, HistoryEventType::TaskScheduled).task_scheduled_event_details(function),
            at(4, HistoryEventType::TaskSucceeded),
            at(4, HistoryEventType::TaskStateEntered),
            at(5, HistoryEventType::TaskSubmitted),
            at(9, HistoryEventType::TaskSucceeded).task_succeeded_event_details(child),
            at(10, HistoryEventType::ExecutionSucceeded),
        ]
        .map(|event| event.build().unwrap());
        let expected =
            Cost { took: Duration::from_secs(9), transitions: 2, calls: 1, functions: Duration::from_secs(2) };
        assert_eq!(cost_of(&events), expected);
        assert_eq!(children(&events), ["arn:child"]);
        assert!((expected.dollars() - 0.000_056_866).abs() < 1e-8);
    }
}
