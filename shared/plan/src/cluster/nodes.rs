//! Node groups and what their instances are started from.

use std::collections::{BTreeMap, BTreeSet};

use domain::ResourceId;
use manifest::{AmiFamily, CapacityType, ManagedNodeGroup, TaintEffect};

use super::{Foundation, LaunchTemplateSpec, NodeGroupSpec, Taint, Wanted, roles};
use crate::builder::Builder;
use crate::names::check_sum;
use crate::network::PrivateSubnet;
use crate::{Goal, Need, Problem, Ref, Until};

/// The size of Bottlerocket's own volume in GiB; images and pods have another.
/// Source: <https://bottlerocket.dev/en/os/1.x/concepts/data-storage/>
const BOTTLEROCKET_ROOT: u32 = 4;

/// Adds each node group with its launch template, after the add-ons without which no node becomes ready: as the plan
/// wants these, so that nodes are the last step of an upgrade.
pub(super) fn add(
    wanted: &Wanted<'_>,
    on: &Foundation,
    daemons: &[ResourceId],
    problems: &mut Vec<Problem>,
    into: &mut Builder,
) -> Vec<ResourceId> {
    if wanted.compute.managed_node_groups.is_empty() {
        return Vec::new();
    }
    let role = roles::nodes(wanted, into);
    let mut after = wanted.runs_after(on);
    after.extend(daemons.iter().map(|addon| Need { resource: addon.clone(), until: Until::Current }));
    let mut made = Vec::new();
    for (name, group) in &wanted.compute.managed_node_groups {
        let path = format!("spec.compute.managedNodeGroups.{name}");
        match (ami_type(wanted, &path, group), subnets(wanted, &path, group)) {
            (Ok(ami_type), Ok(subnets)) => {
                let template = launch_template(wanted, name, group, into);
                let place = Place { ami_type, subnets, role: &role, template };
                let spec = node_group(wanted, on, name, group, place);
                made.push(into.add_needing(Goal::Compute, format!("node-group-{name}"), spec, after.clone()));
            }
            (ami_type, subnets) => problems.extend([ami_type.err(), subnets.err()].into_iter().flatten()),
        }
    }
    made
}

/// What a node group is made of beside its manifest.
struct Place<'a> {
    ami_type: String,
    subnets: Vec<Ref>,
    role: &'a ResourceId,
    template: ResourceId,
}

fn node_group(
    wanted: &Wanted<'_>,
    on: &Foundation,
    name: &str,
    group: &ManagedNodeGroup,
    place: Place<'_>,
) -> NodeGroupSpec {
    let Place { ami_type, subnets, role, template } = place;
    let capacity_type = match group.capacity_type {
        CapacityType::OnDemand => "ON_DEMAND",
        CapacityType::Spot => "SPOT",
    };
    let places = subnets.iter().map(Ref::to_string);
    let fixed: Vec<String> = [ami_type.clone(), capacity_type.to_owned()]
        .into_iter()
        .chain(group.instance_types.iter().cloned())
        .chain(places)
        .collect();
    NodeGroupSpec {
        cluster: on.cluster(),
        name: format!("{name}-{}", check_sum(&fixed.join(" "))),
        role: Ref::output(role, "arn"),
        subnets,
        ami_type,
        capacity_type: capacity_type.to_owned(),
        instance_types: group.instance_types.clone(),
        min_size: group.min_size,
        max_size: group.max_size,
        desired_size: group.desired_size,
        labels: group.labels.clone(),
        taints: group.taints.iter().map(taint).collect(),
        max_unavailable: 1,
        version: Ref::output(&on.control_plane, "version"),
        launch_template: Ref::id(&template),
        launch_template_version: Ref::output(&template, "version"),
        tags: wanted.tags.clone(),
    }
}

fn launch_template(wanted: &Wanted<'_>, name: &str, group: &ManagedNodeGroup, into: &mut Builder) -> ResourceId {
    let volumes = match group.ami_family {
        AmiFamily::Bottlerocket => vec![("/dev/xvda", BOTTLEROCKET_ROOT), ("/dev/xvdb", group.disk_size)],
        AmiFamily::AL2023 => vec![("/dev/xvda", group.disk_size)],
    };
    let spec = LaunchTemplateSpec {
        name: wanted.names.unique(name),
        volumes: volumes.into_iter().map(|(device, size)| (device.to_owned(), size)).collect::<BTreeMap<_, _>>(),
        tags: wanted.tags.clone(),
    };
    into.add(Goal::Compute, format!("launch-template-{name}"), spec)
}

fn taint(taint: &manifest::Taint) -> Taint {
    let effect = match taint.effect {
        TaintEffect::NoSchedule => "NO_SCHEDULE",
        TaintEffect::NoExecute => "NO_EXECUTE",
        TaintEffect::PreferNoSchedule => "PREFER_NO_SCHEDULE",
    };
    Taint { key: taint.key.clone(), value: taint.value.clone(), effect: effect.to_owned() }
}

/// What the nodes boot, by the one architecture that all instance types share.
/// Source: <https://docs.aws.amazon.com/eks/latest/APIReference/API_Nodegroup.html>
fn ami_type(wanted: &Wanted<'_>, path: &str, group: &ManagedNodeGroup) -> Result<String, Problem> {
    let mut shared = BTreeSet::from(["arm64", "x86_64"]);
    for (index, name) in group.instance_types.iter().enumerate() {
        let Some(known) = wanted.facts.instance_types.get(name) else {
            let message = format!("there is no instance type {name} in {}", wanted.names.target.region);
            let fix = "`aws ec2 describe-instance-types` lists them";
            return Err(Problem::new("UnknownInstanceType", format!("{path}.instanceTypes.{index}"), message, fix));
        };
        shared.retain(|architecture| known.architectures.iter().any(|other| other == architecture));
    }
    let ami = match (group.ami_family, shared.first()) {
        (AmiFamily::Bottlerocket, Some(&"arm64")) => "BOTTLEROCKET_ARM_64",
        (AmiFamily::Bottlerocket, Some(_)) => "BOTTLEROCKET_x86_64",
        (AmiFamily::AL2023, Some(&"arm64")) => "AL2023_ARM_64_STANDARD",
        (AmiFamily::AL2023, Some(_)) => "AL2023_x86_64_STANDARD",
        (_, None) => {
            let message = format!("{} have no architecture in common", group.instance_types.join(", "));
            let fix = "name types of one architecture, and make another group of the others";
            return Err(Problem::new("MixedArchitectures", format!("{path}.instanceTypes"), message, fix));
        }
    };
    Ok(ami.to_owned())
}

/// The private subnets of the zones that are named, or of all.
fn subnets(wanted: &Wanted<'_>, path: &str, group: &ManagedNodeGroup) -> Result<Vec<Ref>, Problem> {
    let all = &wanted.ground.private;
    let is_in = |private: &PrivateSubnet, name: &String| wanted.zones.zones.get(&private.zone) == Some(name);
    let asked = &group.availability_zones;
    if let Some(index) = asked.iter().position(|name| !all.iter().any(|private| is_in(private, name))) {
        let message = format!("the platform has no subnet for nodes in {}", asked[index]);
        let fix = "name zones of the platform's network, or none: then nodes stand in all of them";
        return Err(Problem::new("ZoneWithoutSubnet", format!("{path}.availabilityZones.{index}"), message, fix));
    }
    let chosen = |private: &&PrivateSubnet| asked.is_empty() || asked.iter().any(|name| is_in(private, name));
    Ok(all.iter().filter(chosen).map(|private| private.subnet.clone()).collect())
}
