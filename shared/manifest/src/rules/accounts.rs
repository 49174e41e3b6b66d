//! Rules on what service accounts may do in AWS.

use serde_json::Value;

use crate::rules::Finding;
use crate::secret::looks_secret;
use crate::{Compute, Mechanism, ServiceAccount, Spec};

/// A role may have ten managed policies.
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
const MANAGED_POLICIES: usize = 10;

/// A cluster may have that many Pod Identity associations.
/// Source: <https://docs.aws.amazon.com/eks/latest/userguide/service-quotas.html>
const ACCOUNTS: usize = 1000;

pub(super) fn judge(spec: &Spec, findings: &mut Vec<Finding>) {
    let (Some(_), Some(compute)) = (&spec.cluster, &spec.compute) else { return };
    if spec.service_accounts.len() > ACCOUNTS {
        let message = format!("{} are more than {ACCOUNTS}, the most that EKS allows", spec.service_accounts.len());
        let fix = "give pods that may do the same one service account";
        findings.push(Finding::error("TooMany", "spec.serviceAccounts", message, fix));
        return;
    }
    for (name, account) in &spec.service_accounts {
        let path = format!("spec.serviceAccounts.{name}");
        match name.split_once('/') {
            Some((namespace, account_name)) if label(namespace, 63) && label(account_name, 253) => {
                mechanism(&path, namespace, account, compute, findings);
            }
            _ => {
                let message = format!("`{name}` is no service account");
                findings.push(Finding::error("BadName", &path, message, "write `<namespace>/<name>`, like apps/api"));
            }
        }
        policies(&path, account, findings);
    }
}

/// Whether Kubernetes takes a text as a name. Dots are for longer names only:
/// <https://kubernetes.io/docs/concepts/overview/working-with-objects/names/>.
fn label(text: &str, most: usize) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || (c == '.' && most > 63);
    let outer = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.len() <= most && text.chars().all(inner) && text.starts_with(outer) && text.ends_with(outer)
}

/// Source: <https://docs.aws.amazon.com/eks/latest/userguide/pod-identities.html#pod-id-restrictions>
fn mechanism(path: &str, namespace: &str, account: &ServiceAccount, compute: &Compute, findings: &mut Vec<Finding>) {
    let nowhere_else = !compute.has_nodes();
    if account.mechanism == Mechanism::PodIdentity && (nowhere_else || compute.may_be_on_fargate(namespace)) {
        let message = format!("pods of {namespace} may run on Fargate, where there is no Pod Identity");
        let fix = "write `mechanism: Irsa`, or leave it out \
                   (https://docs.aws.amazon.com/eks/latest/userguide/pod-identities.html#pod-id-restrictions)";
        findings.push(Finding::error("PodIdentityOnFargate", format!("{path}.mechanism"), message, fix));
    }
}

fn policies(path: &str, account: &ServiceAccount, findings: &mut Vec<Finding>) {
    if account.policies.is_empty() && account.policy.is_empty() && account.secrets_prefix.is_none() {
        let message = "it may do nothing";
        let fix = "add `policies`, `policy` or `secretsPrefix`, or take it out";
        findings.push(Finding::error("EmptyServiceAccount", path, message, fix));
    }
    if account.policies.len() > MANAGED_POLICIES {
        let message = format!("{} policies are more than {MANAGED_POLICIES}", account.policies.len());
        let fix = "write what it may do under `policy`";
        findings.push(Finding::error("TooManyPolicies", format!("{path}.policies"), message, fix));
    }
    let policy = Value::Object(account.policy.clone());
    if !account.policy.is_empty() && (policy["Statement"].is_null() || has_mark(&policy)) {
        let message = "this is no policy";
        let fix = "write it as IAM takes it: {Version: \"2012-10-17\", Statement: […]}";
        findings.push(Finding::error("BadPolicy", format!("{path}.policy"), message, fix));
    }
    if looks_secret(&policy.to_string()) {
        let fix = "policies are readable by everybody in the account; take it out, and change the secret";
        findings.push(Finding::error(
            "LiteralSecret",
            format!("{path}.policy"),
            "the policy holds what looks like a secret",
            fix,
        ));
    }
}

/// Whether a key begins as Landfall's own references do. No key of IAM's does.
fn has_mark(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.iter().any(|(key, value)| key.starts_with('$') || has_mark(value)),
        Value::Array(items) => items.iter().any(has_mark),
        _ => false,
    }
}
