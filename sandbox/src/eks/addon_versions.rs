//! The add-ons of EKS: their versions, with which Kubernetes they go, and how they can be configured.
//!
//! Versions as AWS published them, of <https://docs.aws.amazon.com/eks/latest/userguide/managing-coredns.html>,
//! `managing-kube-proxy.html` and `managing-vpc-cni.html` beside it. The schemas are the part of AWS's that says which
//! values there are; <https://docs.aws.amazon.com/eks/latest/APIReference/API_DescribeAddonConfiguration.html>.

use serde_json::{Value, json};

use super::request::{Refusal, Request};
use super::version::{VERSIONS, minor};
use super::{Answer, Place};

/// An add-on.
#[derive(Debug)]
pub(super) struct Product {
    pub(super) name: &'static str,
    kind: &'static str,
    /// Newest first, with the lowest and highest minor of Kubernetes that each goes with.
    versions: &'static [(&'static str, u32, u32)],
    /// The service account that may get a role, and the managed policy that AWS recommends for it.
    account: Option<(&'static str, &'static str)>,
    fields: &'static [(&'static str, &'static str)],
    pub(super) on_fargate: bool,
    /// Whether the real control plane has its workloads.
    pub(super) runs: bool,
}

const COMMON: &[(&str, &str)] = &[
    ("affinity", "object"),
    ("nodeSelector", "object"),
    ("podAnnotations", "object"),
    ("podLabels", "object"),
    ("resources", "object"),
    ("tolerations", "array"),
];

const PRODUCTS: &[Product] = &[
    Product {
        name: "vpc-cni",
        kind: "networking",
        versions: &[
            ("v1.23.1-eksbuild.1", 31, 36),
            ("v1.22.4-eksbuild.3", 30, 36),
            ("v1.22.3-eksbuild.1", 30, 36),
            ("v1.21.1-eksbuild.1", 29, 35),
            ("v1.20.4-eksbuild.1", 29, 34),
        ],
        account: Some(("aws-node", "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy")),
        fields: &[
            ("env", "object"),
            ("enableNetworkPolicy", "string"),
            ("enableWindowsIpam", "string"),
            ("init", "object"),
            ("nodeAgent", "object"),
            ("eniConfig", "object"),
            ("livenessProbeTimeoutSeconds", "integer"),
            ("readinessProbeTimeoutSeconds", "integer"),
        ],
        on_fargate: false,
        runs: true,
    },
    Product {
        name: "coredns",
        kind: "networking",
        versions: &[
            ("v1.14.3-eksbuild.23", 36, 36),
            ("v1.14.3-eksbuild.16", 36, 36),
            ("v1.14.3-eksbuild.3", 35, 36),
            ("v1.13.2-eksbuild.1", 34, 36),
            ("v1.12.4-eksbuild.1", 33, 35),
            ("v1.12.1-eksbuild.2", 33, 34),
            ("v1.11.4-eksbuild.24", 29, 33),
        ],
        account: None,
        fields: &[
            ("computeType", "string"),
            ("corefile", "string"),
            ("replicaCount", "integer"),
            ("autoScaling", "object"),
            ("podDisruptionBudget", "object"),
            ("topologySpreadConstraints", "array"),
        ],
        on_fargate: true,
        runs: true,
    },
    Product {
        name: "kube-proxy",
        kind: "networking",
        versions: &[
            ("v1.36.0-eksbuild.25", 36, 36),
            ("v1.36.0-eksbuild.21", 36, 36),
            ("v1.35.0-eksbuild.2", 35, 36),
            ("v1.34.1-eksbuild.2", 34, 36),
            ("v1.34.0-eksbuild.2", 34, 36),
            ("v1.33.3-eksbuild.4", 33, 36),
            ("v1.32.6-eksbuild.13", 32, 35),
            ("v1.31.10-eksbuild.2", 31, 34),
            ("v1.30.14-eksbuild.2", 30, 33),
        ],
        account: None,
        fields: &[("mode", "string"), ("ipvs", "object")],
        on_fargate: false,
        runs: true,
    },
    Product {
        name: "eks-pod-identity-agent",
        kind: "security",
        versions: &[("v1.3.10-eksbuild.3", 29, 36), ("v1.3.9-eksbuild.3", 29, 36), ("v1.3.4-eksbuild.1", 29, 34)],
        account: None,
        fields: &[("agent", "object"), ("env", "object"), ("daemonsets", "object")],
        on_fargate: false,
        runs: true,
    },
    Product {
        name: "aws-ebs-csi-driver",
        kind: "storage",
        versions: &[("v1.63.1-eksbuild.1", 30, 36), ("v1.48.0-eksbuild.2", 29, 34)],
        account: Some(("ebs-csi-controller-sa", "arn:aws:iam::aws:policy/service-role/AmazonEBSCSIDriverPolicy")),
        fields: &[
            ("controller", "object"),
            ("node", "object"),
            ("sidecars", "object"),
            ("defaultStorageClass", "object"),
        ],
        on_fargate: false,
        runs: false,
    },
    Product {
        name: "metrics-server",
        kind: "observability",
        versions: &[("v0.8.0-eksbuild.2", 29, 36), ("v0.7.2-eksbuild.4", 29, 34)],
        account: None,
        fields: &[("replicas", "integer"), ("podDisruptionBudget", "object"), ("args", "array")],
        on_fargate: true,
        runs: false,
    },
];

