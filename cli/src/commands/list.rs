//! `landfall list`: every platform.

use crate::arguments::{Form, Reading};
use crate::failure::{Exit, Failure};
use crate::installation::Installation;
use crate::output::platform::{PlatformView, list};
use crate::output::time::Clock;
use crate::printer::Printer;

/// Lists them.
pub async fn run(installation: &Installation, asked: &Reading, printer: Printer) -> Result<Exit, Failure> {
    let clock = Clock::system();
    let platforms = installation.ledger.platforms().await?;
    let rest = installation.ledger.pause_of_all().await?;
    let view = |platform| PlatformView::new(platform, rest.as_ref(), &clock);
    let views: Vec<PlatformView> = platforms.iter().map(view).collect();
    match asked.output {
        Form::Json => printer.json(&views)?,
        Form::Text if views.is_empty() => {
            printer.note("No platforms yet. Begin with `landfall init`, then `landfall apply -f platform.yaml`");
        }
        Form::Text => printer.result(&list(printer.paint(), &clock, &views)),
    }
    Ok(Exit::Done)
}
