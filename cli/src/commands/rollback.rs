//! `landfall rollback`: goes back to a plan that was good.

use plan::diff;
use serde_json::json;

use crate::arguments::Rollback;
use crate::begin::deploy;
use crate::failure::{Exit, Failure};
use crate::installation::Installation;
use crate::output::plan::{PlanView, plan};
use crate::printer::Printer;
use crate::{documents, look};

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
    let view = PlanView::new(name.as_str(), platform.revision, platform.asks(&changes, None), changes);
    printer.note(&plan(printer.note_paint(), &view));
    let input = json!({"platform": name, "trigger": "Rollback", "plan": number});
    deploy(installation, name, &input, asked.waiting, printer).await
}
