//! Least privilege, proved: what the functions' policies allow is what the scenarios needed, no more and no less.
//!
//! The sandbox notes of every call which statement it would have been denied without, and every call that was denied. If
//! each action of each statement was needed, and nothing was denied, then any of them taken away denies a call that some
//! scenario makes, and this fails. [`removal`] takes them away in earnest.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use ::sandbox::privileges::{Observed, Scenario};
use serde_json::Value;

use crate::program::{Done, say, workspace};

pub(crate) mod removal;

/// Where the end-to-end tests leave what they needed, a file for each of their sandboxes.
const OBSERVED: &str = "target/tmp/privileges";

/// An action in a statement of a function's policy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Permission {
    function: String,
    statement: String,
    action: String,
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{} {} {}", self.function, self.statement, self.action))
    }
}

/// Forgets what earlier tests needed.
///
/// # Errors
/// If the files cannot be removed.
pub(crate) fn forget() -> Done {
    let folder = workspace().join(OBSERVED);
    if folder.exists() { Ok(std::fs::remove_dir_all(folder)?) } else { Ok(()) }
}

/// Compares the policies with what the scenarios needed, and prints a table of both.
///
/// # Errors
/// Every permission that no scenario needed, and every call that was denied.
pub(crate) fn compare() -> Done {
    let (permissions, observed) = (permissions()?, observed()?);
    let proofs = proofs(&permissions, &observed);
    say(&table(&permissions, &proofs));
    let problems = problems(&permissions, &proofs, &observed);
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n").into()) }
}

/// What the scenarios needed, a part for each sandbox.
fn observed() -> Done<Vec<Observed>> {
    let files = std::fs::read_dir(workspace().join(OBSERVED))?;
    files.map(|file| Ok(serde_json::from_slice(&std::fs::read(file?.path())?)?)).collect()
}

/// Every permission of every function's policy.
fn permissions() -> Done<BTreeSet<Permission>> {
    let mut permissions = BTreeSet::new();
    for folder in std::fs::read_dir(workspace().join("functions"))? {
        let folder = folder?;
        let policy: Value = serde_json::from_slice(&std::fs::read(folder.path().join("policy.json"))?)?;
        permissions.extend(of_policy(&folder.file_name().to_string_lossy(), &policy));
    }
    Ok(permissions)
}

fn of_policy(function: &str, policy: &Value) -> Vec<Permission> {
    let statements = policy["Statement"].as_array().into_iter().flatten();
    let of = |statement: &Value| -> Vec<Permission> {
        let sid = statement["Sid"].as_str().unwrap_or_default().to_owned();
        let actions = statement["Action"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let permission = |action: &str| Permission {
            function: function.to_owned(),
            statement: sid.clone(),
            action: action.to_owned(),
        };
        actions.map(permission).collect()
    };
    statements.flat_map(of).collect()
}

/// For each permission that was needed: a scenario that needed it.
fn proofs(permissions: &BTreeSet<Permission>, observed: &[Observed]) -> BTreeMap<Permission, String> {
    let proof = |permission: &Permission| {
        let fewest = needing(observed, permission).into_iter().min_by_key(Vec::len)?;
        Some((permission.clone(), scenario(&fewest)))
    };
    permissions.iter().filter_map(proof).collect()
}

/// The scenarios that ran each time that it was needed. None if others than they needed it.
fn needing<'a>(observed: &'a [Observed], permission: &Permission) -> Vec<Vec<&'a str>> {
    let mut found = Vec::new();
    for world in observed {
        for needed in &world.privileges.needed {
            if is_role_of(&needed.role, &permission.function)
                && permission.statement == needed.statement
                && permission.action == needed.action
            {
                found.extend(needed.at.iter().map(|at| running(&world.scenarios, *at)));
            }
        }
    }
    found.retain(|names| !names.is_empty());
    found
}

/// Stands behind a scenario's name where others ran at the same time.
const MANY: &str = "or one beside it";

fn scenario(running: &[&str]) -> String {
    match running {
        [only] => (*only).to_owned(),
        [first, ..] => format!("{first}, {MANY}"),
        [] => String::new(),
    }
}

/// The scenarios that ran at that time.
fn running(scenarios: &[Scenario], at: i64) -> Vec<&str> {
    let at_the_time = scenarios
        .iter()
        .filter(|scenario| scenario.begun.as_millisecond() <= at && at <= scenario.ended.as_millisecond());
    at_the_time.map(|scenario| scenario.name.as_str()).collect()
}

