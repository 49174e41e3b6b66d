//! What IAM is asked for each call of EKS: the resources and condition keys that AWS documents.
//!
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelastickubernetesservice.html>,
//! <https://docs.aws.amazon.com/eks/latest/userguide/enable-kms.html> (the caller's permissions on the key),
//! <https://docs.aws.amazon.com/eks/latest/userguide/using-service-linked-roles.html>,
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html>

use std::collections::BTreeMap;

use serde_json::Value;

use super::request::Request;
use super::store::{Kind, Record, Store};
use crate::ec2::{ACCOUNT, Check};

pub(super) fn checks(request: &Request, store: &Store) -> Vec<Check> {
    let (resource, record) = resource(request, store);
    let own = check(request, &format!("eks:{}", request.action), &resource, record);
    let mut checks = vec![own];
    if request.action != "TagResource" && !request.tags().is_empty() {
        checks.push(check(request, "eks:TagResource", &resource, None));
    }
    for (field, service) in [
        ("roleArn", role_service(&request.action)),
        ("nodeRole", "eks.amazonaws.com"),
        ("podExecutionRoleArn", "eks-fargate-pods.amazonaws.com"),
        ("serviceAccountRoleArn", "eks.amazonaws.com"),
    ] {
        checks.extend(request.text(field).map(|role| pass_role(role, service)));
    }
    let nodes = request.body["computeConfig"]["nodeRoleArn"].as_str();
    checks.extend(nodes.map(|role| pass_role(role, "eks.amazonaws.com")));
    for one in request.body["podIdentityAssociations"].as_array().into_iter().flatten() {
        checks.extend(one["roleArn"].as_str().map(|role| pass_role(role, "pods.eks.amazonaws.com")));
    }
    let keys = request.body["encryptionConfig"].as_array().into_iter().flatten();
    for key in keys.filter_map(|config| config["provider"]["keyArn"].as_str()) {
        checks.push(plain("kms:DescribeKey", key));
        // EKS makes the grant for its caller.
        // https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-grant-is-for-aws-resource
        let context = BTreeMap::from([("kms:GrantIsForAWSResource".into(), "true".into())]);
        checks.push(Check { context, ..plain("kms:CreateGrant", key) });
    }
    checks.extend(linked_role(request, store));
    checks
}

fn role_service(action: &str) -> &'static str {
    if action.contains("PodIdentity") { "pods.eks.amazonaws.com" } else { "eks.amazonaws.com" }
}

// What the call is about, by the columns of the authorization reference: what is there has its own ARN, and what is made
// is made in the cluster.
fn resource<'a>(request: &Request, store: &'a Store) -> (String, Option<&'a Record>) {
    let arn = |kind: &str, path: &str| format!("arn:aws:eks:{}:{ACCOUNT}:{kind}/{path}", request.region);
    if request.action.ends_with("agResource") || request.action == "ListTagsForResource" {
        let arn = request.names.first().cloned().unwrap_or_default();
        let record = store.by_arn(&arn);
        return (arn, record);
    }
    let cluster = request.cluster();
    if cluster.is_empty() {
        return ("*".into(), None);
    }
    let member = request.names.get(1).map_or("", String::as_str);
    let (kind, path) = match request.action.as_str() {
        "DescribeNodegroup" | "DeleteNodegroup" | "UpdateNodegroupConfig" | "UpdateNodegroupVersion" => {
            (Kind::Nodegroup, "nodegroup")
        }
        "DescribeFargateProfile" | "DeleteFargateProfile" => (Kind::FargateProfile, "fargateprofile"),
        "DescribeAddon" | "DeleteAddon" | "UpdateAddon" => (Kind::Addon, "addon"),
        "DescribeAccessEntry"
        | "UpdateAccessEntry"
        | "DeleteAccessEntry"
        | "AssociateAccessPolicy"
        | "DisassociateAccessPolicy"
        | "ListAssociatedAccessPolicies" => (Kind::AccessEntry, "access-entry"),
        "DescribePodIdentityAssociation" | "UpdatePodIdentityAssociation" | "DeletePodIdentityAssociation" => {
            (Kind::Association, "podidentityassociation")
        }
        _ => return (arn("cluster", cluster), store.cluster(cluster).ok()),
    };
    match store.find(kind, cluster, member) {
        Some(record) => (record.arn().to_owned(), Some(record)),
        None if kind == Kind::AccessEntry => {
            let account = member.split(':').nth(4).unwrap_or(ACCOUNT);
            let name = member.rsplit('/').next().unwrap_or_default();
            let principal = if member.contains(":user/") { "user" } else { "role" };
            (arn(path, &format!("{cluster}/{principal}/{account}/{name}/*")), None)
        }
        None => (arn(path, &format!("{cluster}/{member}/*")), None),
    }
}

