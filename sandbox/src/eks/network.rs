//! The network of a cluster: what a request may say of it, and the interfaces that EKS makes.
//!
//! <https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html>,
//! <https://docs.aws.amazon.com/eks/latest/userguide/cluster-endpoint.html>

use std::collections::BTreeSet;

use ipnet::{IpNet, Ipv4Net};
use serde_json::{Value, json};

use super::Place;
use super::request::{Refusal, texts};
use crate::ec2::{Ec2, Subnet};

/// A network that was checked.
#[derive(Debug)]
pub(super) struct Network {
    pub(super) vpc: String,
    pub(super) subnets: Vec<Subnet>,
    groups: Vec<String>,
    public: bool,
    private: bool,
    cidrs: Vec<String>,
    egress: Option<String>,
}

/// Reads `resourcesVpcConfig` of a creation.
pub(super) fn check(given: &Value, place: &Place<'_>, cluster: &str) -> Result<Network, Refusal> {
    let wrong = |message: String| Refusal::parameter(message).about("clusterName", cluster);
    let subnets = subnets(&texts(&given["subnetIds"]), place, cluster)?;
    let vpc = subnets.first().map(|subnet| subnet.vpc.clone()).unwrap_or_default();
    let zones: BTreeSet<&str> = subnets.iter().map(|subnet| subnet.zone.as_str()).collect();
    if zones.len() < 2 {
        return Err(wrong("Subnets specified must be in at least two different AZs".into()));
    }
    let groups = texts(&given["securityGroupIds"]);
    for group in &groups {
        match place.ec2.vpc_of_group(place.region, group) {
            None => return Err(wrong(format!("The security group ID '{group}' does not exist"))),
            Some(other) if other != vpc => {
                return Err(wrong(format!("Security group {group} is not in the VPC of the subnets, {vpc}")));
            }
            Some(_) => {}
        }
    }
    let (public, private) = endpoints(given, true, false, cluster)?;
    let cidrs = cidrs(given, public, cluster)?.unwrap_or_else(|| vec!["0.0.0.0/0".into()]);
    let egress = given["controlPlaneEgressMode"].as_str().map(str::to_owned);
    Ok(Network { vpc, subnets, groups, public, private, cidrs: if public { cidrs } else { Vec::new() }, egress })
}

/// The subnets of these ids, all in one VPC.
pub(super) fn subnets(ids: &[String], place: &Place<'_>, cluster: &str) -> Result<Vec<Subnet>, Refusal> {
    let wrong = |message: String| Refusal::parameter(message).about("clusterName", cluster);
    let mut found: Vec<Subnet> = Vec::new();
    for id in ids {
        let subnet = place.ec2.subnet(place.region, id);
        let subnet = subnet.ok_or_else(|| wrong(format!("The subnet ID '{id}' does not exist")))?;
        if found.first().is_some_and(|first| first.vpc != subnet.vpc) {
            return Err(wrong("Subnets specified must belong to the same VPC".into()));
        }
        found.push(subnet);
    }
    if found.is_empty() { Err(wrong("Subnets are not specified".into())) } else { Ok(found) }
}

/// Public and private access of the endpoint, which may not both be off.
pub(super) fn endpoints(given: &Value, public: bool, private: bool, cluster: &str) -> Result<(bool, bool), Refusal> {
    let public = given["endpointPublicAccess"].as_bool().unwrap_or(public);
    let private = given["endpointPrivateAccess"].as_bool().unwrap_or(private);
    if public || private {
        return Ok((public, private));
    }
    Err(Refusal::parameter("Private and public endpoint access cannot be false").about("clusterName", cluster))
}

