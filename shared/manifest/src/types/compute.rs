//! What pods run on, and what their service accounts may do in AWS.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What pods run on: any mix.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Compute {
    /// Which pods run on Fargate, by a name of yours.
    pub fargate_profiles: BTreeMap<String, FargateProfile>,
    /// Groups of nodes that EKS manages, by a name of yours.
    pub managed_node_groups: BTreeMap<String, ManagedNodeGroup>,
    /// EKS Auto Mode: nodes, volumes and load balancers as pods need them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_mode: Option<AutoMode>,
}

impl Compute {
    /// What a cluster runs on when the manifest says nothing: two nodes without taints, so that everything can run.
    pub fn default_for_cluster() -> Self {
        let core = ("core".to_owned(), ManagedNodeGroup::default());
        Self { managed_node_groups: BTreeMap::from([core]), ..Self::default() }
    }

    /// Whether nothing is there to run on.
    pub fn is_empty(&self) -> bool {
        self.fargate_profiles.is_empty() && self.managed_node_groups.is_empty() && self.auto_mode.is_none()
    }

    /// Whether pods of a namespace may run on Fargate, judged by the namespace alone.
    pub fn may_be_on_fargate(&self, namespace: &str) -> bool {
        self.selectors().any(|selector| matches(&selector.namespace, namespace))
    }

    /// Whether pods of a namespace with these labels, and maybe more, run on Fargate.
    pub fn is_on_fargate(&self, namespace: &str, labels: &[(&str, &str)]) -> bool {
        let has = |key: &str, value: &str| labels.iter().any(|(k, v)| *k == key && matches(value, v));
        self.selectors().any(|selector| {
            matches(&selector.namespace, namespace) && selector.labels.iter().all(|(key, value)| has(key, value))
        })
    }

    /// Whether there are nodes, of any sort.
    pub fn has_nodes(&self) -> bool {
        !self.managed_node_groups.is_empty() || self.auto_mode.is_some()
    }

    /// Whether each node group has a taint that keeps pods off.
    pub fn only_tainted_groups(&self) -> bool {
        let keeps_off =
            |group: &ManagedNodeGroup| group.taints.iter().any(|t| t.effect != TaintEffect::PreferNoSchedule);
        !self.managed_node_groups.is_empty() && self.managed_node_groups.values().all(keeps_off)
    }

    fn selectors(&self) -> impl Iterator<Item = &FargateSelector> {
        self.fargate_profiles.values().flat_map(|profile| &profile.selectors)
    }
}

/// Which pods run on Fargate: those that one of the selectors matches.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FargateProfile {
    /// One to five.
    #[schemars(extend("examples" = [[{"namespace": "apps"}]]))]
    pub selectors: Vec<FargateSelector>,
}

/// Pods of a namespace, with certain labels or any.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FargateSelector {
    /// The namespace; `*` stands for any characters and `?` for one.
    #[schemars(extend("format" = "namespace-pattern", "examples" = ["apps"]))]
    pub namespace: String,
    /// Labels that the pods must have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("examples" = [{"place": "fargate"}]))]
    pub labels: BTreeMap<String, String>,
}

/// A group of nodes that EKS manages, over all zones of the platform: IMDSv2 alone, encrypted volumes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ManagedNodeGroup {
    /// The instance types, of one architecture, in order of preference. Another list means other nodes.
    #[schemars(extend("examples" = [["m7g.large"]]))]
    pub instance_types: Vec<String>,
    /// The least nodes.
    #[schemars(range(min = 0, max = 1000))]
    pub min_size: u32,
    /// The most nodes.
    #[schemars(range(min = 1, max = 1000))]
    pub max_size: u32,
    /// How many nodes there are now. None: whoever scales the group decides; it begins with the least.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1000), extend("examples" = [2]))]
    pub desired_size: Option<u32>,
    /// What the nodes boot.
    pub ami_family: AmiFamily,
    /// How the nodes are paid for.
    pub capacity_type: CapacityType,
    /// The size of the volume for images and pods, in GiB.
    #[schemars(range(min = 20, max = 16384))]
    pub disk_size: u32,
    /// The labels of the nodes.
    #[schemars(extend("examples" = [{"team": "dai"}]))]
    pub labels: BTreeMap<String, String>,
    /// What keeps pods off the nodes that do not tolerate it.
    #[schemars(extend("examples" = [[{"key": "CriticalAddonsOnly", "effect": "NoSchedule"}]]))]
    pub taints: Vec<Taint>,
    /// The zones in which nodes stand, by name. None: all of the platform's.
    #[schemars(extend("items" = {"type": "string", "format": "zone-name"}, "examples" = [["eu-west-1a"]]))]
    pub availability_zones: Vec<String>,
}

