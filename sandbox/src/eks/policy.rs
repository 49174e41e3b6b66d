//! Access policies: what an access entry may do in Kubernetes, by policies of EKS.
//!
//! <https://docs.aws.amazon.com/eks/latest/userguide/access-policies.html>,
//! <https://docs.aws.amazon.com/eks/latest/userguide/access-policy-permissions.html>

use serde_json::{Value, json};

use super::request::{Refusal, Request, texts};
use super::store::{Kind, Record, now};
use super::{Answer, Job, Place, access};

const PREFIX: &str = "arn:aws:eks::aws:cluster-access-policy/";

/// The policies by name; those for nodes and controllers of EKS cannot be given to people.
const POLICIES: &[&str] = &[
    "AmazonAIOpsAssistantPolicy",
    "AmazonARCRegionSwitchScalingPolicy",
    "AmazonEKSAdminPolicy",
    "AmazonEKSAdminViewPolicy",
    "AmazonEKSAutoNodePolicy",
    "AmazonEKSBlockStorageClusterPolicy",
    "AmazonEKSBlockStoragePolicy",
    "AmazonEKSClusterAdminPolicy",
    "AmazonEKSClusterInsightsPolicy",
    "AmazonEKSComputeClusterPolicy",
    "AmazonEKSComputePolicy",
    "AmazonEKSEditPolicy",
    "AmazonEKSHybridPolicy",
    "AmazonEKSLoadBalancingClusterPolicy",
    "AmazonEKSLoadBalancingPolicy",
    "AmazonEKSNetworkingClusterPolicy",
    "AmazonEKSNetworkingPolicy",
    "AmazonEKSSecretReaderPolicy",
    "AmazonEKSViewPolicy",
];

/// A policy with its scope, as a list of associations has it.
pub(super) fn association(name: &str, scope: Value) -> Value {
    json!({"policyArn": format!("{PREFIX}{name}"), "accessScope": scope, "associatedAt": now(), "modifiedAt": now()})
}

/// The associations of an entry.
pub(super) fn of(entry: &Record) -> Vec<Value> {
    entry.hidden["policies"].as_array().cloned().unwrap_or_default()
}

/// The name of the policy of an association.
pub(super) fn name(association: &Value) -> &str {
    association["policyArn"].as_str().unwrap_or_default().trim_start_matches(PREFIX)
}

/// The control plane is to know it.
pub(super) fn changed(place: &mut Place<'_>, cluster: &str) {
    place.jobs.push(Job::Instruct { region: place.region.to_owned(), cluster: cluster.to_owned() });
}

pub(super) fn associate(request: &Request, place: &mut Place<'_>) -> Answer {
    let cluster = request.cluster();
    access::managed(place, cluster)?;
    let entry = place.store.get(Kind::AccessEntry, cluster, request.member())?;
    let wrong = |said: &str| Refusal::parameter(said).about("clusterName", cluster);
    let arn = request.required("policyArn")?;
    let policy = arn.strip_prefix(PREFIX).filter(|name| POLICIES.contains(name));
    let policy = policy.ok_or_else(|| wrong("The policyArn parameter format is not valid"))?;
    let node = entry.text("type") != "STANDARD";
    if node && !(entry.text("type") == "EC2" && policy == "AmazonEKSAutoNodePolicy") {
        let said = format!("Access policies cannot be associated with an access entry of type {}", entry.text("type"));
        return Err(Refusal::request(said).about("clusterName", cluster));
    }
    let scope = &request.body["accessScope"];
    let namespaces = texts(&scope["namespaces"]);
    let scope = match scope["type"].as_str() {
        Some("cluster") if namespaces.is_empty() => json!({"type": "cluster", "namespaces": []}),
        Some("namespace") if !namespaces.is_empty() => json!({"type": "namespace", "namespaces": namespaces}),
        Some("cluster") => return Err(wrong("The accessScope of type cluster takes no namespaces")),
        Some("namespace") => return Err(wrong("The accessScope of type namespace needs namespaces")),
        _ => return Err(wrong("The accessScope needs type cluster or namespace")),
    };
    let mut new = association(policy, scope);
    let mut all = of(entry);
    match all.iter_mut().find(|one| one["policyArn"] == arn) {
        Some(old) => {
            new["associatedAt"] = old["associatedAt"].clone();
            *old = new.clone();
        }
        None => all.push(new.clone()),
    }
    place.store.get_mut(Kind::AccessEntry, cluster, request.member())?.hidden["policies"] = Value::Array(all);
    changed(place, cluster);
    Ok(json!({"clusterName": cluster, "principalArn": request.member(), "associatedAccessPolicy": new}))
}

pub(super) fn disassociate(request: &Request, place: &mut Place<'_>) -> Answer {
    let cluster = request.cluster();
    access::managed(place, cluster)?;
    let arn = request.names.get(2).map_or("", String::as_str);
    let entry = place.store.get_mut(Kind::AccessEntry, cluster, request.member())?;
    let mut all = of(entry);
    let before = all.len();
    all.retain(|one| one["policyArn"] != arn);
    if all.len() == before {
        let said = format!("The specified access policy {arn} is not associated with the access entry");
        return Err(Refusal::not_found(said).about("clusterName", cluster));
    }
    entry.hidden["policies"] = Value::Array(all);
    changed(place, cluster);
    Ok(json!({}))
}

pub(super) fn list_associated(request: &Request, place: &mut Place<'_>) -> Answer {
    access::managed(place, request.cluster())?;
    let entry = place.store.get(Kind::AccessEntry, request.cluster(), request.member())?;
    // The only list of the API whose errors know no wrong parameter.
    let page = request.page("associatedAccessPolicies", of(entry));
    let mut page = page.map_err(|_| Refusal::request("Invalid maxResults or nextToken"))?;
    page["clusterName"] = json!(request.cluster());
    page["principalArn"] = json!(request.member());
    Ok(page)
}

pub(super) fn list(request: &Request, _: &mut Place<'_>) -> Answer {
    let all = POLICIES.iter().map(|name| json!({"name": name, "arn": format!("{PREFIX}{name}")})).collect();
    request.page("accessPolicies", all)
}
