//! What the plan of a cluster must know: of EKS, of who is to use it, and of what its nodes are.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::InstanceTypeInfo;
use aws_sdk_eks::types::{AddonInfo, ClusterVersionInformation, VersionStatus};
use aws_sdk_kms::types::{KeySpec, KeyState};
use domain::{Record, ResourceId};
use engine::CallError;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use manifest::Manifest;
use plan::cluster::{CONTROL_PLANE, ControlPlaneSpec, EKS_ADDONS, minor};
use plan::{ClusterFacts, InstanceType, KubernetesVersion, SupportStatus};
use serde::Deserialize;

use crate::network::filter;
use crate::{Clients, Known, insights};

/// Under which path IAM Identity Center makes its roles.
/// <https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html>
const PERMISSION_SETS: &str = "/aws-reserved/sso.amazonaws.com/";

/// The facts of a cluster; none if the manifest asks for none.
pub(crate) async fn gather(
    clients: &Clients,
    manifest: &Manifest,
    known: &Known<'_>,
) -> Result<Option<ClusterFacts>, CallError> {
    let Some(cluster) = &manifest.spec.cluster else { return Ok(None) };
    let running = running(known.records);
    let current = running.and_then(|record| record.outputs.get("version").cloned());
    let spec = running.and_then(|record| ControlPlaneSpec::deserialize(&record.spec).ok());
    let minors: BTreeSet<&str> = [Some(cluster.version.as_str()), current.as_deref()].into_iter().flatten().collect();
    let versions = versions(clients).await?;
    // EKS calls it a mistake to ask what goes with a minor that it has not; the plan says that it is not offered.
    let offered = |minor: &String| versions.iter().any(|version| version.version == *minor);
    let minors: Vec<String> = between(&minors).into_iter().filter(offered).collect();
    let (roll_back, refusals) = match &current {
        Some(current) => other_minors(&clients.eks, manifest.metadata.name.as_str(), current, &cluster.version).await?,
        None => (None, Vec::new()),
    };
    Ok(Some(ClusterFacts {
        role: known.role.to_owned(),
        gate_code: gate_code(clients, known.gate).await?,
        zones: spec.map(|spec| spec.zones).unwrap_or_default(),
        roll_back,
        refusals,
        addons: addons(clients, &minors).await?,
        versions,
        principals: principals(clients, manifest).await?,
        key: match &cluster.encryption_config.key_arn {
            Some(key) => key_of(clients, key).await?,
            None => None,
        },
        instance_types: instance_types(clients, manifest).await?,
        current,
    }))
}

/// The digest of the code of the installation's gate; empty if it has none.
async fn gate_code(clients: &Clients, function: &str) -> Result<String, CallError> {
    let call = clients.lambda.get_function_configuration().function_name(function);
    match call.send().await.map_err(aws::reading("lambda:GetFunctionConfiguration")) {
        Ok(answer) => Ok(answer.code_sha256.unwrap_or_default()),
        Err(CallError::NotFound) => Ok(String::new()),
        Err(error) => Err(error),
    }
}

/// The newest record of the control plane that AWS has given an id.
fn running(records: &[Record]) -> Option<&Record> {
    let id: ResourceId = ResourceId::new(domain::Component::Cluster, CONTROL_PLANE);
    let made = records.iter().filter(|record| record.id == id && record.locator.is_some());
    made.max_by_key(|record| record.generation)
}

/// To which minor a cluster may go back, if it is to go down; why EKS refuses the next one, if it is to go up.
async fn other_minors(
    eks: &aws_sdk_eks::Client,
    name: &str,
    current: &str,
    wanted: &str,
) -> Result<(Option<String>, Vec<String>), CallError> {
    match minor(wanted).cmp(&minor(current)) {
        Ordering::Less => Ok((insights::roll_back(eks, name).await?, Vec::new())),
        Ordering::Equal => Ok((None, Vec::new())),
        Ordering::Greater => Ok((None, insights::refusals(eks, name, format!("1.{}", minor(current) + 1)).await?)),
    }
}

