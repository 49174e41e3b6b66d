//! The manifest's types. Doc comments are what an editor and `landfall explain` show; defaults are what a short
//! manifest means.

mod cluster;
mod compute;

use std::collections::BTreeMap;

use domain::{PlatformName, Region, Tags};
use ipnet::Ipv4Net;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use cluster::*;
pub use compute::*;

/// One platform, from its network to its users.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Manifest {
    /// The version of this format.
    pub api_version: ApiVersion,
    /// What the file describes.
    pub kind: ManifestKind,
    /// How the platform is called.
    pub metadata: Metadata,
    /// What the platform is.
    pub spec: Spec,
}

/// The versions of the format that this Landfall reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ApiVersion {
    /// The first.
    #[serde(rename = "landfall.dev/v1alpha1")]
    V1Alpha1,
}

/// What a file may describe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ManifestKind {
    /// A platform.
    Platform,
}

/// How the platform is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metadata {
    /// Its name, for life: 1 to 32 lowercase letters, digits and hyphens.
    #[schemars(with = "String", extend("format" = "platform-name", "examples" = ["demo"]))]
    pub name: PlatformName,
}

/// What the platform is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Spec {
    /// The AWS region, for life.
    #[schemars(with = "String", extend("format" = "aws-region", "examples" = ["eu-west-1"]))]
    pub region: Region,
    /// Tags for everything that Landfall makes.
    #[serde(default)]
    #[schemars(extend("examples" = [{"cost-center": "4711"}]))]
    pub tags: Tags,
    /// The name of the IAM policy that bounds every role that Landfall makes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "policy-name", "examples" = ["corp-boundary"]))]
    pub permissions_boundary: Option<String>,
    /// Codes of warnings that you accept. `UpgradeRefused` asks for a minor although EKS's readiness checks speak against it.
    #[serde(default)]
    #[schemars(extend("examples" = [["SingleZone"]]))]
    pub acknowledge: Vec<String>,
    /// What may be destroyed, and when.
    #[serde(default)]
    pub safety: Safety,
    /// When the platform is redeployed by itself.
    #[serde(default)]
    pub updates: Updates,
    /// Who is told when a run fails, beside the installation's own topic.
    #[serde(default)]
    pub alerts: Alerts,
    /// The network: made for the platform, or given.
    #[serde(default)]
    pub network: Network,
    /// The Kubernetes control plane. Left out: the platform is a network, and nothing runs in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<Cluster>,
    /// What pods run on. Left out: a group of two nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compute: Option<Compute>,
    /// What pods may do in AWS, by `<namespace>/<service account>`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("examples" = [{"apps/api": {"secretsPrefix": "apps/"}}]))]
    pub service_accounts: BTreeMap<String, ServiceAccount>,
}

impl Spec {
    /// Whether the user accepts what this code says.
    pub fn acknowledges(&self, code: &str) -> bool {
        self.acknowledge.iter().any(|accepted| accepted == code)
    }
}

/// What may be destroyed, and when. A revision is judged by the guards of the one before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Safety {
    /// Refuse to tear the platform down. `landfall unprotect` lifts it for a while.
    pub deletion_protection: bool,
    /// What the deletion of the manifest object means.
    pub on_manifest_delete: OnManifestDelete,
    /// Which changes wait for approval.
    pub approval: Approval,
    /// What a failed run does.
    pub on_failure: OnFailure,
}

impl Default for Safety {
    fn default() -> Self {
        Self {
            deletion_protection: true,
            on_manifest_delete: OnManifestDelete::Retain,
            approval: Approval::Destructive,
            on_failure: OnFailure::RollBack,
        }
    }
}

/// What the deletion of the manifest object means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnManifestDelete {
    /// The platform stays, and an alert says so.
    Retain,
    /// The platform is torn down.
    Teardown,
}

/// Which changes wait for approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Approval {
    /// None.
    Never,
    /// Those that destroy something which cannot be made again as it was.
    Destructive,
    /// All.
    Always,
}

/// What a failed run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnFailure {
    /// Goes back to the last good plan, or to nothing if there was none.
    RollBack,
    /// Stops where it is; `landfall retry` goes on.
    Stop,
}

/// When the platform is redeployed by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Updates {
    /// Five fields: minute, hour, day of month, month, day of week. None: never by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "cron", "examples" = ["0 10 * * 1-4"]))]
    pub schedule: Option<String>,
    /// The time zone of the schedule and of the freezes, by its IANA name.
    #[schemars(extend("format" = "time-zone", "examples" = ["Europe/Berlin"]))]
    pub time_zone: String,
    /// Days on which the schedule rests; both ends count.
    pub freeze: Vec<Freeze>,
}

impl Default for Updates {
    fn default() -> Self {
        Self { schedule: None, time_zone: "UTC".into(), freeze: Vec::new() }
    }
}

/// Days on which the schedule rests; both ends count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Freeze {
    /// The first day.
    #[schemars(with = "String", extend("format" = "date", "examples" = ["2026-12-18"]))]
    pub from: Date,
    /// The last day.
    #[schemars(with = "String", extend("format" = "date", "examples" = ["2027-01-04"]))]
    pub to: Date,
}

