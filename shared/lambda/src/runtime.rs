//! From an invocation to an answer.

use std::time::Duration;

use domain::{Fault, FaultName};
use jiff::Timestamp;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::Instant;
use tracing::Instrument;

use crate::{Variables, logs};

pub use lambda_runtime::Error;

/// What is kept of an invocation's time to write the answer.
const RESERVE: Duration = Duration::from_millis(1500);

/// One invocation.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// When the answer must be ready: shortly before Lambda ends the function.
    pub deadline: Instant,
    /// When it began.
    pub now: Timestamp,
}

/// Serves invocations until Lambda ends the process.
///
/// `start` makes the function's state once, `handle` answers each input. A `start` that fails does not end the process,
/// which Lambda would report without a reason: it is the answer to every invocation.
pub async fn run<State, Input, Output>(
    start: impl AsyncFnOnce(Variables) -> Result<State, Fault>,
    handle: impl AsyncFn(&State, Input, Invocation) -> Result<Output, Fault>,
) -> Result<(), Error>
where
    Input: DeserializeOwned,
    Output: Serialize,
{
    let variables = Variables::read();
    logs::start(variables.get("AWS_LAMBDA_LOG_LEVEL"));
    let state = start(variables).await;
    let (state, handle) = (&state, &handle);
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| async move {
        let span = span(&event.payload, &event.context.request_id);
        let answer = async {
            let state = state.as_ref().map_err(Clone::clone)?;
            let invocation = invocation(event.context.deadline);
            // Boxed, because SDK futures nest more deeply than the compiler expects.
            Box::pin(handle(state, input(event.payload)?, invocation)).await
        };
        let answer = answer.instrument(span.clone()).await;
        span.in_scope(|| match &answer {
            Ok(_) => tracing::info!("answered"),
            Err(fault) => tracing::warn!(fault = %fault.name, class = ?fault.class(), "{fault}"),
        });
        answer.map_err(Answer)
    }))
    .await
}

/// A fault on its way to Step Functions.
#[derive(Debug)]
struct Answer(Fault);

impl From<Answer> for Diagnostic {
    fn from(Answer(fault): Answer) -> Self {
        Self { error_type: fault.name.to_string(), error_message: fault.to_string() }
    }
}

fn input<Input: DeserializeOwned>(payload: Value) -> Result<Input, Fault> {
    Input::deserialize(payload)
        .map_err(|error| Fault::new(FaultName::InvalidInput, format!("the input cannot be read: {error}")))
}

fn invocation(deadline_milliseconds: u64) -> Invocation {
    let now = Timestamp::now();
    let spent = u64::try_from(now.as_millisecond()).unwrap_or_default();
    let left = Duration::from_millis(deadline_milliseconds.saturating_sub(spent));
    Invocation { deadline: Instant::now() + left.saturating_sub(RESERVE), now }
}

/// The span of an invocation, with whatever of these the input names.
fn span(payload: &Value, request: &str) -> tracing::Span {
    let text = |field: &str| payload.get(field).and_then(Value::as_str);
    tracing::info_span!(
        "invocation",
        request,
        platform = text("platform"),
        run = text("run"),
        pass = text("pass"),
        goal = text("goal"),
        step = text("step"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_keeps_its_name_and_its_sentence() {
        let fault = Fault::new(FaultName::LeftBehind, "one is left").next("delete it");
        let diagnostic = Diagnostic::from(Answer(fault));
        assert_eq!(diagnostic.error_type, "LeftBehind");
        assert_eq!(diagnostic.error_message, "one is left Next: delete it");
    }

    #[test]
    fn an_input_of_another_shape_is_the_callers_error() {
        #[derive(Debug, serde::Deserialize)]
        struct Wanted {
            #[allow(dead_code)]
            run: String,
        }
        let fault = input::<Wanted>(serde_json::json!({"ran": 1})).unwrap_err();
        assert_eq!(fault.name, FaultName::InvalidInput);
        assert_eq!(fault.message, "the input cannot be read: missing field `run`");
    }

    #[tokio::test]
    async fn the_deadline_leaves_time_to_answer() {
        let in_ten_seconds = u64::try_from(Timestamp::now().as_millisecond()).unwrap() + 10_000;
        let left = invocation(in_ten_seconds).deadline - Instant::now();
        assert!(left > Duration::from_secs(8) && left < Duration::from_secs(9), "{left:?}");
        assert!(invocation(0).deadline <= Instant::now());
    }
}
