//! Where planned resources are gathered. The one mechanism that says what needs what.

use std::collections::BTreeMap;

use domain::{Kind, ResourceId};
use serde::Serialize;

use crate::reference::referred;
use crate::{Desired, Goal, Need, Until};

/// The spec of one kind.
pub(crate) trait Spec: Serialize {
    /// The kind.
    const KIND: Kind;
}

/// The resources of a plan in the making.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    resources: BTreeMap<ResourceId, Desired>,
}

impl Builder {
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
        let id = ResourceId::new(S::KIND.component(), name);
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

    /// All that was added.
    pub(crate) fn finish(self) -> BTreeMap<ResourceId, Desired> {
        self.resources
    }
}
