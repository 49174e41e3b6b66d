//! `landfall rollback`: goes back to a plan that was good.

use ledger::Machine;
use plan::diff;
use serde_json::json;

use crate::arguments::Rollback;
use crate::begin::{Begin, Begun};
use crate::failure::{Exit, Failure};
use crate::follow::follow_or_leave;
use crate::installation::Installation;
use crate::output::plan::{Counts, PlanView, plan};
use crate::printer::Printer;
use crate::{documents, execution, look};

/// Shows what going back would change, starts it, and follows it.
pub async fn run(installation: &Installation, asked: &Rollback, printer: Printer) -> Result<Exit, Failure> {
    let (name, number) = (&asked.name, asked.to);
    let platform = look::platform(&installation.ledger, name).await?;
    let unknown = || {
        Failure::new(format!("Plan {number} of `{name}` was never deployed well in this life of the platform"))
            .hint(format!("Choose one that succeeded: see `landfall history {name}`"))
    };
    if !installation.ledger.was_good(&platform, number).await? {
        return Err(unknown());
    }
    let stored = documents::plan(installation, name, number).await?.ok_or_else(unknown)?;
    let changes = diff(&stored, &look::records(&installation.ledger, name).await?);
    let view = PlanView {
        platform: name.to_string(),
        from_revision: platform.revision,
        counts: Counts::of(&changes),
        approval: platform.asks(&changes, None),
        changes,
    };
    printer.note(&plan(printer.note_paint(), &view));
    let input = json!({"platform": name, "trigger": "Rollback", "plan": number});
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
