//! Executions of the state machines: started, stopped, and asked how they ended before the ledger knew of them.

use std::collections::HashSet;

use aws_sdk_sfn::types::ExecutionStatus;
use serde_json::Value;

use crate::failure::Failure;
use crate::installation::Installation;
use crate::sdk;

/// How an execution ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// It has not.
    UnderWay,
    /// Well: what Admit decided, and its sentence; both empty after a run.
    Succeeded(String, String),
    /// Badly: the name of the fault and the sentence.
    Failed(String, String),
}

/// Starts a machine with an input and returns the ARN of the execution.
pub async fn start(installation: &Installation, machine: &str, input: &Value) -> Result<String, Failure> {
    let call = installation.step_functions.start_execution().state_machine_arn(machine).input(input.to_string());
    let answer = call.send().await.map_err(|error| sdk::failure("The run could not be started", &error))?;
    Ok(answer.execution_arn)
}

/// Starts a machine in an execution of that name, unless there was one.
pub async fn start_once(installation: &Installation, machine: &str, name: &str, input: &Value) -> Result<(), Failure> {
    let call = installation.step_functions.start_execution().state_machine_arn(machine).name(name);
    match call.input(input.to_string()).send().await {
        Ok(_) => Ok(()),
        Err(error) if error.as_service_error().is_some_and(|error| error.is_execution_already_exists()) => Ok(()),
        Err(error) => Err(sdk::failure("The run could not be started", &error)),
    }
}

/// Ends an execution where it stands. One that has ended, or that AWS has forgotten, is fine.
pub async fn stop(installation: &Installation, execution: &str) -> Result<(), Failure> {
    let call = installation.step_functions.stop_execution().execution_arn(execution);
    let call = call.error("Cancelled").cause("Cancelled with `landfall cancel`.");
    match call.send().await {
        Ok(_) => Ok(()),
        Err(error) if error.as_service_error().is_some_and(|error| error.is_execution_does_not_exist()) => Ok(()),
        Err(error) => Err(sdk::failure("The execution could not be stopped", &error)),
    }
}

/// How an execution ended, or that it has not.
pub async fn ending(installation: &Installation, execution: &str) -> Result<Ending, Failure> {
    let call = installation.step_functions.describe_execution().execution_arn(execution);
    let answer = call.send().await.map_err(|error| sdk::failure("The execution could not be read", &error))?;
    Ok(match answer.status {
        ExecutionStatus::Running | ExecutionStatus::PendingRedrive => Ending::UnderWay,
        ExecutionStatus::Succeeded => {
            let (outcome, message) = self::answer(answer.output());
            Ending::Succeeded(outcome, message)
        }
        status => Ending::Failed(
            answer.error.unwrap_or_else(|| status.as_str().to_owned()),
            answer.cause.unwrap_or_else(|| "The execution gave no cause.".to_owned()),
        ),
    })
}

/// The output of an execution, as far as a person wants to know it.
fn answer(output: Option<&str>) -> (String, String) {
    let parsed: Value = output.and_then(|output| serde_json::from_str(output).ok()).unwrap_or_default();
    let text = |field: &str| parsed[field].as_str().unwrap_or_default().to_owned();
    (text("outcome"), text("message"))
}

/// Finds the execution that a version of a manifest started.
#[derive(Default)]
pub struct Search {
    /// Those that are about something else.
    others: HashSet<String>,
    found: Option<String>,
}

impl Search {
    /// Its ARN, once it is there.
    pub async fn find(&mut self, installation: &Installation, version: &str) -> Result<Option<String>, Failure> {
        if self.found.is_some() {
            return Ok(self.found.clone());
        }
        let client = &installation.step_functions;
        let call = client.list_executions().state_machine_arn(&installation.deploy_machine).max_results(20);
        let answer = call.send().await.map_err(|error| sdk::failure("The executions could not be listed", &error))?;
        let arns = answer.executions.into_iter().map(|execution| execution.execution_arn);
        for arn in arns.filter(|arn| !self.others.contains(arn)).collect::<Vec<_>>() {
            let call = client.describe_execution().execution_arn(&arn);
            let answer = call.send().await.map_err(|error| sdk::failure("The execution could not be read", &error))?;
            if answer.input().is_some_and(|input| input.contains(version)) {
                self.found = Some(arn);
                break;
            }
            self.others.insert(arn);
        }
        Ok(self.found.clone())
    }
}
