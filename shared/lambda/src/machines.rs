//! Starting, stopping and looking at executions.

use aws_sdk_sfn::Client;
use aws_sdk_sfn::types::ExecutionStatus;
use domain::{Fault, FaultName, PlatformName};
use engine::CallError;
use ledger::{Ledger, Machine, Waiting};
use serde_json::{Value, json};

use crate::{Variables, call_fault};

/// Whether an execution was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Started {
    /// By this call.
    Now,
    /// By an earlier call with the same name.
    Before,
}

/// The state machines of the installation.
#[derive(Debug, Clone)]
pub struct Machines {
    client: Client,
    deploy: String,
    teardown: String,
}

impl Machines {
    /// From `LANDFALL_DEPLOY_MACHINE` and `LANDFALL_TEARDOWN_MACHINE`.
    pub fn new(client: Client, variables: &Variables) -> Result<Self, Fault> {
        Ok(Self {
            client,
            deploy: variables.text("LANDFALL_DEPLOY_MACHINE")?,
            teardown: variables.text("LANDFALL_TEARDOWN_MACHINE")?,
        })
    }

    /// Starts an execution of that name, once: the same name and input again start nothing.
    ///
    /// A name is taken for 90 days after its execution has ended
    /// (<https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html>).
    pub async fn start(&self, machine_arn: &str, name: &str, input: &Value) -> Result<Started, Fault> {
        let request = self.client.start_execution().state_machine_arn(machine_arn).name(name);
        match request.input(input.to_string()).send().await {
            Ok(_) => Ok(Started::Now),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_execution_already_exists()) => {
                Ok(Started::Before)
            }
            Err(error) => Err(call_fault(aws::changing("states:StartExecution")(error))),
        }
    }

    /// Starts what was left waiting for the lease of a platform, once. A wish whose execution came to nothing before (it
    /// was refused, say) is dropped.
    pub async fn start_waiting(
        &self,
        ledger: &Ledger,
        platform: &PlatformName,
        waiting: &Waiting,
    ) -> Result<Started, Fault> {
        let (machine, input) = match waiting.machine {
            Machine::Deploy => match waiting.plan {
                Some(plan) => (&self.deploy, json!({"platform": platform, "trigger": "Rollback", "plan": plan})),
                None => (&self.deploy, json!({"platform": platform, "trigger": "Waiting"})),
            },
            Machine::Teardown => (&self.teardown, json!({"platform": platform})),
        };
        let name = format!("{platform}-{}", waiting.id);
        let started = self.start(machine, &name, &input).await?;
        if started == Started::Before && !self.is_running(&execution_arn(machine, &name)).await? {
            ledger.clear_waiting(platform, waiting.id).await?;
        }
        tracing::info!(%platform, execution = name, ?started, "what was waiting is started");
        Ok(started)
    }

    /// Whether an execution is under way. One that is not there is not.
    pub async fn is_running(&self, execution_arn: &str) -> Result<bool, Fault> {
        let answer = self.client.describe_execution().execution_arn(execution_arn).send().await;
        match answer.map_err(aws::reading("states:DescribeExecution")) {
            Ok(answer) => Ok(matches!(answer.status, ExecutionStatus::Running | ExecutionStatus::PendingRedrive)),
            Err(CallError::NotFound) => Ok(false),
            Err(error) => Err(call_fault(error)),
        }
    }

    /// Ends an execution that is under way.
    pub async fn stop(&self, execution_arn: &str, error: FaultName, cause: &str) -> Result<(), Fault> {
        stop_execution(&self.client, execution_arn, error, cause).await
    }
}

/// Ends an execution that is under way. One that is not there is fine.
pub async fn stop_execution(client: &Client, execution_arn: &str, error: FaultName, cause: &str) -> Result<(), Fault> {
    let request = client.stop_execution().execution_arn(execution_arn).error(error.as_str()).cause(cause);
    match request.send().await.map_err(aws::deleting("states:StopExecution")) {
        Ok(_) | Err(CallError::NotFound) => Ok(()),
        Err(error) => Err(call_fault(error)),
    }
}

/// The ARN of an execution: that of its machine with another type, and its name.
fn execution_arn(machine_arn: &str, name: &str) -> String {
    format!("{}:{name}", machine_arn.replacen(":stateMachine:", ":execution:", 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_execution_is_found_by_its_machine_and_name() {
        assert_eq!(
            execution_arn("arn:aws:states:eu-west-1:123456789012:stateMachine:landfall-deploy", "demo-1"),
            "arn:aws:states:eu-west-1:123456789012:execution:landfall-deploy:demo-1"
        );
    }
}
