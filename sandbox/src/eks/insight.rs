//! Cluster insights: what stands in the way of an upgrade or a roll-back.
//!
//! <https://docs.aws.amazon.com/eks/latest/userguide/cluster-insights.html>,
//! <https://docs.aws.amazon.com/eks/latest/userguide/rollback-cluster.html>. They are worked out when they are asked for,
//! from nodes and add-ons; which deprecated APIs workloads use is only what tests say of them.

use serde_json::{Value, json};

use super::request::{Refusal, Request, texts};
use super::store::{Kind, Record, now, window_open};
use super::version::minor;
use super::{Answer, Eks, Place, addon_versions, fargate};

const READINESS: [&str; 2] = ["UPGRADE_READINESS", "ROLLBACK_READINESS"];

/// Refuses a step that a check of this category speaks against, unless it is forced.
pub(super) fn must_pass(
    place: &Place<'_>,
    cluster: &str,
    category: &str,
    to: &str,
    force: bool,
) -> Result<(), Refusal> {
    let all = insights(place, cluster);
    let against = all.iter().find(|one| {
        one["category"] == category && one["kubernetesVersion"] == to && one["insightStatus"]["status"] == "ERROR"
    });
    match against {
        Some(one) if !force => {
            let said = format!("Amazon EKS detected readiness issues: {}", one["insightStatus"]["reason"]);
            Err(Refusal::state(said).about("clusterName", cluster))
        }
        _ => Ok(()),
    }
}

impl Eks {
    /// Says that this client uses an API which a minor no longer serves; with none, that no such API is used any more.
    pub(crate) fn deprecated_api(&self, region: &str, cluster: &str, used: Option<DeprecatedApi>) {
        let used = used.map(|DeprecatedApi { usage, replaced_with, stop_serving_version, client }| {
            json!({
                "usage": usage,
                "replacedWith": replaced_with,
                "stopServingVersion": stop_serving_version,
                "clientStats": [{"userAgent": client, "numberOfRequestsLast30Days": 1, "lastRequestTime": now()}],
            })
        });
        self.change(region, cluster, |store| {
            if let Ok(cluster) = store.get_mut(Kind::Cluster, cluster, cluster) {
                cluster.hidden["deprecatedApis"] = json!(used.into_iter().collect::<Vec<_>>());
            }
        });
    }
}

/// An API that a client of a cluster uses.
#[derive(Debug, Clone)]
pub struct DeprecatedApi {
    /// Its path.
    pub usage: String,
    /// The path of what takes its place.
    pub replaced_with: String,
    /// The minor that no longer serves it, such as `1.36`.
    pub stop_serving_version: String,
    /// The user agent.
    pub client: String,
}

pub(super) fn list(request: &Request, place: &mut Place<'_>) -> Answer {
    place.store.cluster(request.cluster())?;
    let filter = &request.body["filter"];
    let among = |field: &str, value: &Value| {
        let wanted = texts(&filter[field]);
        wanted.is_empty() || wanted.iter().any(|one| value == one)
    };
    let mut all = insights(place, request.cluster());
    all.retain(|one| {
        among("categories", &one["category"])
            && among("kubernetesVersions", &one["kubernetesVersion"])
            && among("statuses", &one["insightStatus"]["status"])
    });
    for one in &mut all {
        if let Some(fields) = one.as_object_mut() {
            for field in ["recommendation", "additionalInfo", "resources", "categorySpecificSummary"] {
                fields.remove(field);
            }
        }
    }
    request.page("insights", all)
}

pub(super) fn describe(request: &Request, place: &mut Place<'_>) -> Answer {
    place.store.cluster(request.cluster())?;
    let found = insights(place, request.cluster()).into_iter().find(|one| one["id"] == request.member());
    let missing = || Refusal::not_found(format!("No insight found for ID: {}", request.member()));
    Ok(json!({"insight": found.ok_or_else(missing)?}))
}

pub(super) fn refresh(request: &Request, place: &mut Place<'_>) -> Answer {
    let cluster = place.store.get_mut(Kind::Cluster, request.cluster(), request.cluster())?;
    cluster.hidden["refreshedAt"] = now();
    Ok(json!({"message": "The refresh of the insights has begun", "status": "IN_PROGRESS"}))
}

pub(super) fn describe_refresh(request: &Request, place: &mut Place<'_>) -> Answer {
    let cluster = place.store.cluster(request.cluster())?;
    let at = &cluster.hidden["refreshedAt"];
    if at.is_null() {
        let said = format!("No insights refresh found for cluster {}", request.cluster());
        return Err(Refusal::not_found(said).about("clusterName", request.cluster()));
    }
    Ok(json!({"message": "The insights are refreshed", "status": "COMPLETED", "startedAt": at, "endedAt": at}))
}

fn insights(place: &Place<'_>, name: &str) -> Vec<Value> {
    let Ok(cluster) = place.store.cluster(name) else { return Vec::new() };
    let number = minor(cluster.text("version"));
    let mut targets = vec![(READINESS[0], format!("1.{}", number + 1))];
    if window_open(&cluster.hidden["upgradedAt"], place.durations) {
        targets.push((READINESS[1], cluster.hidden["upgradedFrom"].as_str().unwrap_or_default().to_owned()));
    }
    let groups = place.store.within(Kind::Nodegroup, name);
    let addons = place.store.within(Kind::Addon, name);
    targets
        .iter()
        .flat_map(|(category, to)| {
            [
                kubelet(cluster, category, to, &groups),
                compatibility(cluster, category, to, &addons),
                apis(cluster, category, to),
            ]
        })
        .collect()
}

