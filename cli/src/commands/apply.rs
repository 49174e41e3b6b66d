//! `landfall apply`: uploads a manifest and follows the run that it starts.
//!
//! What is known to be wrong is never uploaded: the file's errors, what cannot be planned, and what the guards of the
//! revision before refuse.

use crate::arguments::{Apply, Connection};
use crate::begin::{Begin, Begun};
use crate::failure::{Exit, Failure};
use crate::follow::{follow_or_leave, goes_on_alone};
use crate::installation::Installation;
use crate::output::plan::{PlanView, heading, plan};
use crate::printer::Printer;
use crate::proposal::propose;
use crate::{documents, source};

/// Checks, shows, uploads, follows.
pub async fn run(connection: &Connection, asked: &Apply, printer: Printer) -> Result<Exit, Failure> {
    let source = source::read(&asked.file.file)?;
    let manifest = source.checked(printer)?;
    let installation = Installation::find(connection).await?;
    let proposal = propose(&installation, &manifest).await?;
    allowed(&proposal.view)?;
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

fn allowed(view: &PlanView) -> Result<(), Failure> {
    let Some(reason) = &view.refused else { return Ok(()) };
    let lost = view.changes.iter().filter(|change| change.destroys).map(|change| change.resource.to_string());
    let lost: Vec<String> = lost.collect();
    let what =
        if lost.is_empty() { "Any change".to_owned() } else { format!("A change that destroys {}", lost.join(", ")) };
    Err(Failure::new(format!("{what} asks for approval, as {reason}"))
        .hint("To allow it, first apply the manifest as it was with `safety: {approval: Never}`, then apply this one"))
}

#[cfg(test)]
mod tests {
    use ::plan::{Action, PlannedChange};
    use domain::Kind;

    use super::*;
    use crate::fixtures;
    use crate::output::failure::render;
    use crate::output::paint::Paint;
    use crate::output::plan::Counts;

    #[test]
    fn what_the_guards_refuse_is_not_uploaded() {
        let resource = fixtures::id("vpc");
        let changes = vec![PlannedChange {
            action: Action::Replace,
            resource,
            kind: Kind::Vpc,
            reasons: Vec::new(),
            destroys: true,
        }];
        let refused = Some("revision 3 says `safety.approval: Destructive`".to_owned());
        let counts = Counts::of(&changes);
        let view = PlanView { platform: "demo".to_owned(), from_revision: 3, counts, refused, changes };
        insta::assert_snapshot!(render(Paint::PLAIN, &allowed(&view).unwrap_err()));
    }
}