fn check(request: &Request, action: &str, resource: &str, record: Option<&Record>) -> Check {
    let mut context = BTreeMap::new();
    let tags = record.and_then(|record| record.document["tags"].as_object());
    for (key, value) in tags.into_iter().flatten() {
        context.insert(format!("aws:ResourceTag/{key}"), value.as_str().unwrap_or_default().to_owned());
    }
    let given = request.tags();
    for (key, value) in &given {
        context.insert(format!("aws:RequestTag/{key}"), value.as_str().unwrap_or_default().to_owned());
    }
    for (key, value) in conditions(request) {
        context.insert(format!("eks:{key}"), value);
    }
    let mut keys: Vec<String> = given.keys().cloned().collect();
    if request.action == "UntagResource" {
        keys.extend(request.parameters("tagKeys").into_iter().map(str::to_owned));
    }
    Check {
        action: action.to_owned(),
        resource: resource.to_owned(),
        context,
        tag_keys: (!keys.is_empty()).then_some(keys),
    }
}

// The condition keys of EKS itself.
fn conditions(request: &Request) -> Vec<(&'static str, String)> {
    let body = &request.body;
    let mut found = Vec::new();
    let mut note = |key: &'static str, value: &Value| match value {
        Value::String(text) => found.push((key, text.clone())),
        Value::Bool(flag) => found.push((key, flag.to_string())),
        _ => {}
    };
    note("principalArn", &body["principalArn"]);
    note("policyArn", &body["policyArn"]);
    note("accessEntryType", if request.action == "CreateAccessEntry" { &body["type"] } else { &Value::Null });
    note("username", &body["username"]);
    note("accessScope", &body["accessScope"]["type"]);
    note("authenticationMode", &body["accessConfig"]["authenticationMode"]);
    note("bootstrapClusterCreatorAdminPermissions", &body["accessConfig"]["bootstrapClusterCreatorAdminPermissions"]);
    note("supportType", &body["upgradePolicy"]["supportType"]);
    note("computeConfigEnabled", &body["computeConfig"]["enabled"]);
    if request.action.ends_with("AccessPolicy") || request.action.ends_with("AccessEntry") {
        found.extend(request.names.get(1).map(|principal| ("principalArn", principal.clone())));
        found.extend(request.names.get(2).map(|policy| ("policyArn", policy.clone())));
    }
    found
}

fn pass_role(role: &str, service: &str) -> Check {
    let context = BTreeMap::from([("iam:PassedToService".into(), service.into())]);
    Check { context, ..plain("iam:PassRole", role) }
}

fn plain(action: &str, resource: &str) -> Check {
    Check { action: action.into(), resource: resource.into(), context: BTreeMap::new(), tag_keys: None }
}

// The account's first of a kind makes the service's own role in the caller's name.
fn linked_role(request: &Request, store: &Store) -> Option<Check> {
    let (service, name) = match request.action.as_str() {
        "CreateCluster" => ("eks", "AWSServiceRoleForAmazonEKS"),
        "CreateNodegroup" => ("eks-nodegroup", "AWSServiceRoleForAmazonEKSNodegroup"),
        "CreateFargateProfile" => ("eks-fargate", "AWSServiceRoleForAmazonEKSForFargate"),
        _ => return None,
    };
    if store.linked_roles.iter().any(|known| known == service) {
        return None;
    }
    let host = format!("{service}.amazonaws.com");
    let role = format!("arn:aws:iam::{ACCOUNT}:role/aws-service-role/{host}/{name}");
    let context = BTreeMap::from([("iam:AWSServiceName".into(), host)]);
    Some(Check { context, ..plain("iam:CreateServiceLinkedRole", &role) })
}
