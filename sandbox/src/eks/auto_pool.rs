//! The built-in node pools of EKS Auto Mode: which nodes their pods may bring.
//!
//! <https://docs.aws.amazon.com/eks/latest/userguide/set-builtin-node-pools.html>: on demand, of the families C, M and R since
//! their fifth generation; `general-purpose` is of amd64, `system` of both and tainted. EKS takes the cheapest of those that
//! have capacity, which is one of a few types as a rule; only these are here.

use std::collections::BTreeMap;

use super::request::texts;
use super::store::{Record, Store};
use super::version;
use crate::ec2::{Ec2, instance_type};
use crate::kubernetes::{InstanceType, NodePool, Taint};

const SYSTEM: &str = "system";
/// The cheapest families first; those with a `g` are of arm64.
const FAMILIES: &[&str] = &["c6g", "c6a", "m6g", "m6a", "r6g", "r6a"];
/// The smallest first: none with a single processor, which EKS does not take.
/// <https://docs.aws.amazon.com/eks/latest/userguide/automode-learn-instances.html#auto-supported-instances>
const SIZES: &[&str] = &["large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge"];

/// Whether the cluster has Auto Mode, and works.
pub(super) fn is_on(cluster: &Record) -> bool {
    cluster.document["computeConfig"]["enabled"] == true && matches!(cluster.status(), "ACTIVE" | "UPDATING")
}

/// The pools that the cluster names, in the order in which a pod is offered to them: Karpenter's, by name, because none has
/// a weight. None without Auto Mode.
pub(super) fn of(store: &Store, ec2: &Ec2, region: &str, cluster: &str) -> Option<Vec<NodePool>> {
    let cluster = store.cluster(cluster).ok().filter(|cluster| is_on(cluster))?;
    let mut names = texts(&cluster.document["computeConfig"]["nodePools"]);
    names.sort();
    let subnets = texts(&cluster.document["resourcesVpcConfig"]["subnetIds"]);
    let mut zones: Vec<String> = subnets.iter().filter_map(|id| Some(ec2.subnet(region, id)?.zone)).collect();
    zones.sort();
    zones.dedup();
    let pool = |name: String| NodePool {
        region: region.to_owned(),
        zones: zones.clone(),
        labels: labels(&name),
        taints: taints(&name),
        instance_types: instance_types(&name),
        kubelet_version: version::kubelet(cluster.text("version")),
        name,
    };
    Some(names.into_iter().map(pool).collect())
}

/// The labels that a pool gives its nodes, as a cluster shows them.
/// <https://docs.aws.amazon.com/eks/latest/userguide/create-node-pool.html#auto-supported-labels>
pub(super) fn labels(pool: &str) -> BTreeMap<String, String> {
    let all = [
        ("app.kubernetes.io/managed-by", "eks"),
        ("eks.amazonaws.com/compute-type", "auto"),
        ("eks.amazonaws.com/nodeclass", "default"),
        ("karpenter.sh/capacity-type", "on-demand"),
        ("karpenter.sh/initialized", "true"),
        ("karpenter.sh/nodepool", pool),
        ("karpenter.sh/registered", "true"),
    ];
    owned(&all)
}

/// What keeps pods from a pool's nodes that are not meant for them.
pub(super) fn taints(pool: &str) -> Vec<Taint> {
    let taint = |key: &str| Taint { key: key.into(), value: String::new(), effect: "NoSchedule".into() };
    if pool == SYSTEM { vec![taint("CriticalAddonsOnly")] } else { Vec::new() }
}

/// The type of this name, with the labels that say what it is.
pub(super) fn described(name: &str) -> Option<InstanceType> {
    let found = instance_type::find(name)?;
    let (family, size) = name.split_once('.')?;
    let generation = family.find(|letter: char| letter.is_ascii_digit())?;
    let (category, rest) = family.split_at(generation);
    let manufacturer = if found.arm { "aws" } else { "amd" };
    let (cpu, memory) = (found.processors.to_string(), found.memory.to_string());
    let labels = [
        ("eks.amazonaws.com/instance-category", category),
        ("eks.amazonaws.com/instance-cpu", &cpu),
        ("eks.amazonaws.com/instance-cpu-manufacturer", manufacturer),
        ("eks.amazonaws.com/instance-family", family),
        ("eks.amazonaws.com/instance-generation", rest.trim_end_matches(|letter: char| letter.is_ascii_alphabetic())),
        ("eks.amazonaws.com/instance-hypervisor", "nitro"),
        ("eks.amazonaws.com/instance-memory", &memory),
        ("eks.amazonaws.com/instance-size", size),
    ];
    let (labels, memory) = (owned(&labels), format!("{memory}Mi"));
    Some(InstanceType { name: name.to_owned(), labels, cpu, memory, pods: found.pods })
}

fn instance_types(pool: &str) -> Vec<InstanceType> {
    let fits = |family: &&&str| pool == SYSTEM || !family.contains('g');
    let names =
        SIZES.iter().flat_map(|size| FAMILIES.iter().filter(fits).map(move |family| format!("{family}.{size}")));
    names.filter_map(|name| described(&name)).collect()
}

fn owned(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_and_cheap_types_come_first_and_only_the_system_has_arm() {
        let names = |pool| instance_types(pool).into_iter().map(|one| one.name).collect::<Vec<_>>();
        assert_eq!(names("general-purpose")[..4], ["c6a.large", "m6a.large", "r6a.large", "c6a.xlarge"]);
        assert_eq!(names(SYSTEM)[..3], ["c6g.large", "c6a.large", "m6g.large"]);
        assert_eq!((names("general-purpose").len(), names(SYSTEM).len()), (21, 42));
    }

    #[test]
    fn a_type_says_what_it_is() {
        let described = described("m6g.2xlarge").unwrap();
        let label = |key: &str| described.labels[&format!("eks.amazonaws.com/instance-{key}")].as_str();
        assert_eq!((label("category"), label("generation"), label("family")), ("m", "6", "m6g"));
        assert_eq!((label("size"), label("cpu"), label("memory")), ("2xlarge", "8", "32768"));
        assert_eq!((label("cpu-manufacturer"), described.memory.as_str()), ("aws", "32768Mi"));
    }
}
