//! What pure code cannot know. Admit asks AWS once; the answers stay with the platform.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;
use jiff::civil::Date;
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
    /// What a cluster must know, if the manifest asks for one.
    pub cluster: Option<ClusterFacts>,
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

/// What the plan of a cluster must know of EKS, of EC2, and of who is to use it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClusterFacts {
    /// The ARN of the role by which Landfall itself speaks to the cluster: that of the function `cluster`.
    pub role: String,
    /// The digest of the code that every gate is to run, that of the installation's function `gate`: as Lambda tells it, the
    /// SHA-256 in base64.
    pub gate_code: String,
    /// The minor that the platform's control plane runs (`1.34`); none before it is made.
    pub current: Option<String>,
    /// The minor to which EKS lets it go back now, if it does.
    pub roll_back: Option<String>,
    /// Why EKS refuses the next minor, if it does: one text a check that the cluster does not pass.
    pub refusals: Vec<String>,
    /// The zones of its interfaces, by id: the `zones` of its record's spec. Empty before it is made.
    pub zones: Vec<String>,
    /// What EKS offers, in any order (DescribeClusterVersions).
    pub versions: Vec<KubernetesVersion>,
    /// The versions of add-ons, by minor and then by name: the default one of DescribeAddonVersions for that minor. At
    /// least for the minor that runs, the next, and the one that the manifest names.
    pub addons: BTreeMap<String, BTreeMap<String, String>>,
    /// The ARNs of whom the manifest's access entries name, by `role/<name>`, `user/<name>` and `permissionSet/<name>`.
    /// Who is not there is left out.
    pub principals: BTreeMap<String, String>,
    /// The ARN of the key that the manifest names, by ARN or alias, if it is there, enabled and symmetric.
    pub key: Option<String>,
    /// The instance types that the manifest names, as far as the region has them.
    pub instance_types: BTreeMap<String, InstanceType>,
}

/// A Kubernetes minor that EKS offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KubernetesVersion {
    /// The minor, such as `1.35`.
    pub version: String,
    /// Whether EKS supports it still.
    pub status: SupportStatus,
    /// The last day of standard support.
    pub end_of_standard_support: Option<Date>,
    /// The last day of extended support, which costs more.
    pub end_of_extended_support: Option<Date>,
}

/// Whether EKS supports a minor, by its own names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SupportStatus {
    /// At the usual price.
    StandardSupport,
    /// At a higher price.
    ExtendedSupport,
    /// No more.
    Unsupported,
}

/// A type of instance.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InstanceType {
    /// The architectures of its processor, as EC2 names them: `x86_64`, `arm64`.
    pub architectures: Vec<String>,
    /// How many processors it has.
    pub vcpus: u32,
    /// Its memory in MiB.
    pub memory: u32,
}
