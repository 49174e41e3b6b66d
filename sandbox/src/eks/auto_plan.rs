//! What becomes of the nodes of EKS Auto Mode, decided from what is there and what its pods ask for. Pure.
//!
//! <https://docs.aws.amazon.com/eks/latest/userguide/create-node-pool.html#_disruption>: a single budget of 10 % of the nodes,
//! which is one of up to ten; <https://karpenter.sh/docs/concepts/disruption/>: a node that drifted gets a replacement first,
//! then takes no pods any more, loses those it has as their budgets let it, and ends.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::auto_node::AutoNode;
use crate::kubernetes::{Claim, Demand};

/// What is known when it is decided.
#[derive(Debug)]
pub(super) struct View<'a> {
    pub(super) nodes: &'a [AutoNode],
    /// The pools that the cluster names.
    pub(super) pools: &'a [String],
    /// The minor of the control plane.
    pub(super) version: &'a str,
    pub(super) demand: &'a Demand,
    pub(super) now: Timestamp,
    /// For how long a node may be empty.
    pub(super) idle: Duration,
}

/// What is to be done; nodes are named by their instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Another node, in place of one that is there or of none.
    Launch { claim: Claim, replaces: Option<String> },
    /// A node is to lose its pods.
    Disrupt(String),
    /// A node goes.
    End(String),
    /// From now on a node is empty.
    Rest(String),
    /// It is no longer.
    Wake(String),
}

/// Everything that is to be done now. While a node is on its way nothing is launched: what it makes room for is not known.
pub(super) fn decide(view: &View<'_>) -> Vec<Step> {
    let mut steps: Vec<Step> = view.nodes.iter().filter_map(|node| view.next(node)).collect();
    if view.nodes.iter().all(|node| node.has_joined) {
        steps.extend(view.replacement());
        let missing = view.demand.claims.iter().cloned();
        steps.extend(missing.map(|claim| Step::Launch { claim, replaces: None }));
    }
    steps
}

