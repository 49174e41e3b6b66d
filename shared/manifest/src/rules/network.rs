//! Rules on the network.

use ipnet::Ipv4Net;

use crate::rules::Finding;
use crate::{EndpointMode, Nat, Network, Spec, Zones};

/// The periods that CloudWatch Logs knows, in days.
/// Source: <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html>
const RETENTION_DAYS: &[u32] =
    &[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

pub(super) fn judge(spec: &Spec, findings: &mut Vec<Finding>) {
    let network = &spec.network;
    zones(spec, findings);
    if network.vpc_id.is_some() {
        given(network, findings)
    } else {
        made(network, findings)
    }
    routes(network, findings);
    retention("spec.network.flowLogs.retentionDays", network.flow_logs.retention_days, findings);
}

pub(super) fn retention(path: &str, days: u32, findings: &mut Vec<Finding>) {
    if !RETENTION_DAYS.contains(&days) {
        let known: Vec<String> = RETENTION_DAYS.iter().map(u32::to_string).collect();
        let message = format!("CloudWatch Logs keeps nothing for just {days} days");
        findings.push(Finding::error("BadRetention", path, message, format!("write one of {}", known.join(", "))));
    }
}

fn zones(spec: &Spec, findings: &mut Vec<Finding>) {
    let path = "spec.network.availabilityZones";
    let count = match &spec.network.availability_zones {
        Zones::Count(count) => usize::from(*count),
        Zones::Names(names) => {
            for (index, name) in names.iter().enumerate() {
                let place = format!("{path}.{index}");
                if !name.starts_with(spec.region.as_str()) {
                    let message = format!("the zone {name} is not in {}", spec.region);
                    findings.push(Finding::error(
                        "ForeignZone",
                        &place,
                        message,
                        format!("write a zone like {}a", spec.region),
                    ));
                }
                if names[..index].contains(name) {
                    findings.push(Finding::error(
                        "DuplicateZone",
                        &place,
                        format!("{name} stands twice"),
                        "keep one of them",
                    ));
                }
            }
            if names.is_empty() || names.len() > 6 {
                let message = format!("{} zones are named", names.len());
                findings.push(Finding::error("OutOfRange", path, message, "name one to six"));
            }
            names.len()
        }
    };
    if count == 1 && spec.network.vpc_id.is_none() && spec.cluster.is_some() {
        let message = "one zone: EKS makes no control plane with subnets in fewer than two";
        findings.push(Finding::error("TooFewZones", path, message, "write 2 or 3"));
    } else if count == 1 && spec.network.vpc_id.is_none() {
        let message = "one zone: a cluster needs subnets in two, and a zone can fail";
        findings.push(Finding::warning("SingleZone", path, message, "write 2 or 3, or acknowledge `SingleZone`"));
    }
}

/// A network that is made.
fn made(network: &Network, findings: &mut Vec<Finding>) {
    if network.subnets.is_some() {
        let message = "subnets are named, and no VPC that they are in";
        findings.push(Finding::error(
            "SubnetsWithoutVpc",
            "spec.network.subnets",
            message,
            "add `vpcId`, or take `subnets` out",
        ));
    }
    let cidr = network.cidr.unwrap_or_else(Network::default_cidr);
    if !(16..=24).contains(&cidr.prefix_len()) {
        let fix = "write a block from /16 (the largest that AWS allows) to /24 (the smallest that holds the subnets)";
        findings.push(Finding::error("BadCidrSize", "spec.network.cidr", format!("{cidr} cannot be divided"), fix));
    }
    private("spec.network.cidr", cidr, findings);
    if let Some(pods) = &network.pods {
        private("spec.network.pods.cidr", pods.cidr, findings);
        if !(16..=24).contains(&pods.cidr.prefix_len()) {
            let message = format!("{} cannot be divided", pods.cidr);
            findings.push(Finding::error(
                "BadCidrSize",
                "spec.network.pods.cidr",
                message,
                "write a block from /16 to /24",
            ));
        }
        overlap("spec.network.pods.cidr", pods.cidr, "the VPC's", cidr, findings);
        associable(pods.cidr, cidr, findings);
    }
    for (name, route) in &network.routes {
        // A wider block is fine through a gateway: the VPC's own route is more specific. A peer must share no address.
        if route.peer_vpc_id.is_some() || cidr.contains(&route.cidr) {
            overlap(&format!("spec.network.routes.{name}.cidr"), route.cidr, "the VPC's", cidr, findings);
        }
    }
    if !network.public_subnets && network.nat != Nat::Disable {
        let message = "a NAT gateway stands in a public subnet, and there is none";
        let fix = "write `nat: Disable`, or `publicSubnets: true`";
        findings.push(Finding::error("NatWithoutPublicSubnets", "spec.network.nat", message, fix));
    }
    if network.nat == Nat::Disable
        && network.vpc_endpoints.mode == EndpointMode::Disable
        && network.vpc_endpoints.additional.is_empty()
    {
        let message = "neither NAT nor endpoints: private subnets reach no AWS service";
        findings.push(Finding::warning(
            "NoWayOut",
            "spec.network.nat",
            message,
            "write `vpcEndpoints: {mode: Auto}`, or acknowledge `NoWayOut`",
        ));
    }
}

/// A network that is given: what describes one that is made has no meaning.
fn given(network: &Network, findings: &mut Vec<Finding>) {
    match &network.subnets {
        None => findings.push(Finding::error(
            "VpcWithoutSubnets",
            "spec.network.vpcId",
            "a VPC is named, and no subnets in it",
            "add `subnets: {private: […]}`",
        )),
        Some(subnets) if subnets.private.len() < 2 => {
            let message = format!("{} private subnets are named", subnets.private.len());
            findings.push(Finding::error(
                "TooFewSubnets",
                "spec.network.subnets.private",
                message,
                "name two or more, in two zones",
            ));
        }
        Some(_) => {}
    }
    let fresh = Network::default();
    let meaningless = [
        ("cidr", network.cidr.is_some()),
        ("availabilityZones", network.availability_zones != fresh.availability_zones),
        ("publicSubnets", network.public_subnets != fresh.public_subnets),
        ("nat", network.nat != fresh.nat),
        ("pods", network.pods.is_some()),
    ];
    for (field, _) in meaningless.iter().filter(|(_, set)| *set) {
        let message = format!("`{field}` describes a network that is made, and `vpcId` names one that exists");
        findings.push(Finding::error(
            "GivenAndMade",
            format!("spec.network.{field}"),
            message,
            format!("take `{field}` or `vpcId` out"),
        ));
    }
}

fn routes(network: &Network, findings: &mut Vec<Finding>) {
    for (name, route) in &network.routes {
        if route.transit_gateway_id.is_some() == route.peer_vpc_id.is_some() {
            let message = format!("the route `{name}` must lead through one thing");
            let fix = "write either `transitGatewayId` or `peerVpcId`";
            findings.push(Finding::error("RouteTarget", format!("spec.network.routes.{name}"), message, fix));
        }
        if route.peer_vpc_id.is_some() && route.peer_vpc_id == network.vpc_id {
            let message = format!("the route `{name}` leads to the VPC itself");
            findings.push(Finding::error(
                "RouteTarget",
                format!("spec.network.routes.{name}.peerVpcId"),
                message,
                "name the other VPC",
            ));
        }
        for (other, before) in network.routes.range::<String, _>(..name) {
            overlap(
                &format!("spec.network.routes.{name}.cidr"),
                route.cidr,
                &format!("that of the route `{other}`,"),
                before.cidr,
                findings,
            );
        }
    }
}

/// The blocks in which a VPC's addresses may lie. AWS joins blocks of one of them, and the last to any.
/// Source: <https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html#add-cidr-block-restrictions>
const RANGES: &[&str] = &["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"];

pub(super) fn range_of(block: Ipv4Net) -> Option<&'static str> {
    let holds = |range: &&&str| range.parse::<Ipv4Net>().is_ok_and(|range| range.contains(&block));
    RANGES.iter().find(holds).copied()
}

fn associable(pods: Ipv4Net, vpc: Ipv4Net, findings: &mut Vec<Finding>) {
    if let (Some(pods_range), Some(vpc_range)) = (range_of(pods), range_of(vpc))
        && pods_range != vpc_range
        && pods_range != "100.64.0.0/10"
    {
        let message = format!("AWS does not add {pods} to a VPC of {vpc}: they lie in different private ranges");
        let fix = format!("write a block in {vpc_range} or in 100.64.0.0/10");
        findings.push(Finding::error("CidrRange", "spec.network.pods.cidr", message, fix));
    }
}

fn private(path: &str, block: Ipv4Net, findings: &mut Vec<Finding>) {
    if range_of(block).is_none() {
        let message = format!("{block} holds addresses of the public internet");
        findings.push(Finding::error("PublicCidr", path, message, format!("write a block in {}", RANGES.join(", "))));
    }
}

pub(super) fn overlap(path: &str, block: Ipv4Net, whose: &str, other: Ipv4Net, findings: &mut Vec<Finding>) {
    if block.contains(&other) || other.contains(&block) {
        let message = format!("{block} overlaps {whose} {other}");
        findings.push(Finding::error("CidrOverlap", path, message, "choose blocks that have no address in common"));
    }
}
