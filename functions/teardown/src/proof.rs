//! The proof: after everything was removed, each service is asked what is there.

use aws_sdk_ec2::types::Filter;
use domain::{Fault, FaultName, Identity, PlatformName, RunId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Clients;
use crate::listing::{self, Found};

/// What was looked for, and what was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The platform that was torn down.
    pub platform: PlatformName,
    /// The run that did it.
    pub run: RunId,
    /// When the services were asked.
    pub at: Timestamp,
    /// Each listing that was made.
    pub listings: Vec<Listing>,
    /// What is left. Empty is the proof.
    pub left: Vec<Leftover>,
}

/// One listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// What was listed, in the service's word.
    pub what: String,
    /// By what: a tag, a name or a path.
    pub by: String,
    /// How many of this platform were found.
    pub found: usize,
}

/// One thing that is left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leftover {
    /// What it is.
    pub what: String,
    /// By what its service finds it.
    pub locator: String,
    /// Why it counts as this platform's.
    pub reason: String,
    /// The command that removes it.
    pub command: String,
}

impl Report {
    /// `0 left`, or how many are.
    pub fn summary(&self) -> String {
        format!("{} left", self.left.len())
    }

    /// The fault of a teardown that cannot prove zero.
    pub fn verdict(&self) -> Result<(), Fault> {
        let Some(first) = self.left.first() else { return Ok(()) };
        let named: Vec<String> = self.left.iter().map(|left| format!("{} {}", left.what, left.locator)).collect();
        let message = format!("{} after the teardown of {}: {}", self.summary(), self.platform, named.join(", "));
        let next = format!("run `{}`, then `landfall destroy {}` again", first.command, self.platform);
        Err(Fault::new(FaultName::LeftBehind, message).next(next))
    }

    fn note(&mut self, what: &str, by: &str, found: Vec<Found>) {
        self.listings.push(Listing { what: what.to_owned(), by: by.to_owned(), found: found.len() });
        self.left.extend(found.into_iter().map(|found| Leftover {
            what: found.what.to_owned(),
            locator: found.locator,
            reason: format!("found by {by}"),
            command: found.command,
        }));
    }
}

/// Asks every service in which a platform may own something. Tags are matched on installation and platform, so that what an
/// earlier life of the name left behind is found too.
pub async fn prove(clients: &Clients, identity: &Identity, run: RunId, at: Timestamp) -> Result<Report, Fault> {
    let mut report = Report { platform: identity.platform.clone(), run, at, listings: Vec::new(), left: Vec::new() };
    let by = format!("the tag {} = {}", Identity::PLATFORM, identity.platform);
    let ec2 = &clients.ec2;
    let owned = || -> Vec<Filter> {
        vec![
            listing::filter(&format!("tag:{}", Identity::INSTALLATION), &identity.installation),
            listing::filter(&format!("tag:{}", Identity::PLATFORM), identity.platform.as_str()),
        ]
    };
    report.note("VPCs", &by, listing::vpcs(ec2, owned()).await?);
    report.note("subnets", &by, listing::subnets(ec2, owned()).await?);
    report.note("internet gateways", &by, listing::internet_gateways(ec2, owned()).await?);
    report.note("route tables", &by, listing::route_tables(ec2, owned()).await?);
    report.note("NAT gateways", &by, listing::nat_gateways(ec2, owned()).await?);
    report.note("Elastic IPs", &by, listing::addresses(ec2, owned()).await?);
    report.note("security groups", &by, listing::security_groups(ec2, owned()).await?);
    report.note("VPC endpoints", &by, listing::endpoints(ec2, owned()).await?);
    report.note("peering connections", &by, listing::peerings(ec2, owned()).await?);
    report.note("transit gateway attachments", &by, listing::transit_gateway_attachments(ec2, owned()).await?);
    report.note("flow logs", &by, listing::flow_logs(ec2, owned()).await?);
    report.note("network interfaces", &by, listing::interfaces(ec2, owned()).await?);
    let path = format!("/landfall/{}/{}/", identity.installation, identity.platform);
    report.note("log groups", &format!("the name {path}*"), listing::log_groups(&clients.logs, &path).await?);
    report.note("roles", &format!("the path {path}"), listing::roles(&clients.iam, &path).await?);
    Ok(report)
}