/// The add-on of this name.
pub(super) fn find(name: &str) -> Option<&'static Product> {
    PRODUCTS.iter().find(|product| product.name == name)
}

impl Product {
    /// Whether this version goes with this Kubernetes.
    pub(super) fn fits(&self, version: &str, kubernetes: &str) -> bool {
        let number = minor(kubernetes);
        self.versions.iter().any(|(known, from, to)| *known == version && (*from..=*to).contains(&number))
    }

    /// The version of this name.
    pub(super) fn named(&self, version: &str) -> Option<&'static str> {
        self.versions.iter().map(|(known, ..)| *known).find(|known| *known == version)
    }

    /// The version that a cluster of this Kubernetes gets if it names none: the one that fits and is not the newest that
    /// does, as a rule, since AWS moves its defaults late; for `kube-proxy` and `coredns` the minor decides.
    pub(super) fn default_for(&self, kubernetes: &str) -> Option<&'static str> {
        let number = minor(kubernetes);
        let mut fitting = self.versions.iter().filter(|(_, from, to)| (*from..=*to).contains(&number));
        let (newest, from, _) = fitting.next()?;
        let second = fitting.next().filter(|(_, lower, _)| lower == from);
        Some(second.map_or(*newest, |(version, ..)| *version))
    }

    /// The JSON schema of its configuration.
    pub(super) fn schema(&self) -> Value {
        let fields = COMMON.iter().chain(self.fields);
        let properties: serde_json::Map<String, Value> =
            fields.map(|(name, kind)| ((*name).to_owned(), json!({"type": kind}))).collect();
        json!({
            "$schema": "http://json-schema.org/draft-07/schema#",
            "type": "object",
            "additionalProperties": false,
            "properties": properties,
        })
    }

    fn document(&self, kubernetes: Option<&str>) -> Value {
        let asked = |version: &&(&str, u32, u32)| {
            kubernetes.is_none_or(|wanted| (version.1..=version.2).contains(&minor(wanted)))
        };
        let describe = |(version, from, to): &(&'static str, u32, u32)| {
            let kubernetes = VERSIONS
                .iter()
                .map(|one| one.version)
                .filter(|one| (*from..=*to).contains(&minor(one)) && kubernetes.is_none_or(|wanted| wanted == *one));
            let compatibilities: Vec<Value> = kubernetes
                .map(|one| {
                    let default = self.default_for(one) == Some(*version);
                    json!({"clusterVersion": one, "platformVersions": ["*"], "defaultVersion": default})
                })
                .collect();
            json!({
                "addonVersion": version,
                "architecture": ["amd64", "arm64"],
                "computeTypes": ["ec2", "auto", "hybrid"],
                "compatibilities": compatibilities,
                "requiresConfiguration": false,
                "requiresIamPermissions": self.account.is_some(),
            })
        };
        json!({
            "addonName": self.name,
            "type": self.kind,
            "publisher": "eks",
            "owner": "aws",
            "defaultNamespace": "kube-system",
            "addonVersions": self.versions.iter().filter(asked).map(describe).collect::<Vec<_>>(),
        })
    }
}

pub(super) fn describe(request: &Request, _: &mut Place<'_>) -> Answer {
    let kubernetes = request.parameter("kubernetesVersion");
    if kubernetes.is_some_and(|version| super::version::find(version).is_none()) {
        return Err(Refusal::parameter("Invalid kubernetes version"));
    }
    let name = request.parameter("addonName");
    if name.is_some_and(|name| find(name).is_none()) {
        return Err(Refusal::not_found(format!("Addon {} not found", name.unwrap_or_default())));
    }
    let among = |parameter: &str, value: &str| {
        let wanted = request.parameters(parameter);
        wanted.is_empty() || wanted.contains(&value)
    };
    let asked = |product: &&Product| {
        name.is_none_or(|name| name == product.name)
            && among("types", product.kind)
            && among("publishers", "eks")
            && among("owners", "aws")
    };
    request.page("addons", PRODUCTS.iter().filter(asked).map(|product| product.document(kubernetes)).collect())
}

pub(super) fn configuration(request: &Request, _: &mut Place<'_>) -> Answer {
    let (name, version) = (request.parameter("addonName"), request.parameter("addonVersion"));
    let (Some(name), Some(version)) = (name, version) else {
        return Err(Refusal::parameter("addonName and addonVersion are required"));
    };
    let product = find(name).ok_or_else(|| Refusal::not_found(format!("Addon {name} not found")))?;
    if !product.versions.iter().any(|(known, ..)| *known == version) {
        return Err(Refusal::not_found(format!("Addon version {version} of {name} not found")));
    }
    let account =
        |(account, policy): (&str, &str)| json!({"serviceAccount": account, "recommendedManagedPolicies": [policy]});
    Ok(json!({
        "addonName": name,
        "addonVersion": version,
        "configurationSchema": product.schema().to_string(),
        "podIdentityConfiguration": product.account.into_iter().map(account).collect::<Vec<_>>(),
    }))
}
