//! `landfall pause`: lets a platform rest, or all of them.

use domain::PlatformName;
use jiff::Timestamp;
use ledger::Pause;

use crate::arguments::OneOrAll;
use crate::failure::{Exit, Failure};
use crate::installation::Installation;
use crate::printer::Printer;
use crate::{look, sdk};

/// Pauses it, or all.
pub async fn run(installation: &Installation, asked: &OneOrAll, printer: Printer) -> Result<Exit, Failure> {
    let by = sdk::caller(&installation.configuration).await?;
    let pause = Pause { by, at: Timestamp::now() };
    match &asked.name {
        Some(name) => one(installation, name, &pause, printer).await?,
        None => {
            installation.ledger.set_pause_of_all(Some(&pause)).await?;
            printer.note(
                "Paused every platform, and those to come: nothing starts by itself until `landfall resume --all`",
            );
        }
    }
    Ok(Exit::Done)
}

async fn one(installation: &Installation, name: &PlatformName, pause: &Pause, printer: Printer) -> Result<(), Failure> {
    let platform = look::platform(&installation.ledger, name).await?;
    installation.ledger.set_pause(name, Some(pause)).await?;
    printer.note(&format!("Paused `{name}`: nothing starts by itself until `landfall resume {name}`"));
    if let Some(lease) = &platform.lease {
        printer.note(&format!("The run {} goes on to its end", lease.run));
    }
    Ok(())
}
