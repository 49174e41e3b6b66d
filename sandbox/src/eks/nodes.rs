//! The instances of managed node groups, as EC2 shows them, and how one of a cluster is started and ended.
//!
//! Each has an interface in the emulated network, so its subnet is in use as long as it lives, and another one if the
//! cluster has the VPC CNI. <https://docs.aws.amazon.com/eks/latest/userguide/managed-node-groups.html#managed-node-group-concepts>
//!
//! The CNI detaches such an interface and deletes it some seconds later. Of a node that ends in between it stays, until the
//! CNI on another node finds it; of a cluster's last node it stays for good, and so does the security group that it is in.
//! <https://github.com/aws/amazon-vpc-cni-k8s/issues/608>, <https://github.com/aws/amazon-vpc-cni-k8s/issues/1223>,
//! <https://github.com/aws/aws-k8s-tester/pull/416>

use std::collections::BTreeMap;

use rand::seq::IndexedRandom;
use serde_json::{Value, json};

use super::job::{Instance, Job};
use super::store::{Kind, Record};
use super::{Place, request};
use crate::ec2::Subnet;

/// Brings the number of a group's instances to what it wants.
pub(super) fn scale(place: &mut Place<'_>, cluster: &str, group: &str) {
    let Ok(record) = place.store.get(Kind::Nodegroup, cluster, group) else { return };
    let wanted = record.document["scalingConfig"]["desiredSize"].as_u64().unwrap_or_default();
    let wanted = usize::try_from(wanted).unwrap_or_default();
    let mut instances = instances(record);
    let surplus = instances.split_off(wanted.min(instances.len()));
    terminate(place, &surplus, false);
    let missing = wanted - instances.len();
    let (launched, full) = launch(place, cluster, group, missing, instances.len());
    instances.extend(launched);
    if let Ok(record) = place.store.get_mut(Kind::Nodegroup, cluster, group) {
        record.hidden["instances"] = Value::Array(instances);
        if full && record.is("CREATING") {
            let said = "Amazon EKS node groups cannot launch instances: the subnets have no free addresses";
            record.doom = Some(("InsufficientFreeAddresses".into(), said.into()));
        }
    }
}

/// Ends all instances of a group that goes.
pub(super) fn remove_all(place: &mut Place<'_>, cluster: &str, group: &str) {
    let gone = forget_all(place, cluster, group);
    let nodes = place.store.within(Kind::Nodegroup, cluster).into_iter().map(|group| instances(group).len());
    let are_last = nodes.sum::<usize>() == 0;
    terminate(place, &gone, are_last);
}

/// New instances in place of the old ones.
pub(super) fn replace(place: &mut Place<'_>, cluster: &str, group: &str) {
    let gone = forget_all(place, cluster, group);
    terminate(place, &gone, false);
    scale(place, cluster, group);
}

fn forget_all(place: &mut Place<'_>, cluster: &str, group: &str) -> Vec<Value> {
    let Ok(record) = place.store.get_mut(Kind::Nodegroup, cluster, group) else { return Vec::new() };
    let gone = instances(record);
    record.hidden["instances"] = json!([]);
    gone
}

/// What a problem of this code names: instances if it is theirs, else the Auto Scaling group.
pub(super) fn affected(group: &Record, code: &str) -> Vec<String> {
    let of_instances = ["NodeCreationFailure", "NodeTerminationFailure", "PodEvictionFailure"];
    if of_instances.contains(&code) {
        return instances(group).iter().filter_map(|one| one["id"].as_str().map(str::to_owned)).collect();
    }
    let name = group.document["resources"]["autoScalingGroups"][0]["name"].as_str().unwrap_or_default();
    vec![name.to_owned()]
}

/// The instances of a group: id, zone, address, type, interface.
pub(super) fn instances(group: &Record) -> Vec<Value> {
    group.hidden["instances"].as_array().cloned().unwrap_or_default()
}

