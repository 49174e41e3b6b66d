//! Managed node groups.
//!
//! <https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateNodegroup.html>,
//! <https://docs.aws.amazon.com/eks/latest/userguide/managed-node-groups.html>,
//! <https://docs.aws.amazon.com/eks/latest/userguide/launch-templates.html>. The refusal of an instance type is that of
//! AWS, as in <https://github.com/terraform-aws-modules/terraform-aws-eks/issues/1279>.

use serde_json::{Value, json};

use super::request::{Refusal, Request};
use super::store::{Kind, now};
use super::{Answer, Place, access, issues, network, new_id, nodes, version};
use crate::ec2::instance_type;

const AMI_TYPES: &[&str] = &[
    "AL2023_x86_64_STANDARD",
    "AL2023_ARM_64_STANDARD",
    "AL2023_x86_64_NEURON",
    "AL2023_x86_64_NVIDIA",
    "AL2023_ARM_64_NVIDIA",
    "BOTTLEROCKET_ARM_64",
    "BOTTLEROCKET_x86_64",
    "BOTTLEROCKET_ARM_64_FIPS",
    "BOTTLEROCKET_x86_64_FIPS",
    "BOTTLEROCKET_ARM_64_NVIDIA",
    "BOTTLEROCKET_x86_64_NVIDIA",
    "CUSTOM",
    "WINDOWS_CORE_2022_x86_64",
    "WINDOWS_FULL_2022_x86_64",
];

pub(super) fn create(request: &Request, place: &mut Place<'_>) -> Answer {
    let cluster = request.cluster();
    let name = request.required("nodegroupName")?;
    let wrong =
        |message: String| Refusal::parameter(message).about("clusterName", cluster).about("nodegroupName", name);
    let of = place.store.active_cluster(cluster)?.clone();
    if place.store.find(Kind::Nodegroup, cluster, name).is_some() {
        let said = format!("NodeGroup already exists with name {name} and cluster name {cluster}");
        return Err(Refusal::in_use(said).about("clusterName", cluster).about("nodegroupName", name));
    }
    let subnets = network::subnets(&request.list("subnets"), place, cluster)?;
    if of.document["resourcesVpcConfig"]["vpcId"] != subnets.first().map_or("", |subnet| subnet.vpc.as_str()) {
        return Err(wrong(format!("Subnets are not in the VPC of cluster {cluster}")));
    }
    let role = request.required("nodeRole")?;
    place.must_exist(role, || wrong(format!("The node role {role} cannot be found or is not authorized")))?;
    check_template(request)?;
    let (ami, types) = machines(request, cluster, name)?;
    let kubernetes = of.text("version").to_owned();
    if request.text("version").is_some_and(|given| given != kubernetes) {
        return Err(wrong(format!("Requested Nodegroup kubernetes version needs to be the cluster's, {kubernetes}")));
    }
    let release = release(request.text("releaseVersion"), &ami, &kubernetes).map_err(wrong)?;
    let scaling = scaling(&json!({"minSize": 1, "maxSize": 2, "desiredSize": 2}), &request.body["scalingConfig"])
        .map_err(wrong)?;
    check_taints(&request.body["taints"]).map_err(wrong)?;
    let id = new_id();
    let mut document = json!({
        "nodegroupName": name,
        "nodegroupArn": place.arn("nodegroup", &format!("{cluster}/{name}/{id}")),
        "clusterName": cluster,
        "version": kubernetes,
        "releaseVersion": release,
        "createdAt": now(),
        "modifiedAt": now(),
        "status": "CREATING",
        "capacityType": request.text("capacityType").unwrap_or("ON_DEMAND"),
        "scalingConfig": scaling,
        "instanceTypes": types,
        "subnets": request.list("subnets"),
        "amiType": ami,
        "nodeRole": role,
        "labels": request.body["labels"].as_object().cloned().unwrap_or_default(),
        "resources": {"autoScalingGroups": [{"name": format!("eks-{name}-{id}")}]},
        "health": {"issues": []},
        "updateConfig": {"maxUnavailable": 1},
        "tags": request.tags(),
    });
    for field in ["taints", "updateConfig", "nodeRepairConfig", "remoteAccess", "launchTemplate", "warmPoolConfig"] {
        if !request.body[field].is_null() {
            document[field] = request.body[field].clone();
        }
    }
    if request.body["launchTemplate"].is_null() {
        document["diskSize"] = json!(request.body["diskSize"].as_u64().unwrap_or(20));
    }
    place.store.add(Kind::Nodegroup, cluster, name, document);
    place.store.schedule(Kind::Nodegroup, cluster, name, place.durations.node_group_changing());
    nodes::scale(place, cluster, name);
    access::for_nodes(place, cluster, role, "EC2_LINUX");
    if !place.store.linked_roles.iter().any(|role| role == "eks-nodegroup") {
        place.store.linked_roles.push("eks-nodegroup".into());
    }
    Ok(json!({"nodegroup": place.store.get(Kind::Nodegroup, cluster, name)?.document}))
}

