//! The two ways to a cluster's API server: from the internet, as far as the cluster admits it, and from its VPC.
//!
//! <https://docs.aws.amazon.com/eks/latest/userguide/cluster-endpoint.html>

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use url::Url;

use super::Eks;
use super::request::texts;
use super::store::{Kind, Record};

/// What this machine is called in the internet.
pub(crate) const INTERNET: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 7);

/// An API server as its VPC sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Inside {
    pub(crate) region: String,
    pub(crate) cluster: String,
    /// Whether its name leads to the control plane's interfaces there.
    pub(crate) private: bool,
    /// The ids of those interfaces.
    pub(crate) interfaces: Vec<String>,
}

impl Eks {
    /// The port of a cluster's public endpoint, once it has had one.
    pub(crate) fn public_port(&self, region: &str, cluster: &str) -> Option<u16> {
        let regions = self.lock();
        let hidden = &regions.get(region)?.cluster(cluster).ok()?.hidden;
        Url::parse(hidden["plane"]["endpoint"].as_str()?).ok()?.port()
    }

    /// Whether a cluster's public endpoint takes connections from an address.
    pub(crate) fn admits(&self, region: &str, cluster: &str, from: Ipv4Addr) -> bool {
        let regions = self.lock();
        let record = regions.get(region).and_then(|store| store.cluster(cluster).ok());
        record.is_some_and(|record| admits(record, from))
    }

    /// The API server with this endpoint, `host:port`; none if there is none.
    pub(crate) fn inside(&self, authority: &str) -> Option<Inside> {
        let regions = self.lock();
        let all = regions.iter().flat_map(|(region, store)| store.all().map(move |record| (region, record)));
        let mut clusters = all.filter(|(_, record)| record.kind == Kind::Cluster);
        let (region, record) = clusters.find(|(_, record)| is_at(record, authority))?;
        Some(Inside {
            region: region.clone(),
            cluster: record.name.clone(),
            private: record.document["resourcesVpcConfig"]["endpointPrivateAccess"] == true,
            interfaces: texts(&record.hidden["interfaces"]),
        })
    }
}

fn admits(cluster: &Record, from: Ipv4Addr) -> bool {
    let network = &cluster.document["resourcesVpcConfig"];
    let within = |block: &String| block.parse::<Ipv4Net>().is_ok_and(|block| block.contains(&from));
    network["endpointPublicAccess"] == true && texts(&network["publicAccessCidrs"]).iter().any(within)
}

fn is_at(cluster: &Record, authority: &str) -> bool {
    let Ok(endpoint) = Url::parse(cluster.text("endpoint")) else { return false };
    let (host, port) = (endpoint.host_str().unwrap_or_default(), endpoint.port_or_known_default().unwrap_or_default());
    authority.eq_ignore_ascii_case(&format!("{host}:{port}"))
}
