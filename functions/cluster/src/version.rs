//! The minor of a control plane: asked for, and on the way back past the kubelets of Fargate.
//!
//! Nodes go back before their control plane does, but pods on Fargate cannot: they start with the kubelet that the control
//! plane has, so EKS's check of kubelets is against the way back as long as there are any. EKS says to delete the pods, which
//! come again at once with the same kubelet, or to override its checks. What verifies has them started anew afterwards.
//! <https://docs.aws.amazon.com/eks/latest/userguide/rollback-cluster.html>
//!
//! It guarantees: unless the manifest insists, EKS's checks are overridden on the way back alone, and only when all that they
//! found is nodes of Fargate.

use aws_sdk_eks::Client;
use aws_sdk_eks::error::ProvideErrorMetadata;
use aws_sdk_eks::types::{
    Category, Cluster, InsightResourceDetail, InsightStatusValue, InsightSummary, InsightsFilter,
};
use engine::CallError;
use plan::cluster::{ControlPlaneSpec, minor};

/// The code with which EKS tells that its checks are against a version.
/// <https://docs.aws.amazon.com/eks/latest/APIReference/API_UpdateClusterVersion.html>
const NOT_READY: &str = "InvalidStateException";
/// How the names of Fargate's nodes begin.
/// <https://docs.aws.amazon.com/eks/latest/userguide/fargate-getting-started.html>
const NODE: &str = "fargate-";

/// Asks EKS to bring the cluster to the minor of the spec.
///
/// Permissions: `eks:UpdateClusterVersion`; on the way back also `eks:ListInsights` and `eks:DescribeInsight`.
pub(crate) async fn change(client: &Client, cluster: &Cluster, spec: &ControlPlaneSpec) -> Result<(), CallError> {
    let (name, wanted) = (cluster.name().unwrap_or_default(), spec.version.as_str());
    let call = client.update_cluster_version().name(name).version(wanted);
    let call = if spec.force_upgrade { call.force(true) } else { call };
    let Err(refusal) = call.clone().send().await else { return Ok(()) };
    let is_back = minor(wanted) < minor(cluster.version().unwrap_or_default());
    if is_back && refusal.code() == Some(NOT_READY) && only_fargate(client, name, wanted).await? {
        tracing::warn!(name, wanted, "only pods on Fargate are against the way back: they are started anew after it");
        let forced = call.force(true).send().await;
        return forced.map(drop).map_err(aws::changing("eks:UpdateClusterVersion"));
    }
    Err(aws::changing("eks:UpdateClusterVersion")(refusal))
}

/// Whether all that EKS's checks found against the way back is nodes of Fargate. It has just looked.
async fn only_fargate(client: &Client, cluster: &str, wanted: &str) -> Result<bool, CallError> {
    let filter = InsightsFilter::builder()
        .categories(Category::RollbackReadiness)
        .kubernetes_versions(wanted)
        .statuses(InsightStatusValue::Error);
    let call = client.list_insights().cluster_name(cluster).filter(filter.build()).into_paginator().items();
    let listed: Result<Vec<InsightSummary>, _> = call.send().collect().await;
    let listed = listed.map_err(aws::reading("eks:ListInsights"))?;
    for id in listed.iter().filter_map(InsightSummary::id) {
        let answer = client.describe_insight().cluster_name(cluster).id(id).send().await;
        let answer = answer.map_err(aws::reading("eks:DescribeInsight"))?;
        let found = answer.insight().map(|insight| insight.resources()).unwrap_or_default();
        if !is_of_fargate(found) {
            return Ok(false);
        }
    }
    Ok(!listed.is_empty())
}

/// Whether all that a check found wrong is nodes of Fargate. A check that names nothing is about something else.
fn is_of_fargate(found: &[InsightResourceDetail]) -> bool {
    let passes = |one: &&InsightResourceDetail| {
        one.insight_status().and_then(|status| status.status()) == Some(&InsightStatusValue::Passing)
    };
    let mut wrong = found.iter().filter(|one| !passes(one)).peekable();
    let name = |one: &InsightResourceDetail| one.kubernetes_resource_uri()?.rsplit('/').next().map(str::to_owned);
    wrong.peek().is_some() && wrong.all(|one| name(one).is_some_and(|name| name.starts_with(NODE)))
}
