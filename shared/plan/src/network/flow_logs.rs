//! Records of all traffic.

use super::{FlowLogRoleSpec, FlowLogSpec, Ground, LogGroupSpec, Wanted};
use crate::builder::Builder;
use crate::{Goal, Ref, role_mark};

/// Adds the flow log, the log group that it writes to, and the role by which it does.
pub(super) fn add(wanted: &Wanted<'_>, ground: &Ground, into: &mut Builder) {
    let asked = &wanted.network.flow_logs;
    if !asked.enabled {
        return;
    }
    let (platform, tags) = (&wanted.manifest.metadata.name, wanted.tags);
    let path = format!("/landfall/{}/{platform}/", wanted.installation);
    let group =
        LogGroupSpec { name: format!("{path}flow-logs"), retention_days: asked.retention_days, tags: tags.clone() };
    let group = into.add(Goal::Foundation, "log-group-flow-logs", group);
    let role = FlowLogRoleSpec {
        name: role_name(wanted),
        path,
        permissions_boundary: wanted.manifest.spec.permissions_boundary.as_deref().map(|name| policy_arn(wanted, name)),
        log_group_arn: Ref::output(&group, "arn"),
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

fn role_name(wanted: &Wanted<'_>) -> String {
    let platform = &wanted.manifest.metadata.name;
    format!("landfall-{platform}-flow-logs-{}", role_mark(wanted.installation, &wanted.target.region, platform))
}

fn policy_arn(wanted: &Wanted<'_>, name: &str) -> String {
    let partition = match wanted.target.region.as_str() {
        region if region.starts_with("cn-") => "aws-cn",
        region if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    };
    format!("arn:{partition}:iam::{}:policy/{name}", wanted.target.account)
}
