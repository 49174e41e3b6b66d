//! A VPC and subnets that existed before us: checked, used, and never changed.

use std::collections::{BTreeMap, BTreeSet};

use super::{GivenSubnetSpec, GivenVpcSpec, Ground, PrivateSubnet, Table, Wanted, zones};
use crate::builder::Builder;
use crate::{GivenNetwork, GivenSubnet, Goal, Problem, Ref};

/// How many free addresses EKS recommends in each subnet before a control plane is made, which takes six:
/// <https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html#network-requirements-subnets>.
const FREE_ADDRESSES: u32 = 16;

/// How many it takes to update one that is there:
/// <https://docs.aws.amazon.com/eks/latest/userguide/update-cluster.html>.
const FREE_FOR_UPDATE: u32 = 5;

pub(super) fn add(wanted: &Wanted<'_>, vpc_id: &str, into: &mut Builder) -> Result<Ground, Vec<Problem>> {
    let Some(given) = wanted.facts.given.as_ref().filter(|given| given.vpc_id == vpc_id) else {
        let message = format!("there is no VPC {vpc_id} in {}", wanted.target.region);
        let fix = "write the id of a VPC of the platform's account and region";
        return Err(vec![Problem::network("VpcNotFound", "vpcId", message, fix)]);
    };
    let subnets = named(wanted, given)?;
    let overlaps = overlaps(wanted, given);
    if !overlaps.is_empty() {
        return Err(overlaps);
    }

    let spec = GivenVpcSpec { id: given.vpc_id.clone(), cidrs: given.cidrs.clone() };
    let vpc = into.add(Goal::Foundation, format!("given-{vpc_id}"), spec);
    let mut private_subnets = Vec::new();
    let mut tables = BTreeMap::new();
    for (id, subnet, private) in &subnets {
        let spec = GivenSubnetSpec { id: (*id).to_owned(), zone: subnet.zone.clone(), cidr: subnet.cidr };
        // A subnet is found in its VPC, which must be there first.
        let resource = into.add_after(Goal::Foundation, format!("given-{id}"), spec, [vpc.clone()]);
        if *private {
            let zone = subnet.zone.clone();
            private_subnets.push(PrivateSubnet { zone, subnet: Ref::id(&resource), pods: None });
        }
        let (label, table) = match &subnet.route_table {
            Some(table) => (table.clone(), Ref::Known(table.clone())),
            None => ("main".to_owned(), Ref::output(&vpc, "mainRouteTable")),
        };
        tables.insert(label, table);
    }
    private_subnets.sort_by(|a, b| (&a.zone, &a.subnet).cmp(&(&b.zone, &b.subnet)));
    Ok(Ground {
        vpc: Ref::id(&vpc),
        cidrs: given.cidrs.clone(),
        private: private_subnets,
        tables: tables.into_iter().map(|(label, table)| Table { label, table }).collect(),
        api_groups: None,
    })
}

/// The subnets that the manifest names, each once and in order of id, and whether each is private.
fn named<'a>(
    wanted: &'a Wanted<'_>,
    given: &'a GivenNetwork,
) -> Result<Vec<(&'a str, &'a GivenSubnet, bool)>, Vec<Problem>> {
    let Some(asked) = &wanted.network.subnets else {
        let fix = "add `subnets: {private: […]}`";
        return Err(vec![Problem::network("VpcWithoutSubnets", "vpcId", "no subnets in it are named", fix)]);
    };
    let is_running = wanted.facts.cluster.as_ref().is_some_and(|cluster| cluster.current.is_some());
    let least = if is_running { FREE_FOR_UPDATE } else { FREE_ADDRESSES };
    let mut problems = Vec::new();
    let mut subnets = BTreeMap::new();
    let lists = [("subnets.public", &asked.public, false), ("subnets.private", &asked.private, true)];
    for (field, ids, private) in lists {
        for (index, id) in ids.iter().enumerate() {
            let field = format!("{field}.{index}");
            match given.subnets.get(id) {
                None => problems.push(not_there(&field, id, given)),
                Some(subnet) => {
                    problems.extend(unfit(&field, id, subnet, least));
                    subnets.insert(id.as_str(), (subnet, private));
                }
            }
        }
    }
    let zones: BTreeSet<&str> =
        subnets.values().filter(|(_, private)| *private).map(|(subnet, _)| subnet.zone.as_str()).collect();
    if problems.is_empty() && zones.len() < 2 {
        let message = format!("all private subnets are in {}", zones.into_iter().collect::<Vec<_>>().join(", "));
        let fix = "name private subnets in two zones or more, as EKS asks for";
        problems.push(Problem::network("TooFewZones", "subnets.private", message, fix));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(subnets.into_iter().map(|(id, (subnet, private))| (id, subnet, private)).collect())
}

fn not_there(field: &str, id: &str, given: &GivenNetwork) -> Problem {
    let message = format!("{id} is not in {}", given.vpc_id);
    Problem::network("SubnetNotFound", field, message, "name subnets of the VPC that `vpcId` names")
}

fn unfit(field: &str, id: &str, subnet: &GivenSubnet, least: u32) -> Vec<Problem> {
    let mut problems = Vec::new();
    if !zones::hosts_eks(&subnet.zone) {
        let message = format!("{id} is in {}, where EKS does not work", subnet.zone);
        problems.push(Problem::network("UnusableZone", field, message, "name a subnet in another zone"));
    }
    if subnet.free < least {
        let message = format!("{id} has {} free addresses, and EKS wants {least}", subnet.free);
        problems.push(Problem::network("TooFewAddresses", field, message, "name a larger subnet, or free addresses"));
    }
    problems
}

/// Routes to networks whose addresses the VPC itself has.
fn overlaps(wanted: &Wanted<'_>, given: &GivenNetwork) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, route) in &wanted.network.routes {
        for block in &given.cidrs {
            if block.contains(&route.cidr) || route.cidr.contains(block) {
                let message = format!("{} overlaps the VPC's {block}", route.cidr);
                let fix = "choose blocks that have no address in common";
                problems.push(Problem::network("CidrOverlap", &format!("routes.{name}.cidr"), message, fix));
            }
        }
    }
    problems
}
