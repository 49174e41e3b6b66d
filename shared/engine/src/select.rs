//! Which resources a pass is about, and whether what they need is there. Pure.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Edge, Epoch, Generation, Kind, Outputs, Record, ResourceId, State};
use plan::{Change, Desired, Goal, Plan, Until, classify, current, resolve};
use serde_json::Value;

use crate::{Order, Pass, Stored, Wanted};

/// One generation of one resource that the pass is about.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) id: ResourceId,
    pub(crate) kind: Kind,
    pub(crate) generation: Generation,
    /// The generation that a replacement would have.
    pub(crate) next_generation: Generation,
    pub(crate) wanted: Option<Wanted>,
    pub(crate) stored: Option<Stored>,
}

/// What can be worked on now, and what cannot, with the reason.
#[derive(Debug, Default)]
pub(crate) struct Selection {
    pub(crate) tasks: Vec<Task>,
    pub(crate) blocked: Vec<(ResourceId, String)>,
}

/// The records of a platform, seen from a plan.
struct View<'a> {
    plan: &'a Plan,
    by_id: BTreeMap<&'a ResourceId, Vec<&'a Stored>>,
    /// The record that the plan means, and its resolved spec, for every id whose references are known.
    meant: BTreeMap<&'a ResourceId, (Option<&'a Stored>, Option<Value>)>,
    /// What is there and will be replaced, and all that stands on such: whoever needs one of these waits for the new one.
    passing: BTreeSet<&'a ResourceId>,
}

pub(crate) fn select(order: &Order<'_>, records: &[Stored]) -> Selection {
    let plan = order.plan.facing(records.iter().map(|stored| &stored.record));
    let view = View::new(&plan, records);
    match order.pass {
        Pass::Converge(goal) => {
            let mut selection = view.wanted(order.component, Some(goal));
            selection.tasks.retain(|task| !is_confirmed(task, order.fence.epoch));
            let giving_way = view.giving_way(goal, records);
            let leaving = view.leaving(order.component, records, &|stored| giving_way.contains(&stored.record.edge()));
            selection.tasks.extend(leaving.tasks);
            selection.blocked.extend(leaving.blocked);
            selection
        }
        Pass::Verify => view.wanted(order.component, None),
        Pass::Prune => view.leaving(order.component, records, &|stored| !view.means(stored)),
    }
}

/// Whether this phase itself has seen it as wanted. After more than one attempt a surplus may still come to light.
fn is_confirmed(task: &Task, epoch: Epoch) -> bool {
    let (Some(stored), Some(wanted)) = (&task.stored, &task.wanted) else { return false };
    let record = &stored.record;
    record.state == State::Ready
        && record.confirmed == Some(epoch)
        && record.attempts <= 1
        && record.spec == wanted.spec
        && record.needs == wanted.needs
}

impl<'a> View<'a> {
    fn new(plan: &'a Plan, records: &'a [Stored]) -> Self {
        let mut by_id: BTreeMap<&ResourceId, Vec<&Stored>> = BTreeMap::new();
        for stored in records {
            by_id.entry(&stored.record.id).or_default().push(stored);
        }
        let mut view = Self { plan, by_id, meant: BTreeMap::new(), passing: BTreeSet::new() };
        for component in domain::Component::ALL {
            for id in plan.in_order(*component) {
                let Some(desired) = plan.resources.get(id) else { continue };
                let spec = resolve(&desired.spec, &|of| view.outputs(of)).ok();
                let stored = view.current(id, desired.kind, spec.as_ref());
                if view.stands_on_passing(desired) || is_replaced(desired.kind, stored, spec.as_ref()) {
                    view.passing.insert(id);
                }
                view.meant.insert(id, (stored, spec));
            }
        }
        view
    }

