//! Node groups: one update at a time, what EKS calls unhealthy is told, and what failed is not tried again.

use aws_sdk_eks::Client;
use aws_sdk_eks::operation::create_nodegroup::{CreateNodegroupError, CreateNodegroupOutput};
use aws_sdk_eks::operation::delete_nodegroup::{DeleteNodegroupError, DeleteNodegroupOutput};
use aws_sdk_eks::operation::describe_nodegroup::{DescribeNodegroupError, DescribeNodegroupOutput};
use aws_sdk_eks::operation::update_nodegroup_config::{UpdateNodegroupConfigError, UpdateNodegroupConfigOutput};
use aws_sdk_eks::operation::update_nodegroup_version::{UpdateNodegroupVersionError, UpdateNodegroupVersionOutput};
use aws_sdk_eks::types::builders::NodegroupBuilder;
use aws_sdk_eks::types::{
    AmiTypes, CapacityTypes, Issue, LaunchTemplateSpecification, Nodegroup, NodegroupHealth, NodegroupIssueCode,
    NodegroupScalingConfig, NodegroupStatus, NodegroupUpdateConfig, Taint, TaintEffect, UpdateStatus,
};
use aws_smithy_mocks::{Rule, mock};
use domain::{FaultName, Kind};
use engine::{CallError, Observed, Progress};
use plan::HEALTH;
use serde_json::{Value, json};

use crate::support::{
    Script, TOKEN, answer, as_wanted, carries_identity, change, changing, eks_tags, fault, fault_name, found,
    no_updates, present, refuse, subject, updates, with,
};

const ARN: &str = "arn:aws:eks:eu-west-1:123456789012:nodegroup/demo/core-1a2b3c4d/1";

/// The group of the sample spec, which somebody has scaled up.
fn group(status: NodegroupStatus) -> NodegroupBuilder {
    let taint = |key: &str, effect| Taint::builder().key(key).effect(effect);
    let issue = Issue::builder().code(NodegroupIssueCode::NodeCreationFailure).message("no way out").build();
    Nodegroup::builder()
        .cluster_name("demo")
        .nodegroup_name("core-1a2b3c4d")
        .nodegroup_arn(ARN)
        .node_role("arn:aws:iam::123456789012:role/demo-nodes")
        .subnets("subnet-1")
        .subnets("subnet-2")
        .ami_type(AmiTypes::BottlerocketArm64)
        .capacity_type(CapacityTypes::OnDemand)
        .instance_types("m7g.large")
        .scaling_config(NodegroupScalingConfig::builder().min_size(2).max_size(3).desired_size(3).build())
        .update_config(NodegroupUpdateConfig::builder().max_unavailable(1).build())
        .labels("role", "core")
        .taints(taint("spot", TaintEffect::NoExecute).value("").build())
        .taints(taint("core", TaintEffect::NoSchedule).value("yes").build())
        .version("1.35")
        .launch_template(LaunchTemplateSpecification::builder().id("lt-1").version("2").build())
        .health(NodegroupHealth::builder().issues(issue).build())
        .status(status)
        .set_tags(Some(eks_tags(Kind::NodeGroup)))
}

/// A minor and a version of its template behind, and smaller.
fn behind() -> Rule {
    let template = LaunchTemplateSpecification::builder().id("lt-1").version("1").build();
    let size = NodegroupScalingConfig::builder().min_size(2).max_size(2).desired_size(2).build();
    shown(group(NodegroupStatus::Active).version("1.34").launch_template(template).scaling_config(size))
}

fn shown(group: NodegroupBuilder) -> Rule {
    answer!(Client::describe_nodegroup => DescribeNodegroupOutput { nodegroup: group.clone().build() })
}

#[tokio::test]
async fn a_group_goes_through_its_states() {
    use NodegroupStatus::{Active, CreateFailed, Creating, DeleteFailed, Deleting, Updating};
    let states = [Creating, Updating, Deleting, Active, CreateFailed, DeleteFailed];
    let gone = refuse!(Client::describe_nodegroup => DescribeNodegroupError "ResourceNotFoundException");
    let foreign = shown(group(Active).set_tags(None));
    let script = Script::of(states.map(|state| shown(group(state))).into_iter().chain([gone, foreign]));
    let (kind, subject) = (script.kind(Kind::NodeGroup), found(Kind::NodeGroup, ARN));
    for _ in 0..3 {
        assert!(matches!(kind.observe(&subject).await, Ok(Observed::Pending(_))));
    }
    as_wanted(&subject, kind.observe(&subject).await.unwrap());
    for _ in 0..2 {
        let failed = kind.observe(&subject).await;
        assert!(matches!(failed, Ok(Observed::Failed(_, why)) if why == "NodeCreationFailure: no way out"));
    }
    assert_eq!(kind.observe(&subject).await, Ok(Observed::Absent));
    assert!(matches!(kind.observe(&subject).await, Ok(Observed::Foreign(_))));
}

