//! Before anything is taken away: what stands in the platform's VPC that Landfall did not make?
//!
//! A VPC cannot go while somebody else's interface or group is in it. Found beforehand, the teardown stops with
//! everything still working, names each thing, and touches none.

use std::collections::BTreeSet;

use aws_sdk_ec2::types::Filter;
use domain::{Fault, FaultName, Identity, Kind, Record};
use plan::cluster::{AUTO_MODE_MARK, GROUP_MARK, INTERFACE_MARK, NODE_MARK, control_plane_interface};

use crate::Clients;
use crate::listing::Found;
use crate::listing::ec2::{self, filter, tag};

/// [`FaultName::Foreign`] if any VPC that this platform made holds what neither it nor EKS made for its cluster.
///
/// A VPC that existed before the platform is not inspected: it stays, with all that is in it.
pub async fn inspect(clients: &Clients, identity: &Identity, records: &[Record]) -> Result<(), Fault> {
    let vpcs = records.iter().filter(|record| record.kind == Kind::Vpc);
    let clusters: Vec<&Record> = records.iter().filter(|record| record.kind == Kind::ControlPlane).collect();
    let mut foreign = Vec::new();
    for vpc in vpcs.filter_map(|record| record.locator.as_ref()) {
        let mut found = inside(clients, &vpc.0).await?;
        found.retain(|found| !identity.owns(&found.tags));
        for cluster in &clusters {
            let theirs = made_for(clients, &vpc.0, cluster).await?;
            found.retain(|found| !theirs.contains(&found.locator));
        }
        foreign.extend(found);
    }
    verdict(identity, &foreign)
}

async fn inside(clients: &Clients, vpc: &str) -> Result<Vec<Found>, Fault> {
    let ec2 = &clients.ec2;
    let here = || vec![filter("vpc-id", vpc)];
    let mut found = ec2::instances(ec2, here()).await?;
    found.extend(ec2::interfaces(ec2, here()).await?);
    found.extend(ec2::security_groups(ec2, here()).await?);
    found.extend(ec2::endpoints(ec2, here()).await?);
    found.extend(ec2::nat_gateways(ec2, here()).await?);
    found.extend(ec2::subnets(ec2, here()).await?);
    found.extend(ec2::route_tables(ec2, here()).await?);
    found.extend(ec2::internet_gateways(ec2, vec![filter("attachment.vpc-id", vpc)]).await?);
    Ok(found)
}

/// The ids of what EKS and its agents made in the VPC for a cluster, which goes with it: instances of node groups and of Auto
/// Mode, the cluster's security group, the interfaces of the control plane and of pods on Fargate, those of the VPC CNI.
/// Only AWS puts an interface into use in the cluster's group that is of no instance.
async fn made_for(clients: &Clients, vpc: &str, cluster: &Record) -> Result<BTreeSet<String>, Fault> {
    let Some(name) = cluster.spec["name"].as_str() else { return Ok(BTreeSet::new()) };
    let here = |by: &[Filter]| [&[filter("vpc-id", vpc)], by].concat();
    let ec2 = &clients.ec2;
    let mut made = ec2::instances(ec2, here(&[tag(NODE_MARK, name)])).await?;
    made.extend(ec2::instances(ec2, here(&[tag(AUTO_MODE_MARK, name)])).await?);
    made.extend(ec2::security_groups(ec2, here(&[tag(GROUP_MARK, name)])).await?);
    made.extend(ec2::interfaces(ec2, here(&[tag(INTERFACE_MARK, name)])).await?);
    let description = control_plane_interface(name);
    made.extend(ec2::interfaces(ec2, here(&[filter("description", &description), used()])).await?);
    if let Some(group) = cluster.outputs.get("securityGroup") {
        made.extend(ec2::interfaces(ec2, here(&[filter("group-id", group), used()])).await?);
    }
    Ok(made.into_iter().map(|found| found.locator).collect())
}

fn used() -> Filter {
    filter("status", "in-use")
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
