//! `landfall apply`: uploads a manifest and follows the run that it starts.
//!
//! What is known to be wrong is never uploaded: the file's errors, and what cannot be planned. What needs approval waits
//! for it once it is uploaded.

use crate::arguments::{Apply, Connection};
use crate::begin::{Begin, Begun};
use crate::failure::{Exit, Failure};
use crate::follow::{follow_or_leave, goes_on_alone};
use crate::installation::Installation;
use crate::output::plan::{heading, plan};
use crate::printer::Printer;
use crate::proposal::propose;
use crate::{documents, source};

/// Checks, shows, uploads, follows.
pub async fn run(connection: &Connection, asked: &Apply, printer: Printer) -> Result<Exit, Failure> {
    let source = source::read(&asked.file.file)?;
    let manifest = source.checked(printer)?;
    let installation = Installation::find(connection).await?;
    let proposal = propose(&installation, &manifest).await?;
    // A new platform is all creates: the count says it.
    let text = match proposal.view.from_revision {
        0 => heading(&proposal.view),
        _ => plan(printer.note_paint(), &proposal.view),
    };
    printer.note(&text);
    let object = &proposal.object;
    let version = documents::upload(&installation, &object.bucket, &object.key, source.bytes).await?;
    printer.note(&format!("Uploaded to s3://{}/{}", object.bucket, object.key));
    let name = &manifest.metadata.name;
    let patient = asked.waiting.is_wanted(printer);
    let begin = Begin { installation: &installation, name, patient, printer };
    let begun = tokio::select! {
        begun = begin.of_version(&version) => begun?,
        _ = tokio::signal::ctrl_c() => return Ok(goes_on_alone(name, printer)),
    };
    match begun {
        Begun::Run(run) => follow_or_leave(&installation, name, run, asked.waiting, printer).await,
        Begun::Nothing(message) => {
            printer.note(&message);
            Ok(Exit::Done)
        }
    }
}
