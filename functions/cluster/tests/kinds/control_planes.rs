//! The control plane: asked for once, changed one thing at a time, and never deleted under protection.

use aws_sdk_eks::Client;
use aws_sdk_eks::operation::create_cluster::{CreateClusterError, CreateClusterOutput};
use aws_sdk_eks::operation::delete_cluster::{DeleteClusterError, DeleteClusterOutput};
use aws_sdk_eks::operation::describe_cluster::{DescribeClusterError, DescribeClusterOutput};
use aws_sdk_eks::operation::tag_resource::TagResourceOutput;
use aws_sdk_eks::operation::untag_resource::UntagResourceOutput;
use aws_sdk_eks::operation::update_cluster_config::{UpdateClusterConfigError, UpdateClusterConfigOutput};
use aws_sdk_eks::operation::update_cluster_version::{UpdateClusterVersionError, UpdateClusterVersionOutput};
use aws_sdk_eks::types::builders::ClusterBuilder;
use aws_sdk_eks::types::{
    Cluster, ClusterHealth, ClusterIssue, ClusterIssueCode, ClusterStatus, EncryptionConfig, Identity as Issuers,
    KubernetesNetworkConfigResponse, LogSetup, LogType, Logging, Oidc, Provider, SupportType, UpdateStatus,
    UpgradePolicyResponse, VpcConfigResponse,
};
use aws_smithy_mocks::{Rule, mock};
use domain::{FaultName, Kind};
use engine::{CallError, Observed, Progress};
use serde_json::json;

use crate::support::{
    Script, TOKEN, answer, as_wanted, carries_identity, change, changing, eks_tags, fault, fault_name, found,
    no_updates, present, refuse, subject, tag_change, updates,
};

/// The cluster of the sample spec.
fn cluster(status: ClusterStatus) -> ClusterBuilder {
    let network = VpcConfigResponse::builder()
        .vpc_id("vpc-1")
        .subnet_ids("subnet-1")
        .subnet_ids("subnet-2")
        .security_group_ids("sg-1")
        .endpoint_public_access(true)
        .endpoint_private_access(true)
        .public_access_cidrs("203.0.113.7/32")
        .cluster_security_group_id("sg-eks");
    let logs = LogSetup::builder().types(LogType::Audit).types(LogType::Api).enabled(true).build();
    let off = LogSetup::builder().types(LogType::Scheduler).enabled(false).build();
    let key = Provider::builder().key_arn("arn:aws:kms:eu-west-1:123456789012:key/k-1").build();
    let issuer = Oidc::builder().issuer("https://oidc.eks.eu-west-1.amazonaws.com/id/ABC").build();
    let issue = ClusterIssue::builder().code(ClusterIssueCode::InternalFailure).message("no room").build();
    Cluster::builder()
        .name("demo")
        .arn("arn:aws:eks:eu-west-1:123456789012:cluster/demo")
        .version("1.35")
        .role_arn("arn:aws:iam::123456789012:role/demo-cluster")
        .resources_vpc_config(network.build())
        .kubernetes_network_config(
            KubernetesNetworkConfigResponse::builder().service_ipv4_cidr("172.20.0.0/16").build(),
        )
        .logging(Logging::builder().cluster_logging(logs).cluster_logging(off).build())
        .encryption_config(EncryptionConfig::builder().provider(key).build())
        .identity(Issuers::builder().oidc(issuer).build())
        .upgrade_policy(UpgradePolicyResponse::builder().support_type(SupportType::Standard).build())
        .deletion_protection(true)
        .health(ClusterHealth::builder().issues(issue).build())
        .status(status)
        .set_tags(Some(eks_tags(Kind::ControlPlane)))
}

fn shown(cluster: ClusterBuilder) -> Rule {
    answer!(Client::describe_cluster => DescribeClusterOutput { cluster: cluster.clone().build() })
}

fn active() -> Rule {
    shown(cluster(ClusterStatus::Active))
}

/// A minor behind, with nothing but logs of the API server, and with no public endpoint.
fn behind() -> ClusterBuilder {
    let logs = LogSetup::builder().types(LogType::Api).enabled(true).build();
    let network = VpcConfigResponse::builder().endpoint_public_access(false).build();
    cluster(ClusterStatus::Active)
        .version("1.34")
        .logging(Logging::builder().cluster_logging(logs).build())
        .resources_vpc_config(network)
        .upgrade_policy(UpgradePolicyResponse::builder().support_type(SupportType::Extended).build())
}

