//! The policies: one per function, the same in the template, and nothing wider than it must be.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::repository::{functions, json, one_or_many, strings, substitutions, template, text};
use crate::template::logical;

#[test]
fn the_template_holds_the_policy_of_every_function() {
    let template = template();
    for name in functions() {
        let policies =
            template["Resources"][logical(&name, "Role")]["Properties"]["Policies"].as_array().unwrap().clone();
        assert_eq!(policies.len(), 1, "{name}");
        assert_eq!(policies[0]["PolicyDocument"], policy(&name), "{name}: run `cargo xtask generate`");
    }
}

/// Reading the template drops the tags, so that the comparison above cannot see a missing one.
#[test]
fn whatever_is_substituted_in_the_template_is_marked_so() {
    for line in
        text("sam/template.yaml").lines().filter(|line| line.contains("${") && !line.trim_start().starts_with('#'))
    {
        assert!(line.contains("!Sub \""), "{line}");
    }
}

#[test]
fn no_action_is_a_pattern_and_no_statement_stands_twice() {
    for (name, statement) in statements() {
        assert_eq!(statement["Effect"], "Allow", "{name}");
        let actions = one_or_many(&statement["Action"]);
        assert!(actions.iter().all(|action| action.contains(':') && !action.contains('*')), "{name}: {actions:?}");
        assert!(actions.is_sorted(), "{name}: {actions:?} are not in order");
        assert!(statement["NotAction"].is_null() && statement["NotResource"].is_null(), "{name}");
    }
    for name in functions() {
        let sids: Vec<_> =
            policy(&name)["Statement"].as_array().unwrap().iter().map(|one| one["Sid"].to_string()).collect();
        assert_eq!(sids.iter().collect::<BTreeSet<_>>().len(), sids.len(), "{name}: {sids:?}");
    }
}

/// AWS knows no resource for these, so that `*` is all that can be said: they read, or make under our tag.
#[test]
fn only_lists_are_allowed_on_every_resource() {
    for (name, statement) in statements() {
        if one_or_many(&statement["Resource"]).contains(&"*") {
            for action in one_or_many(&statement["Action"]) {
                let verb = action.split_once(':').unwrap().1;
                let looks = verb.starts_with("Describe") || verb.starts_with("List") || action == "tag:GetResources";
                // A key has no name before it is made; it must bear our tag.
                let makes = ["kms:CreateKey", "kms:TagResource"].contains(&action)
                    && !statement["Condition"]["StringEquals"]["aws:RequestTag/landfall:installation"].is_null();
                assert!(looks || makes, "{name}: {action}");
            }
        }
    }
}

#[test]
fn whatever_is_changed_is_narrowed_by_account_or_resource() {
    for (name, statement) in statements() {
        for resource in one_or_many(&statement["Resource"]).into_iter().filter(|resource| *resource != "*") {
            let ours = substitutions(resource).iter().any(|key| key.ends_with(".Arn") || *key == "AWS::AccountId");
            // Hosted zones of endpoints and images are Amazon's own, and a transit gateway may be another account's.
            let theirs = [":hostedzone/", ":image/", ":transit-gateway/"].iter().any(|kind| resource.contains(kind));
            assert!(ours || theirs, "{name}: {resource}");
        }
    }
}

/// The marks of what EKS and its agents make of their own accord, which bears no tag of ours.
const MARKS: &[&str] = &["aws:ResourceTag/aws:eks:cluster-name", "aws:ResourceTag/cluster.k8s.amazonaws.com/name"];

#[test]
fn what_exists_in_ec2_is_changed_only_under_our_tag_or_a_mark_of_eks() {
    for (name, statement) in statements() {
        let changes = one_or_many(&statement["Action"]).into_iter().any(|action| {
            action.starts_with("ec2:Delete") && action != "ec2:DeleteRoute" || action == "ec2:ReleaseAddress"
        });
        if changes {
            let ours =
                statement["Condition"]["StringEquals"]["aws:ResourceTag/landfall:installation"] == "${Installation}";
            let marked = MARKS.iter().any(|mark| statement["Condition"]["StringLike"][mark] == "*");
            assert!(ours || marked, "{name}: {}", statement["Sid"]);
        }
    }
}

#[test]
fn substitutions_name_what_the_template_has() {
    let template = template();
    for (name, statement) in statements() {
        for key in strings(&statement).into_iter().flat_map(substitutions) {
            let known = ["AWS::Partition", "AWS::Region", "AWS::AccountId"].contains(&key)
                || !template["Parameters"][key].is_null()
                || !template["Resources"][key.trim_end_matches(".Arn")].is_null();
            assert!(known, "{name}: ${{{key}}}");
        }
    }
}

fn policy(function: &str) -> Value {
    json(&format!("functions/{function}/policy.json"))
}

/// Every statement of every function, with the function's name.
fn statements() -> Vec<(String, Value)> {
    let of = |name: String| {
        let statements = policy(&name)["Statement"].as_array().unwrap().clone();
        statements.into_iter().map(move |statement| (name.clone(), statement))
    };
    functions().into_iter().flat_map(of).collect()
}
