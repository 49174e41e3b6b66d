//! `landfall unprotect`: lifts the protection against deletion for a while.

use jiff::Timestamp;

use crate::arguments::Unprotect;
use crate::failure::{Exit, Failure};
use crate::installation::Installation;
use crate::look;
use crate::output::time::Clock;
use crate::printer::Printer;

/// Lifts it.
pub async fn run(installation: &Installation, asked: &Unprotect, printer: Printer) -> Result<Exit, Failure> {
    let name = &asked.name;
    look::platform(&installation.ledger, name).await?;
    let until = Timestamp::now() + asked.duration;
    if installation.ledger.unprotect(name, until).await?.is_none() {
        return Err(Failure::new(format!("The platform `{name}` is gone already")));
    }
    let until = Clock::system().date(until);
    printer.note(&format!("Until {until} `landfall destroy {name}` takes it away; after that it is protected again"));
    Ok(Exit::Done)
}