/// These minors and all that lie between them: an upgrade visits each.
fn between(minors: &BTreeSet<&str>) -> Vec<String> {
    let numbers: BTreeSet<u32> = minors.iter().map(|version| minor(version)).collect();
    let (Some(first), Some(last)) = (numbers.first(), numbers.last()) else { return Vec::new() };
    (*first..=*last).map(|number| format!("1.{number}")).collect()
}

async fn versions(clients: &Clients) -> Result<Vec<KubernetesVersion>, CallError> {
    let call = clients.eks.describe_cluster_versions().include_all(true).into_paginator().items();
    let listed: Result<Vec<ClusterVersionInformation>, _> = call.send().collect().await;
    let listed = listed.map_err(aws::reading("eks:DescribeClusterVersions"))?;
    Ok(listed.iter().filter_map(version).collect())
}

fn version(listed: &ClusterVersionInformation) -> Option<KubernetesVersion> {
    let day = |at: &aws_sdk_eks::primitives::DateTime| -> Option<Date> {
        Some(Timestamp::from_second(at.secs()).ok()?.to_zoned(TimeZone::UTC).date())
    };
    Some(KubernetesVersion {
        version: listed.cluster_version()?.to_owned(),
        status: match listed.version_status() {
            Some(VersionStatus::StandardSupport) => SupportStatus::StandardSupport,
            Some(VersionStatus::ExtendedSupport) => SupportStatus::ExtendedSupport,
            _ => SupportStatus::Unsupported,
        },
        end_of_standard_support: listed.end_of_standard_support_date().and_then(day),
        end_of_extended_support: listed.end_of_extended_support_date().and_then(day),
    })
}

/// For each minor the version of each add-on that EKS would choose itself.
async fn addons(clients: &Clients, minors: &[String]) -> Result<BTreeMap<String, BTreeMap<String, String>>, CallError> {
    let mut addons: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for minor in minors {
        for name in EKS_ADDONS {
            let call = clients.eks.describe_addon_versions().kubernetes_version(minor).addon_name(*name);
            let listed: Result<Vec<AddonInfo>, _> = call.into_paginator().items().send().collect().await;
            let listed = listed.map_err(aws::reading("eks:DescribeAddonVersions"))?;
            if let Some(version) = listed.iter().find_map(|addon| chosen(addon, minor)) {
                addons.entry(minor.clone()).or_default().insert((*name).to_owned(), version);
            }
        }
    }
    Ok(addons)
}

fn chosen(addon: &AddonInfo, minor: &str) -> Option<String> {
    let is_default = |version: &&aws_sdk_eks::types::AddonVersionInfo| {
        let mut pairs = version.compatibilities().iter();
        pairs.any(|pair| pair.cluster_version() == Some(minor) && pair.default_version())
    };
    addon.addon_versions().iter().find(is_default)?.addon_version().map(str::to_owned)
}

/// The ARNs of whom the access entries name, as far as they are there.
async fn principals(clients: &Clients, manifest: &Manifest) -> Result<BTreeMap<String, String>, CallError> {
    let entries = || manifest.spec.cluster.iter().flat_map(|cluster| cluster.access_entries.values());
    let mut found = BTreeMap::new();
    for name in entries().filter_map(|entry| entry.role.as_ref()) {
        match clients.iam.get_role().role_name(name).send().await.map_err(aws::reading("iam:GetRole")) {
            Ok(answer) => {
                let arn = answer.role().map(|role| role.arn().to_owned());
                found.extend(arn.map(|arn| (format!("role/{name}"), arn)));
            }
            Err(CallError::NotFound) => {}
            Err(error) => return Err(error),
        }
    }
    for name in entries().filter_map(|entry| entry.user.as_ref()) {
        match clients.iam.get_user().user_name(name).send().await.map_err(aws::reading("iam:GetUser")) {
            Ok(answer) => {
                let arn = answer.user().map(|user| user.arn().to_owned());
                found.extend(arn.map(|arn| (format!("user/{name}"), arn)));
            }
            Err(CallError::NotFound) => {}
            Err(error) => return Err(error),
        }
    }
    let sets: BTreeSet<&String> = entries().filter_map(|entry| entry.permission_set.as_ref()).collect();
    if !sets.is_empty() {
        let roles = clients.iam.list_roles().path_prefix(PERMISSION_SETS).into_paginator().items().send();
        let roles: Result<Vec<_>, _> = roles.collect().await;
        for role in roles.map_err(aws::reading("iam:ListRoles"))? {
            let set = sets.iter().find(|set| is_of(role.role_name(), set));
            found.extend(set.map(|set| (format!("permissionSet/{set}"), role.arn().to_owned())));
        }
    }
    Ok(found)
}

