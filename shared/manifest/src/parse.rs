//! Bytes in, a whole manifest or every problem out.

use std::sync::LazyLock;

use serde_json::Value;

use crate::problem::{Problem, Problems, Severity};
use crate::tree::{Place, problem, read};
use crate::{Manifest, rules, schema, shape};

/// Made once: it is larger than most manifests.
static SCHEMA: LazyLock<Value> = LazyLock::new(schema);

/// How many problems are reported: nobody reads more, and an answer stays small.
const MOST: usize = 100;

/// A manifest without errors, and the warnings that it did not acknowledge.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// With all defaults filled in.
    pub manifest: Manifest,
    /// What may not be what the user wants.
    pub warnings: Vec<Problem>,
}

/// Reads and judges a manifest.
///
/// All errors are found in one go: what has the wrong shape is reported and set aside, and the rules judge the rest.
pub fn parse(bytes: &[u8]) -> Result<Checked, Problems> {
    let (tree, mut problems) = read(bytes);
    let mut manifest = None;
    if let Some(tree) = &tree {
        let value = shape::check(&SCHEMA, tree, "", &mut problems);
        let typed = value.map(serde_json::from_value::<Manifest>);
        match typed {
            Some(Ok(typed)) => {
                let typed = complete(typed);
                let findings = rules::judge(&typed, tree);
                let sound: Vec<Problem> = findings.into_iter().filter(|finding| stands(finding, &problems)).collect();
                problems.extend(sound);
                manifest = Some(typed);
            }
            // Every reason has been reported by its place; if none has, schema and types disagree.
            Some(Err(error)) if problems.is_empty() => {
                let message = format!("the manifest cannot be read: {error}");
                problems.push(problem("Unreadable", Place::START, "", &message, "report this as a defect of Landfall"));
            }
            _ => {}
        }
    }
    problems.sort_by(|a, b| (a.line, a.column, a.code).cmp(&(b.line, b.column, b.code)));
    let found = problems.len();
    if found > MOST {
        problems.truncate(MOST);
        let place = problems.last().map_or(Place::START, |last| Place { line: last.line, column: last.column });
        let message = format!("{} more problems follow", found - MOST);
        problems.push(problem("TooManyProblems", place, "", &message, "mend these first"));
    }
    let failed = problems.iter().any(|problem| problem.severity == Severity::Error);
    match manifest {
        Some(manifest) if !failed => Ok(Checked { manifest, warnings: problems }),
        _ => Err(Problems(problems)),
    }
}

/// Fills in the defaults that depend on other fields, so that a later Landfall with other ones shows them as changes.
fn complete(mut manifest: Manifest) -> Manifest {
    let network = &mut manifest.spec.network;
    if network.vpc_id.is_none() {
        network.cidr.get_or_insert_with(crate::Network::default_cidr);
    }
    let spec = &mut manifest.spec;
    if let Some(cluster) = &mut spec.cluster {
        let block = rules::free_service_block(&spec.network);
        cluster.kubernetes_network_config.service_ipv4_cidr.get_or_insert(block);
        if spec.compute.as_ref().is_none_or(crate::Compute::is_empty) {
            spec.compute = Some(crate::Compute::default_for_cluster());
        }
    }
    manifest
}

/// Whether a rule judged what the user wrote, and not what stands in for a field of the wrong shape.
fn stands(finding: &Problem, shape: &[Problem]) -> bool {
    let leans_on = |problem: &Problem| match finding.code {
        "ForeignZone" => problem.path == "spec.region",
        "CidrOverlap" => problem.path.ends_with("cidr"),
        _ => false,
    };
    !shape.iter().any(|problem| problem.path.starts_with(&finding.path) || leans_on(problem))
}
