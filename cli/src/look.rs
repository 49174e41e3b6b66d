//! Looks things up in the ledger, for one picture of a platform at a time.

use domain::{PlatformName, Record, RunId};
use engine::{Ledger as _, LedgerError};
use ledger::{Ledger, Platform, Run};
use plan::Plan;

use crate::failure::Failure;
use crate::output::platform::PlatformView;
use crate::output::run::{Expected, RunView};
use crate::output::status::{StatusView, components};
use crate::output::time::Clock;

/// How many earlier runs say what the next one usually takes.
const EARLIER: usize = 20;

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        let failure = Self::new("The ledger could not be used").caused_by(&error);
        match error {
            LedgerError::Unavailable(_) => {
                failure.hint("Check the network, the region, and that these credentials may read the table")
            }
            LedgerError::Unreadable(_) => failure.hint("Use a `landfall` as new as the installation"),
            LedgerError::Fenced | LedgerError::Raced(_) => {
                failure.hint("Somebody else changed it at the same time: try again")
            }
        }
    }
}

/// The platform of that name.
pub async fn platform(ledger: &Ledger, name: &PlatformName) -> Result<Platform, Failure> {
    ledger.platform(name).await?.ok_or_else(|| {
        Failure::new(format!("There is no platform `{name}`")).hint("List the platforms with `landfall list`")
    })
}

/// An id of a run that somebody typed.
pub fn run_id(name: &PlatformName, text: &str) -> Result<RunId, Failure> {
    RunId::parse(text).ok_or_else(|| {
        Failure::new(format!("`{text}` is no id of a run"))
            .hint(format!("List the runs with `landfall history {name}`"))
    })
}

/// The run of that id.
pub async fn run(ledger: &Ledger, name: &PlatformName, id: RunId) -> Result<Run, Failure> {
    ledger.run(name, id).await?.ok_or_else(|| {
        Failure::new(format!("The platform `{name}` has no run {id}"))
            .hint(format!("List its runs with `landfall history {name}`"))
    })
}

/// The records of a platform.
pub async fn records(ledger: &Ledger, name: &PlatformName) -> Result<Vec<Record>, Failure> {
    Ok(ledger.records(name).await?.into_iter().map(|stored| stored.record).collect())
}

/// A platform as it is now, with that run, and with what `plan` wants and nobody has begun.
pub async fn status(
    ledger: &Ledger,
    platform: &Platform,
    run: Option<RunId>,
    plan: Option<&Plan>,
    clock: &Clock,
) -> Result<StatusView, Failure> {
    let runs = ledger.runs(&platform.name, EARLIER).await?;
    let run = run.and_then(|id| runs.iter().find(|run| run.id == id));
    let records = records(ledger, &platform.name).await?;
    Ok(StatusView {
        platform: PlatformView::new(platform, ledger.pause_of_all().await?.as_ref(), clock),
        run: run.map(RunView::new),
        expected: run.map(|run| Expected::of(run, &runs)).unwrap_or_default(),
        components: components(plan, &records),
    })
}