#[tokio::test]
async fn a_control_plane_goes_through_its_states() {
    use ClusterStatus::{Active, Creating, Deleting, Failed, Pending, Updating};
    let states = [Creating, Pending, Updating, Deleting, Active, Failed];
    let gone = refuse!(Client::describe_cluster => DescribeClusterError "ResourceNotFoundException");
    let foreign = shown(cluster(Active).set_tags(None));
    let script = Script::of(states.map(|state| shown(cluster(state))).into_iter().chain([gone, foreign]));
    let (kind, subject) = (script.kind(Kind::ControlPlane), found(Kind::ControlPlane, "demo"));
    for _ in 0..4 {
        assert!(matches!(kind.observe(&subject).await, Ok(Observed::Pending(_))));
    }
    let actual = as_wanted(&subject, kind.observe(&subject).await.unwrap());
    assert_eq!((actual.locator.0.as_str(), actual.outputs["securityGroup"].as_str()), ("demo", "sg-eks"));
    assert_eq!(actual.outputs["issuer"], "https://oidc.eks.eu-west-1.amazonaws.com/id/ABC");
    let failed = kind.observe(&subject).await;
    assert!(matches!(failed, Ok(Observed::Failed(_, why)) if why == "InternalFailure: no room"));
    assert_eq!(kind.observe(&subject).await, Ok(Observed::Absent));
    assert!(matches!(kind.observe(&subject).await, Ok(Observed::Foreign(locator)) if locator.0 == "demo"));
}

#[tokio::test]
async fn a_control_plane_is_asked_for_again_with_the_same_token() {
    let made = mock!(Client::create_cluster)
        .match_requests(|request| {
            let access = request.access_config().unwrap();
            request.client_request_token() == TOKEN
                && carries_identity(request.tags())
                && access.authentication_mode().map(|mode| mode.as_str()) == Some("API")
                && access.bootstrap_cluster_creator_admin_permissions() == Some(false)
                && request.bootstrap_self_managed_addons() == Some(false)
                && request.deletion_protection() == Some(true)
                && request.resources_vpc_config().unwrap().endpoint_private_access() == Some(true)
                && request.encryption_config()[0].provider().unwrap().key_arn()
                    == Some("arn:aws:kms:eu-west-1:123456789012:key/k-1")
                && request.compute_config().is_none()
        })
        .sequence()
        .http_status(503, None)
        .output(|| CreateClusterOutput::builder().cluster(cluster(ClusterStatus::Creating).build()).build())
        .build();
    let lost = mock!(Client::create_cluster).sequence().http_status(200, Some("cut".into())).build();
    let there = refuse!(Client::create_cluster => CreateClusterError "ResourceInUseException");
    let many = refuse!(Client::create_cluster => CreateClusterError "ResourceLimitExceededException");
    let bad = refuse!(Client::create_cluster => CreateClusterError "InvalidParameterException");
    let unsupported = refuse!(Client::create_cluster => CreateClusterError "UnsupportedAvailabilityZoneException");
    let script = Script::of([made.clone(), lost, there, many, bad, unsupported]);
    let (kind, subject) = (script.kind(Kind::ControlPlane), subject(Kind::ControlPlane));
    let created = kind.create(&subject).await.unwrap();
    assert_eq!((created.locator.0.as_str(), created.progress), ("demo", Progress::Pending));
    assert_eq!(made.num_calls(), 2);
    assert!(matches!(kind.create(&subject).await, Err(CallError::Unknown(_))));
    assert_eq!(fault_name(kind.create(&subject).await), FaultName::UpdateInProgress);
    assert_eq!(fault_name(kind.create(&subject).await), FaultName::QuotaExceeded);
    assert_eq!(fault_name(kind.create(&subject).await), FaultName::CreateFailed);
    assert_eq!(fault_name(kind.create(&subject).await), FaultName::CreateFailed);
}