/// The blocks from which the public endpoint can be reached.
pub(super) fn cidrs(given: &Value, public: bool, cluster: &str) -> Result<Option<Vec<String>>, Refusal> {
    let wrong = |message: String| Refusal::parameter(message).about("clusterName", cluster);
    if given["publicAccessCidrs"].is_null() {
        return Ok(None);
    }
    let blocks = texts(&given["publicAccessCidrs"]);
    if !public && !blocks.is_empty() {
        return Err(wrong("publicAccessCidrs cannot be set when public endpoint access is disabled".into()));
    }
    let private = |block: &IpNet| matches!(block, IpNet::V4(block) if block.prefix_len() > 0 && (block.addr().is_private() || block.addr().is_link_local()));
    if blocks.len() > 40 {
        return Err(wrong("At most 40 CIDR blocks are allowed in publicAccessCidrs".into()));
    }
    let bad = blocks.iter().find(|block| block.parse::<IpNet>().map_or(true, |block| private(&block)));
    match bad {
        Some(bad) => Err(wrong(format!("The following CIDRs are invalid in publicAccessCidrs: [{bad}]"))),
        None => Ok(Some(blocks)),
    }
}

/// `kubernetesNetworkConfig` as Describe prints it.
pub(super) fn services(given: &Value, network: &Network, cluster: &str) -> Result<Value, Refusal> {
    // EKS takes the one of two blocks that the VPC does not use; ours are in 10.0.0.0/8 as a rule.
    let block = given["serviceIpv4Cidr"].as_str().unwrap_or("172.20.0.0/16");
    let range = |text: &str| text.parse::<Ipv4Net>().ok();
    let private = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"].into_iter().filter_map(range);
    let fits = range(block).is_some_and(|block| {
        (12..=24).contains(&block.prefix_len()) && private.into_iter().any(|whole| whole.contains(&block))
    });
    if !fits || network.subnets.is_empty() {
        let said = format!("The service IPv4 CIDR {block} needs to be a private block between /24 and /12");
        return Err(Refusal::parameter(said).about("clusterName", cluster));
    }
    let family = given["ipFamily"].as_str().unwrap_or("ipv4");
    let balancing = given["elasticLoadBalancing"]["enabled"].as_bool().unwrap_or(false);
    Ok(json!({"serviceIpv4Cidr": block, "ipFamily": family, "elasticLoadBalancing": {"enabled": balancing}}))
}

impl Network {
    /// `resourcesVpcConfig` as Describe prints it while the cluster is created.
    pub(super) fn document(&self) -> Value {
        let ids: Vec<&str> = self.subnets.iter().map(|subnet| subnet.id.as_str()).collect();
        let mut document = json!({
            "subnetIds": ids,
            "securityGroupIds": self.groups,
            "vpcId": self.vpc,
            "endpointPublicAccess": self.public,
            "endpointPrivateAccess": self.private,
            "publicAccessCidrs": self.cidrs,
        });
        if let Some(egress) = &self.egress {
            document["controlPlaneEgressMode"] = json!(egress);
        }
        document
    }

    /// Makes the control plane's interfaces, in two zones; their ids.
    pub(super) fn interfaces(&self, place: &Place<'_>, cluster: &str, group: &str) -> Value {
        let mut groups = vec![group.to_owned()];
        groups.extend(self.groups.iter().cloned());
        add_interfaces(place.ec2, place.region, cluster, &self.subnets, &groups)
    }
}

/// Adds an interface for the control plane in each of two zones.
pub(super) fn add_interfaces(ec2: &Ec2, region: &str, cluster: &str, subnets: &[Subnet], groups: &[String]) -> Value {
    let mut zones = BTreeSet::new();
    let chosen = subnets.iter().filter(|subnet| zones.len() < 2 && zones.insert(subnet.zone.clone()));
    let chosen: Vec<&Subnet> = chosen.collect();
    let added = chosen.iter().filter_map(|subnet| {
        ec2.add_interface(region, &subnet.id, &format!("Amazon EKS {cluster}"), groups).map(|added| added.id)
    });
    added.collect()
}

/// Removes interfaces by a list of their ids.
pub(super) fn remove_interfaces(ec2: &Ec2, region: &str, ids: &Value) {
    let ids = texts(ids);
    ec2.remove_interfaces(region, ids.iter().map(String::as_str));
}
