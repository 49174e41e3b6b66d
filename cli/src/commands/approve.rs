//! `landfall approve`: lets the plan that waits be carried out.

use crate::arguments::Approve;
use crate::begin::Begin;
use crate::decision::{Question, ask, give};
use crate::failure::{Exit, Failure};
use crate::installation::Installation;
use crate::printer::Printer;

/// Shows what waits, asks, approves it, and follows the run.
pub async fn run(installation: &Installation, asked: &Approve, printer: Printer) -> Result<Exit, Failure> {
    let name = &asked.name;
    let question = Question::find(installation, name, asked.plan).await?;
    if !asked.yes {
        ask(&question, "approve", printer)?;
    }
    let pending = give(installation, name, question.plan, true).await?;
    printer.note(&format!("Approved plan {} of `{name}`", question.plan));
    let begin = Begin { installation, name, patient: asked.waiting.is_wanted(printer), printer };
    begin.follow_deploy(&pending.execution, asked.waiting).await
}
