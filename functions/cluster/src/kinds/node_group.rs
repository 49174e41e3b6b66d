//! A group of nodes that EKS manages.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use aws_sdk_eks::Client;
use aws_sdk_eks::types::{
    AmiTypes, CapacityTypes, LaunchTemplateSpecification, Nodegroup, NodegroupScalingConfig, NodegroupStatus,
    NodegroupUpdateConfig, Taint as EksTaint, TaintEffect, UpdateLabelsPayload, UpdateTaintsPayload,
};
use domain::{Locator, Outputs};
use engine::{CallError, Created, Observed, Progress, Resource, Subject};
use plan::FieldChange;
use plan::cluster::{NodeGroupSpec, Taint};
use resources::answered;
use resources::seen::{Phase, Seen, changed, in_order_of, is_subject, observed, outputs};
use serde_json::{Value, json};

use crate::eks::{self, Of};

/// [`domain::Kind::NodeGroup`]. Its locator is its ARN. It takes some minutes to come, and longer to go: its nodes are
/// drained.
///
/// Idempotent because the create has a client token and a cluster has a name once; one without our tags is foreign. Leaves
/// behind on failure a group in the state `CREATE_FAILED`, which can be deleted. EKS does one update at a time: an update
/// asks for the version first, and is asked again for the rest.
///
/// Permissions: `eks:CreateNodegroup`, `eks:TagResource`, `eks:UntagResource`, `eks:DescribeNodegroup`,
/// `eks:UpdateNodegroupVersion`, `eks:UpdateNodegroupConfig`, `eks:ListUpdates`, `eks:DescribeUpdate`,
/// `eks:DeleteNodegroup`, `iam:PassRole`, and what EC2 is asked for in the caller's name: `ec2:RunInstances` and
/// `ec2:CreateTags` by the launch template.
/// <https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateNodegroup.html>
pub(crate) struct NodeGroup(pub(crate) Client);

#[async_trait]
impl Resource for NodeGroup {
    async fn observe(&self, subject: &Subject) -> Result<Observed, CallError> {
        let spec: NodeGroupSpec = subject.spec()?;
        let Some(group) = self.find(&spec).await? else { return Ok(Observed::Absent) };
        let tags = eks::tags(group.tags());
        let arn = group.nodegroup_arn().unwrap_or_default().to_owned();
        if !is_subject(subject, &tags) {
            return Ok(Observed::Foreign(Locator(arn)));
        }
        let mut properties = shown(&spec, &group);
        properties["tags"] = json!(aws::shown_tags(&spec.tags, &tags));
        if group.status() == Some(&NodegroupStatus::Degraded) {
            eks::put_health(&mut properties, issues(&group));
        }
        let (phase, outputs) = (phase(&group), known(&spec, &group));
        Ok(observed(subject, vec![Seen { id: arn, phase, tags, properties, outputs }]))
    }

    async fn create(&self, subject: &Subject) -> Result<Created, CallError> {
        let spec: NodeGroupSpec = subject.spec()?;
        let call = self
            .0
            .create_nodegroup()
            .cluster_name(spec.cluster.as_str())
            .nodegroup_name(&spec.name)
            .node_role(spec.role.as_str())
            .set_subnets(Some(spec.subnets.iter().map(|subnet| subnet.as_str().to_owned()).collect()))
            .ami_type(AmiTypes::from(spec.ami_type.as_str()))
            .capacity_type(CapacityTypes::from(spec.capacity_type.as_str()))
            .set_instance_types(Some(spec.instance_types.clone()))
            .scaling_config(scaling(&spec, None))
            .update_config(pace(&spec))
            .set_labels(Some(spec.labels.clone().into_iter().collect()))
            .set_taints(Some(spec.taints.iter().map(taint).collect()))
            .version(spec.version.as_str())
            .launch_template(template(&spec))
            .client_request_token(subject.token.to_string())
            .set_tags(eks::tagged(subject, &spec.tags));
        let answer = call.send().await.map_err(aws::creating("eks:CreateNodegroup"))?;
        let group = answer.nodegroup();
        let arn = answered("eks:CreateNodegroup", group.and_then(Nodegroup::nodegroup_arn))?;
        let outputs = group.map(|group| known(&spec, group)).unwrap_or_default();
        Ok(Created { locator: Locator(arn), outputs, progress: Progress::Pending })
    }

