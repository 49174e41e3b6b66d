//! `landfall orphans`: what carries the installation's tags or names, and the ledger does not know.

use aws_sdk_lambda::primitives::Blob;
use ledger::Orphans;
use serde::Deserialize;

use crate::arguments::{Form, Reading};
use crate::failure::{Exit, Failure};
use crate::installation::Installation;
use crate::output::orphans::orphans;
use crate::output::time::Clock;
use crate::printer::Printer;
use crate::sdk;

/// Asks the function that may look into every service, and shows what it found.
pub async fn run(installation: &Installation, asked: &Reading, printer: Printer) -> Result<Exit, Failure> {
    let found = ask(installation).await?;
    match asked.output {
        Form::Json => printer.json(&found)?,
        Form::Text => printer.result(&orphans(printer.paint(), &Clock::system(), &found)),
    }
    Ok(if found.total == 0 { Exit::Done } else { Exit::Found })
}

async fn ask(installation: &Installation) -> Result<Orphans, Failure> {
    let function = &installation.teardown_function;
    let client = aws_sdk_lambda::Client::new(&installation.configuration);
    let call = client.invoke().function_name(function).payload(Blob::new(r#"{"step":"orphans"}"#));
    let answer = call.send().await;
    let answer =
        answer.map_err(|error| sdk::failure(format!("The function `{function}` could not be asked"), &error))?;
    let payload = answer.payload.map(Blob::into_inner).unwrap_or_default();
    if answer.function_error.is_some() {
        return Err(told(function, &payload));
    }
    serde_json::from_slice(&payload).map_err(|error| {
        Failure::new(format!("The answer of the function `{function}` cannot be read"))
            .caused_by(&error)
            .hint("Use a `landfall` as new as the installation")
    })
}

/// What a function answers that failed: <https://docs.aws.amazon.com/lambda/latest/dg/invocation-retries.html>
fn told(function: &str, payload: &[u8]) -> Failure {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Fault {
        error_type: String,
        error_message: String,
    }
    let mut failure = Failure::new(format!("The function `{function}` could not look"));
    if let Ok(fault) = serde_json::from_slice::<Fault>(payload) {
        failure.causes.push(format!("{}: {}", fault.error_type, fault.error_message));
    }
    failure.hint(format!("See its log: `aws logs tail /aws/lambda/{function}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_function_failed_with_is_told() {
        let failure = told("landfall-teardown", br#"{"errorType": "Throttled", "errorMessage": "too many calls"}"#);
        assert_eq!(failure.causes, ["Throttled: too many calls"]);
        assert!(told("landfall-teardown", b"Task timed out").causes.is_empty());
    }
}