/// Roles of the sandbox's stack are named `landfall-NetworkRole-…`.
fn is_role_of(role: &str, function: &str) -> bool {
    let (first, rest) = function.split_at(1);
    role.contains(&format!("-{}{rest}Role-", first.to_uppercase()))
}

fn table(permissions: &BTreeSet<Permission>, proofs: &BTreeMap<Permission, String>) -> String {
    let row = |permission: &Permission| {
        let Permission { function, statement, action } = permission;
        let proof = proofs.get(permission).map_or("no scenario", String::as_str);
        format!("  {function:<9} {action:<40} {statement:<32} {proof}\n")
    };
    permissions.iter().map(row).collect()
}

fn problems(
    permissions: &BTreeSet<Permission>,
    proofs: &BTreeMap<Permission, String>,
    observed: &[Observed],
) -> Vec<String> {
    let unproved = permissions.iter().filter(|permission| !proofs.contains_key(permission));
    let unproved = unproved.map(|Permission { function, statement, action }| {
        format!("functions/{function}/policy.json: no scenario needs {action} in {statement}: take it out, or add one")
    });
    let denied = observed.iter().flat_map(|world| {
        world.privileges.denied.iter().map(|denied| {
            let during = running(&world.scenarios, denied.at).join(", ");
            format!("{} was denied {} on {} during: {during}", denied.role, denied.action, denied.resource)
        })
    });
    unproved.chain(denied).collect::<BTreeSet<_>>().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use ::sandbox::privileges::{Denied, Needed, Privileges};
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;

    fn permissions() -> BTreeSet<Permission> {
        let policy = json!({"Statement": [
            {"Sid": "Make", "Action": ["ec2:CreateVpc"]}, {"Sid": "MakeInside", "Action": ["ec2:CreateVpc"]},
        ]});
        of_policy("network", &policy).into_iter().collect()
    }

    fn observed(statements: &[&str]) -> Observed {
        let at = |second| Timestamp::from_second(second).unwrap();
        let scenario =
            |name: &str, begun, ended| Scenario { name: name.to_owned(), begun: at(begun), ended: at(ended) };
        let needed = |statement: &&str| Needed {
            role: "landfall-NetworkRole-1A2B".to_owned(),
            statement: (*statement).to_owned(),
            action: "ec2:CreateVpc".to_owned(),
            at: vec![2_000, 4_000],
        };
        Observed {
            scenarios: vec![scenario("one", 1, 3), scenario("two", 1, 5)],
            privileges: Privileges { needed: statements.iter().map(needed).collect(), denied: Vec::new() },
        }
    }

    fn problems_of(observed: Observed) -> Vec<String> {
        let (permissions, observed) = (permissions(), [observed]);
        problems(&permissions, &proofs(&permissions, &observed), &observed)
    }

    #[test]
    fn each_action_of_each_statement_must_be_needed() {
        assert_eq!(problems_of(observed(&["Make", "MakeInside"])), Vec::<String>::new());
        let problems = problems_of(observed(&["Make"]));
        assert_eq!(problems.len(), 1);
        assert!(problems[0].contains("ec2:CreateVpc in MakeInside"), "{problems:?}");
    }

    #[test]
    fn a_scenario_that_ran_alone_is_named_before_others() {
        let (permissions, observed) = (permissions(), [observed(&["Make"])]);
        let proofs = proofs(&permissions, &observed);
        assert_eq!(proofs.values().collect::<Vec<_>>(), ["two"]);
        assert!(table(&permissions, &proofs).contains("MakeInside                       no scenario"));
    }

    #[test]
    fn whatever_is_denied_fails() {
        let mut observed = observed(&["Make", "MakeInside"]);
        let denied = ("landfall-NetworkRole-1A2B", "ec2:DeleteVpc", "arn:aws:ec2:eu-west-1:1:vpc/vpc-1");
        observed.privileges.denied.push(Denied {
            role: denied.0.to_owned(),
            action: denied.1.to_owned(),
            resource: denied.2.to_owned(),
            at: 4_000,
        });
        let problems = problems_of(observed);
        assert_eq!(problems.len(), 1);
        assert!(problems[0].ends_with("vpc/vpc-1 during: two"), "{problems:?}");
    }

    #[test]
    fn no_role_of_a_machine_is_taken_for_a_functions() {
        assert!(is_role_of("landfall-TeardownRole-1A2B", "teardown"));
        assert!(!is_role_of("landfall-TeardownMachineRole-1A2B", "teardown"));
    }
}
