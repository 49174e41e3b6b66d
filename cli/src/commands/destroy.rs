//! `landfall destroy`: takes a platform away and shows the proof.

use std::io::IsTerminal;

use domain::PlatformName;
use jiff::Timestamp;
use ledger::{Machine, Platform, Status};
use serde_json::json;

use super::report;
use crate::arguments::Destroy;
use crate::begin::{Begin, Begun};
use crate::failure::{Exit, Failure};
use crate::follow::{follow, follow_or_leave};
use crate::installation::Installation;
use crate::printer::Printer;
use crate::{execution, look};

/// Asks, starts the teardown, follows it, and shows what the proof says.
pub async fn run(installation: &Installation, asked: &Destroy, printer: Printer) -> Result<Exit, Failure> {
    let name = &asked.name;
    let platform = look::platform(&installation.ledger, name).await?;
    allowed(&platform, Timestamp::now())?;
    if !asked.yes {
        let records = look::records(&installation.ledger, name).await?;
        confirm(name, records.len(), printer)?;
    }
    let input = json!({"platform": name});
    let begin = Begin { installation, name, patient: asked.waiting.is_wanted(printer), printer };
    let arn = execution::start(installation, &installation.teardown_machine, &input).await?;
    let run = match begin.of_execution(&arn, Machine::Teardown).await? {
        Begun::Run(run) => run,
        Begun::Nothing(message) => {
            printer.note(&message);
            return Ok(Exit::Done);
        }
    };
    if !asked.waiting.is_wanted(printer) {
        return follow_or_leave(installation, name, run, asked.waiting, printer).await;
    }
    let exit = follow(installation, name, run, printer).await?;
    if exit == Exit::Done {
        report::show(installation, name, run, printer).await?;
    }
    Ok(exit)
}

/// Refuses what Admit would refuse too, before anybody has to type a name.
fn allowed(platform: &Platform, now: Timestamp) -> Result<(), Failure> {
    let name = &platform.name;
    if platform.status == Status::Gone {
        return Err(Failure::new(format!("The platform `{name}` is gone already"))
            .hint(format!("See the proof with `landfall report {name}`")));
    }
    if platform.is_protected(now) {
        return Err(Failure::new(format!("The platform `{name}` is protected against deletion"))
            .hint(format!("Lift the protection for a while with `landfall unprotect {name} --for 1h`")));
    }
    Ok(())
}

fn confirm(name: &PlatformName, resources: usize, printer: Printer) -> Result<(), Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::new("Nobody is here to confirm")
            .hint(format!("Run `landfall destroy {name} --yes` to destroy without a question")));
    }
    printer.ask(&format!(
        "This deletes {resources} resources of `{name}` and all that is in them. Type its name to go on: "
    ));
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    read.map_err(|error| Failure::new("The answer could not be read").caused_by(&error))?;
    if answer.trim() == name.as_str() {
        return Ok(());
    }
    Err(Failure::new("That is not the name of the platform, so nothing was destroyed"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn protection_and_how_to_lift_it() {
        let platform = fixtures::platform();
        let failure = allowed(&platform, fixtures::NOW).unwrap_err();
        assert_eq!(failure.hints, ["Lift the protection for a while with `landfall unprotect demo --for 1h`"]);
        let lifted =
            Platform { unprotected_until: Some(fixtures::NOW + jiff::SignedDuration::from_mins(1)), ..platform };
        assert_eq!(allowed(&lifted, fixtures::NOW), Ok(()));
        let gone = Platform { status: Status::Gone, ..lifted };
        assert_eq!(allowed(&gone, fixtures::NOW).unwrap_err().message, "The platform `demo` is gone already");
    }
}