/// Who is told when a run fails, beside the installation's own topic.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Alerts {
    /// The name of an SNS topic in the platform's account and region.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "topic-name", "examples" = ["platform-oncall"]))]
    pub sns: Option<String>,
}

/// The network: made for the platform from `cidr`, or given by `vpcId` and `subnets`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Network {
    /// The block of the VPC, /16 to /24. Subnets are cut from it with room for growth. Left out with `vpcId`.
    #[schemars(with = "Option<String>", extend("format" = "cidr", "default" = "10.0.0.0/16", "examples" = ["10.40.0.0/16"]))]
    pub cidr: Option<Ipv4Net>,
    /// An existing VPC to use. It is never changed beyond what is added, and never deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "vpc-id", "examples" = ["vpc-0123456789abcdef0"]))]
    pub vpc_id: Option<String>,
    /// The subnets to use in the existing VPC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnets: Option<GivenSubnets>,
    /// How many zones, or which by name.
    pub availability_zones: Zones,
    /// Whether there are subnets with a way in from the internet.
    pub public_subnets: bool,
    /// How private subnets reach the internet.
    pub nat: Nat,
    /// Private ways to AWS services.
    pub vpc_endpoints: VpcEndpoints,
    /// Records of all traffic, in CloudWatch Logs.
    pub flow_logs: FlowLogs,
    /// Where pods get their addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pods: Option<Pods>,
    /// Ways to other networks, by a name of yours.
    pub routes: BTreeMap<String, Route>,
}

impl Network {
    /// The block of a network that is made when the manifest names none.
    pub fn default_cidr() -> Ipv4Net {
        Ipv4Net::new_assert([10, 0, 0, 0].into(), 16)
    }
}

impl Default for Network {
    fn default() -> Self {
        Self {
            cidr: None,
            vpc_id: None,
            subnets: None,
            availability_zones: Zones::Count(3),
            public_subnets: true,
            nat: Nat::Single,
            vpc_endpoints: VpcEndpoints::default(),
            flow_logs: FlowLogs::default(),
            pods: None,
            routes: BTreeMap::new(),
        }
    }
}

/// The subnets to use in an existing VPC: in two zones or more, by id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GivenSubnets {
    /// Subnets for nodes and pods.
    #[schemars(extend("items" = {"type": "string", "format": "subnet-id"}, "examples" = [["subnet-0123456789abcdef0"]]))]
    pub private: Vec<String>,
    /// Subnets for load balancers that face the internet.
    #[serde(default)]
    #[schemars(extend("items" = {"type": "string", "format": "subnet-id"}))]
    pub public: Vec<String>,
}

/// How many zones, or which by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Zones {
    /// That many.
    Count(#[schemars(range(min = 1, max = 6))] u8),
    /// Exactly these.
    Names(#[schemars(extend("items" = {"type": "string", "format": "zone-name"}))] Vec<String>),
}

/// How private subnets reach the internet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Nat {
    /// Through one NAT gateway.
    Single,
    /// Through one NAT gateway in each zone.
    HighlyAvailable,
    /// Not at all.
    Disable,
}

/// Private ways to AWS services.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct VpcEndpoints {
    /// Which are made by themselves.
    pub mode: EndpointMode,
    /// Further services, by their short names.
    #[schemars(extend("items" = {"type": "string", "format": "service-name"}, "examples" = [["xray"]]))]
    pub additional: Vec<String>,
}

impl Default for VpcEndpoints {
    fn default() -> Self {
        Self { mode: EndpointMode::Auto, additional: Vec::new() }
    }
}

/// What nodes and pods of any cluster ask for where there is no way out, beside S3, from which image layers come:
/// <https://docs.aws.amazon.com/eks/latest/userguide/private-clusters.html>.
pub const WITHOUT_NAT: &[&str] = &["ec2", "ecr.api", "ecr.dkr", "eks", "eks-auth", "logs", "sts"];

/// Which endpoints are made by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum EndpointMode {
    /// Those that the rest of the manifest needs: S3 always, as it is free; others where there is no NAT.
    Auto,
    /// None.
    Disable,
}

/// Records of all traffic, in CloudWatch Logs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct FlowLogs {
    /// Whether they are kept.
    pub enabled: bool,
    /// For how many days: one of the periods that CloudWatch Logs knows.
    pub retention_days: u32,
}

impl Default for FlowLogs {
    fn default() -> Self {
        Self { enabled: false, retention_days: 30 }
    }
}

/// Where pods get their addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pods {
    /// A second block of the VPC, for pods alone.
    #[schemars(with = "String", extend("format" = "cidr", "examples" = ["100.64.0.0/16"]))]
    pub cidr: Ipv4Net,
}

/// A way to another network: by `transitGatewayId` or by `peerVpcId`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Route {
    /// The block of the other network.
    #[schemars(with = "String", extend("format" = "cidr", "examples" = ["10.200.0.0/16"]))]
    pub cidr: Ipv4Net,
    /// Through this transit gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "transit-gateway-id", "examples" = ["tgw-0123456789abcdef0"]))]
    pub transit_gateway_id: Option<String>,
    /// Through a peering connection with this VPC of the same account and region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "vpc-id", "examples" = ["vpc-0123456789abcdef0"]))]
    pub peer_vpc_id: Option<String>,
}
