//! `landfall reject`: drops the plan that waits.

use crate::arguments::Reject;
use crate::decision::{Question, ask, give};
use crate::failure::{Exit, Failure};
use crate::installation::Installation;
use crate::printer::Printer;

/// Shows what waits, asks, and rejects it.
pub async fn run(installation: &Installation, asked: &Reject, printer: Printer) -> Result<Exit, Failure> {
    let name = &asked.name;
    let question = Question::find(installation, name, asked.plan).await?;
    if !asked.yes {
        ask(&question, "reject", printer)?;
    }
    give(installation, name, question.plan, false).await?;
    printer.note(&format!("Rejected plan {} of `{name}`; the platform stays as it is", question.plan));
    Ok(Exit::Done)
}
