//! The proof: after everything was removed, each service is asked what is there.

use domain::{Fault, FaultName, Identity, RunId, Target};
use jiff::Timestamp;
use ledger::{Leftover, Listing, Report};

use crate::Clients;
use crate::listing::{self, Found};

/// The fault of a teardown that cannot prove zero.
pub fn verdict(report: &Report) -> Result<(), Fault> {
    let Some(first) = report.left.first() else { return Ok(()) };
    let named: Vec<String> = report.left.iter().map(|left| format!("{} {}", left.what, left.locator)).collect();
    let message = format!("{} after the teardown of {}: {}", report.summary(), report.platform, named.join(", "));
    let next = format!("run `{}`, then `landfall destroy {}` again", first.command, report.platform);
    Err(Fault::new(FaultName::LeftBehind, message).next(next))
}

/// Asks every service in which a platform may own something. Tags are matched on installation and platform, so that what an
/// earlier life of the name left behind is found too. IAM knows no region: the roles of a namesake in another region have
/// the same path and another end, and are left out.
pub async fn prove(
    clients: &Clients,
    identity: &Identity,
    target: &Target,
    run: RunId,
    at: Timestamp,
) -> Result<Report, Fault> {
    let mut report = Report { platform: identity.platform.clone(), run, at, listings: Vec::new(), left: Vec::new() };
    let by = format!("the tag {} = {}", Identity::PLATFORM, identity.platform);
    let owned = [
        listing::filter(&format!("tag:{}", Identity::INSTALLATION), &identity.installation),
        listing::filter(&format!("tag:{}", Identity::PLATFORM), identity.platform.as_str()),
    ];
    for (what, found) in listing::network(&clients.ec2, &owned).await? {
        note(&mut report, what, &by, found);
    }
    let path = format!("{}{}/", listing::path(&identity.installation), identity.platform);
    note(&mut report, "log groups", &format!("the name {path}*"), listing::log_groups(clients, &path).await?);
    let mut roles = Vec::new();
    let mark = plan::role_mark(&identity.installation, &target.region, &identity.platform);
    for role in listing::roles(clients, &path).await?.into_iter().filter(|role| role.locator.ends_with(&mark)) {
        roles.push(listing::with_its_policies(clients, role).await?);
    }
    note(&mut report, "roles", &format!("the path {path}"), roles);
    Ok(report)
}

fn note(report: &mut Report, what: &str, by: &str, found: Vec<Found>) {
    report.listings.push(Listing { what: what.to_owned(), by: by.to_owned(), found: found.len() });
    report.left.extend(found.into_iter().map(|found| Leftover {
        what: found.what.to_owned(),
        locator: found.locator,
        reason: format!("found by {by}"),
        command: found.command,
    }));
}
