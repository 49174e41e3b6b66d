//! A model of AWS: things with ids and tags, made and deleted in their own time, seen late, and bound to each other.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use domain::{Fault, FaultName, Identity, Kind, Locator, Outputs, ResourceId, Tags};
use engine::{Actual, CallError, Created, Kinds, Observed, Progress, Resource, Subject};
use jiff::{SignedDuration, Timestamp};
use plan::FieldChange;
use serde_json::Value;

use crate::Clock;

/// A verb of [`Resource`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// `observe`
    Observe,
    /// `create`
    Create,
    /// `update`
    Update,
    /// `delete`
    Delete,
}

/// One call that reached the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Which verb.
    pub verb: Verb,
    /// About which resource.
    pub id: ResourceId,
}

/// What the model does to a call instead of answering it well.
#[derive(Debug, Clone, PartialEq)]
pub enum Injected {
    /// Answers with this fault and does nothing.
    Fault(Fault),
    /// Does what was asked, and the answer is lost.
    AnswerLost,
    /// Does nothing, and no answer comes.
    RequestLost,
    /// Accepts a creation that AWS later gives up on.
    FailsLater(String),
}

#[derive(Debug, Clone)]
struct Thing {
    kind: Kind,
    tags: Tags,
    spec: Value,
    visible: Timestamp,
    ready: Timestamp,
    failure: Option<String>,
    gone: Option<Timestamp>,
}

type Script = Box<dyn FnMut(&Call) -> Option<Injected> + Send>;

/// The model. Clones share one world.
#[derive(Clone)]
pub struct World {
    clock: Arc<Clock>,
    inside: Arc<Mutex<Inside>>,
}

#[derive(Default)]
struct Inside {
    things: BTreeMap<String, Thing>,
    made: u32,
    calls: Vec<Call>,
    script: Option<Script>,
    lag: SignedDuration,
}

impl World {
    /// An empty world.
    pub fn new(clock: Arc<Clock>) -> Self {
        Self { clock, inside: Arc::default() }
    }

    /// Every kind, made in this world.
    pub fn kinds(&self) -> Kinds {
        Kind::ALL.iter().map(|kind| (*kind, Box::new(self.clone()) as Box<dyn Resource>)).collect()
    }

    /// From now on, what is created is seen only after `lag`.
    pub fn visible_after(&self, lag: SignedDuration) {
        self.inside.lock().unwrap().lag = lag;
    }

    /// From now on, `script` is asked about every call.
    pub fn script(&self, script: impl FnMut(&Call) -> Option<Injected> + Send + 'static) {
        self.inside.lock().unwrap().script = Some(Box::new(script));
    }

    /// From now on, every call is answered well.
    pub fn heal(&self) {
        self.inside.lock().unwrap().script = None;
    }

    /// The calls since this was last asked.
    pub fn take_calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.inside.lock().unwrap().calls)
    }

    /// What exists physically, as `locator kind resource`.
    pub fn alive(&self) -> Vec<String> {
        let now = self.clock.now();
        let inside = self.inside.lock().unwrap();
        let alive = inside.things.iter().filter(|(_, thing)| !thing.is_gone(now));
        alive.map(|(locator, thing)| format!("{locator} {} {}", thing.kind, resource_of(&thing.tags))).collect()
    }

    /// Puts a thing into the world that nobody recorded, with these tags.
    pub fn place(&self, locator: &str, kind: Kind, tags: Tags, spec: Value) {
        let now = self.clock.now();
        let thing = Thing { kind, tags, spec, visible: now, ready: now, failure: None, gone: None };
        self.inside.lock().unwrap().things.insert(locator.to_owned(), thing);
    }

    /// Changes a thing behind Landfall's back; `None` deletes it.
    pub fn tamper(&self, locator: &str, spec: Option<Value>) {
        let mut inside = self.inside.lock().unwrap();
        match spec {
            Some(spec) => {
                if let Some(thing) = inside.things.get_mut(locator) {
                    thing.spec = spec;
                }
            }
            None => {
                inside.things.remove(locator);
            }
        }
    }

    fn called(&self, verb: Verb, subject: &Subject) -> Option<Injected> {
        let call = Call { verb, id: subject.id.clone() };
        let mut inside = self.inside.lock().unwrap();
        let injected = inside.script.as_mut().and_then(|script| script(&call));
        inside.calls.push(call);
        injected
    }
}

impl Thing {
    fn is_gone(&self, now: Timestamp) -> bool {
        self.gone.is_some_and(|gone| gone <= now)
    }

    fn observed(&self, locator: &str, now: Timestamp) -> Observed {
        let actual =
            Actual { locator: Locator(locator.to_owned()), properties: self.spec.clone(), outputs: outputs(locator) };
        match &self.failure {
            _ if self.gone.is_some() || self.ready > now => Observed::Pending(actual),
            Some(why) => Observed::Failed(actual, why.clone()),
            None => Observed::Present(actual),
        }
    }
}