// A kubelet may be three minors older than the API server, and never newer:
// <https://kubernetes.io/releases/version-skew-policy/#kubelet>. Those of Fargate are looked at too, and so stand in the way
// back: <https://docs.aws.amazon.com/eks/latest/userguide/rollback-cluster.html>
fn kubelet(cluster: &Record, category: &str, to: &str, groups: &[&Record]) -> Value {
    let is_wrong = |version: &str| minor(version) > minor(to) || minor(version) + 3 < minor(to);
    let wrong: Vec<&&Record> = groups.iter().filter(|group| is_wrong(group.text("version"))).collect();
    let nodes: Vec<String> =
        fargate::kubelets(cluster).into_iter().filter(|(_, kubelet)| is_wrong(kubelet)).map(|(name, _)| name).collect();
    let error = json!({"status": "ERROR"});
    let of_groups = wrong.iter().map(|group| json!({"insightStatus": error, "arn": group.arn()}));
    let of_fargate = nodes
        .iter()
        .map(|name| json!({"insightStatus": error, "kubernetesResourceUri": format!("/api/v1/nodes/{name}")}));
    let resources: Vec<Value> = of_groups.chain(of_fargate).collect();
    let names: Vec<&str> =
        wrong.iter().map(|group| group.name.as_str()).chain(nodes.iter().map(String::as_str)).collect();
    let status = if names.is_empty() {
        ("PASSING", "Node kubelet versions match the control plane version skew.".to_owned())
    } else {
        ("ERROR", format!("Nodes of {} are not within the version skew of {to}", names.join(", ")))
    };
    document(cluster, category, to, "Kubelet version skew", status, json!({"resources": resources}))
}

fn compatibility(cluster: &Record, category: &str, to: &str, addons: &[&Record]) -> Value {
    let fits = |addon: &&&Record| {
        addon_versions::find(&addon.name).is_some_and(|product| product.fits(addon.text("addonVersion"), to))
    };
    let wrong: Vec<&&Record> = addons.iter().filter(|addon| !fits(addon)).collect();
    let names: Vec<&str> = wrong.iter().map(|addon| addon.name.as_str()).collect();
    // Before an upgrade an add-on can follow; what is too new for a roll-back is not supported there.
    let bad = if category == READINESS[0] { "WARNING" } else { "ERROR" };
    let status = if wrong.is_empty() {
        ("PASSING", "All installed EKS add-on versions are compatible with the Kubernetes version.".to_owned())
    } else {
        (bad, format!("Add-ons {} are not compatible with Kubernetes {to}", names.join(", ")))
    };
    let details: Vec<Value> = wrong
        .iter()
        .map(|addon| json!({"name": addon.name, "compatibleVersions": addon_versions::find(&addon.name).and_then(|one| one.default_for(to)).into_iter().collect::<Vec<_>>()}))
        .collect();
    let rest = json!({"categorySpecificSummary": {"addonCompatibilityDetails": details}});
    document(cluster, category, to, "EKS add-on version compatibility", status, rest)
}

// "ERROR" if the next version no longer serves what is used:
// <https://docs.aws.amazon.com/eks/latest/userguide/cluster-insights.html#cluster-insights-background>
fn apis(cluster: &Record, category: &str, to: &str) -> Value {
    let all = cluster.hidden["deprecatedApis"].as_array().cloned().unwrap_or_default();
    let gone: Vec<Value> = all.into_iter().filter(|used| used["stopServingVersion"] == to).collect();
    let status = if gone.is_empty() || category != READINESS[0] {
        ("PASSING", "No deprecated API usage detected within the last 30 days.".to_owned())
    } else {
        ("ERROR", "Deprecated API usage detected within last 30 days.".to_owned())
    };
    let rest = json!({"categorySpecificSummary": {"deprecationDetails": gone}});
    document(cluster, category, to, &format!("Deprecated APIs removed in Kubernetes v{to}"), status, rest)
}

fn document(cluster: &Record, category: &str, to: &str, name: &str, status: (&str, String), rest: Value) -> Value {
    let at = if cluster.hidden["refreshedAt"].is_null() {
        &cluster.document["createdAt"]
    } else {
        &cluster.hidden["refreshedAt"]
    };
    let mut document = json!({
        "id": id(&[cluster.arn(), category, to, name]),
        "name": name,
        "category": category,
        "kubernetesVersion": to,
        "lastRefreshTime": at,
        "lastTransitionTime": at,
        "description": format!("{name}, for Kubernetes {to}."),
        "insightStatus": {"status": status.0, "reason": status.1},
        "recommendation": "Bring what is named to a version that goes with this Kubernetes.",
        "additionalInfo": {},
        "resources": [],
    });
    for (field, value) in rest.as_object().cloned().unwrap_or_default() {
        document[field] = value;
    }
    document
}

// The same check of the same cluster keeps its id.
fn id(parts: &[&str]) -> String {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    parts.hash(&mut hasher);
    let (first, second) = (hasher.finish(), {
        1.hash(&mut hasher);
        hasher.finish()
    });
    let digits = format!("{first:016x}{second:016x}");
    format!("{}-{}-{}-{}-{}", &digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..])
}
