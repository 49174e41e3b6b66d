//! `landfall retry`: runs the newest revision again, after a failure.

use ledger::Machine;
use serde_json::json;

use crate::arguments::Retry;
use crate::begin::{Begin, Begun};
use crate::failure::{Exit, Failure};
use crate::follow::follow_or_leave;
use crate::installation::Installation;
use crate::printer::Printer;
use crate::{execution, look};

/// Starts a deploy, and follows it.
pub async fn run(installation: &Installation, asked: &Retry, printer: Printer) -> Result<Exit, Failure> {
    let name = &asked.name;
    let platform = look::platform(&installation.ledger, name).await?;
    if let Some(lease) = &platform.lease {
        return Err(Failure::new(format!("The run {} of `{name}` is under way", lease.run))
            .hint(format!("Follow it with `landfall status {name} --watch`")));
    }
    let input = json!({"platform": name, "trigger": "Retry"});
    let begin = Begin { installation, name, patient: asked.waiting.is_wanted(printer), printer };
    let arn = execution::start(installation, &installation.deploy_machine, &input).await?;
    match begin.of_execution(&arn, Machine::Deploy).await? {
        Begun::Run(run) => follow_or_leave(installation, name, run, asked.waiting, printer).await,
        Begun::Nothing(message) => {
            printer.note(&message);
            Ok(Exit::Done)
        }
    }
}
