//! The proof: after everything was removed, each service is asked what is there.

use std::collections::BTreeSet;

use domain::{Fault, FaultName, Identity, RunId, Target};
use jiff::Timestamp;
use ledger::{Leftover, Listing, Report, Scheduled};

use crate::Clients;
use crate::listing::{self, Found, ec2, eks, iam, kms, logs};
use crate::remains::Past;

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
/// the same path and another end, and are left out. What EKS made for the platform's cluster, if it had one, carries EKS's
/// tags and names.
pub async fn prove(
    clients: &Clients,
    identity: &Identity,
    target: &Target,
    past: Option<&Past>,
    run: RunId,
    at: Timestamp,
) -> Result<Report, Fault> {
    let platform = identity.platform.clone();
    let mut report = Report { platform, run, at, listings: Vec::new(), left: Vec::new(), scheduled: Vec::new() };
    let by = format!("the tag {} = {}", Identity::PLATFORM, identity.platform);
    let owned = [
        ec2::tag(Identity::INSTALLATION, &identity.installation),
        ec2::tag(Identity::PLATFORM, identity.platform.as_str()),
    ];
    for (what, found) in ec2::all(&clients.ec2, &owned).await? {
        note(&mut report, what, &by, found);
    }
    note(&mut report, "EKS clusters", &by, clusters(clients, identity).await?);
    let mut providers = iam::oidc_providers(&clients.iam, &target.region).await?;
    providers.retain(|found| found.is_of_platform(identity));
    note(&mut report, "OIDC providers", &by, providers);
    note_keys(&mut report, clients, identity, &by).await?;
    let path = format!("{}{}/", listing::path(&identity.installation), identity.platform);
    note(&mut report, "log groups", &format!("the name {path}*"), logs::groups(&clients.logs, &path).await?);
    let mut roles = Vec::new();
    let mark = plan::role_mark(&identity.installation, &target.region, &identity.platform);
    for role in iam::roles(&clients.iam, &path).await?.into_iter().filter(|role| role.locator.ends_with(&mark)) {
        roles.push(iam::with_its_policies(&clients.iam, role).await?);
    }
    note(&mut report, "roles", &format!("the path {path}"), roles);
    note_control_plane_logs(&mut report, clients, identity, &by).await?;
    if let Some(past) = past {
        note_remains(&mut report, clients, past).await?;
    }
    Ok(report)
}

/// The platform's clusters, whatever they are called.
async fn clusters(clients: &Clients, identity: &Identity) -> Result<Vec<Found>, Fault> {
    let names = eks::names(&clients.eks).await?;
    let mut clusters = Vec::new();
    for cluster in eks::clusters(&clients.eks, &names).await?.into_iter().filter(|one| one.is_of_platform(identity)) {
        clusters.push(eks::with_its_nodes(&clients.eks, cluster).await?);
    }
    Ok(clusters)
}

/// A key whose deletion is scheduled is reported as that.
async fn note_keys(report: &mut Report, clients: &Clients, identity: &Identity, by: &str) -> Result<(), Fault> {
    let keys = kms::keys(&clients.kms, |found| found.is_of_platform(identity)).await?;
    let mut there = Vec::new();
    for key in keys {
        match key.goes {
            Some(at) => {
                report.scheduled.push(Scheduled { what: key.found.what.to_owned(), locator: key.found.locator, at })
            }
            None => there.push(key.found),
        }
    }
    note(report, "KMS keys", by, there);
    let prefix = format!("{}{}/", kms::alias_prefix(&identity.installation), identity.platform);
    let aliases = kms::aliases(&clients.kms, &prefix).await?;
    note(report, "KMS aliases", &format!("the name {prefix}*"), aliases);
    Ok(())
}

/// The log group that the platform itself made for its control plane.
async fn note_control_plane_logs(
    report: &mut Report,
    clients: &Clients,
    identity: &Identity,
    by: &str,
) -> Result<(), Fault> {
    let prefix = plan::cluster::log_group(identity.platform.as_str());
    let listed = logs::of_control_planes(&clients.logs, &prefix).await?;
    let ours = listed.into_iter().map(|log| log.group).filter(|group| group.is_of_platform(identity)).collect();
    note(report, "log groups of control planes", by, ours);
    Ok(())
}

/// What EKS and its agents made, but for what was found before by our tags.
async fn note_remains(report: &mut Report, clients: &Clients, past: &Past) -> Result<(), Fault> {
    let known: BTreeSet<String> = report.left.iter().map(|left| left.locator.clone()).collect();
    for searched in past.remains(clients).await? {
        let found = searched.found.into_iter().map(|(_, found)| found);
        let found = found.filter(|found| !known.contains(&found.locator)).collect();
        note(report, searched.what, &searched.by, found);
    }
    Ok(())
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