    fn current(&self, id: &ResourceId, kind: Kind, spec: Option<&Value>) -> Option<&'a Stored> {
        let all = self.by_id.get(id)?;
        let chosen = current(all.iter().map(|stored| &stored.record), kind, spec)?;
        all.iter().find(|stored| stored.record.generation == chosen.generation).copied()
    }

    fn stands_on_passing(&self, desired: &Desired) -> bool {
        // What only goes earlier is nothing to stand on.
        let mut grounds = desired.needs.iter().filter(|need| need.until != Until::Earlier);
        grounds.any(|need| self.passing.contains(&need.resource))
    }

    fn record(&self, id: &ResourceId) -> Option<&'a Stored> {
        self.meant.get(id)?.0
    }

    fn outputs(&self, id: &ResourceId) -> Option<&'a Outputs> {
        self.record(id).map(|stored| &stored.record.outputs)
    }

    /// The resources of a goal, or of the whole component, whose needs are met.
    fn wanted(&self, component: domain::Component, goal: Option<Goal>) -> Selection {
        let mut selection = Selection::default();
        for id in self.plan.in_order(component) {
            let Some(desired) = self.plan.resources.get(id) else { continue };
            if goal.is_some_and(|goal| goal != desired.goal) {
                continue;
            }
            if goal.is_some() && self.gives_way(id, desired) {
                selection.blocked.push((id.clone(), "waits until the one before is gone".to_owned()));
                continue;
            }
            if let Some(surplus) = self.standing_in_the_way(id, desired).next() {
                selection.blocked.push((id.clone(), format!("waits until {} is gone", surplus.record.edge())));
                continue;
            }
            match self.ready(desired) {
                Ok(wanted) => selection.tasks.push(self.task(id, desired.kind, wanted)),
                Err(reason) => selection.blocked.push((id.clone(), reason)),
            }
        }
        selection
    }

    fn task(&self, id: &ResourceId, kind: Kind, wanted: Wanted) -> Task {
        let newest = self.by_id.get(id).and_then(|all| all.iter().map(|stored| stored.record.generation).max());
        let stored = self.record(id).cloned();
        Task {
            id: id.clone(),
            kind,
            generation: stored.as_ref().map_or(Generation::FIRST, |stored| stored.record.generation),
            next_generation: newest.map_or(Generation::FIRST, Generation::next),
            wanted: Some(wanted),
            stored,
        }
    }

    /// What a resource is made from once all that it needs is there, or what it waits for.
    fn ready(&self, desired: &Desired) -> Result<Wanted, String> {
        let mut needs = Vec::new();
        for need in &desired.needs {
            let record = self.record(&need.resource).map(|stored| &stored.record);
            let met = record.is_some_and(|record| match need.until {
                Until::Ready => matches!(record.state, State::Ready | State::Updating(_)),
                Until::Current | Until::Earlier => {
                    record.state == State::Ready && self.is_current(&need.resource, record)
                }
            });
            match record {
                _ if need.until == Until::Earlier && (met || record.is_none()) => {}
                Some(_) if self.passing.contains(&need.resource) => {
                    return Err(format!("waits for {}, which is being replaced", need.resource));
                }
                Some(record) if met => needs.push(record.edge()),
                Some(record) => return Err(format!("waits for {}, which is {}", need.resource, record.state.word())),
                None => return Err(format!("waits for {}", need.resource)),
            }
        }
        needs.sort();
        let spec =
            resolve(&desired.spec, &|of| self.outputs(of)).map_err(|unresolved| format!("waits: {unresolved}"))?;
        Ok(Wanted { spec, needs })
    }

    /// Whether what was applied last is what the plan wants now.
    fn is_current(&self, id: &ResourceId, record: &Record) -> bool {
        let spec = self.meant.get(id).and_then(|(_, spec)| spec.as_ref());
        spec.is_some_and(|spec| classify(record.kind, &record.spec, spec) == Change::None)
    }

    /// Whether the plan means this record.
    fn means(&self, stored: &Stored) -> bool {
        self.record(&stored.record.id).is_some_and(|other| other.record == stored.record)
    }

    /// Whether what is there must go before what is wanted is made.
    fn gives_way(&self, id: &ResourceId, desired: &Desired) -> bool {
        let Some((stored, spec)) = self.meant.get(id) else { return false };
        desired.kind.is_exclusive() && is_replaced(desired.kind, *stored, spec.as_ref())
    }

    /// What stands on a resource that follows what stands on it, and cannot follow because the plan does not want it.
    fn standing_in_the_way(&self, id: &ResourceId, desired: &Desired) -> impl Iterator<Item = &'a Stored> {
        let follows = desired.needs.iter().any(|need| need.until == Until::Earlier);
        let ground = self.record(id).filter(|_| follows).map(|stored| stored.record.edge());
        let stored = self.by_id.values().flatten().copied();
        stored.filter(move |stored| {
            ground.as_ref().is_some_and(|ground| stored.record.needs.contains(ground)) && !self.means(stored)
        })
    }

    /// What must go before a goal is reached: what gives way or stands in the way, and all that stands on it.
    fn giving_way(&self, goal: Goal, records: &[Stored]) -> BTreeSet<Edge> {
        let of_goal = self.plan.resources.iter().filter(|(_, desired)| desired.goal == goal);
        let mut going: BTreeSet<Edge> = BTreeSet::new();
        for (id, desired) in of_goal {
            let old = self.record(id).filter(|_| self.gives_way(id, desired));
            going.extend(
                old.into_iter().chain(self.standing_in_the_way(id, desired)).map(|stored| stored.record.edge()),
            );
        }
        loop {
            let stands = |stored: &&Stored| stored.record.needs.iter().any(|need| going.contains(need));
            let more: Vec<Edge> = records.iter().filter(stands).map(|stored| stored.record.edge()).collect();
            let before = going.len();
            going.extend(more);
            if going.len() == before {
                return going;
            }
        }
    }

    /// Those records of a component that are to go, if no live record uses them.
    fn leaving(&self, component: domain::Component, records: &[Stored], goes: &dyn Fn(&Stored) -> bool) -> Selection {
        let mut selection = Selection::default();
        for stored in records.iter().filter(|stored| stored.record.id.component() == component && goes(stored)) {
            let edge: Edge = stored.record.edge();
            match records.iter().find(|other| other.record.needs.contains(&edge)) {
                Some(user) => {
                    selection.blocked.push((edge.resource, format!("is still used by {}", user.record.edge())));
                }
                None => selection.tasks.push(Task {
                    id: edge.resource,
                    kind: stored.record.kind,
                    generation: edge.generation,
                    next_generation: edge.generation,
                    wanted: None,
                    stored: Some(stored.clone()),
                }),
            }
        }
        selection
    }
}

/// Whether what is there cannot become what is wanted. What existed before us is never made, so nothing replaces it.
fn is_replaced(kind: Kind, stored: Option<&Stored>, spec: Option<&Value>) -> bool {
    let (Some(stored), Some(spec)) = (stored, spec) else { return false };
    !kind.is_given() && matches!(classify(kind, &stored.record.spec, spec), Change::Replace(_))
}
