//! The roles of a cluster: who may take each on, and what it may do. Each trusts only what is the platform's own.

use std::collections::BTreeMap;

use domain::ResourceId;
use serde_json::{Value, json};

use super::{Foundation, Wanted};
use crate::builder::Builder;
use crate::{Goal, Ref, RoleSpec, entries, joined};

/// What a role is made of beside its name.
pub(super) struct Role {
    pub(super) description: String,
    pub(super) trust: Value,
    pub(super) managed: Vec<String>,
    pub(super) policies: BTreeMap<String, Value>,
}

/// Adds a role; its name in the account says `what` it is for.
pub(super) fn add(
    wanted: &Wanted<'_>,
    goal: Goal,
    id: String,
    what: &str,
    role: Role,
    into: &mut Builder,
) -> ResourceId {
    let names = &wanted.names;
    let spec = RoleSpec {
        name: names.unique(what),
        path: names.path(),
        description: role.description,
        trust: role.trust,
        policies: role.policies,
        managed_policies: role.managed,
        permissions_boundary: wanted.manifest.spec.permissions_boundary.as_deref().map(|name| names.policy(name)),
        tags: wanted.tags.clone(),
    };
    into.add(goal, id, spec)
}

/// The control plane's, for this one alone. Sources:
/// <https://docs.aws.amazon.com/eks/latest/userguide/cluster-iam-role.html>,
/// <https://docs.aws.amazon.com/eks/latest/userguide/cross-service-confused-deputy-prevention.html>,
/// <https://docs.aws.amazon.com/eks/latest/userguide/auto-cluster-iam-role.html>
pub(super) fn control_plane(wanted: &Wanted<'_>, key: &Ref, into: &mut Builder) -> ResourceId {
    let auto = wanted.compute.auto_mode.is_some();
    let mut managed = vec!["AmazonEKSClusterPolicy"];
    let mut actions = vec!["sts:AssumeRole"];
    if auto {
        actions.push("sts:TagSession");
        managed.extend([
            "AmazonEKSBlockStoragePolicy",
            "AmazonEKSComputePolicy",
            "AmazonEKSLoadBalancingPolicy",
            "AmazonEKSNetworkingPolicy",
        ]);
    }
    let use_key = document(json!({
        "Effect": "Allow",
        "Action": ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:ListGrants"],
        "Resource": key,
    }));
    let role = Role {
        description: format!("The control plane of {} works with this role", wanted.name()),
        trust: document(json!({
            "Effect": "Allow",
            "Principal": {"Service": "eks.amazonaws.com"},
            "Action": actions,
            "Condition": {
                "ArnLike": {"aws:SourceArn": cluster_arn(wanted)},
                "StringEquals": {"aws:SourceAccount": wanted.names.target.account},
            },
        })),
        managed: managed.into_iter().map(|name| wanted.names.managed_policy(name)).collect(),
        policies: BTreeMap::from([("use-key".to_owned(), use_key)]),
    };
    add(wanted, Goal::Foundation, "role-control-plane".to_owned(), "cluster", role, into)
}

/// The gate's: it may write its log, and Lambda may attach it to the VPC in its name. Its own code may not even do that.
///
/// Lambda takes no role of another account, so that its trust needs no condition, and sets none. Sources:
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions>,
/// <https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html>
pub(super) fn gate(wanted: &Wanted<'_>, function: &str, log_group: &ResourceId, into: &mut Builder) -> ResourceId {
    let names = &wanted.names;
    let look = ["ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"];
    let change = [
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:UnassignPrivateIpAddresses",
    ];
    let from_code =
        json!({"ArnEquals": {"lambda:SourceFunctionArn": names.arn("lambda", &format!("function:{function}"))}});
    let all = [look.as_slice(), &change].concat();
    let attach = statements([
        json!({"Effect": "Allow", "Action": look, "Resource": "*"}),
        json!({"Effect": "Allow", "Action": change, "Resource": names.arn("ec2", "*/*")}),
        json!({"Effect": "Deny", "Action": all, "Resource": "*", "Condition": from_code}),
    ]);
    let log = document(json!({
        "Effect": "Allow",
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": joined([json!(Ref::output(log_group, "arn")), json!(":*")]),
    }));
    let role = Role {
        description: format!("The gate of {} works with this role", wanted.name()),
        trust: document(json!({
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        })),
        managed: Vec::new(),
        policies: BTreeMap::from([("attach".to_owned(), attach), ("write-log".to_owned(), log)]),
    };
    add(wanted, Goal::Foundation, "role-gate".to_owned(), "gate", role, into)
}

