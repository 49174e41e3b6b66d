//! What EKS has seen in a cluster that speaks against an upgrade: APIs in use that the next minor serves no more, kubelets
//! that are too old, add-ons that do not go with it.
//!
//! <https://docs.aws.amazon.com/eks/latest/userguide/cluster-insights.html>

use aws_sdk_eks::Client;
use aws_sdk_eks::types::{Category, InsightStatusValue, InsightSummary, InsightsFilter};
use engine::CallError;
use serde::Serialize;

/// One check that a cluster does not pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Insight {
    /// What was looked at, such as `Deprecated APIs removed in Kubernetes v1.36`.
    pub name: String,
    /// The minor that it is about.
    pub version: String,
    /// Whether EKS refuses the upgrade for it.
    pub refuses: bool,
    /// What was found.
    pub reason: String,
    /// What EKS recommends.
    pub recommendation: String,
    /// The APIs that were used in the last thirty days and go.
    pub removals: Vec<Removal>,
}

/// An API that is in use and is removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Removal {
    /// The API, as a path: `/apis/flowcontrol.apiserver.k8s.io/v1beta3/flowschemas`.
    pub api: String,
    /// The minor that serves it no more.
    pub removed_in: String,
    /// What takes its place.
    pub replaced_with: String,
    /// Who uses it, by user agent.
    pub clients: Vec<String>,
}

/// The checks for an upgrade to one of these minors that a cluster does not pass, those that EKS refuses it for first.
/// EKS looks at a cluster once a day.
///
/// Permissions: `eks:ListInsights`, `eks:DescribeInsight`.
pub async fn insights(client: &Client, cluster: &str, minors: &[String]) -> Result<Vec<Insight>, CallError> {
    let filter = InsightsFilter::builder()
        .categories(Category::UpgradeReadiness)
        .set_kubernetes_versions(Some(minors.to_vec()))
        .statuses(InsightStatusValue::Warning)
        .statuses(InsightStatusValue::Error);
    let call = client.list_insights().cluster_name(cluster).filter(filter.build()).into_paginator().items();
    let listed: Result<Vec<InsightSummary>, _> = call.send().collect().await;
    let listed = listed.map_err(aws::reading("eks:ListInsights"))?;
    let mut found = Vec::new();
    for id in listed.iter().filter_map(InsightSummary::id) {
        let answer = client.describe_insight().cluster_name(cluster).id(id).send().await;
        match answer.map_err(aws::reading("eks:DescribeInsight")) {
            Ok(answer) => found.extend(answer.insight().map(insight)),
            // It was looked at anew in between.
            Err(CallError::NotFound) => {}
            Err(error) => return Err(error),
        }
    }
    found.sort_by(|a, b| (b.refuses, &a.version, &a.name).cmp(&(a.refuses, &b.version, &b.name)));
    Ok(found)
}

/// Why EKS refuses to bring the cluster to this minor, one text a check that it does not pass. Empty if nothing speaks
/// against it, or the cluster is not there.
///
/// Permissions: as [`insights`].
pub(crate) async fn refusals(client: &Client, cluster: &str, minor: String) -> Result<Vec<String>, CallError> {
    let found = match insights(client, cluster, &[minor]).await {
        Err(CallError::NotFound) => return Ok(Vec::new()),
        found => found?,
    };
    Ok(found.iter().filter(|insight| insight.refuses).map(Insight::told).collect())
}

/// The minor to which EKS lets the cluster go back now: it checks what would stand in the way only while it does. Nodes
/// and add-ons stand in the way until they are back, so what the checks say is not asked.
///
/// Permissions: `eks:ListInsights`. <https://docs.aws.amazon.com/eks/latest/userguide/rollback-cluster.html>
pub(crate) async fn roll_back(client: &Client, cluster: &str) -> Result<Option<String>, CallError> {
    let filter = InsightsFilter::builder().categories(Category::RollbackReadiness);
    let call = client.list_insights().cluster_name(cluster).filter(filter.build()).into_paginator().items();
    let listed: Result<Vec<InsightSummary>, _> = call.send().collect().await;
    match listed.map_err(aws::reading("eks:ListInsights")) {
        Ok(listed) => Ok(listed.iter().find_map(InsightSummary::kubernetes_version).map(str::to_owned)),
        Err(CallError::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

impl Insight {
    /// The check in a line: what was found, and which APIs go, with who uses them.
    fn told(&self) -> String {
        let mut text = format!("{}: {}", self.name, self.reason);
        for removal in &self.removals {
            let clients = removal.clients.join(", ");
            text.push_str(&format!("; {} gives way to {}, used by {clients}", removal.api, removal.replaced_with));
        }
        text
    }
}

fn insight(told: &aws_sdk_eks::types::Insight) -> Insight {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let status = told.insight_status();
    let details = told.category_specific_summary().map(|summary| summary.deprecation_details()).unwrap_or_default();
    let removal = |detail: &aws_sdk_eks::types::DeprecationDetail| Removal {
        api: text(detail.usage()),
        removed_in: text(detail.stop_serving_version()),
        replaced_with: text(detail.replaced_with()),
        clients: detail.client_stats().iter().filter_map(|client| client.user_agent()).map(str::to_owned).collect(),
    };
    Insight {
        name: text(told.name()),
        version: text(told.kubernetes_version()),
        refuses: status.and_then(|status| status.status()) == Some(&InsightStatusValue::Error),
        reason: text(status.and_then(|status| status.reason())),
        recommendation: text(told.recommendation()),
        removals: details.iter().map(removal).collect(),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_eks::types::{ClientStat, DeprecationDetail, InsightCategorySpecificSummary, InsightStatus};

    use super::*;

    #[test]
    fn an_api_that_goes_is_told_with_who_uses_it() {
        let detail = DeprecationDetail::builder()
            .usage("/apis/flowcontrol.apiserver.k8s.io/v1beta3/flowschemas")
            .replaced_with("/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas")
            .stop_serving_version("1.32")
            .client_stats(ClientStat::builder().user_agent("old-operator/v0.1").build());
        let told = aws_sdk_eks::types::Insight::builder()
            .name("Deprecated APIs removed in Kubernetes v1.32")
            .kubernetes_version("1.32")
            .insight_status(InsightStatus::builder().status(InsightStatusValue::Error).reason("in use").build())
            .category_specific_summary(
                InsightCategorySpecificSummary::builder().deprecation_details(detail.build()).build(),
            )
            .build();
        let found = insight(&told);
        assert!(found.refuses);
        assert_eq!(
            found.told(),
            "Deprecated APIs removed in Kubernetes v1.32: in use; /apis/flowcontrol.apiserver.k8s.io/v1beta3/flowschemas \
             gives way to /apis/flowcontrol.apiserver.k8s.io/v1/flowschemas, used by old-operator/v0.1"
        );
        assert_eq!(
            (found.removals[0].removed_in.as_str(), found.removals[0].clients.as_slice()),
            ("1.32", &["old-operator/v0.1".to_owned()][..])
        );
    }
}
