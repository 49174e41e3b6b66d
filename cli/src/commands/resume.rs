//! `landfall resume`: ends the rest of a platform, or of all, and takes up what waited for that.

use domain::PlatformName;
use jiff::Timestamp;
use ledger::{Platform, Waiting};
use serde_json::json;

use crate::arguments::OneOrAll;
use crate::failure::{Exit, Failure};
use crate::installation::Installation;
use crate::printer::Printer;
use crate::{execution, look};

/// Resumes it, or all.
pub async fn run(installation: &Installation, asked: &OneOrAll, printer: Printer) -> Result<Exit, Failure> {
    let ledger = &installation.ledger;
    match &asked.name {
        Some(name) => {
            look::platform(ledger, name).await?;
            let resumed = ledger.set_pause(name, None).await?;
            if ledger.pause_of_all().await?.is_some() {
                return Err(Failure::new(format!("`{name}` itself is resumed, and all platforms are paused"))
                    .hint("Resume all with `landfall resume --all`"));
            }
            printer.note(&format!("Resumed `{name}`"));
            if let Some(platform) = resumed {
                take_up(installation, &platform, printer).await?;
            }
        }
        None => {
            ledger.set_pause_of_all(None).await?;
            printer.note("Resumed every platform that is not paused by itself");
            for platform in ledger.platforms().await?.iter().filter(|platform| platform.paused.is_none()) {
                take_up(installation, platform, printer).await?;
            }
        }
    }
    Ok(Exit::Done)
}

/// Starts what waited. Its name is the one that the functions would give it, so that it is started once.
async fn take_up(installation: &Installation, platform: &Platform, printer: Printer) -> Result<(), Failure> {
    let waiting = platform.waiting.as_ref().filter(|waiting| waiting.rests() && platform.is_free(Timestamp::now()));
    let Some(Waiting { id, .. }) = waiting else { return Ok(()) };
    let name: &PlatformName = &platform.name;
    let input = json!({"platform": name, "trigger": "Waiting"});
    execution::start_once(installation, &installation.deploy_machine, &format!("{name}-{id}"), &input).await?;
    printer.note(&format!("What waited for `{name}` is taken up: follow it with `landfall status {name} --watch`"));
    Ok(())
}
