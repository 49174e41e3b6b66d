//! The plan: what should be there.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use domain::{Component, Kind, Record, ResourceId, Target};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Facts;
use crate::reference::resolve_known;

/// The number of a platform's plan, counted from 1. Number 0 is the empty plan: the goal of a teardown.
pub type PlanNumber = u64;

/// How far a needed resource must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Until {
    /// AWS is done with it.
    Ready,
    /// AWS is done with it, and it is as this plan wants it: what comes later in an upgrade waits for what comes first.
    Current,
    /// The same, if it is there at all. This orders changes and is no need: no edge comes of it, and nothing that is
    /// not there is waited for.
    Earlier,
}

/// One resource that another needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Need {
    /// Which one.
    pub resource: ResourceId,
    /// How far it must be.
    pub until: Until,
}

/// A set of resources that the state machine asks for at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Goal {
    /// What takes seconds and everything else stands on.
    Foundation,
    /// The ways out: NAT, routes, endpoints.
    Egress,
    /// The Kubernetes API: the control plane, and who may use it.
    ControlPlane,
    /// What pods run on, and what they need to run: add-ons, nodes, Fargate, roles of service accounts.
    Compute,
}

/// One resource as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Desired {
    /// Its type.
    pub kind: Kind,
    /// Which goal asks for it.
    pub goal: Goal,
    /// The kind's spec (see [`crate::network`] and [`crate::cluster`]), where references may still be open.
    pub spec: Value,
    /// What must be there first. Every resource that the spec refers to is among them.
    pub needs: Vec<Need>,
}

/// Everything that one revision asks for. Immutable once stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Where.
    pub target: Target,
    /// What was asked of AWS to make it.
    pub facts: Facts,
    /// The resources.
    pub resources: BTreeMap<ResourceId, Desired>,
    /// The Kubernetes minor that a further plan goes on to, once this one is carried out and verified: EKS climbs one at
    /// a time. None if this plan goes all the way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl Plan {
    /// The plan that wants nothing: the goal of a teardown.
    pub fn empty(target: Target) -> Self {
        Self { target, facts: Facts::default(), resources: BTreeMap::new(), next: None }
    }

    /// The ids of a component, each after all that it needs.
    pub fn in_order(&self, component: Component) -> Vec<&ResourceId> {
        let mut order = Vec::new();
        let mut seen = BTreeSet::new();
        for id in self.resources.keys().filter(|id| id.component() == component) {
            self.visit(id, &mut seen, &mut order);
        }
        order.retain(|id| id.component() == component);
        order
    }

    fn visit<'a>(&'a self, id: &'a ResourceId, seen: &mut BTreeSet<&'a ResourceId>, order: &mut Vec<&'a ResourceId>) {
        let Some(desired) = self.resources.get(id).filter(|_| seen.insert(id)) else { return };
        for need in desired.needs.iter().filter(|need| need.until != Until::Earlier) {
            self.visit(&need.resource, seen, order);
        }
        order.push(id);
    }

    /// Of each resource that is there the record that the plan means, and what is wanted of it: what nobody knows yet is
    /// still a reference in that.
    pub fn meant<'a>(
        &self,
        records: impl IntoIterator<Item = &'a Record>,
    ) -> BTreeMap<&ResourceId, (&'a Record, Value)> {
        let mut by_id: BTreeMap<&ResourceId, Vec<&Record>> = BTreeMap::new();
        for record in records {
            by_id.entry(&record.id).or_default().push(record);
        }
        let mut meant: BTreeMap<&ResourceId, (&Record, Value)> = BTreeMap::new();
        for id in Component::ALL.iter().flat_map(|component| self.in_order(*component)) {
            let Some(desired) = self.resources.get(id) else { continue };
            let (spec, _) = resolve_known(&desired.spec, &|of| meant.get(of).map(|(record, _)| &record.outputs));
            let there = by_id.get(id).and_then(|all| current(all.iter().copied(), desired.kind, Some(&spec)));
            meant.extend(there.map(|record| (id, (record, spec))));
        }
        meant
    }

    /// The plan as it is carried out from where things stand: the same resources, in an order that AWS allows.
    pub fn facing<'a>(&self, records: impl IntoIterator<Item = &'a Record>) -> Cow<'_, Self> {
        crate::cluster::facing(self, records)
    }
}

/// Which of a resource's records a plan means: the newest that can become what is wanted without being replaced, or else
/// the newest. So a roll-back finds the generation that it left.
pub fn current<'a>(
    records: impl IntoIterator<Item = &'a Record>,
    kind: Kind,
    wanted: Option<&Value>,
) -> Option<&'a Record> {
    let mut newest_first: Vec<&Record> = records.into_iter().collect();
    newest_first.sort_by_key(|record| std::cmp::Reverse(record.generation));
    let fits = |record: &&&Record| {
        wanted.is_some_and(|wanted| !matches!(crate::classify(kind, &record.spec, wanted), crate::Change::Replace(_)))
    };
    newest_first.iter().find(fits).or(newest_first.first()).copied()
}
