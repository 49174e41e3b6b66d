//! What a cluster should have, from its plan and its records.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Component, Kind, Record, ResourceId};
use kube::Address;
use lambda::Examined;
use plan::cluster::{AddonSpec, CONTROL_PLANE, FargateProfileSpec, FargateSelector, GATE, NodeGroupSpec, Taint};
use serde::de::DeserializeOwned;

use super::SYSTEM;
use super::trial::Place;

/// The add-ons that run on every node, each with its DaemonSet.
pub(super) const DAEMON_SETS: &[(&str, &str)] =
    &[("eks-pod-identity-agent", "eks-pod-identity-agent"), ("kube-proxy", "kube-proxy"), ("vpc-cni", "aws-node")];
/// The add-on that answers for names, and its Deployment.
pub(super) const COREDNS: &str = "coredns";
/// The label of CoreDNS's own pods: whatever else had it would be asked for names.
const DNS_LABEL: (&str, &str) = ("k8s-app", "kube-dns");

/// One cluster, and the way to it.
#[derive(Debug)]
pub(super) struct Cluster {
    pub(super) address: Address,
    pub(super) gate: String,
    /// The names of the add-ons.
    pub(super) addons: BTreeSet<String>,
    pub(super) groups: Vec<Group>,
    fargate: Vec<FargateSelector>,
}

/// A node group.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) name: String,
    taints: Vec<Taint>,
}

impl Cluster {
    /// What the plan wants, as it was made. None if it has no cluster, or was made before there were gates.
    pub(super) fn of(examined: &Examined) -> Option<Self> {
        let meant = examined.plan.meant(&examined.records);
        let record = |name: &str| meant.get(&ResourceId::new(Component::Cluster, name)).map(|(record, _)| *record);
        let (control_plane, gate) = (record(CONTROL_PLANE)?, record(GATE)?);
        let output = |name: &str| control_plane.outputs.get(name).cloned();
        let of = |kind: Kind| meant.values().map(|(record, _)| *record).filter(move |record| record.kind == kind);
        Some(Self {
            address: Address {
                cluster: output("name")?,
                region: examined.plan.target.region.clone(),
                endpoint: output("endpoint")?,
                certificate_authority: output("certificateAuthority")?,
            },
            gate: gate.outputs.get("name")?.clone(),
            addons: specs::<AddonSpec>(of(Kind::Addon)).map(|spec| spec.name).collect(),
            groups: specs::<NodeGroupSpec>(of(Kind::NodeGroup))
                .map(|spec| Group { name: spec.name, taints: spec.taints })
                .collect(),
            fargate: specs::<FargateProfileSpec>(of(Kind::FargateProfile)).flat_map(|spec| spec.selectors).collect(),
        })
    }

    pub(super) fn has_dns(&self) -> bool {
        self.addons.contains(COREDNS)
    }

    /// Whether pods run on Fargate.
    pub(super) fn has_fargate(&self) -> bool {
        !self.fargate.is_empty()
    }

    /// On any node, whatever taints the manifest gives it.
    pub(super) fn on_nodes(&self) -> Place {
        let taints = self.groups.iter().flat_map(|group| group.taints.iter().cloned()).collect();
        Place { namespace: SYSTEM.to_owned(), labels: BTreeMap::new(), taints }
    }

    /// Wherever a profile selects pods, if it says the namespace in full; but not where a pod would be taken for CoreDNS.
    pub(super) fn on_fargate(&self) -> impl Iterator<Item = Place> {
        let (key, value) = DNS_LABEL;
        let of_dns = move |selector: &FargateSelector| {
            selector.namespace == SYSTEM && selector.labels.get(key).is_some_and(|is| is == value)
        };
        let fits = move |selector: &&FargateSelector| !selector.namespace.contains(['*', '?']) && !of_dns(selector);
        self.fargate.iter().filter(fits).map(|selector| Place {
            namespace: selector.namespace.clone(),
            labels: selector.labels.clone(),
            taints: Vec::new(),
        })
    }

    /// Where a test pod may be.
    pub(super) fn places(&self) -> BTreeSet<String> {
        self.on_fargate().map(|place| place.namespace).chain([SYSTEM.to_owned()]).collect()
    }
}

fn specs<'a, T: DeserializeOwned>(records: impl Iterator<Item = &'a Record>) -> impl Iterator<Item = T> {
    records.filter_map(|record| T::deserialize(&record.spec).ok())
}
