//! The nodes of EKS Auto Mode, from the first claim to the end of their cluster.

use super::*;
use crate::kubernetes::{Claim, Demand};

fn claimed() -> Demand {
    let claim = Claim { pool: "system".into(), instance_type: "c6g.large".into(), zone: "eu-west-1b".into() };
    Demand { claims: vec![claim], ..Demand::default() }
}

fn turned(on: bool, pools: &[&str]) -> Value {
    let compute =
        if on { json!({"enabled": true, "nodePools": pools, "nodeRoleArn": ROLE}) } else { json!({"enabled": false}) };
    json!({
        "computeConfig": compute, "storageConfig": {"blockStorage": {"enabled": on}},
        "kubernetesNetworkConfig": {"elasticLoadBalancing": {"enabled": on}},
    })
}

impl Region {
    fn in_auto_mode(eks: Eks) -> Self {
        let region = Self::with(eks);
        let mut body = region.wanted("1.34");
        for (field, value) in turned(true, &["system", "general-purpose"]).as_object().unwrap() {
            body[field] = value.clone();
        }
        region.post("/clusters", body).unwrap();
        region.wait();
        region.eks.jobs();
        region
    }

    fn told(&self) -> Wanted {
        self.eks.wanted(&self.ec2, "eu-west-1", "demo").unwrap()
    }

    fn hears(&self, demand: &Demand) {
        self.eks.demanded(&self.ec2, "eu-west-1", "demo", &self.told(), demand);
    }

    fn with_a_node() -> Self {
        let region = Self::in_auto_mode(Eks::open(Durations::at(1.0), None));
        region.hears(&claimed());
        region.wait();
        region
    }

    /// The instances that were ended since somebody asked.
    fn ended(&self) -> Vec<String> {
        let ended = |job| if let Job::Terminate { ids, .. } = job { ids } else { Vec::new() };
        self.eks.jobs().into_iter().flat_map(ended).collect()
    }
}

#[test]
fn a_claim_brings_a_managed_instance_in_its_zone_and_then_a_node_of_its_pool() {
    let region = Region::in_auto_mode(Eks::open(Durations::at(1.0), None));
    let pools: Vec<String> = region.told().pools.unwrap().into_iter().map(|pool| pool.name).collect();
    assert_eq!(pools, ["general-purpose", "system"]);
    region.hears(&claimed());
    let launched = region.eks.jobs().into_iter().find_map(|job| match job {
        Job::Launch { instances, .. } => instances.into_iter().next(),
        _ => None,
    });
    let instance = launched.unwrap();
    assert_eq!((instance.operator, instance.zone.as_str()), (Some("eks.amazonaws.com"), "eu-west-1b"));
    assert_eq!((&instance.subnet, region.interfaces()), (&region.subnets[1], 3));
    let tag = |key: &str| instance.tags[key].as_str();
    assert_eq!((tag("eks:eks-cluster-name"), tag("eks:kubernetes-node-pool-name")), ("demo", "system"));
    assert_eq!(region.told().nodes, [], "it has to start first");
    region.hears(&claimed());
    assert_eq!(region.interfaces(), 3, "one is on its way");

    region.wait();
    let node = region.told().nodes.remove(0);
    assert_eq!((&node.name, &node.address), (&instance.id, &instance.address));
    assert_eq!(node.provider_id, format!("aws:///eu-west-1b/{}", instance.id));
    assert_eq!(node.kubelet_version, "v1.34.7-eks-0000000");
    assert_eq!(node.taints[0].key, "CriticalAddonsOnly");
    for (label, value) in [
        ("eks.amazonaws.com/compute-type", "auto"),
        ("karpenter.sh/nodepool", "system"),
        ("karpenter.sh/capacity-type", "on-demand"),
        ("eks.amazonaws.com/instance-family", "c6g"),
    ] {
        assert_eq!(node.labels[label], value);
    }
}

#[test]
fn what_was_asked_before_something_changed_counts_for_nothing() {
    let region = Region::in_auto_mode(Eks::open(Durations::at(1.0), None));
    let before = region.told();
    region.hears(&claimed());
    region.wait();
    region.eks.demanded(&region.ec2, "eu-west-1", "demo", &before, &claimed());
    assert_eq!(region.interfaces(), 3, "the node that came is not in it");
}

#[test]
fn an_empty_node_goes_with_its_instance_and_interface() {
    let region = Region::in_auto_mode(Eks::open(Durations::at(0.0), None));
    region.hears(&claimed());
    region.wait();
    let id = region.told().nodes[0].name.clone();
    region.eks.jobs();
    let empty = Demand { empty: vec![id.clone()], ..Demand::default() };
    region.hears(&empty);
    region.hears(&empty);
    assert_eq!((region.ended(), region.told().nodes, region.interfaces()), (vec![id], vec![], 2));
}

#[test]
fn after_an_upgrade_a_node_of_the_new_minor_takes_over() {
    let region = Region::with_a_node();
    let old = region.told().nodes[0].name.clone();
    region.post("/clusters/demo/updates", json!({"version": "1.35"})).unwrap();
    region.hears(&Demand::default());
    assert_eq!(region.interfaces(), 3, "not before the control plane is there");
    region.wait();
    region.hears(&Demand::default());
    region.wait();
    let versions = || region.told().nodes.into_iter().map(|node| node.kubelet_version).collect::<Vec<_>>();
    let mut both = versions();
    both.sort();
    assert_eq!(both, ["v1.34.7-eks-0000000", "v1.35.4-eks-0000000"]);
    region.hears(&Demand::default());
    let drained = region.told().nodes.into_iter().find(|node| node.name == old).unwrap();
    assert!(drained.taints.iter().any(|taint| taint.key == "karpenter.sh/disrupted"), "{drained:?}");
    region.eks.jobs();
    region.hears(&Demand { empty: vec![old.clone()], ..Demand::default() });
    assert_eq!((region.ended(), versions()), (vec![old], vec!["v1.35.4-eks-0000000".to_owned()]));
}

#[test]
fn without_auto_mode_and_without_the_cluster_there_are_no_such_nodes() {
    let region = Region::with_a_node();
    let id = region.told().nodes[0].name.clone();
    region.post("/clusters/demo/update-config", turned(false, &[])).unwrap();
    assert_eq!(region.told().nodes.len(), 1, "the update is under way");
    region.wait();
    assert_eq!((region.ended(), region.told().pools, region.interfaces()), (vec![id], None, 2));

    let region = Region::with_a_node();
    let id = region.told().nodes[0].name.clone();
    region.delete("/clusters/demo").unwrap();
    assert_eq!((region.ended(), region.told().pools), (vec![id], None));
    region.wait();
    assert_eq!(region.interfaces(), 0);
}

#[test]
fn nodes_outlive_a_restart_of_the_emulator() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("eks.json");
    let region = Region::in_auto_mode(Eks::open(Durations::at(1.0), Some(file.clone())));
    region.hears(&claimed());
    let Region { ec2, subnets, .. } = region;
    let region = Region { eks: Eks::open(Durations::at(1.0), Some(file)), ec2, subnets };
    region.wait();
    assert_eq!(region.told().nodes.len(), 1);
}
