//! Fargate profiles, created and deleted one at a time in a cluster.
//!
//! <https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateFargateProfile.html>,
//! <https://docs.aws.amazon.com/eks/latest/APIReference/API_DeleteFargateProfile.html>. That AWS refuses a second one with
//! `ResourceInUseException`, which the service model does not list, show
//! <https://github.com/hashicorp/terraform/issues/25059> and
//! <https://github.com/terraform-aws-modules/terraform-aws-eks/issues/2194>.

use serde::Deserialize;
use serde_json::json;

use super::request::{Refusal, Request};
use super::store::{Kind, Record, now};
use super::{Answer, Place, access, issues, network, new_id};
use crate::kubernetes::FargateNode;

pub(super) fn create(request: &Request, place: &mut Place<'_>) -> Answer {
    let cluster = request.cluster();
    let name = request.required("fargateProfileName")?;
    let wrong =
        |message: String| Refusal::parameter(message).about("clusterName", cluster).about("fargateProfileName", name);
    let of = place.store.active_cluster(cluster)?.clone();
    check_free(place, cluster, name, "create")?;
    if place.store.find(Kind::FargateProfile, cluster, name).is_some() {
        let said = format!("Fargate Profile {name} already exists in cluster {cluster}");
        return Err(Refusal::in_use(said).about("clusterName", cluster));
    }
    let role = request.required("podExecutionRoleArn")?;
    place.must_exist(role, || wrong("Misconfigured PodExecutionRole Trust Policy; Please add the eks-fargate-pods.amazonaws.com Service Principal".into()))?;
    let subnets = network::subnets(&request.list("subnets"), place, cluster)?;
    if of.document["resourcesVpcConfig"]["vpcId"] != subnets.first().map_or("", |subnet| subnet.vpc.as_str()) {
        return Err(wrong(format!("Subnets are not in the VPC of cluster {cluster}")));
    }
    if let Some(public) = subnets.iter().find(|subnet| place.ec2.is_public(place.region, subnet)) {
        return Err(wrong(format!("Subnet {} provided in Fargate Profile is not a private subnet", public.id)));
    }
    let selectors = request.body["selectors"].as_array().cloned().unwrap_or_default();
    if selectors.is_empty() || selectors.len() > 5 {
        return Err(wrong("A Fargate profile needs 1 to 5 selectors".into()));
    }
    if selectors.iter().any(|selector| selector["namespace"].as_str().unwrap_or_default().is_empty()) {
        return Err(wrong("Each selector needs a namespace".into()));
    }
    let document = json!({
        "fargateProfileName": name,
        "fargateProfileArn": place.arn("fargateprofile", &format!("{cluster}/{name}/{}", new_id())),
        "clusterName": cluster,
        "createdAt": now(),
        "podExecutionRoleArn": role,
        "subnets": request.list("subnets"),
        "selectors": selectors,
        "status": "CREATING",
        "tags": request.tags(),
        "health": {"issues": []},
    });
    place.store.add(Kind::FargateProfile, cluster, name, document.clone()).hidden["zones"] =
        subnets.iter().map(|subnet| subnet.zone.as_str()).collect();
    place.store.schedule(Kind::FargateProfile, cluster, name, place.durations.fargate_profile_changing());
    access::for_nodes(place, cluster, role, "FARGATE_LINUX");
    if !place.store.linked_roles.iter().any(|role| role == "eks-fargate") {
        place.store.linked_roles.push("eks-fargate".into());
    }
    Ok(json!({"fargateProfile": document}))
}

pub(super) fn describe(request: &Request, place: &mut Place<'_>) -> Answer {
    place.store.cluster(request.cluster())?;
    let profile = place.store.get(Kind::FargateProfile, request.cluster(), request.member())?;
    Ok(json!({"fargateProfile": profile.document}))
}

pub(super) fn list(request: &Request, place: &mut Place<'_>) -> Answer {
    place.store.cluster(request.cluster())?;
    let profiles = place.store.within(Kind::FargateProfile, request.cluster());
    request.page("fargateProfileNames", profiles.into_iter().map(|profile| json!(profile.name)).collect())
}

pub(super) fn delete(request: &Request, place: &mut Place<'_>) -> Answer {
    let (cluster, name) = (request.cluster(), request.member());
    place.store.cluster(cluster)?;
    place.store.get(Kind::FargateProfile, cluster, name)?;
    check_free(place, cluster, name, "delete")?;
    let profile = place.store.get_mut(Kind::FargateProfile, cluster, name)?;
    profile.set("status", "DELETING");
    let document = profile.document.clone();
    place.store.schedule(Kind::FargateProfile, cluster, name, place.durations.fargate_profile_changing());
    Ok(json!({"fargateProfile": document}))
}

/// The nodes that Fargate has, each with the minor of its kubelet: the one that the control plane had when its pod started.
/// <https://docs.aws.amazon.com/eks/latest/userguide/update-cluster.html>
pub(super) fn kubelets(cluster: &Record) -> Vec<(String, String)> {
    let nodes: Vec<FargateNode> = Vec::deserialize(&cluster.hidden["fargateNodes"]).unwrap_or_default();
    let minor = |version: &str| version.trim_start_matches('v').split('.').take(2).collect::<Vec<_>>().join(".");
    nodes.into_iter().map(|node| (node.name, minor(&node.kubelet_version))).collect()
}

fn check_free(place: &Place<'_>, cluster: &str, name: &str, verb: &str) -> Result<(), Refusal> {
    let profiles = place.store.within(Kind::FargateProfile, cluster);
    let busy = profiles.into_iter().find(|profile| matches!(profile.status(), "CREATING" | "DELETING"));
    let why = match (busy, place.store.update_in_progress(cluster, None)) {
        (Some(busy), _) => format!("currently has Fargate profile {} in status {}", busy.name, busy.status()),
        (None, Some(_)) => "currently has an update in progress".to_owned(),
        (None, None) => return Ok(()),
    };
    let said = format!("Cannot {verb} Fargate Profile {name} because cluster {cluster} {why}");
    Err(Refusal::in_use(said).about("clusterName", cluster))
}

/// What time has made of a profile that was being created or deleted.
pub(super) fn settle(place: &mut Place<'_>, cluster: &str, name: &str) {
    let Ok(profile) = place.store.get_mut(Kind::FargateProfile, cluster, name) else { return };
    let deleting = profile.is("DELETING");
    match profile.doom.take() {
        Some((code, message)) => {
            profile.set("status", if deleting { "DELETE_FAILED" } else { "CREATE_FAILED" });
            profile.set("health", issues(&code, &message, &[name]));
        }
        None if deleting => place.store.remove(Kind::FargateProfile, cluster, name),
        None => profile.set("status", "ACTIVE"),
    }
}
