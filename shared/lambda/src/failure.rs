//! What Step Functions says of failures.

use domain::{Fault, FaultName};
use ledger::Failure;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An error as a state machine catches it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateError {
    /// Its name: a fault's, or a platform error's such as `States.Timeout`.
    #[serde(rename = "Error")]
    pub error: String,
    /// Its cause: a sentence, or JSON that holds one.
    #[serde(rename = "Cause", default)]
    pub cause: Option<String>,
}

impl StateError {
    /// The innermost name and sentence. A function's error comes as JSON with `errorMessage`, that of a child execution
    /// as JSON with the child's own `Error` and `Cause`.
    pub fn failure(&self) -> Failure {
        let cause = self.cause.as_deref().unwrap_or_default();
        let Ok(Value::Object(inner)) = serde_json::from_str::<Value>(cause) else {
            let message = if cause.is_empty() { sentence_of(&self.error) } else { cause.to_owned() };
            return Failure { name: self.error.clone(), message };
        };
        let text = |field: &str| inner.get(field).and_then(Value::as_str).map(str::to_owned);
        if let Some(message) = text("errorMessage") {
            return Failure { name: text("errorType").unwrap_or_else(|| self.error.clone()), message };
        }
        match text("Error") {
            Some(error) => Self { error, cause: text("Cause") }.failure(),
            None => Failure { name: self.error.clone(), message: cause.to_owned() },
        }
    }
}

/// A sentence for an error that came without one.
fn sentence_of(name: &str) -> String {
    let fault = FaultName::ALL.iter().find(|fault| fault.as_str() == name);
    fault.map_or_else(|| "Step Functions gave no cause.".to_owned(), |fault| fault.sentence().to_owned())
}

/// The EventBridge event `Step Functions Execution Status Change` of an execution that did not succeed.
///
/// <https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionEnded {
    /// The ARN of the execution.
    pub execution: String,
    /// `FAILED`, `TIMED_OUT` or `ABORTED`.
    pub status: String,
    /// What the execution was started with.
    pub input: Option<Value>,
    /// Why.
    pub failure: Failure,
}

impl ExecutionEnded {
    /// Whether a payload is such an event, by its `detail-type`.
    pub fn is_it(payload: &Value) -> bool {
        payload.get("detail-type").and_then(Value::as_str) == Some("Step Functions Execution Status Change")
    }

    /// Reads the event.
    pub fn parse(payload: &Value) -> Result<Self, Fault> {
        let detail = payload.get("detail").unwrap_or(&Value::Null);
        let text = |field: &str| detail.get(field).and_then(Value::as_str).map(str::to_owned);
        let missing = |field: &str| {
            Fault::new(FaultName::InvalidInput, format!("the execution status event has no detail.{field}"))
        };
        let status = text("status").ok_or_else(|| missing("status"))?;
        let failure = match text("error") {
            Some(error) => StateError { error, cause: text("cause") }.failure(),
            None => without_error(&status, text("cause")),
        };
        Ok(Self {
            execution: text("executionArn").ok_or_else(|| missing("executionArn"))?,
            status,
            input: text("input").and_then(|input| serde_json::from_str(&input).ok()),
            failure,
        })
    }
}

fn without_error(status: &str, cause: Option<String>) -> Failure {
    let (name, message) = match status {
        "TIMED_OUT" => ("States.Timeout", "The execution took longer than its machine allows."),
        "ABORTED" => ("Cancelled", "The execution was stopped by hand."),
        _ => ("States.Runtime", "The execution ended without saying why."),
    };
    Failure { name: name.to_owned(), message: cause.unwrap_or_else(|| message.to_owned()) }
}

/// The name of an execution: the last part of its ARN. Executions that belong together (a redeploy, its deploy, a
/// teardown that it leads to) share it.
pub fn execution_name(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or(arn)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn failure(error: &str, cause: &str) -> (String, String) {
        let failure = StateError { error: error.into(), cause: Some(cause.into()) }.failure();
        (failure.name, failure.message)
    }

    #[test]
    fn the_innermost_failure_counts() {
        let own = |name: &str, message: &str| (name.to_owned(), message.to_owned());
        assert_eq!(failure("Stuck", "it stands still"), own("Stuck", "it stands still"));
        assert_eq!(
            failure("Stuck", r#"{"errorType":"Stuck","errorMessage":"it stands still"}"#),
            own("Stuck", "it stands still")
        );
        let function = r#"{"errorType":"QuotaExceeded","errorMessage":"no address left"}"#;
        let child = json!({"ExecutionArn": "arn:x", "Status": "FAILED", "Error": "QuotaExceeded", "Cause": function});
        assert_eq!(failure("States.TaskFailed", &child.to_string()), own("QuotaExceeded", "no address left"));
        assert_eq!(failure("LeftBehind", ""), own("LeftBehind", FaultName::LeftBehind.sentence()));
        assert_eq!(failure("States.Timeout", ""), own("States.Timeout", "Step Functions gave no cause."));
    }

    #[test]
    fn status_events() {
        let event = |detail: Value| json!({"detail-type": "Step Functions Execution Status Change", "detail": detail});
        let aborted = event(json!({
            "executionArn": "arn:aws:states:eu-west-1:123456789012:execution:landfall-deploy:demo-1",
            "status": "ABORTED", "input": "{\"platform\":\"demo\"}", "error": null, "cause": null,
        }));
        assert!(ExecutionEnded::is_it(&aborted));
        let ended = ExecutionEnded::parse(&aborted).unwrap();
        assert_eq!(execution_name(&ended.execution), "demo-1");
        assert_eq!(ended.failure.name, "Cancelled");
        assert_eq!(ended.input, Some(json!({"platform": "demo"})));
        let timed_out = event(json!({"executionArn": "arn", "status": "TIMED_OUT"}));
        assert_eq!(ExecutionEnded::parse(&timed_out).unwrap().failure.name, "States.Timeout");
        let fault = ExecutionEnded::parse(&event(json!({"status": "FAILED"}))).unwrap_err();
        assert_eq!(fault.message, "the execution status event has no detail.executionArn");
        assert!(!ExecutionEnded::is_it(&json!({"platform": "demo"})));
    }
}