#[tokio::test]
async fn an_update_asks_for_one_thing_and_the_version_first() {
    let version = mock!(Client::update_cluster_version)
        .match_requests(|request| request.version() == Some("1.35"))
        .then_output(|| UpdateClusterVersionOutput::builder().build());
    let endpoint = mock!(Client::update_cluster_config)
        .match_requests(|request| {
            let network = request.resources_vpc_config();
            network.is_some_and(|network| network.public_access_cidrs() == ["203.0.113.7/32"])
                && network.is_some_and(|network| network.subnet_ids().is_empty())
                && request.logging().is_none()
        })
        .then_output(|| UpdateClusterConfigOutput::builder().build());
    let logging = mock!(Client::update_cluster_config)
        .match_requests(|request| {
            let of = |enabled: bool| -> Vec<&str> {
                let setups = request.logging().unwrap().cluster_logging().iter();
                let setup = setups.filter(|setup| setup.enabled() == Some(enabled));
                setup.flat_map(|setup| setup.types()).map(LogType::as_str).collect()
            };
            of(true) == ["api", "audit"] && of(false) == ["authenticator", "controllerManager", "scheduler"]
        })
        .then_output(|| UpdateClusterConfigOutput::builder().build());
    let script = Script::of([
        no_updates(),
        shown(behind()),
        version,
        no_updates(),
        shown(behind().version("1.35")),
        endpoint,
        no_updates(),
        shown(behind().version("1.35")),
        logging,
        no_updates(),
        active(),
    ]);
    let (kind, subject) = (script.kind(Kind::ControlPlane), changing(Kind::ControlPlane, "demo"));
    let logs = change("logging", json!(["api"]), json!(["api", "audit"]));
    let cidrs = change("publicAccessCidrs", json!([]), json!(["203.0.113.7/32"]));
    let minor = change("version", json!("1.34"), json!("1.35"));
    let all = [logs.clone(), cidrs, minor];
    assert_eq!(kind.update(&subject, &all).await, Ok(Progress::Pending));
    assert_eq!(kind.update(&subject, &all).await, Ok(Progress::Pending), "the minor is shown, and not asked for again");
    assert_eq!(kind.update(&subject, &[logs]).await, Ok(Progress::Pending));
    assert_eq!(kind.update(&subject, &all).await, Ok(Progress::Done), "all is shown");
}

#[tokio::test]
async fn tags_alone_are_no_update_of_eks() {
    let put = mock!(Client::tag_resource)
        .match_requests(|request| request.tags().is_some_and(|tags| tags.len() == 2))
        .then_output(|| TagResourceOutput::builder().build());
    let removed = mock!(Client::untag_resource)
        .match_requests(|request| request.tag_keys() == ["old"])
        .then_output(|| UntagResourceOutput::builder().build());
    let script = Script::of([no_updates(), active(), put, removed]);
    let subject = changing(Kind::ControlPlane, "demo");
    assert_eq!(script.kind(Kind::ControlPlane).update(&subject, &[tag_change()]).await, Ok(Progress::Done));
}

#[tokio::test]
async fn an_update_that_failed_in_this_phase_is_not_tried_again() {
    let [listed, failed] = updates(1, UpdateStatus::Failed);
    let [listed_again, failed_before] = updates(-60, UpdateStatus::Failed);
    let again = mock!(Client::update_cluster_version).then_output(|| UpdateClusterVersionOutput::builder().build());
    let script = Script::of([listed, failed, listed_again, failed_before, shown(behind()), again]);
    let (kind, subject) = (script.kind(Kind::ControlPlane), changing(Kind::ControlPlane, "demo"));
    let minor = [change("version", json!("1.34"), json!("1.35"))];
    let why = fault(kind.update(&subject, &minor).await);
    assert_eq!(why.name, FaultName::UpdateFailed);
    assert_eq!(why.message, "VersionUpdate u-1 ended as failed: PodEvictionFailure: a budget");
    // What failed in an earlier run does not count against this one.
    assert_eq!(kind.update(&subject, &minor).await, Ok(Progress::Pending));
}