impl Default for ManagedNodeGroup {
    fn default() -> Self {
        Self {
            instance_types: vec!["m6i.large".to_owned()],
            min_size: 2,
            max_size: 3,
            desired_size: None,
            ami_family: AmiFamily::Bottlerocket,
            capacity_type: CapacityType::OnDemand,
            disk_size: 20,
            labels: BTreeMap::new(),
            taints: Vec::new(),
            availability_zones: Vec::new(),
        }
    }
}

/// What nodes boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AmiFamily {
    /// Made for containers: read-only, updated as a whole.
    Bottlerocket,
    /// Amazon Linux 2023.
    AL2023,
}

/// How nodes are paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CapacityType {
    /// By the hour.
    OnDemand,
    /// Cheaper, and taken away when AWS needs them.
    Spot,
}

/// What keeps pods off nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Taint {
    /// Its key.
    #[schemars(extend("examples" = ["CriticalAddonsOnly"]))]
    pub key: String,
    /// Its value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["true"]))]
    pub value: Option<String>,
    /// What it does to pods that do not tolerate it.
    pub effect: TaintEffect,
}

/// What a taint does to pods that do not tolerate it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TaintEffect {
    /// No new ones are put on the node.
    NoSchedule,
    /// They leave the node.
    NoExecute,
    /// They are put elsewhere if that is possible.
    PreferNoSchedule,
}

/// EKS Auto Mode: nodes, volumes and load balancers as pods need them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AutoMode {
    /// The node pools that EKS brings along. None: those that you make in the cluster.
    #[schemars(extend("examples" = [["general-purpose", "system"]]))]
    pub node_pools: Vec<NodePool>,
}

impl Default for AutoMode {
    fn default() -> Self {
        Self { node_pools: vec![NodePool::GeneralPurpose, NodePool::System] }
    }
}

/// A node pool that EKS brings along.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NodePool {
    /// For everything: amd64, on demand.
    GeneralPurpose,
    /// For what tolerates `CriticalAddonsOnly`: amd64 and arm64, on demand.
    System,
}

/// What the pods of a service account may do in AWS: a role of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ServiceAccount {
    /// Managed policies: those of AWS by name, those of the account by ARN.
    #[schemars(extend("items" = {"type": "string", "format": "managed-policy"}, "examples" = [["AmazonS3ReadOnlyAccess"]]))]
    pub policies: Vec<String>,
    /// A policy of its own, as IAM takes it.
    #[serde(skip_serializing_if = "Map::is_empty")]
    #[schemars(extend("examples" = [{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "arn:aws:sqs:eu-west-1:111122223333:orders"}]}]))]
    pub policy: Map<String, Value>,
    /// The secrets of Secrets Manager that it may read: those whose names begin so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "secrets-prefix", "examples" = ["apps/"]))]
    pub secrets_prefix: Option<String>,
    /// How the pods come by the role.
    pub mechanism: Mechanism,
}

impl Default for ServiceAccount {
    fn default() -> Self {
        Self { policies: Vec::new(), policy: Map::new(), secrets_prefix: None, mechanism: Mechanism::Auto }
    }
}

/// How pods come by a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Mechanism {
    /// By Pod Identity on nodes, and by IRSA where pods of the namespace may run on Fargate.
    Auto,
    /// By the Pod Identity agent, which is on every node. Nothing is to be done in the cluster.
    PodIdentity,
    /// By tokens of the cluster's own issuer. The service account must name the role in the annotation
    /// `eks.amazonaws.com/role-arn`.
    Irsa,
}

/// Whether `text` is what a pattern says, where `*` stands for any characters and `?` for one.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut read) = (0, 0);
    // Where the last star stands, and how much it has taken: enough to go back to, so that the time stays short.
    let mut star = None;
    while read < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, read));
                at += 1;
            }
            Some(wanted) if *wanted == '?' || *wanted == text[read] => {
                at += 1;
                read += 1;
            }
            _ => {
                let Some((place, taken)) = star else { return false };
                star = Some((place, taken + 1));
                at = place + 1;
                read = taken + 1;
            }
        }
    }
    pattern[at..].iter().all(|rest| *rest == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, text) in [("apps", "apps"), ("a*", "apps"), ("*", ""), ("a?ps", "apps"), ("*s", "apps")] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("apps", "app"), ("a*x", "apps"), ("?", ""), ("app", "apps"), ("", "a")] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }
}