impl View<'_> {
    fn next(&self, node: &AutoNode) -> Option<Step> {
        let id = || node.id.clone();
        let is_empty = self.demand.empty.contains(&node.id);
        let leaves = !self.pools.contains(&node.claim.pool) || self.replaces(node).is_some_and(|new| new.has_joined);
        if !node.has_joined {
            return None;
        }
        if node.is_disrupted || leaves {
            return if is_empty { Some(Step::End(id())) } else { (!node.is_disrupted).then(|| Step::Disrupt(id())) };
        }
        let is_needed = !is_empty || self.is_replacing(node);
        let since = node.idle_since.map(|since| self.now.duration_since(since));
        match since {
            None => (!is_needed).then(|| Step::Rest(id())),
            Some(_) if is_needed => Some(Step::Wake(id())),
            Some(since) => (since >= SignedDuration::try_from(self.idle).unwrap_or_default()).then(|| Step::End(id())),
        }
    }

    /// One node of an older or newer minor at a time; an empty one ends anyhow.
    fn replacement(&self) -> Option<Step> {
        if self.nodes.iter().any(|node| node.is_disrupted || self.is_replacing(node)) {
            return None;
        }
        let moves = |node: &&AutoNode| {
            let stays = self.demand.empty.contains(&node.id) || self.demand.held.contains(&node.id);
            node.version != self.version && self.pools.contains(&node.claim.pool) && !stays
        };
        let node = self.nodes.iter().find(moves)?;
        Some(Step::Launch { claim: node.claim.clone(), replaces: Some(node.id.clone()) })
    }

    fn replaces(&self, node: &AutoNode) -> Option<&AutoNode> {
        self.nodes.iter().find(|other| other.replaces.as_ref() == Some(&node.id))
    }

    fn is_replacing(&self, node: &AutoNode) -> bool {
        self.nodes.iter().any(|other| node.replaces.as_ref() == Some(&other.id))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    const OLD: &str = "1.34";
    const NEW: &str = "1.35";
    const IDLE: Duration = Duration::from_secs(30);

    fn claim(pool: &str) -> Claim {
        Claim { pool: pool.into(), instance_type: "c6a.large".into(), zone: "eu-west-1a".into() }
    }

    fn node(id: &str, version: &str) -> AutoNode {
        AutoNode {
            id: id.into(),
            instance: Value::Null,
            claim: claim("general-purpose"),
            version: version.into(),
            has_joined: true,
            is_disrupted: false,
            replaces: None,
            idle_since: None,
        }
    }

    fn told(claims: &[Claim], empty: &[&str], held: &[&str]) -> Demand {
        let texts = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect();
        Demand { claims: claims.to_vec(), empty: texts(empty), held: texts(held) }
    }

    fn decided(nodes: &[AutoNode], demand: &Demand) -> Vec<Step> {
        let now = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(100);
        let pools = ["general-purpose".to_owned()];
        decide(&View { nodes, pools: &pools, version: NEW, demand, now, idle: IDLE })
    }

    fn empty_since(second: i64) -> AutoNode {
        AutoNode { idle_since: Timestamp::from_second(second).ok(), ..node("i-1", NEW) }
    }

    #[test]
    fn a_claim_brings_a_node_unless_one_is_on_its_way() {
        let missing = told(&[claim("general-purpose")], &[], &[]);
        for there in [vec![], vec![node("i-1", NEW)]] {
            let launch = Step::Launch { claim: claim("general-purpose"), replaces: None };
            assert_eq!(decided(&there, &missing), [launch]);
        }
        assert_eq!(decided(&[AutoNode { has_joined: false, ..node("i-1", NEW) }], &missing), []);
    }

    #[test]
    fn a_node_that_stays_empty_goes() {
        let (empty, used) = (told(&[], &["i-1"], &[]), told(&[], &[], &[]));
        assert_eq!(decided(&[node("i-1", NEW)], &empty), [Step::Rest("i-1".into())]);
        assert_eq!(decided(&[node("i-1", NEW)], &used), []);
        assert_eq!(decided(&[empty_since(71)], &empty), []);
        assert_eq!(decided(&[empty_since(71)], &used), [Step::Wake("i-1".into())]);
        assert_eq!(decided(&[empty_since(70)], &empty), [Step::End("i-1".into())]);
    }

    #[test]
    fn nodes_of_another_minor_are_replaced_one_after_the_other() {
        let (used, empty) = (told(&[], &[], &[]), |id| told(&[], &[id], &[]));
        let (one, two) = (node("i-1", OLD), node("i-2", OLD));
        let launch = |id: &str| Step::Launch { claim: claim("general-purpose"), replaces: Some(id.into()) };
        assert_eq!(decided(&[one.clone(), two.clone()], &used), [launch("i-1")]);
        let coming = AutoNode { has_joined: false, replaces: Some("i-1".into()), ..node("i-3", NEW) };
        assert_eq!(decided(&[one.clone(), two.clone(), coming.clone()], &used), []);
        let joined = AutoNode { has_joined: true, ..coming };
        let all = [one.clone(), two.clone(), joined.clone()];
        assert_eq!(decided(&all, &empty("i-3")), [Step::Disrupt("i-1".into())], "the new one waits for its pods");
        let drained = AutoNode { is_disrupted: true, ..one };
        let all = [drained, two.clone(), joined.clone()];
        assert_eq!(decided(&all, &empty("i-3")), [], "a budget keeps the pods");
        assert_eq!(decided(&all, &empty("i-1")), [Step::End("i-1".into())]);
        assert_eq!(decided(&[two, joined], &used), [launch("i-2")]);
    }

    #[test]
    fn a_node_with_a_pod_that_nobody_may_move_stays() {
        assert_eq!(decided(&[node("i-1", OLD)], &told(&[], &[], &["i-1"])), []);
        let next = Step::Launch { claim: claim("general-purpose"), replaces: Some("i-2".into()) };
        assert_eq!(decided(&[node("i-1", OLD), node("i-2", OLD)], &told(&[], &[], &["i-1"])), [next]);
    }

    #[test]
    fn the_nodes_of_a_pool_that_is_gone_go_when_their_pods_have() {
        let of_system = |id: &str| AutoNode { claim: claim("system"), ..node(id, OLD) };
        let all = [of_system("i-1"), of_system("i-2")];
        let expected = [Step::End("i-1".into()), Step::Disrupt("i-2".into())];
        assert_eq!(decided(&all, &told(&[], &["i-1"], &[])), expected);
    }
}
