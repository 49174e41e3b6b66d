//! The gate: the way to the platform's Kubernetes API, a function that stands in its VPC.
//!
//! It needs nothing but what takes seconds, so that it is made while EKS makes the control plane, and it goes while EKS
//! deletes that.

use std::collections::BTreeMap;

use super::{FunctionSpec, GATE, Wanted, control_plane, roles};
use crate::builder::Builder;
use crate::network::ApiGroups;
use crate::{Goal, LogGroupSpec, Problem, Ref};

/// It forwards one small request at a time.
const MEMORY: u32 = 256;
/// More than the gate itself gives the API server for an answer.
const TIMEOUT: u32 = 15;
/// As for the logs of the installation's own functions.
const RETENTION_DAYS: u32 = 30;

/// Whether a function of that name is the gate of a platform of this installation, as far as names tell.
pub fn is_gate(installation: &str, function: &str) -> bool {
    let rest = function.strip_prefix(installation).and_then(|rest| rest.strip_prefix('_'));
    rest.and_then(|rest| rest.strip_suffix("_gate")).is_some_and(|platform| !platform.is_empty())
}

/// Adds the gate with its role and its log group.
pub(super) fn add(wanted: &Wanted<'_>, groups: &ApiGroups, problems: &mut Vec<Problem>, into: &mut Builder) {
    if wanted.facts.gate_code.is_empty() {
        let message = "the installation has no function `gate` of which the platform's could be a copy";
        let fix = "bring the installation up to this version of Landfall";
        problems.push(Problem::new("NoGate", "spec.cluster", message, fix));
    }
    let (names, tags) = (&wanted.names, wanted.tags);
    let name = names.function("gate");
    let log_group =
        LogGroupSpec { name: format!("{}gate", names.path()), retention_days: RETENTION_DAYS, tags: tags.clone() };
    let log_group = into.add(Goal::Foundation, "log-group-gate", log_group);
    let role = roles::gate(wanted, &name, &log_group, into);
    let spec = FunctionSpec {
        name,
        description: format!("The way to the Kubernetes API of {}", wanted.name()),
        role: Ref::output(&role, "arn"),
        log_group: Ref::output(&log_group, "name"),
        subnets: control_plane::subnets(wanted).into_iter().map(|private| private.subnet.clone()).collect(),
        security_groups: vec![groups.gate.clone()],
        code: wanted.facts.gate_code.clone(),
        // Each request carries a token of Kubernetes: nothing but our code is to see it.
        layers: Vec::new(),
        environment: BTreeMap::new(),
        memory: MEMORY,
        timeout: TIMEOUT,
        tags: tags.clone(),
    };
    into.add(Goal::ControlPlane, GATE, spec);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_is_told_from_the_installations_own_functions() {
        for (name, is) in [
            ("landfall_demo_gate", true),
            ("landfall-gate", false),
            ("landfall-cluster", false),
            ("landfall_demo_gates", false),
            ("other_demo_gate", false),
            ("landfall-demo_web_gate", false),
        ] {
            assert_eq!(is_gate("landfall", name), is, "{name}");
        }
    }
}
