//! What pure code cannot know. Admit asks AWS once; the answers stay with the platform.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

/// Which number each zone has, by zone id (`euw1-az1`). A number decides CIDRs and is never given twice: a zone that is
/// dropped keeps its number, and one added later takes the next.
pub type Slots = BTreeMap<String, u32>;

/// What Admit found out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Facts {
    /// The zones that may be used, by id, with their names in this account (`eu-west-1a`).
    pub zones: BTreeMap<String, String>,
    /// The numbers that were given so far.
    pub slots: Slots,
    /// The network that the manifest names, if it names one.
    pub given: Option<GivenNetwork>,
}

/// A VPC that existed before us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GivenNetwork {
    /// Its id.
    pub vpc_id: String,
    /// Its IPv4 blocks, the primary first.
    pub cidrs: Vec<Ipv4Net>,
    /// Its subnets that the manifest names, by id.
    pub subnets: BTreeMap<String, GivenSubnet>,
    /// The services whose endpoints it has already, by short name (`s3`, `ecr.api`).
    pub endpoints: Vec<String>,
}

/// A subnet that existed before us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GivenSubnet {
    /// Its zone, by id.
    pub zone: String,
    /// Its block.
    pub cidr: Ipv4Net,
    /// How many addresses are free.
    pub free: u32,
    /// The route table that it uses: the id, or none for the VPC's main one.
    pub route_table: Option<String>,
}