    async fn update(&self, subject: &Subject, changes: &[FieldChange]) -> Result<Progress, CallError> {
        let spec: NodeGroupSpec = subject.spec()?;
        let cluster = spec.cluster.as_str();
        eks::none_failed(&self.0, cluster, &Of::NodeGroup(&spec.name), subject).await?;
        eks::retag(&self.0, subject.locator()?, changes).await?;
        let Some(group) = self.find(&spec).await? else { return Err(CallError::NotFound) };
        let changes = &eks::left(changes, &shown(&spec, &group));
        if changed(changes, "version") || changed(changes, "launchTemplateVersion") {
            let call = self.0.update_nodegroup_version().cluster_name(cluster).nodegroup_name(&spec.name);
            let call = call.version(spec.version.as_str()).launch_template(template(&spec));
            call.send().await.map_err(aws::changing("eks:UpdateNodegroupVersion"))?;
            return Ok(Progress::Pending);
        }
        let settings = ["minSize", "maxSize", "desiredSize", "labels", "taints", "maxUnavailable"];
        // How many nodes there are is whoever scales to decide, where the spec has no wish.
        let is_asked = |change: &FieldChange| {
            settings.contains(&change.field.as_str()) && !(change.field == "desiredSize" && change.new.is_null())
        };
        if !changes.iter().any(is_asked) {
            return eks::unhealthy(changes).map(|()| Progress::Done);
        }
        let call = self
            .0
            .update_nodegroup_config()
            .cluster_name(cluster)
            .nodegroup_name(&spec.name)
            .scaling_config(scaling(&spec, group.scaling_config().and_then(|now| now.desired_size())))
            .update_config(pace(&spec))
            .labels(labels(&spec, &group))
            .taints(taints(&spec, &group));
        call.send().await.map_err(aws::changing("eks:UpdateNodegroupConfig"))?;
        Ok(Progress::Pending)
    }

    async fn delete(&self, subject: &Subject) -> Result<Progress, CallError> {
        let spec: NodeGroupSpec = subject.spec()?;
        let call = self.0.delete_nodegroup().cluster_name(spec.cluster.as_str()).nodegroup_name(&spec.name);
        call.send().await.map_err(aws::deleting("eks:DeleteNodegroup"))?;
        Ok(Progress::Pending)
    }
}