#[tokio::test]
async fn a_group_is_asked_for_again_with_the_same_token() {
    let made = mock!(Client::create_nodegroup)
        .match_requests(|request| {
            let sizes = request.scaling_config().unwrap();
            request.client_request_token() == TOKEN
                && carries_identity(request.tags())
                && (sizes.min_size(), sizes.desired_size(), sizes.max_size()) == (Some(2), Some(2), Some(3))
                && request.launch_template().unwrap().version() == Some("2")
                && request.taints().len() == 2
        })
        .sequence()
        .http_status(500, None)
        .output(|| CreateNodegroupOutput::builder().nodegroup(group(NodegroupStatus::Creating).build()).build())
        .build();
    let lost = mock!(Client::create_nodegroup).sequence().http_status(200, Some("cut".into())).build();
    let throttled = mock!(Client::create_nodegroup).sequence().http_status(429, None).build();
    let there = refuse!(Client::create_nodegroup => CreateNodegroupError "ResourceInUseException");
    let bad = refuse!(Client::create_nodegroup => CreateNodegroupError "InvalidParameterException");
    let script = Script::of([made.clone(), lost, throttled, there, bad]);
    let (kind, subject) = (script.kind(Kind::NodeGroup), subject(Kind::NodeGroup));
    let created = kind.create(&subject).await.unwrap();
    assert_eq!((created.locator.0.as_str(), created.progress, made.num_calls()), (ARN, Progress::Pending, 2));
    assert!(matches!(kind.create(&subject).await, Err(CallError::Unknown(_))));
    assert_eq!(fault_name(kind.create(&subject).await), FaultName::Throttled);
    assert_eq!(fault_name(kind.create(&subject).await), FaultName::UpdateInProgress);
    assert_eq!(fault_name(kind.create(&subject).await), FaultName::CreateFailed);
}

#[tokio::test]
async fn what_eks_calls_unhealthy_is_changed_if_it_should_be_other_and_else_told() {
    let degraded = || shown(group(NodegroupStatus::Degraded));
    let changed = answer!(Client::update_nodegroup_version => UpdateNodegroupVersionOutput {});
    let other = shown(group(NodegroupStatus::Degraded).version("1.36"));
    let script = Script::of([degraded(), no_updates(), degraded(), no_updates(), other, changed]);
    let (kind, subject) = (script.kind(Kind::NodeGroup), changing(Kind::NodeGroup, ARN));
    let degraded = present(kind.observe(&subject).await.unwrap()).properties;
    assert_eq!(degraded[HEALTH], json!(["NodeCreationFailure: no way out"]));
    let why = fault(kind.update(&subject, &[change(HEALTH, degraded[HEALTH].clone(), Value::Null)]).await);
    assert_eq!(
        (why.name, why.message.as_str()),
        (FaultName::Unhealthy, "EKS reports: NodeCreationFailure: no way out")
    );
    let back = [change(HEALTH, degraded[HEALTH].clone(), Value::Null), change("version", json!("1.36"), json!("1.35"))];
    assert_eq!(kind.update(&subject, &back).await, Ok(Progress::Pending), "a restore gets it out of that");
}

