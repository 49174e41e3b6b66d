//! Clusters.
//!
//! <https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateCluster.html>,
//! <https://docs.aws.amazon.com/eks/latest/APIReference/API_Cluster.html>,
//! <https://docs.aws.amazon.com/eks/latest/userguide/delete-cluster.html>,
//! <https://docs.aws.amazon.com/eks/latest/userguide/deletion-protection.html>

use std::time::Duration;

use serde_json::{Value, json};

use super::network::{self, Network};
use super::request::{Refusal, Request};
use super::store::{Kind, Record, now};
use super::{Answer, Job, Place, access, auto_node, issues, update_config, version};

pub(super) fn create(request: &Request, place: &mut Place<'_>) -> Answer {
    let name = request.required("name")?;
    check_name(name)?;
    if place.store.cluster(name).is_ok() {
        return Err(Refusal::in_use(format!("Cluster already exists with name: {name}")).about("clusterName", name));
    }
    let wanted = version::wanted(request.text("version"), name)?;
    let role = request.required("roleArn")?;
    place.must_exist(role, || {
        let said = "could not be assumed because it does not exist or the trusted entity is not correct";
        Refusal::parameter(format!("Role with arn: {role}, {said}")).about("clusterName", name)
    })?;
    let network = network::check(&request.body["resourcesVpcConfig"], place, name)?;
    let compute = update_config::auto_mode(&request.body, place, name)?;
    let logging = update_config::logging(&Value::Null, &request.body["logging"], name)?;
    let mut document = json!({
        "name": name,
        "arn": place.arn("cluster", name),
        "createdAt": now(),
        "version": wanted.version,
        "platformVersion": wanted.platform,
        "roleArn": role,
        "status": "CREATING",
        "resourcesVpcConfig": network.document(),
        "kubernetesNetworkConfig": network::services(&request.body["kubernetesNetworkConfig"], &network, name)?,
        "logging": logging,
        "certificateAuthority": {},
        "clientRequestToken": request.text("clientRequestToken"),
        "tags": request.tags(),
        "health": {"issues": []},
        "accessConfig": access::config(&request.body["accessConfig"], name)?,
        "upgradePolicy": {"supportType": request.body["upgradePolicy"]["supportType"].as_str().unwrap_or("EXTENDED")},
        "deletionProtection": request.body["deletionProtection"].as_bool().unwrap_or(false),
    });
    for field in ["encryptionConfig", "zonalShiftConfig", "remoteNetworkConfig", "controlPlaneScalingConfig"] {
        if !request.body[field].is_null() {
            document[field] = request.body[field].clone();
        }
    }
    update_config::check_encryption(&document["encryptionConfig"], name)?;
    for (field, value) in compute {
        document[field] = value;
    }
    begin(request, place, name, document, &network);
    let record = place.store.cluster(name)?;
    Ok(json!({"cluster": record.document}))
}

fn begin(request: &Request, place: &mut Place<'_>, name: &str, document: Value, network: &Network) {
    let group = place.ec2.add_cluster_group(place.region, name, &network.vpc);
    let hidden = json!({
        "group": group,
        "interfaces": network.interfaces(place, name, &group),
        "issuer": issuer(place.region),
        "upgradedAt": null,
        "plane": place.real.then_some("starting"),
    });
    let version = document["version"].as_str().unwrap_or_default().to_owned();
    let creator = document["accessConfig"]["bootstrapClusterCreatorAdminPermissions"] == true
        && document["accessConfig"]["authenticationMode"] != "CONFIG_MAP";
    place.store.add(Kind::Cluster, name, name, document).hidden = hidden;
    place.store.schedule(Kind::Cluster, name, name, place.durations.control_plane_creating());
    if !place.store.linked_roles.iter().any(|role| role == "eks") {
        place.store.linked_roles.push("eks".into());
    }
    if creator {
        access::bootstrap(place, name, &request.caller);
    }
    if place.real {
        place.jobs.push(Job::Start { region: place.region.to_owned(), cluster: name.to_owned(), version });
    }
}

pub(super) fn describe(request: &Request, place: &mut Place<'_>) -> Answer {
    Ok(json!({"cluster": place.store.cluster(request.cluster())?.document}))
}

pub(super) fn list(request: &Request, place: &mut Place<'_>) -> Answer {
    let mut names: Vec<&str> =
        place.store.all().filter(|one| one.kind == Kind::Cluster).map(|one| one.name.as_str()).collect();
    names.sort_unstable();
    request.page("clusters", names.into_iter().map(Value::from).collect())
}