pub(super) fn describe(request: &Request, place: &mut Place<'_>) -> Answer {
    place.store.cluster(request.cluster())?;
    Ok(json!({"nodegroup": place.store.get(Kind::Nodegroup, request.cluster(), request.member())?.document}))
}

pub(super) fn list(request: &Request, place: &mut Place<'_>) -> Answer {
    place.store.cluster(request.cluster())?;
    let groups = place.store.within(Kind::Nodegroup, request.cluster());
    request.page("nodegroups", groups.into_iter().map(|group| json!(group.name)).collect())
}

pub(super) fn delete(request: &Request, place: &mut Place<'_>) -> Answer {
    let (cluster, name) = (request.cluster(), request.member());
    place.store.cluster(cluster)?;
    let group = place.store.get_mut(Kind::Nodegroup, cluster, name)?;
    match group.status() {
        "DELETING" => return Ok(json!({"nodegroup": group.document})),
        "CREATING" | "UPDATING" => {
            let said = format!("Nodegroup {name} cannot be deleted while it is in status {}", group.status());
            return Err(Refusal::in_use(said).about("clusterName", cluster).about("nodegroupName", name));
        }
        _ => {}
    }
    group.set("status", "DELETING");
    group.touch();
    let document = group.document.clone();
    place.store.schedule(Kind::Nodegroup, cluster, name, place.durations.node_group_changing());
    Ok(json!({"nodegroup": document}))
}

/// What time has made of a group that was being created or deleted.
pub(super) fn settle(place: &mut Place<'_>, cluster: &str, name: &str) {
    let Ok(group) = place.store.get_mut(Kind::Nodegroup, cluster, name) else { return };
    let doom = group.doom.take();
    let resources = nodes::affected(group, doom.as_ref().map_or("", |(code, _)| code));
    let resources: Vec<&str> = resources.iter().map(String::as_str).collect();
    let deleting = group.is("DELETING");
    match doom {
        Some((code, message)) => {
            group.set("status", if deleting { "DELETE_FAILED" } else { "CREATE_FAILED" });
            group.set("health", issues(&code, &message, &resources));
        }
        None if deleting => {
            nodes::remove_all(place, cluster, name);
            place.store.remove(Kind::Nodegroup, cluster, name);
            return;
        }
        None => group.set("status", "ACTIVE"),
    }
    group.touch();
}

// <https://docs.aws.amazon.com/eks/latest/userguide/launch-templates.html>: what stands in the template is not given beside it
fn check_template(request: &Request) -> Result<(), Refusal> {
    let template = &request.body["launchTemplate"];
    let refuse = |said: &str| Err(Refusal::request(said).about("clusterName", request.cluster()));
    if template.is_null() {
        return Ok(());
    }
    if template["id"].is_null() == template["name"].is_null() {
        return refuse("Exactly one of launch template id and name needs to be specified.");
    }
    if !request.body["diskSize"].is_null() {
        return refuse("Disk size must be specified within the launch template.");
    }
    if !request.body["remoteAccess"].is_null() {
        return refuse("Remote access configuration cannot be specified with a launch template.");
    }
    Ok(())
}

