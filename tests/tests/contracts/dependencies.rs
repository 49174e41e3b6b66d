//! Who may know whom. Arrows point one way, and what is pure stays pure.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId};

use crate::repository::{functions, root};

/// The crates of the workspace that a crate may use. Functions without a line of their own share one.
const ARROWS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("manifest", &["domain"]),
    ("plan", &["domain", "manifest"]),
    ("engine", &["domain", "plan"]),
    ("ledger", &["domain", "engine", "manifest", "plan"]),
    ("aws", &["domain", "engine"]),
    ("facts", &["aws", "domain", "engine", "manifest", "plan"]),
    ("resources", &["aws", "domain", "engine", "plan"]),
    ("kube", &["aws", "domain", "engine"]),
    ("lambda", &["aws", "domain", "engine", "ledger", "plan"]),
    // It stands in a platform's VPC, and knows nothing of platforms.
    ("gate", &["aws", "domain", "kube", "lambda"]),
    (FUNCTION, &["aws", "domain", "engine", "facts", "kube", "lambda", "ledger", "manifest", "plan", "resources"]),
    ("landfall", &["domain", "engine", "facts", "kube", "ledger", "manifest", "plan"]),
    ("testkit", &["domain", "engine", "ledger", "manifest", "plan"]),
    ("sandbox", &["domain"]),
    ("xtask", &["domain", "engine", "ledger", "manifest", "plan", "sandbox", "testkit"]),
    ("tests", &["domain", "sandbox", "testkit"]),
];

/// Stands in [`ARROWS`] for every function.
const FUNCTION: &str = "a function";

/// What must not be reached from a crate, not even through others.
const UNREACHABLE: &[(&str, &[&str])] = &[
    ("domain", &["tokio", "reqwest", "lambda_runtime"]),
    ("manifest", &["tokio", "reqwest", "lambda_runtime"]),
    ("plan", &["tokio", "reqwest", "lambda_runtime"]),
    ("engine", &["reqwest", "lambda_runtime"]),
];

#[test]
fn arrows_point_one_way() {
    let metadata = metadata();
    let functions = functions();
    let members: BTreeSet<_> = metadata.workspace_packages().iter().map(|package| package.name.to_string()).collect();
    for package in metadata.workspace_packages() {
        let own = ARROWS.iter().find(|(crate_name, _)| *crate_name == package.name.as_str());
        let of_all = || ARROWS.iter().find(|(crate_name, _)| *crate_name == FUNCTION);
        let shared = || functions.contains(&package.name.to_string()).then(of_all).flatten();
        let Some((_, allowed)) = own.or_else(shared) else {
            panic!("{} has no line in ARROWS: say what it may know", package.name);
        };
        for used in shipped(package).filter(|used| members.contains(*used)) {
            assert!(allowed.contains(&used), "{} must not know {used}", package.name);
        }
    }
}

#[test]
fn what_is_pure_reaches_no_io() {
    let metadata = metadata();
    for (name, forbidden) in UNREACHABLE {
        let reached = reached(&metadata, name);
        for crate_name in *forbidden {
            assert!(!reached.contains(*crate_name), "{name} reaches {crate_name}");
        }
        let sdk = reached.iter().find(|crate_name| crate_name.starts_with("aws-"));
        assert_eq!(sdk, None, "{name} knows no AWS");
    }
}

#[test]
fn only_lambda_knows_the_runtime_and_aws_knows_no_service() {
    let metadata = metadata();
    for package in metadata.workspace_packages() {
        let used: BTreeSet<_> = shipped(package).collect();
        assert!(!used.contains("lambda_runtime") || package.name == "lambda", "{} knows lambda_runtime", package.name);
        if package.name == "aws" {
            let services: Vec<_> =
                used.iter().filter(|name| name.starts_with("aws-sdk-") && **name != "aws-sdk-sts").collect();
            assert!(services.is_empty(), "aws knows {services:?}");
        }
    }
}

#[test]
fn nothing_that_ships_reaches_the_testkit_or_the_sandbox() {
    let metadata = metadata();
    for name in functions().iter().map(String::as_str).chain(["landfall"]) {
        let reached = reached(&metadata, name);
        assert!(!reached.contains("testkit") && !reached.contains("sandbox"), "{name}");
    }
}

fn metadata() -> Metadata {
    MetadataCommand::new().manifest_path(root().join("Cargo.toml")).exec().unwrap()
}

/// What a crate uses outside of its tests.
fn shipped(package: &Package) -> impl Iterator<Item = &str> {
    package.dependencies.iter().filter(|used| used.kind != DependencyKind::Development).map(|used| used.name.as_str())
}

/// Every crate that a crate of the workspace reaches outside of its tests and build scripts, by name.
fn reached(metadata: &Metadata, name: &str) -> BTreeSet<String> {
    let nodes: BTreeMap<_, _> = metadata.resolve.as_ref().unwrap().nodes.iter().map(|node| (&node.id, node)).collect();
    let start = metadata.workspace_packages().into_iter().find(|package| package.name == name).unwrap();
    let mut open: Vec<&PackageId> = vec![&start.id];
    let mut seen = BTreeSet::new();
    while let Some(id) = open.pop() {
        if seen.insert(id) {
            let normal = nodes[id]
                .deps
                .iter()
                .filter(|used| used.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal));
            open.extend(normal.map(|used| &used.pkg));
        }
    }
    seen.remove(&start.id);
    seen.into_iter().map(|id| metadata[id].name.to_string()).collect()
}
