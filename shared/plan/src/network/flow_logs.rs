//! Records of all traffic.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{FlowLogSpec, Ground, Wanted};
use crate::builder::Builder;
use crate::{Goal, LogGroupSpec, Ref, RoleSpec, joined};

/// Adds the flow log, the log group that it writes to, and the role by which it does.
pub(super) fn add(wanted: &Wanted<'_>, ground: &Ground, into: &mut Builder) {
    let asked = &wanted.network.flow_logs;
    if !asked.enabled {
        return;
    }
    let (names, tags) = (&wanted.names, wanted.tags);
    let group = LogGroupSpec {
        name: format!("{}flow-logs", names.path()),
        retention_days: asked.retention_days,
        tags: tags.clone(),
    };
    let group = into.add(Goal::Foundation, "log-group-flow-logs", group);
    let role = RoleSpec {
        name: names.unique("flow-logs"),
        path: names.path(),
        description: "VPC flow logs write with this role".to_owned(),
        trust: trust(wanted),
        policies: BTreeMap::from([("write-flow-logs".to_owned(), write(&Ref::output(&group, "arn")))]),
        managed_policies: Vec::new(),
        permissions_boundary: wanted.manifest.spec.permissions_boundary.as_deref().map(|name| names.policy(name)),
        tags: tags.clone(),
    };
    let role = into.add(Goal::Foundation, "role-flow-logs", role);
    let log = FlowLogSpec {
        vpc: ground.vpc.clone(),
        log_group: Ref::output(&group, "name"),
        role: Ref::output(&role, "arn"),
        tags: tags.clone(),
    };
    into.add(Goal::Egress, "flow-log", log);
}

/// Flow logs of this account only: otherwise others could have the service write here (the confused deputy).
///
/// Source: <https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html>
fn trust(wanted: &Wanted<'_>) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"Service": "vpc-flow-logs.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"aws:SourceAccount": wanted.target.account}},
        }],
    })
}

/// It may not make log groups: one that we deleted would come back.
fn write(group: &Ref) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Action": [
                "logs:CreateLogStream", "logs:DescribeLogGroups", "logs:DescribeLogStreams", "logs:PutLogEvents",
            ],
            "Resource": [group, joined([json!(group), json!(":*")])],
        }],
    })
}