/// Whether a role is that of a permission set: `AWSReservedSSO_<set>_<16 digits>`.
fn is_of(role: &str, set: &str) -> bool {
    let rest = role.strip_prefix("AWSReservedSSO_").and_then(|rest| rest.strip_prefix(set));
    rest.and_then(|rest| rest.strip_prefix('_')).is_some_and(|mark| !mark.contains('_'))
}

/// The ARN of a key that can encrypt for EKS.
/// <https://docs.aws.amazon.com/eks/latest/userguide/enable-kms.html>
async fn key_of(clients: &Clients, key: &str) -> Result<Option<String>, CallError> {
    let answer = match clients.kms.describe_key().key_id(key).send().await.map_err(aws::reading("kms:DescribeKey")) {
        Ok(answer) => answer,
        Err(CallError::NotFound) => return Ok(None),
        Err(error) => return Err(error),
    };
    let usable = answer.key_metadata().filter(|key| {
        key.key_state() == Some(&KeyState::Enabled) && key.key_spec() == Some(&KeySpec::SymmetricDefault)
    });
    Ok(usable.and_then(|key| key.arn()).map(str::to_owned))
}

async fn instance_types(clients: &Clients, manifest: &Manifest) -> Result<BTreeMap<String, InstanceType>, CallError> {
    let groups = manifest.spec.compute.iter().flat_map(|compute| compute.managed_node_groups.values());
    let named: BTreeSet<&String> = groups.flat_map(|group| &group.instance_types).collect();
    let mut found = BTreeMap::new();
    for name in named {
        // By a filter, because to ask for a type that the region lacks is an error.
        let call = clients.ec2.describe_instance_types().filters(filter("instance-type", name));
        let answer = call.send().await.map_err(aws::reading("ec2:DescribeInstanceTypes"))?;
        found.extend(
            answer.instance_types().iter().find(|one| is_named(one, name)).map(|one| (name.clone(), shape(one))),
        );
    }
    Ok(found)
}

fn is_named(listed: &InstanceTypeInfo, name: &str) -> bool {
    listed.instance_type().is_some_and(|listed| listed.as_str() == name)
}

fn shape(listed: &InstanceTypeInfo) -> InstanceType {
    let architectures = listed.processor_info().map(|info| info.supported_architectures()).unwrap_or_default();
    let vcpus = listed.v_cpu_info().and_then(|info| info.default_v_cpus()).unwrap_or_default();
    let memory = listed.memory_info().and_then(|info| info.size_in_mib()).unwrap_or_default();
    InstanceType {
        architectures: architectures.iter().map(|one| one.as_str().to_owned()).collect(),
        vcpus: u32::try_from(vcpus).unwrap_or_default(),
        memory: u32::try_from(memory).unwrap_or(u32::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upgrade_visits_every_minor_between() {
        assert_eq!(between(&BTreeSet::from(["1.34", "1.36"])), ["1.34", "1.35", "1.36"]);
        assert_eq!(between(&BTreeSet::from(["1.35"])), ["1.35"]);
    }

    #[test]
    fn a_permission_set_is_known_by_the_name_of_its_role() {
        let set = "AdministratorAccess";
        assert!(is_of("AWSReservedSSO_AdministratorAccess_0123456789abcdef", set));
        assert!(!is_of("AWSReservedSSO_AdministratorAccess_More_0123456789abcdef", set));
        assert!(!is_of("AdministratorAccess", set));
    }
}
