//! The way back of a control plane whose pods on Fargate cannot go first.

use aws_sdk_eks::Client;
use aws_sdk_eks::operation::describe_cluster::DescribeClusterOutput;
use aws_sdk_eks::operation::describe_insight::DescribeInsightOutput;
use aws_sdk_eks::operation::list_insights::ListInsightsOutput;
use aws_sdk_eks::operation::update_cluster_version::{UpdateClusterVersionError, UpdateClusterVersionOutput};
use aws_sdk_eks::types::{
    Cluster, ClusterStatus, Insight, InsightResourceDetail, InsightStatus, InsightStatusValue, InsightSummary,
};
use aws_smithy_mocks::{Rule, mock};
use domain::{FaultName, Kind};
use engine::Progress;
use serde_json::json;

use crate::support::{Script, answer, change, changing, eks_tags, fault_name, no_updates, refuse};

/// The control plane of the sample spec, which is of 1.35, at this minor.
fn runs(minor: &str) -> Rule {
    let cluster = Cluster::builder().name("demo").version(minor).status(ClusterStatus::Active);
    let cluster = cluster.set_tags(Some(eks_tags(Kind::ControlPlane))).build();
    answer!(Client::describe_cluster => DescribeClusterOutput { cluster: cluster })
}

fn refused() -> Rule {
    refuse!(Client::update_cluster_version => UpdateClusterVersionError "InvalidStateException")
}

/// What the only check that fails found, each with whether it passes.
fn found(resources: &[(&str, bool)]) -> [Rule; 2] {
    let listed = mock!(Client::list_insights)
        .match_requests(|asked| asked.filter().unwrap().kubernetes_versions() == ["1.35"])
        .then_output(|| ListInsightsOutput::builder().insights(InsightSummary::builder().id("i-1").build()).build());
    let detail = |(uri, passes): &(&str, bool)| {
        let status = if *passes { InsightStatusValue::Passing } else { InsightStatusValue::Error };
        InsightResourceDetail::builder()
            .kubernetes_resource_uri(*uri)
            .insight_status(InsightStatus::builder().status(status).build())
            .build()
    };
    let insight = Insight::builder().set_resources(Some(resources.iter().map(detail).collect())).build();
    [listed, answer!(Client::describe_insight => DescribeInsightOutput { insight: insight })]
}

fn forced() -> Rule {
    mock!(Client::update_cluster_version)
        .match_requests(|asked| asked.force() == Some(true) && asked.version() == Some("1.35"))
        .then_output(|| UpdateClusterVersionOutput::builder().build())
}

const ON_FARGATE: &str = "/api/v1/nodes/fargate-ip-10-0-0-1.eu-west-1.compute.internal";

#[tokio::test]
async fn nodes_of_fargate_do_not_keep_a_control_plane_from_going_back() {
    let [listed, described] = found(&[(ON_FARGATE, false), ("/api/v1/nodes/ip-10-0-0-2", true)]);
    let script = Script::of([no_updates(), runs("1.36"), refused(), listed, described, forced()]);
    let minor = [change("version", json!("1.36"), json!("1.35"))];
    let answer = script.kind(Kind::ControlPlane).update(&changing(Kind::ControlPlane, "demo"), &minor).await;
    assert_eq!(answer, Ok(Progress::Pending));
}

#[tokio::test]
async fn whatever_else_speaks_against_the_way_back_stands() {
    let minor = [change("version", json!("1.36"), json!("1.35"))];
    for resources in [&[(ON_FARGATE, false), ("/api/v1/nodes/ip-10-0-0-2", false)][..], &[], &[(ON_FARGATE, true)]] {
        let [listed, described] = found(resources);
        let script = Script::of([no_updates(), runs("1.36"), refused(), listed, described]);
        let answer = script.kind(Kind::ControlPlane).update(&changing(Kind::ControlPlane, "demo"), &minor).await;
        assert_eq!(fault_name(answer), FaultName::UpdateFailed, "{resources:?}");
    }
}

#[tokio::test]
async fn on_the_way_up_no_check_of_eks_is_overridden() {
    let script = Script::of([no_updates(), runs("1.34"), refused()]);
    let minor = [change("version", json!("1.34"), json!("1.35"))];
    let answer = script.kind(Kind::ControlPlane).update(&changing(Kind::ControlPlane, "demo"), &minor).await;
    assert_eq!(fault_name(answer), FaultName::UpdateFailed);
}