/// The nodes' of all node groups. It may not change the network: the vpc-cni add-on has a role of its own.
/// Source: <https://docs.aws.amazon.com/eks/latest/userguide/create-node-role.html>
pub(super) fn nodes(wanted: &Wanted<'_>, into: &mut Builder) -> ResourceId {
    let managed = ["AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly"];
    instances(wanted, "nodes", "The nodes of", &managed, into)
}

/// The nodes' of Auto Mode.
/// Source: <https://docs.aws.amazon.com/eks/latest/userguide/auto-create-node-role.html>
pub(super) fn auto_nodes(wanted: &Wanted<'_>, into: &mut Builder) -> ResourceId {
    let managed = ["AmazonEKSWorkerNodeMinimalPolicy", "AmazonEC2ContainerRegistryPullOnly"];
    instances(wanted, "auto-nodes", "The nodes of Auto Mode of", &managed, into)
}

fn instances(wanted: &Wanted<'_>, what: &str, who: &str, managed: &[&str], into: &mut Builder) -> ResourceId {
    let service = if wanted.names.partition() == "aws-cn" { "ec2.amazonaws.com.cn" } else { "ec2.amazonaws.com" };
    let role = Role {
        description: format!("{who} {} work with this role", wanted.name()),
        trust: document(json!({"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"})),
        managed: managed.iter().map(|name| wanted.names.managed_policy(name)).collect(),
        policies: BTreeMap::new(),
    };
    add(wanted, Goal::Foundation, format!("role-{what}"), what, role, into)
}

/// The role by which pods are started on Fargate.
/// Source: <https://docs.aws.amazon.com/eks/latest/userguide/pod-execution-role.html>
pub(super) fn fargate(wanted: &Wanted<'_>, into: &mut Builder) -> ResourceId {
    let profiles = wanted.names.arn("eks", &format!("fargateprofile/{}/*", wanted.name()));
    let role = Role {
        description: format!("Pods of {} are started on Fargate with this role", wanted.name()),
        trust: document(json!({
            "Effect": "Allow",
            "Principal": {"Service": "eks-fargate-pods.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {"ArnLike": {"aws:SourceArn": profiles}},
        })),
        managed: vec![wanted.names.managed_policy("AmazonEKSFargatePodExecutionRolePolicy")],
        policies: BTreeMap::new(),
    };
    add(wanted, Goal::Foundation, "role-fargate".to_owned(), "fargate", role, into)
}

/// Whom Pod Identity gives a role: pods of one service account of this cluster, by the tags that it puts on the session.
/// Sources: <https://docs.aws.amazon.com/eks/latest/userguide/pod-id-role.html>,
/// <https://docs.aws.amazon.com/eks/latest/userguide/pod-id-abac.html>
pub(super) fn by_pod_identity(wanted: &Wanted<'_>, namespace: &str, account: &str) -> Value {
    document(json!({
        "Effect": "Allow",
        "Principal": {"Service": "pods.eks.amazonaws.com"},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
        "Condition": {"StringEquals": {
            "aws:RequestTag/eks-cluster-arn": cluster_arn(wanted),
            "aws:RequestTag/kubernetes-namespace": namespace,
            "aws:RequestTag/kubernetes-service-account": account,
        }},
    }))
}

/// Whom IRSA gives a role: who shows a token of the cluster's issuer for one service account.
/// Source: <https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html>
pub(super) fn by_token(on: &Foundation, namespace: &str, account: &str) -> Value {
    let claim = |name: &str| joined([json!(Ref::output(&on.oidc_provider, "host")), json!(format!(":{name}"))]);
    document(json!({
        "Effect": "Allow",
        "Principal": {"Federated": Ref::output(&on.oidc_provider, "arn")},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": entries([
            (claim("aud"), json!("sts.amazonaws.com")),
            (claim("sub"), json!(format!("system:serviceaccount:{namespace}:{account}"))),
        ])},
    }))
}

/// The ARN of the control plane, which is known before it is there.
fn cluster_arn(wanted: &Wanted<'_>) -> String {
    wanted.names.arn("eks", &format!("cluster/{}", wanted.name()))
}

/// A policy of one statement.
pub(super) fn document(statement: Value) -> Value {
    statements([statement])
}

fn statements<const N: usize>(statements: [Value; N]) -> Value {
    json!({"Version": "2012-10-17", "Statement": statements.to_vec()})
}