#[tokio::test]
async fn a_change_that_eks_cannot_take_now_is_waited_for() {
    let busy = || refuse!(Client::update_cluster_config => UpdateClusterConfigError "ResourceInUseException");
    let throttled = mock!(Client::update_cluster_config).sequence().http_status(429, None).build();
    let lost = mock!(Client::update_cluster_config).sequence().http_status(200, Some("cut".into())).build();
    let wrong = refuse!(Client::update_cluster_version => UpdateClusterVersionError "InvalidParameterException");
    let step = |answer: Rule| [no_updates(), shown(behind()), answer];
    let script = Script::of([step(busy()), step(throttled), step(lost), step(wrong)].into_iter().flatten());
    let (kind, subject) = (script.kind(Kind::ControlPlane), changing(Kind::ControlPlane, "demo"));
    let support = [change("supportType", json!("EXTENDED"), json!("STANDARD"))];
    assert_eq!(fault_name(kind.update(&subject, &support).await), FaultName::UpdateInProgress);
    assert_eq!(fault_name(kind.update(&subject, &support).await), FaultName::Throttled);
    assert!(matches!(kind.update(&subject, &support).await, Err(CallError::Unknown(_))));
    let minor = [change("version", json!("1.34"), json!("1.35"))];
    assert_eq!(fault_name(kind.update(&subject, &minor).await), FaultName::UpdateFailed);
}

#[tokio::test]
async fn what_somebody_changed_is_seen() {
    let cidrs = VpcConfigResponse::builder().endpoint_public_access(true).public_access_cidrs("0.0.0.0/0").build();
    let script =
        Script::of([shown(cluster(ClusterStatus::Active).resources_vpc_config(cidrs).deletion_protection(false))]);
    let subject = found(Kind::ControlPlane, "demo");
    let actual = present(script.kind(Kind::ControlPlane).observe(&subject).await.unwrap());
    assert_eq!(actual.properties["publicAccessCidrs"], json!(["0.0.0.0/0"]));
    assert_eq!(actual.properties["deletionProtection"], json!(false));
}

#[tokio::test]
async fn protection_and_logs_go_before_the_deletion() {
    let unprotected = mock!(Client::update_cluster_config)
        .match_requests(|request| request.deletion_protection() == Some(false) && request.logging().is_none())
        .then_output(|| UpdateClusterConfigOutput::builder().build());
    let silent = mock!(Client::update_cluster_config)
        .match_requests(|request| {
            let setups = request.logging().unwrap().cluster_logging();
            setups.len() == 1 && setups[0].enabled() == Some(false) && setups[0].types().len() == 5
        })
        .then_output(|| UpdateClusterConfigOutput::builder().build());
    let free = || cluster(ClusterStatus::Active).deletion_protection(false);
    let script = Script::of([
        shown(cluster(ClusterStatus::Creating)),
        active(),
        unprotected,
        shown(cluster(ClusterStatus::Updating)),
        shown(free()),
        silent,
    ]);
    let (kind, subject) = (script.kind(Kind::ControlPlane), found(Kind::ControlPlane, "demo"));
    for _ in 0..4 {
        assert_eq!(kind.retire(&subject).await, Ok(Progress::Pending));
    }
    let gone = refuse!(Client::describe_cluster => DescribeClusterError "ResourceNotFoundException");
    let quiet = free().set_logging(None);
    let script = Script::of([shown(quiet), shown(cluster(ClusterStatus::Failed)), gone]);
    for _ in 0..3 {
        assert_eq!(script.kind(Kind::ControlPlane).retire(&subject).await, Ok(Progress::Done));
    }
}

#[tokio::test]
async fn a_control_plane_that_is_used_is_deleted_later() {
    let used = refuse!(Client::delete_cluster => DeleteClusterError "ResourceInUseException");
    let deleted = answer!(Client::delete_cluster => DeleteClusterOutput {});
    let gone = refuse!(Client::delete_cluster => DeleteClusterError "ResourceNotFoundException");
    let script = Script::of([active(), used, active(), deleted, active(), gone]);
    let (kind, subject) = (script.kind(Kind::ControlPlane), found(Kind::ControlPlane, "demo"));
    assert_eq!(fault_name(kind.delete(&subject).await), FaultName::DependencyStillThere);
    assert_eq!(kind.delete(&subject).await, Ok(Progress::Pending));
    assert_eq!(kind.delete(&subject).await, Err(CallError::NotFound));
}