#[tokio::test]
async fn the_version_goes_first_and_then_the_rest() {
    let version = mock!(Client::update_nodegroup_version)
        .match_requests(|request| {
            request.version() == Some("1.35") && request.launch_template().unwrap().version() == Some("2")
        })
        .then_output(|| UpdateNodegroupVersionOutput::builder().build());
    let drifted = || {
        let taint = Taint::builder().key("mine").effect(TaintEffect::NoSchedule).build();
        shown(group(NodegroupStatus::Active).labels("other", "x").taints(taint))
    };
    let config = mock!(Client::update_nodegroup_config)
        .match_requests(|request| {
            let (labels, taints) = (request.labels().unwrap(), request.taints().unwrap());
            labels.remove_labels() == ["other"]
                && taints.remove_taints().len() == 1
                && taints.remove_taints()[0].key() == Some("mine")
                && taints.add_or_update_taints().len() == 2
                // Whoever scales has chosen three.
                && request.scaling_config().unwrap().desired_size() == Some(3)
        })
        .then_output(|| UpdateNodegroupConfigOutput::builder().build());
    let rest = [no_updates(), drifted(), config, no_updates(), shown(group(NodegroupStatus::Active))];
    let script = Script::of([no_updates(), behind(), version].into_iter().chain(rest));
    let (kind, subject) = (script.kind(Kind::NodeGroup), changing(Kind::NodeGroup, ARN));
    let labels = change("labels", json!({"role": "core", "other": "x"}), json!({"role": "core"}));
    let minor = change("version", json!("1.34"), json!("1.35"));
    assert_eq!(kind.update(&subject, &[labels.clone(), minor]).await, Ok(Progress::Pending));
    assert_eq!(kind.update(&subject, &[labels]).await, Ok(Progress::Pending));
    // A wish that is dropped asks for nothing.
    let dropped = change("desiredSize", json!(3), Value::Null);
    assert_eq!(kind.update(&subject, &[dropped]).await, Ok(Progress::Done));
}

#[tokio::test]
async fn a_wish_for_so_many_nodes_is_seen_and_asked_for() {
    let config = mock!(Client::update_nodegroup_config)
        .match_requests(|request| request.scaling_config().unwrap().desired_size() == Some(2))
        .then_output(|| UpdateNodegroupConfigOutput::builder().build());
    let script = Script::of([
        shown(group(NodegroupStatus::Active)),
        no_updates(),
        shown(group(NodegroupStatus::Active)),
        config,
    ]);
    let (kind, subject) = (script.kind(Kind::NodeGroup), with(changing(Kind::NodeGroup, ARN), "desiredSize", json!(2)));
    assert_eq!(present(kind.observe(&subject).await.unwrap()).properties["desiredSize"], json!(3));
    assert_eq!(kind.update(&subject, &[change("desiredSize", json!(3), json!(2))]).await, Ok(Progress::Pending));
}

#[tokio::test]
async fn an_update_that_failed_in_this_phase_is_not_tried_again() {
    let [listed, failed] = updates(1, UpdateStatus::Failed);
    let script = Script::of([listed, failed]);
    let subject = changing(Kind::NodeGroup, ARN);
    let why = fault(script.kind(Kind::NodeGroup).update(&subject, &[change("minSize", json!(1), json!(2))]).await);
    assert_eq!(why.name, FaultName::UpdateFailed);
    assert!(why.message.contains("PodEvictionFailure: a budget"), "{}", why.message);
}

#[tokio::test]
async fn a_change_that_eks_cannot_take_now_is_waited_for() {
    let busy = refuse!(Client::update_nodegroup_version => UpdateNodegroupVersionError "ResourceInUseException");
    let wrong = refuse!(Client::update_nodegroup_config => UpdateNodegroupConfigError "InvalidParameterException");
    let script = Script::of([no_updates(), behind(), busy, no_updates(), behind(), wrong]);
    let (kind, subject) = (script.kind(Kind::NodeGroup), changing(Kind::NodeGroup, ARN));
    let template = [change("launchTemplateVersion", json!("1"), json!("2"))];
    assert_eq!(fault_name(kind.update(&subject, &template).await), FaultName::UpdateInProgress);
    let sizes = [change("maxSize", json!(2), json!(3))];
    assert_eq!(fault_name(kind.update(&subject, &sizes).await), FaultName::UpdateFailed);
}

#[tokio::test]
async fn a_group_is_deleted_once_eks_lets_go_of_it() {
    let busy = refuse!(Client::delete_nodegroup => DeleteNodegroupError "ResourceInUseException");
    let deleted = answer!(Client::delete_nodegroup => DeleteNodegroupOutput {});
    let gone = refuse!(Client::delete_nodegroup => DeleteNodegroupError "ResourceNotFoundException");
    let script = Script::of([busy, deleted, gone]);
    let (kind, subject) = (script.kind(Kind::NodeGroup), found(Kind::NodeGroup, ARN));
    assert_eq!(fault_name(kind.delete(&subject).await), FaultName::DependencyStillThere);
    assert_eq!(kind.delete(&subject).await, Ok(Progress::Pending));
    assert_eq!(kind.delete(&subject).await, Err(CallError::NotFound));
}