#[async_trait]
impl Resource for World {
    async fn observe(&self, subject: &Subject) -> Result<Observed, CallError> {
        before(self.called(Verb::Observe, subject))?;
        let now = self.clock.now();
        let inside = self.inside.lock().unwrap();
        let tags = subject.find_tags();
        let ours = |locator: &str, thing: &Thing| match &subject.locator {
            Some(known) => known.0 == locator,
            None if subject.adopted => thing.spec == subject.spec,
            None => tags.iter().all(|(key, value)| thing.tags.get(key) == Some(value)),
        };
        let found = inside.things.iter().filter(|(locator, thing)| {
            !thing.is_gone(now) && thing.visible <= now && thing.kind == subject.kind && ours(locator, thing)
        });
        let mut seen: Vec<Observed> = found.map(|(locator, thing)| thing.observed(locator, now)).collect();
        Ok(match seen.len() {
            0 => Observed::Absent,
            1 => seen.remove(0),
            _ => Observed::Many(seen.into_iter().filter_map(actual_of).collect()),
        })
    }

    async fn create(&self, subject: &Subject) -> Result<Created, CallError> {
        let injected = self.called(Verb::Create, subject);
        before(injected.clone())?;
        let now = self.clock.now();
        let mut inside = self.inside.lock().unwrap();
        inside.made += 1;
        let locator = format!("{}-{:04}", subject.kind.as_str().to_lowercase(), inside.made);
        let duration = duration(subject.kind);
        let failure = match &injected {
            Some(Injected::FailsLater(why)) => Some(why.clone()),
            _ => None,
        };
        let thing = Thing {
            kind: subject.kind,
            tags: subject.create_tags(&Tags::new()),
            spec: subject.spec.clone(),
            visible: now + inside.lag,
            ready: now + duration,
            failure,
            gone: None,
        };
        inside.things.insert(locator.clone(), thing);
        after(injected)?;
        let progress = if duration.is_zero() { Progress::Done } else { Progress::Pending };
        Ok(Created { outputs: outputs(&locator), locator: Locator(locator), progress })
    }

    async fn update(&self, subject: &Subject, _changes: &[FieldChange]) -> Result<Progress, CallError> {
        let injected = self.called(Verb::Update, subject);
        before(injected.clone())?;
        let mut inside = self.inside.lock().unwrap();
        let thing = inside.things.get_mut(subject.locator()?).ok_or(CallError::NotFound)?;
        thing.spec = subject.spec.clone();
        after(injected)?;
        Ok(Progress::Done)
    }

    async fn delete(&self, subject: &Subject) -> Result<Progress, CallError> {
        let injected = self.called(Verb::Delete, subject);
        before(injected.clone())?;
        let now = self.clock.now();
        let mut inside = self.inside.lock().unwrap();
        let locator = subject.locator()?;
        let in_use = inside.things.iter().find(|(_, thing)| !thing.is_gone(now) && thing.refers_to(locator));
        if let Some((user, _)) = in_use {
            let message = format!("{user} still uses {locator}");
            return Err(CallError::Fault(Fault::new(FaultName::DependencyStillThere, message)));
        }
        let thing = inside.things.get_mut(locator).filter(|thing| !thing.is_gone(now)).ok_or(CallError::NotFound)?;
        let gone = *thing.gone.get_or_insert(now + duration(subject.kind));
        after(injected)?;
        Ok(if gone <= now { Progress::Done } else { Progress::Pending })
    }
}

impl Thing {
    fn refers_to(&self, locator: &str) -> bool {
        fn holds(value: &Value, text: &str) -> bool {
            match value {
                Value::String(string) => string == text,
                Value::Array(items) => items.iter().any(|item| holds(item, text)),
                Value::Object(map) => map.values().any(|item| holds(item, text)),
                _ => false,
            }
        }
        holds(&self.spec, locator)
    }
}

/// How long AWS takes to make or delete a thing of that kind.
fn duration(kind: Kind) -> SignedDuration {
    match kind {
        Kind::NatGateway => SignedDuration::from_secs(105),
        Kind::InterfaceEndpoint => SignedDuration::from_secs(60),
        _ => SignedDuration::ZERO,
    }
}

fn outputs(locator: &str) -> Outputs {
    Outputs::from([("id".to_owned(), locator.to_owned())])
}

fn actual_of(observed: Observed) -> Option<Actual> {
    match observed {
        Observed::Pending(actual) | Observed::Present(actual) | Observed::Failed(actual, _) => Some(actual),
        _ => None,
    }
}

fn resource_of(tags: &Tags) -> &str {
    tags.get(Identity::RESOURCE).map_or("(foreign)", String::as_str)
}

fn before(injected: Option<Injected>) -> Result<(), CallError> {
    match injected {
        Some(Injected::Fault(fault)) => Err(CallError::Fault(fault)),
        Some(Injected::RequestLost) => Err(lost()),
        _ => Ok(()),
    }
}

fn after(injected: Option<Injected>) -> Result<(), CallError> {
    if injected == Some(Injected::AnswerLost) { Err(lost()) } else { Ok(()) }
}

fn lost() -> CallError {
    CallError::Unknown(Fault::new(FaultName::ConnectionLost, "no answer came"))
}
