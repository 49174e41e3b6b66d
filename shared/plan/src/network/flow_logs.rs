//! Records of all traffic.

use super::{FlowLogRoleSpec, FlowLogSpec, Ground, LogGroupSpec, Wanted};
use crate::builder::Builder;
use crate::{Goal, Ref};

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

/// Roles are named once in an account, in all regions, and in at most 64 characters: a check sum stands for what tells
/// platforms of the same name apart.
fn role_name(wanted: &Wanted<'_>) -> String {
    let platform = &wanted.manifest.metadata.name;
    let whose = format!("{}/{}/{platform}", wanted.installation, wanted.target.region);
    format!("landfall-{platform}-flow-logs-{:08x}", check_sum(&whose))
}

/// FNV-1a of 32 bits: <https://www.rfc-editor.org/rfc/rfc9923>. Names must never change, so it may be no hasher of the
/// standard library, which may.
fn check_sum(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |sum, byte| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

fn policy_arn(wanted: &Wanted<'_>, name: &str) -> String {
    let partition = match wanted.target.region.as_str() {
        region if region.starts_with("cn-") => "aws-cn",
        region if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    };
    format!("arn:{partition}:iam::{}:policy/{name}", wanted.target.account)
}
