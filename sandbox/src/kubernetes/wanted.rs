//! What a control plane is told to hold. Every list is complete: what it no longer names goes away.
//!
//! The control API takes and gives these as JSON in camelCase; `sandbox/kubernetes/README.md` says what each one makes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A node: what the kubelet of one instance would register.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Node {
    /// The node's name: on EKS the private DNS name of its instance.
    pub(crate) name: String,
    /// The availability zone, as in `eu-west-1a`.
    pub(crate) zone: String,
    /// The region.
    pub(crate) region: String,
    /// The instance type.
    pub(crate) instance_type: String,
    /// `aws:///<zone>/<instance id>`.
    pub(crate) provider_id: String,
    /// The instance's private address.
    pub(crate) address: String,
    /// Labels beside those that follow from the other fields.
    pub(crate) labels: BTreeMap<String, String>,
    /// The taints that the kubelet registers with.
    pub(crate) taints: Vec<Taint>,
    /// The instance's processors, as a quantity of Kubernetes: `2`.
    pub(crate) cpu: String,
    /// The instance's memory, as a quantity of Kubernetes: `8Gi`.
    pub(crate) memory: String,
    /// How many pods fit.
    pub(crate) pods: u32,
    /// The kubelet's version, as in `v1.35.2-eks-0000000`.
    pub(crate) kubelet_version: String,
}

/// A taint of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Taint {
    /// Its key.
    pub(crate) key: String,
    /// Its value; may be empty.
    pub(crate) value: String,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`, as Kubernetes spells it.
    pub(crate) effect: String,
}

/// A Fargate profile that is ACTIVE.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FargateProfile {
    /// Its name.
    pub(crate) name: String,
    /// A pod that one of these takes runs on Fargate.
    pub(crate) selectors: Vec<FargateSelector>,
    /// The region.
    pub(crate) region: String,
    /// The zones of the profile's subnets.
    pub(crate) zones: Vec<String>,
}

/// Which pods a Fargate profile takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FargateSelector {
    /// Their namespace; `*` and `?` stand for any text and any character, as on EKS.
    pub(crate) namespace: String,
    /// All of these labels; keys and values may hold `*` and `?` too.
    pub(crate) labels: BTreeMap<String, String>,
}

/// A node pool of EKS Auto Mode: the nodes that its pods may bring.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NodePool {
    /// Its name.
    pub(crate) name: String,
    /// The region.
    pub(crate) region: String,
    /// The zones of the cluster's subnets.
    pub(crate) zones: Vec<String>,
    /// The labels that all its nodes have.
    pub(crate) labels: BTreeMap<String, String>,
    /// The taints that all its nodes have.
    pub(crate) taints: Vec<Taint>,
    /// The types of its instances, those first that are taken first.
    pub(crate) instance_types: Vec<InstanceType>,
    /// The version of its kubelets, as in `v1.35.2-eks-0000000`.
    pub(crate) kubelet_version: String,
}

/// A type of instances that a pool may have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InstanceType {
    /// Its name, as in `c6a.large`.
    pub(crate) name: String,
    /// The labels that say what it is.
    pub(crate) labels: BTreeMap<String, String>,
    /// Its processors, as a quantity of Kubernetes: `2`.
    pub(crate) cpu: String,
    /// Its memory, as a quantity of Kubernetes: `8Gi`.
    pub(crate) memory: String,
    /// How many pods fit.
    pub(crate) pods: u32,
}

/// What the pods of the moment mean for the nodes of EKS Auto Mode.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Demand {
    /// The nodes that are missing.
    pub(crate) claims: Vec<Claim>,
    /// The nodes with no pods but those of DaemonSets, and none that is about to come.
    pub(crate) empty: Vec<String>,
    /// The nodes with a pod that nobody may move.
    pub(crate) held: Vec<String>,
}

/// A claim for one node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Claim {
    /// The pool that it is of.
    pub(crate) pool: String,
    /// The type of its instance.
    pub(crate) instance_type: String,
    /// Its zone.
    pub(crate) zone: String,
}

/// An EKS add-on that is installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Addon {
    /// `coredns`, `kube-proxy`, `vpc-cni` or `eks-pod-identity-agent`.
    pub(crate) name: String,
    /// Its version, as in `v1.12.1-eksbuild.2`.
    pub(crate) version: String,
    /// Its configuration values; `{}` if there are none.
    pub(crate) configuration: serde_json::Value,
}

/// How an add-on fares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AddonHealth {
    /// The add-on.
    pub(crate) name: String,
    /// The version whose pods are counted.
    pub(crate) version: String,
    /// How many pods it should have.
    pub(crate) desired: u32,
    /// How many of them are ready, at this version.
    pub(crate) ready: u32,
    /// Why some are not ready; empty if all are.
    pub(crate) reason: String,
}

/// The node of one pod on Fargate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FargateNode {
    /// Its name.
    pub(crate) name: String,
    /// The version of its kubelet, as in `v1.35.0-eks-0000000`.
    pub(crate) kubelet_version: String,
}

/// An access policy that some access entry is associated with, in one scope.
///
/// Its holders are those with the group `eks-access-policy:<policy>`, or `eks-access-policy:<policy>:<namespace>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Access {
    /// The policy's name, as in `AmazonEKSViewPolicy`.
    pub(crate) policy: String,
    /// The namespace, which may hold `*`; without it the policy holds for the whole cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) namespace: Option<String>,
}
