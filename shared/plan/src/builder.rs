//! Where planned resources are gathered. The one mechanism that says what needs what.

use std::collections::BTreeMap;

use domain::{Component, Kind, ResourceId};
use serde::Serialize;

use crate::reference::referred;
use crate::{Desired, Goal, Need, Until};

/// The spec of one kind.
pub(crate) trait Spec: Serialize {
    /// The kind.
    const KIND: Kind;
}

/// The resources of one component of a plan in the making.
#[derive(Debug)]
pub(crate) struct Builder {
    component: Component,
    resources: BTreeMap<ResourceId, Desired>,
}

impl Builder {
    /// Nothing yet of that component.
    pub(crate) fn new(component: Component) -> Self {
        Self { component, resources: BTreeMap::new() }
    }

    /// Adds a resource of the spec's kind. It needs everything that its spec refers to, until that is ready.
    pub(crate) fn add<S: Spec>(&mut self, goal: Goal, name: impl Into<String>, spec: S) -> ResourceId {
        self.add_after(goal, name, spec, [])
    }

    /// The same for one that also needs what its spec does not name.
    pub(crate) fn add_after<S: Spec>(
        &mut self,
        goal: Goal,
        name: impl Into<String>,
        spec: S,
        also: impl IntoIterator<Item = ResourceId>,
    ) -> ResourceId {
        let id = ResourceId::new(self.component, name);
        #[expect(clippy::expect_used, reason = "specs are structs of text, numbers, lists and maps with text keys")]
        let spec = serde_json::to_value(spec).expect("every spec becomes JSON");
        let mut needed = referred(&spec);
        needed.extend(also);
        needed.sort();
        needed.dedup();
        let needs = needed.into_iter().map(|resource| Need { resource, until: Until::Ready }).collect();
        self.resources.insert(id.clone(), Desired { kind: S::KIND, goal, spec, needs });
        id
    }

    /// The same for one that needs others in its own way.
    pub(crate) fn add_needing<S: Spec>(
        &mut self,
        goal: Goal,
        name: impl Into<String>,
        spec: S,
        needs: impl IntoIterator<Item = Need>,
    ) -> ResourceId {
        let id = self.add(goal, name, spec);
        if let Some(desired) = self.resources.get_mut(&id) {
            for need in needs {
                desired.needs.retain(|known| known.resource != need.resource);
                desired.needs.push(need);
            }
            desired.needs.sort_by(|a, b| a.resource.cmp(&b.resource));
        }
        id
    }

    /// The ids of what was added of certain kinds.
    pub(crate) fn of_kinds(&self, kinds: &[Kind]) -> Vec<ResourceId> {
        let found = self.resources.iter().filter(|(_, desired)| kinds.contains(&desired.kind));
        found.map(|(id, _)| id.clone()).collect()
    }

    /// All that was added.
    pub(crate) fn finish(self) -> BTreeMap<ResourceId, Desired> {
        self.resources
    }
}