pub(super) fn delete(request: &Request, place: &mut Place<'_>) -> Answer {
    let name = request.cluster();
    let cluster = place.store.cluster(name)?;
    let status = cluster.status().to_owned();
    if status == "ACTIVE" && cluster.document["deletionProtection"] == true {
        let said = "Cannot delete cluster because deletion protection is enabled";
        return Err(Refusal::request(said).about("clusterName", name));
    }
    let busy = match status.as_str() {
        "ACTIVE" | "FAILED" => None,
        "DELETING" => return Ok(json!({"cluster": cluster.document})),
        "CREATING" => Some("Cannot delete because cluster is currently in CREATING state".to_owned()),
        _ => Some(format!("Cannot delete because cluster {name} currently has an update in progress")),
    };
    let left = [
        (Kind::Nodegroup, "Cluster has nodegroups attached"),
        (Kind::FargateProfile, "Cluster has Fargate Profiles attached"),
    ];
    let left =
        left.iter().find(|(kind, _)| !place.store.within(*kind, name).is_empty()).map(|(_, said)| (*said).to_owned());
    if let Some(said) = busy.or(left) {
        return Err(Refusal::in_use(said).about("clusterName", name));
    }
    // "Any EKS Auto Mode Nodes will be deleted, including the EC2 managed instances"
    auto_node::end_all(place, name);
    place.store.get_mut(Kind::Cluster, name, name)?.set("status", "DELETING");
    place.store.schedule(Kind::Cluster, name, name, place.durations.control_plane_deleting());
    Ok(json!({"cluster": place.store.cluster(name)?.document}))
}

/// What time has made of a cluster that was being created or deleted.
pub(super) fn settle(place: &mut Place<'_>, name: &str) {
    let Ok(cluster) = place.store.get_mut(Kind::Cluster, name, name) else { return };
    match cluster.status() {
        // The control plane's process takes longer than its modelled time.
        "CREATING" if cluster.hidden["plane"] == "starting" => place.store.wait(Kind::Cluster, name, name),
        "CREATING" => created(place, name),
        "DELETING" => deleted(place, name),
        _ => {}
    }
}

fn created(place: &mut Place<'_>, name: &str) {
    let region = place.region.to_owned();
    let Ok(cluster) = place.store.get_mut(Kind::Cluster, name, name) else { return };
    let failed = cluster.hidden["plane"]["error"].as_str().map(|said| ("InternalFailure".to_owned(), said.to_owned()));
    if let Some((code, message)) = cluster.doom.take().or(failed) {
        cluster.set("status", "FAILED");
        cluster.set("health", issues(&code, &message, &[name]));
        return;
    }
    show(cluster, &region);
    cluster.set("status", "ACTIVE");
    if logs(cluster) {
        place.jobs.push(Job::LogGroup { region, name: log_group(name), after: Duration::ZERO });
    }
}

/// What a cluster shows of itself as soon as it works.
fn show(cluster: &mut Record, region: &str) {
    let hidden = cluster.hidden.clone();
    let plane = &hidden["plane"];
    let id = hidden["issuer"].as_str().and_then(|issuer| issuer.rsplit('/').next()).unwrap_or_default().to_owned();
    let endpoint = plane["endpoint"].as_str().map(str::to_owned);
    cluster.set("endpoint", endpoint.unwrap_or_else(|| format!("https://{id}.gr7.{region}.eks.amazonaws.com")));
    let authority = plane["authority"].as_str().unwrap_or("LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==");
    cluster.set("certificateAuthority", json!({"data": authority}));
    cluster.set("identity", json!({"oidc": {"issuer": hidden["issuer"]}}));
    cluster.document["resourcesVpcConfig"]["clusterSecurityGroupId"] = hidden["group"].clone();
}

fn deleted(place: &mut Place<'_>, name: &str) {
    let region = place.region.to_owned();
    let Ok(cluster) = place.store.cluster(name) else { return };
    network::remove_interfaces(place.ec2, &region, &cluster.hidden["interfaces"]);
    place.ec2.remove_cluster_group(&region, cluster.hidden["group"].as_str().unwrap_or_default());
    let worked = !cluster.document["endpoint"].is_null();
    if worked && logs(cluster) {
        // The control plane's last logs arrive after whoever deletes a cluster has deleted its log group.
        // <https://github.com/terraform-aws-modules/terraform-aws-eks/issues/2763>
        let after = place.durations.last_logs();
        place.jobs.push(Job::LogGroup { region: region.clone(), name: log_group(name), after });
    }
    place.store.remove_cluster(name);
    place.jobs.push(Job::End { region, cluster: name.to_owned() });
}

/// Whether any control plane log is on.
pub(super) fn logs(cluster: &Record) -> bool {
    let setups = cluster.document["logging"]["clusterLogging"].as_array();
    setups.is_some_and(|setups| setups.iter().any(|setup| setup["enabled"] == true))
}

/// <https://docs.aws.amazon.com/eks/latest/userguide/control-plane-logs.html>
pub(super) fn log_group(cluster: &str) -> String {
    format!("/aws/eks/{cluster}/cluster")
}

fn issuer(region: &str) -> String {
    format!("https://oidc.eks.{region}.amazonaws.com/id/{:032X}", rand::random::<u128>())
}

// `^[0-9A-Za-z][A-Za-z0-9\-_]*`, 1 to 100 letters
fn check_name(name: &str) -> Result<(), Refusal> {
    let letters = name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_');
    if letters && name.len() <= 100 && name.starts_with(|first: char| first.is_ascii_alphanumeric()) {
        return Ok(());
    }
    let said = "The name can contain only alphanumeric characters (case-sensitive), hyphens, and underscores";
    Err(Refusal::parameter(said).about("clusterName", name))
}