fn launch(place: &mut Place<'_>, cluster: &str, group: &str, count: usize, already: usize) -> (Vec<Value>, bool) {
    let Ok(record) = place.store.get(Kind::Nodegroup, cluster, group) else { return (Vec::new(), false) };
    let subnets: Vec<_> = request::texts(&record.document["subnets"])
        .iter()
        .filter_map(|id| place.ec2.subnet(place.region, id))
        .collect();
    let types = request::texts(&record.document["instanceTypes"]);
    let spot = record.text("capacityType") == "SPOT";
    let tags = tags(record, cluster, group);
    let with_cni = place.store.find(Kind::Addon, cluster, "vpc-cni").is_some();
    let mut launched = Vec::new();
    for at in already..already + count {
        let Some(subnet) = subnets.get(at % subnets.len().max(1)) else { break };
        let instance_type = types.choose(&mut rand::rng()).cloned().unwrap_or_else(|| "t3.medium".into());
        let (image, tags) = ("ami-0eks0al2023000000", tags.clone());
        let machine = Machine { cluster, subnet, instance_type, image, spot, with_cni, operator: None, tags };
        let Some(instance) = start(place, machine) else { break };
        launched.push(instance);
    }
    let full = launched.len() < count;
    (launched, full)
}

/// What an instance is launched as.
#[derive(Debug)]
pub(super) struct Machine<'a> {
    pub(super) cluster: &'a str,
    pub(super) subnet: &'a Subnet,
    pub(super) instance_type: String,
    pub(super) image: &'static str,
    pub(super) spot: bool,
    /// Whether the VPC CNI attaches an interface for pods.
    pub(super) with_cni: bool,
    /// The service that manages it in its user's stead.
    pub(super) operator: Option<&'static str>,
    pub(super) tags: BTreeMap<String, String>,
}

/// Launches one instance with its interfaces; none if the subnet has no address left.
pub(super) fn start(place: &mut Place<'_>, machine: Machine<'_>) -> Option<Value> {
    let Machine { cluster, subnet, instance_type, .. } = machine;
    let security = place.store.cluster(cluster).ok().and_then(|one| one.hidden["group"].as_str().map(str::to_owned));
    let group = security.unwrap_or_default();
    let id = format!("i-{}", &format!("{:032x}", rand::random::<u128>())[..17]);
    let interface = place.ec2.add_node_interface(place.region, &subnet.id, &group, &id)?;
    let for_pods =
        machine.with_cni.then(|| place.ec2.add_pod_interface(place.region, cluster, &subnet.id, &group, &id)).flatten();
    let kept = json!({
        "id": id, "zone": subnet.zone, "address": interface.address, "type": instance_type,
        "interface": interface.id, "podInterface": for_pods, "subnet": subnet.id,
    });
    let shown = Instance {
        id,
        image: machine.image.into(),
        instance_type,
        subnet: subnet.id.clone(),
        vpc: subnet.vpc.clone(),
        zone: subnet.zone.clone(),
        address: interface.address,
        group,
        spot: machine.spot,
        operator: machine.operator,
        tags: machine.tags,
    };
    place.jobs.push(Job::Launch { region: place.region.to_owned(), instances: vec![shown] });
    Some(kept)
}

// <https://docs.aws.amazon.com/eks/latest/userguide/eks-using-tags.html>; a group's own tags are not those of its instances.
fn tags(group: &Record, cluster: &str, name: &str) -> BTreeMap<String, String> {
    let scaling = group.document["resources"]["autoScalingGroups"][0]["name"].as_str().unwrap_or_default();
    [
        ("eks:cluster-name".to_owned(), cluster),
        ("eks:nodegroup-name".to_owned(), name),
        (format!("kubernetes.io/cluster/{cluster}"), "owned"),
        (format!("k8s.io/cluster-autoscaler/{cluster}"), "owned"),
        ("k8s.io/cluster-autoscaler/enabled".to_owned(), "true"),
        ("aws:autoscaling:groupName".to_owned(), scaling),
    ]
    .into_iter()
    .map(|(key, value)| (key, value.to_owned()))
    .collect()
}

/// Ends instances, with their interfaces. The last ones of a cluster leave one of the CNI behind.
pub(super) fn terminate(place: &mut Place<'_>, gone: &[Value], are_last: bool) {
    if gone.is_empty() {
        return;
    }
    let of = |field: &'static str| gone.iter().filter_map(move |one| one[field].as_str());
    let left = of("podInterface").next().filter(|_| are_last);
    place.ec2.remove_interfaces(place.region, of("interface"));
    place.ec2.remove_interfaces(place.region, of("podInterface").filter(|id| Some(*id) != left));
    if let Some(left) = left {
        place.ec2.detach_interface(place.region, left);
    }
    let ids = of("id").map(str::to_owned).collect();
    place.jobs.push(Job::Terminate { region: place.region.to_owned(), ids });
}
