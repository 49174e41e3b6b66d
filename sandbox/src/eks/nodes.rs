//! The instances of managed node groups, as EC2 shows them and as Kubernetes sees them.
//!
//! Each has an interface in the emulated network, so its subnet is in use as long as it lives.
//! <https://docs.aws.amazon.com/eks/latest/userguide/managed-node-groups.html#managed-node-group-concepts>

use std::collections::BTreeMap;

use rand::seq::IndexedRandom;
use serde_json::{Value, json};

use super::job::{Instance, Job};
use super::store::{Kind, Record};
use super::{Place, request};

/// Brings the number of a group's instances to what it wants.
pub(super) fn scale(place: &mut Place<'_>, cluster: &str, group: &str) {
    let Ok(record) = place.store.get(Kind::Nodegroup, cluster, group) else { return };
    let wanted = record.document["scalingConfig"]["desiredSize"].as_u64().unwrap_or_default();
    let wanted = usize::try_from(wanted).unwrap_or_default();
    let mut instances = instances(record);
    let surplus = instances.split_off(wanted.min(instances.len()));
    terminate(place, &surplus);
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

/// Ends all instances of a group.
pub(super) fn remove_all(place: &mut Place<'_>, cluster: &str, group: &str) {
    let Ok(record) = place.store.get_mut(Kind::Nodegroup, cluster, group) else { return };
    let gone = instances(record);
    record.hidden["instances"] = json!([]);
    terminate(place, &gone);
}

/// New instances in place of the old ones.
pub(super) fn replace(place: &mut Place<'_>, cluster: &str, group: &str) {
    remove_all(place, cluster, group);
    scale(place, cluster, group);
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
    let security = place.store.cluster(cluster).ok().and_then(|one| one.hidden["group"].as_str().map(str::to_owned));
    let security = security.unwrap_or_default();
    let subnets: Vec<_> = request::texts(&record.document["subnets"])
        .iter()
        .filter_map(|id| place.ec2.subnet(place.region, id))
        .collect();
    let types = request::texts(&record.document["instanceTypes"]);
    let spot = record.text("capacityType") == "SPOT";
    let tags = tags(record, cluster, group);
    let (mut kept, mut shown) = (Vec::new(), Vec::new());
    for at in already..already + count {
        let Some(subnet) = subnets.get(at % subnets.len().max(1)) else { break };
        let made = place.ec2.add_interface(place.region, &subnet.id, "", std::slice::from_ref(&security));
        let Some(interface) = made else { break };
        let id = format!("i-{}", &format!("{:032x}", rand::random::<u128>())[..17]);
        let instance_type = types.choose(&mut rand::rng()).cloned().unwrap_or_else(|| "t3.medium".into());
        kept.push(json!({
            "id": id, "zone": subnet.zone, "address": interface.address, "type": instance_type,
            "interface": interface.id, "subnet": subnet.id,
        }));
        shown.push(Instance {
            id,
            image: "ami-0eks0al2023000000".into(),
            instance_type,
            subnet: subnet.id.clone(),
            vpc: subnet.vpc.clone(),
            zone: subnet.zone.clone(),
            address: interface.address,
            group: security.clone(),
            spot,
            tags: tags.clone(),
        });
    }
    let full = kept.len() < count;
    if !shown.is_empty() {
        place.jobs.push(Job::Launch { region: place.region.to_owned(), instances: shown });
    }
    (kept, full)
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

fn terminate(place: &mut Place<'_>, gone: &[Value]) {
    if gone.is_empty() {
        return;
    }
    place.ec2.remove_interfaces(place.region, gone.iter().filter_map(|one| one["interface"].as_str()));
    let ids = gone.iter().filter_map(|one| one["id"].as_str().map(str::to_owned)).collect();
    place.jobs.push(Job::Terminate { region: place.region.to_owned(), ids });
}