impl NodeGroup {
    async fn find(&self, spec: &NodeGroupSpec) -> Result<Option<Nodegroup>, CallError> {
        let call = self.0.describe_nodegroup().cluster_name(spec.cluster.as_str()).nodegroup_name(&spec.name);
        match call.send().await.map_err(aws::reading("eks:DescribeNodegroup")) {
            Ok(answer) => Ok(answer.nodegroup),
            Err(CallError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn phase(group: &Nodegroup) -> Phase {
    match group.status() {
        // What is degraded is there; its health is told as drift.
        Some(NodegroupStatus::Active | NodegroupStatus::Degraded) => Phase::Resting,
        Some(NodegroupStatus::Deleting) => Phase::Leaving,
        Some(NodegroupStatus::CreateFailed | NodegroupStatus::DeleteFailed) => Phase::Failed(issues(group).join("; ")),
        _ => Phase::Working,
    }
}

fn issues(group: &Nodegroup) -> Vec<String> {
    let issues = group.health().map(|health| health.issues()).unwrap_or_default();
    let told = issues.iter().map(|issue| {
        let code = issue.code().map_or("no code", |code| code.as_str());
        format!("{code}: {}", issue.message().unwrap_or("EKS gave no reason"))
    });
    told.collect()
}

/// What EKS shows of the spec, but for the tags.
fn shown(spec: &NodeGroupSpec, group: &Nodegroup) -> Value {
    let scale = group.scaling_config();
    let labels: BTreeMap<&String, &String> = group.labels().into_iter().flatten().collect();
    let subnets: BTreeSet<String> = group.subnets().iter().cloned().collect();
    json!({
        "cluster": group.cluster_name(),
        "name": group.nodegroup_name(),
        "role": group.node_role(),
        "subnets": in_order_of(&spec.subnets, &subnets),
        "amiType": group.ami_type().map(AmiTypes::as_str),
        "capacityType": group.capacity_type().map(CapacityTypes::as_str),
        "instanceTypes": group.instance_types(),
        "minSize": scale.and_then(|scale| scale.min_size()),
        "maxSize": scale.and_then(|scale| scale.max_size()),
        // Where the spec leaves it to whoever scales, any is right.
        "desiredSize": spec.desired_size.and(scale.and_then(|scale| scale.desired_size())),
        "labels": labels,
        "taints": group.taints().iter().map(planned).collect::<Vec<_>>(),
        "maxUnavailable": group.update_config().and_then(|pace| pace.max_unavailable()),
        "version": group.version(),
        "launchTemplate": group.launch_template().and_then(|template| template.id()),
        "launchTemplateVersion": group.launch_template().and_then(|template| template.version()),
    })
}

fn known(spec: &NodeGroupSpec, group: &Nodegroup) -> Outputs {
    let version = group.version().unwrap_or(spec.version.as_str());
    outputs([("arn", group.nodegroup_arn().unwrap_or_default()), ("name", &spec.name), ("version", version)])
}

/// How many nodes there are stays within the limits; without a wish it stays as it is, or begins with the least.
fn scaling(spec: &NodeGroupSpec, now: Option<i32>) -> NodegroupScalingConfig {
    let count = |count: u32| i32::try_from(count).unwrap_or(i32::MAX);
    let (least, most) = (count(spec.min_size), count(spec.max_size));
    let desired = spec.desired_size.map(count).or(now).unwrap_or(least).max(least).min(most);
    NodegroupScalingConfig::builder().min_size(least).max_size(most).desired_size(desired).build()
}

fn pace(spec: &NodeGroupSpec) -> NodegroupUpdateConfig {
    NodegroupUpdateConfig::builder().max_unavailable(i32::try_from(spec.max_unavailable).unwrap_or(i32::MAX)).build()
}

fn template(spec: &NodeGroupSpec) -> LaunchTemplateSpecification {
    let template = LaunchTemplateSpecification::builder().id(spec.launch_template.as_str());
    template.version(spec.launch_template_version.as_str()).build()
}

fn taint(taint: &Taint) -> EksTaint {
    let effect = TaintEffect::from(taint.effect.as_str());
    EksTaint::builder().key(&taint.key).set_value(taint.value.clone()).effect(effect).build()
}

fn planned(taint: &EksTaint) -> Taint {
    Taint {
        key: taint.key().unwrap_or_default().to_owned(),
        value: taint.value().filter(|value| !value.is_empty()).map(str::to_owned),
        effect: taint.effect().map_or("", |effect| effect.as_str()).to_owned(),
    }
}

fn labels(spec: &NodeGroupSpec, group: &Nodegroup) -> UpdateLabelsPayload {
    let there = group.labels().into_iter().flatten();
    let gone: Vec<String> = there.map(|(key, _)| key.clone()).filter(|key| !spec.labels.contains_key(key)).collect();
    UpdateLabelsPayload::builder()
        .set_add_or_update_labels(Some(spec.labels.clone().into_iter().collect()))
        .set_remove_labels((!gone.is_empty()).then_some(gone))
        .build()
}

fn taints(spec: &NodeGroupSpec, group: &Nodegroup) -> UpdateTaintsPayload {
    let gone = group.taints().iter().filter(|there| !spec.taints.contains(&planned(there))).cloned();
    let wanted: Vec<EksTaint> = spec.taints.iter().map(taint).collect();
    UpdateTaintsPayload::builder()
        .set_add_or_update_taints((!wanted.is_empty()).then_some(wanted))
        .set_remove_taints(Some(gone.collect::<Vec<_>>()).filter(|gone| !gone.is_empty()))
        .build()
}
