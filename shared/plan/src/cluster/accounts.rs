//! What service accounts may do in AWS: a role for each, by the way that the place of its pods allows.

use std::collections::BTreeMap;

use manifest::{Mechanism, ServiceAccount};
use serde_json::{Value, json};

use super::roles::{self, Role, document};
use super::{Foundation, PodIdentityAssociationSpec, Wanted};
use crate::builder::Builder;
use crate::names::check_sum;
use crate::{Goal, Ref};

pub(super) fn add(wanted: &Wanted<'_>, on: &Foundation, into: &mut Builder) {
    for (name, account) in &wanted.manifest.spec.service_accounts {
        // The manifest's rules let no other name through.
        let Some((namespace, account_name)) = name.split_once('/') else { continue };
        let by_pod_identity = is_by_pod_identity(wanted, namespace, account);
        let role = Role {
            description: format!("The service account {namespace}/{account_name} of {} has this role", wanted.name()),
            trust: if by_pod_identity {
                roles::by_pod_identity(wanted, namespace, account_name)
            } else {
                roles::by_token(on, namespace, account_name)
            },
            managed: account.policies.iter().map(|policy| managed(wanted, policy)).collect(),
            policies: policies(wanted, account),
        };
        // No namespace has a dot, so no two service accounts share an id.
        let label = format!("{namespace}.{account_name}");
        let what = format!("sa-{}", check_sum(name));
        let role = roles::add(wanted, Goal::Compute, format!("role-{label}"), &what, role, into);
        if by_pod_identity {
            let spec = PodIdentityAssociationSpec {
                cluster: on.cluster(),
                namespace: namespace.to_owned(),
                service_account: account_name.to_owned(),
                role: Ref::output(&role, "arn"),
                tags: wanted.tags.clone(),
            };
            into.add_after(Goal::Compute, format!("pod-identity-{label}"), spec, [on.own_access.clone()]);
        }
    }
}

/// The agent is on every node and never on Fargate; tokens work everywhere.
/// Source: <https://docs.aws.amazon.com/eks/latest/userguide/service-accounts.html>
fn is_by_pod_identity(wanted: &Wanted<'_>, namespace: &str, account: &ServiceAccount) -> bool {
    match account.mechanism {
        Mechanism::PodIdentity => true,
        Mechanism::Irsa => false,
        Mechanism::Auto => wanted.compute.has_nodes() && !wanted.compute.may_be_on_fargate(namespace),
    }
}

fn managed(wanted: &Wanted<'_>, policy: &str) -> String {
    if policy.starts_with("arn:") { policy.to_owned() } else { wanted.names.managed_policy(policy) }
}

fn policies(wanted: &Wanted<'_>, account: &ServiceAccount) -> BTreeMap<String, Value> {
    let own = (!account.policy.is_empty()).then(|| ("own".to_owned(), Value::Object(account.policy.clone())));
    let secrets = account.secrets_prefix.as_ref().map(|prefix| {
        let read = json!({
            "Effect": "Allow",
            "Action": ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"],
            "Resource": wanted.names.arn("secretsmanager", &format!("secret:{prefix}*")),
        });
        ("read-secrets".to_owned(), document(read))
    });
    own.into_iter().chain(secrets).collect()
}
