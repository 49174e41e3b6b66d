//! The cluster: its control plane, who may use it, and the add-ons that EKS keeps for it.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The Kubernetes control plane, made by EKS, and who may use it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Cluster {
    /// The Kubernetes minor. A platform goes up one minor at a time, with a verification after each.
    #[schemars(extend("examples" = ["1.35"]))]
    pub version: String,
    /// What happens when standard support ends.
    pub upgrade_policy: UpgradePolicy,
    /// The addresses of services.
    pub kubernetes_network_config: KubernetesNetworkConfig,
    /// From where the Kubernetes API may be reached, beside the VPC's own nodes.
    pub api_server: ApiServer,
    /// What encrypts everything that Kubernetes stores.
    pub encryption_config: EncryptionConfig,
    /// The control plane's logs, in CloudWatch Logs.
    pub logging: Logging,
    /// Who may use the cluster, by a name of yours. Landfall has an entry of its own.
    pub access_entries: BTreeMap<String, AccessEntry>,
    /// The add-ons without which no node works. Those that the platform's nodes need are there without being named.
    pub addons: ClusterAddons,
}

impl Default for Cluster {
    fn default() -> Self {
        Self {
            version: "1.35".to_owned(),
            upgrade_policy: UpgradePolicy::default(),
            kubernetes_network_config: KubernetesNetworkConfig::default(),
            api_server: ApiServer::default(),
            encryption_config: EncryptionConfig::default(),
            logging: Logging::default(),
            access_entries: BTreeMap::new(),
            addons: ClusterAddons::default(),
        }
    }
}

/// What happens when standard support ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UpgradePolicy {
    /// Which support is paid for.
    pub support_type: SupportType,
}

impl Default for UpgradePolicy {
    fn default() -> Self {
        Self { support_type: SupportType::Standard }
    }
}

/// Which support is paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SupportType {
    /// The usual one: at its end, EKS moves the control plane to the next minor by itself.
    Standard,
    /// A year more, at a higher price.
    Extended,
}

/// The addresses of services.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct KubernetesNetworkConfig {
    /// The family of the addresses of pods and services.
    pub ip_family: IpFamily,
    /// The block of services, /12 to /24, for life. Left out, it is 172.20.0.0/16, or 10.100.0.0/16 where that overlaps.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "cidr", "default" = "172.20.0.0/16", "examples" = ["172.20.0.0/16"]))]
    pub service_ipv4_cidr: Option<Ipv4Net>,
}

impl Default for KubernetesNetworkConfig {
    fn default() -> Self {
        Self { ip_family: IpFamily::Ipv4, service_ipv4_cidr: None }
    }
}

/// The family of the addresses of pods and services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum IpFamily {
    /// IPv4, as the platform's network is.
    Ipv4,
}

/// From where the Kubernetes API may be reached, beside the VPC's own nodes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ApiServer {
    /// Blocks of the internet. None: there is no public endpoint.
    #[schemars(with = "Vec<String>", extend("items" = {"type": "string", "format": "cidr"}, "examples" = [["203.0.113.7/32"]]))]
    pub public_access_cidrs: Vec<Ipv4Net>,
    /// Blocks of networks that reach the VPC: a VPN, a peer, the VPC itself.
    #[schemars(with = "Vec<String>", extend("items" = {"type": "string", "format": "cidr"}, "examples" = [["10.200.0.0/16"]]))]
    pub private_access_cidrs: Vec<Ipv4Net>,
}

/// What encrypts everything that Kubernetes stores.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct EncryptionConfig {
    /// A KMS key of yours in the platform's region, by ARN or alias, for life. None: a key is made for the platform.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "kms-key", "examples" = ["alias/dai-prod"]))]
    pub key_arn: Option<String>,
}

/// The control plane's logs, in CloudWatch Logs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Logging {
    /// Which are kept.
    #[schemars(extend("examples" = [["api", "audit", "authenticator"]]))]
    pub types: Vec<LogType>,
    /// For how many days: one of the periods that CloudWatch Logs knows.
    pub retention_days: u32,
}

impl Default for Logging {
    fn default() -> Self {
        Self { types: vec![LogType::Audit, LogType::Authenticator], retention_days: 30 }
    }
}

/// A log of the control plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum LogType {
    /// What the API server does.
    Api,
    /// Who asked the API server for what.
    Audit,
    /// Who logged in.
    Authenticator,
    /// What the controllers do.
    ControllerManager,
    /// Where pods were put, and why.
    Scheduler,
}

/// One role, permission set or user, and what it may do in the cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AccessEntry {
    /// The name of an IAM role of the platform's account.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "iam-name", "examples" = ["deployer"]))]
    pub role: Option<String>,
    /// The name of a permission set of IAM Identity Center that is provisioned to the platform's account.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "iam-name", "examples" = ["AdministratorAccess"]))]
    pub permission_set: Option<String>,
    /// The name of an IAM user of the platform's account.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "iam-name", "examples" = ["alice"]))]
    pub user: Option<String>,
    /// The EKS access policies that it has.
    #[schemars(extend("items" = {"type": "string", "format": "access-policy"}, "examples" = [["AmazonEKSClusterAdminPolicy"]]))]
    pub policies: Vec<String>,
    /// The namespaces in which the policies hold. None: in the whole cluster.
    #[schemars(extend("examples" = [["apps"]]))]
    pub namespaces: Vec<String>,
    /// The Kubernetes groups that it is a member of, for role bindings of yours.
    #[schemars(extend("examples" = [["developers"]]))]
    pub groups: Vec<String>,
}

impl AccessEntry {
    /// Whom it is for, as `role/deployer`, `permissionSet/AdministratorAccess` or `user/alice`: one, in a manifest that
    /// breaks no rule.
    pub fn principals(&self) -> Vec<String> {
        let named = [("role", &self.role), ("permissionSet", &self.permission_set), ("user", &self.user)];
        named.into_iter().filter_map(|(sort, name)| Some(format!("{sort}/{}", name.as_ref()?))).collect()
    }
}

/// The add-ons without which no node works, by the names that EKS gives them.
///
/// They stand in the cluster and not beside what runs in it, because EKS installs and updates them, by versions that
/// belong to the control plane's minor.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ClusterAddons {
    /// Gives pods addresses of the VPC. On nodes; not on Fargate, and built into Auto Mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vpc_cni: Option<ClusterAddon>,
    /// Leads the addresses of services to pods. On nodes; not on Fargate, and built into Auto Mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kube_proxy: Option<ClusterAddon>,
    /// Resolves the names of services. On nodes or Fargate; built into Auto Mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coredns: Option<ClusterAddon>,
    /// Gives pods the roles of their service accounts. On nodes; not on Fargate, and built into Auto Mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eks_pod_identity_agent: Option<ClusterAddon>,
}

/// An EKS add-on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ClusterAddon {
    /// Its version. None: the one that EKS offers by default for the control plane's minor.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["v1.20.4-eksbuild.1"]))]
    pub version: Option<String>,
    /// Its configuration, by the schema that `aws eks describe-addon-configuration` shows. What Landfall sets itself
    /// (tolerations, the place of CoreDNS, the network of pods) yields to it, field by field.
    #[serde(skip_serializing_if = "Map::is_empty")]
    #[schemars(extend("examples" = [{"replicaCount": 3}]))]
    pub configuration: Map<String, Value>,
}
