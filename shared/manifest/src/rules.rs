//! What a manifest must not say although every field is well-formed. Each rule is a function from the manifest to
//! findings; their places are looked up here.

mod accounts;
mod cluster;
mod compute;
mod network;
mod platform;

pub(crate) use cluster::free_service_block;

use crate::Manifest;
use crate::problem::{Problem, Severity};
use crate::tree::Node;

/// What a rule found.
pub(crate) struct Finding {
    pub(crate) severity: Severity,
    pub(crate) code: &'static str,
    pub(crate) path: String,
    pub(crate) message: String,
    pub(crate) fix: String,
}

impl Finding {
    fn error(code: &'static str, path: impl Into<String>, message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { severity: Severity::Error, code, path: path.into(), message: message.into(), fix: fix.into() }
    }

    fn warning(
        code: &'static str,
        path: impl Into<String>,
        message: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, path, message, fix) }
    }
}

/// What `acknowledge` may name: the codes of all warnings, and of what only the plan finds and a user may insist on.
pub(crate) const WARNINGS: &[&str] = &[
    "EndOfSupport",
    "NoWayOut",
    "NoWayToApiServer",
    "NobodyCanLogIn",
    "OnlyTaintedNodes",
    "OpenApiServer",
    "SingleZone",
    "Unprotected",
    "UnroutedPrivateAccess",
    "UpgradeRefused",
];

/// Every finding that the manifest has not acknowledged.
pub(crate) fn judge(manifest: &Manifest, tree: &Node) -> Vec<Problem> {
    let mut findings = Vec::new();
    platform::judge(manifest, &mut findings);
    network::judge(&manifest.spec, &mut findings);
    cluster::judge(&manifest.spec, &mut findings);
    compute::judge(&manifest.spec, &mut findings);
    accounts::judge(&manifest.spec, &mut findings);
    findings.retain(|finding| finding.severity == Severity::Error || !manifest.spec.acknowledges(finding.code));
    findings.into_iter().map(|finding| located(finding, tree)).collect()
}

fn located(finding: Finding, tree: &Node) -> Problem {
    let node = tree.at(&finding.path);
    Problem {
        severity: finding.severity,
        code: finding.code,
        path: finding.path,
        line: node.place.line,
        column: node.place.column,
        text: node.text(),
        message: finding.message,
        fix: finding.fix,
    }
}