fn machines(request: &Request, cluster: &str, name: &str) -> Result<(String, Vec<String>), Refusal> {
    let wrong =
        |message: String| Err(Refusal::parameter(message).about("clusterName", cluster).about("nodegroupName", name));
    let mut types = request.list("instanceTypes");
    let unknown: Vec<&str> =
        types.iter().map(String::as_str).filter(|one| instance_type::find(one).is_none()).collect();
    if !unknown.is_empty() {
        return wrong(format!("The following supplied instance types do not exist: [{}]", unknown.join(", ")));
    }
    let arm = types.first().and_then(|one| instance_type::find(one)).is_some_and(|one| one.arm);
    let default = if arm { "AL2023_ARM_64_STANDARD" } else { "AL2023_x86_64_STANDARD" };
    let ami = request.text("amiType").unwrap_or(default);
    if !AMI_TYPES.contains(&ami) {
        return wrong(format!("Unsupported AMI type {ami}"));
    }
    if ami != "CUSTOM" {
        let fits = |one: &&String| instance_type::find(one).is_some_and(|one| one.arm == ami.contains("ARM"));
        if let Some(other) = types.iter().find(|one| !fits(one)) {
            return wrong(format!("[{other}] is not a valid instance type for requested amiType {ami}"));
        }
    }
    if types.is_empty() && request.body["launchTemplate"].is_null() {
        types.push(if ami.contains("ARM") { "t4g.medium" } else { "t3.medium" }.into());
    }
    Ok((ami.to_owned(), types))
}

/// The release of an AMI: the newest, or the given one if it is of this Kubernetes version.
pub(super) fn release(given: Option<&str>, ami: &str, kubernetes: &str) -> Result<String, String> {
    let patch = version::find(kubernetes).map_or("", |version| version.patch);
    let newest = match ami {
        "CUSTOM" => String::new(),
        ami if ami.starts_with("BOTTLEROCKET") => "1.59.0-0a1b2c3d".to_owned(),
        _ => format!("{patch}-20261110"),
    };
    match given {
        None => Ok(newest),
        Some(given) if newest.starts_with("1.59") || given.starts_with(&format!("{kubernetes}.")) => {
            Ok(given.to_owned())
        }
        Some(given) => {
            Err(format!("Requested release version {given} is not valid for kubernetes version {kubernetes}."))
        }
    }
}

/// The sizes that result from those of now and those given.
pub(super) fn scaling(now: &Value, given: &Value) -> Result<Value, String> {
    let size = |field: &str| given[field].as_u64().or(now[field].as_u64()).unwrap_or_default();
    let (minimum, desired, maximum) = (size("minSize"), size("desiredSize"), size("maxSize"));
    if maximum == 0 {
        return Err("Maximum capacity needs to be at least 1".into());
    }
    if minimum > desired {
        return Err(format!("Minimum capacity {minimum} can't be greater than desired size {desired}"));
    }
    if desired > maximum {
        return Err(format!("Desired capacity {desired} can't be greater than max size {maximum}"));
    }
    Ok(json!({"minSize": minimum, "maxSize": maximum, "desiredSize": desired}))
}

/// <https://docs.aws.amazon.com/eks/latest/userguide/node-taints-managed-node-groups.html>
pub(super) fn check_taints(taints: &Value) -> Result<(), String> {
    let known = ["NO_SCHEDULE", "NO_EXECUTE", "PREFER_NO_SCHEDULE"];
    let taints = taints.as_array().cloned().unwrap_or_default();
    match taints.iter().find(|taint| !known.iter().any(|effect| taint["effect"] == *effect)) {
        Some(taint) => Err(format!("Invalid taint effect {}", taint["effect"])),
        None if taints.len() > 50 => Err("At most 50 taints are allowed".into()),
        None => Ok(()),
    }
}
