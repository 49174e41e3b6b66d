//! Before anything is taken away: what stands in the platform's VPC that Landfall did not make?
//!
//! A VPC cannot go while somebody else's interface or group is in it. Found beforehand, the teardown stops with
//! everything still working, names each thing, and touches none.

use domain::{Fault, FaultName, Identity, Kind, Record};

use crate::Clients;
use crate::listing::{self, Found, filter};

/// [`FaultName::Foreign`] if any VPC that this platform made holds what it did not make.
///
/// A VPC that existed before the platform is not inspected: it stays, with all that is in it.
pub async fn inspect(clients: &Clients, identity: &Identity, records: &[Record]) -> Result<(), Fault> {
    let vpcs = records.iter().filter(|record| record.kind == Kind::Vpc);
    let mut foreign = Vec::new();
    for vpc in vpcs.filter_map(|record| record.locator.as_ref()) {
        foreign.extend(inside(clients, &vpc.0).await?.into_iter().filter(|found| !identity.owns(&found.tags)));
    }
    verdict(identity, &foreign)
}

async fn inside(clients: &Clients, vpc: &str) -> Result<Vec<Found>, Fault> {
    let ec2 = &clients.ec2;
    let here = || vec![filter("vpc-id", vpc)];
    let mut found = listing::interfaces(ec2, here()).await?;
    found.extend(listing::security_groups(ec2, here()).await?);
    found.extend(listing::endpoints(ec2, here()).await?);
    found.extend(listing::nat_gateways(ec2, here()).await?);
    found.extend(listing::subnets(ec2, here()).await?);
    found.extend(listing::route_tables(ec2, here()).await?);
    found.extend(listing::internet_gateways(ec2, vec![filter("attachment.vpc-id", vpc)]).await?);
    Ok(found)
}

fn verdict(identity: &Identity, foreign: &[Found]) -> Result<(), Fault> {
    let Some(first) = foreign.first() else { return Ok(()) };
    let named: Vec<String> = foreign.iter().map(|found| format!("{} {}", found.what, found.locator)).collect();
    let message = format!(
        "the network of {} holds what Landfall did not make, so its VPC could not be deleted: {}. Nothing was touched.",
        identity.platform,
        named.join(", ")
    );
    let next = format!("remove it (`{}`), then run `landfall destroy {}` again", first.command, identity.platform);
    Err(Fault::new(FaultName::Foreign, message).next(next))
}
