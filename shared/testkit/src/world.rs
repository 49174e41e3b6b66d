//! A model of AWS: things with ids and tags, made and deleted in their own time, seen late, and bound to each other.
//!
//! It is as unkind as AWS may be, and no more: reads lag behind writes, a lost answer says nothing about the effect, a
//! request may arrive after its caller gave up, what is asynchronous fails late, what has failed may be there to stay, of
//! some things there may be only one, a client token answers for what it made even when that is gone, what others use
//! cannot be deleted, or leaves them dangling, and changes take their time, one after the other, and may fail.
//!
//! Whoever calls it for ever without letting time pass is ended by a panic, so that a test fails instead of never ending.

mod injected;
mod thing;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use domain::{Epoch, Fault, FaultName, Identity, Kind, Locator, Outputs, Tags, Token};
use engine::{CallError, Created, Kinds, Observed, Progress, Resource, Subject};
use jiff::{SignedDuration, Timestamp};
use plan::FieldChange;
use serde_json::Value;

use crate::{Clock, Turns};
use injected::{after, before};
use thing::{Thing, duration, outputs};

pub use injected::{Call, Injected, Verb};

/// Something that a call changed, or tried to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// When the call was begun.
    pub begun: Timestamp,
    /// When it had its effect.
    pub at: Timestamp,
    /// In whose name ([`World::act_as`]).
    pub epoch: Epoch,
    /// The last moment at which its caller could begin a call.
    pub last_call: Timestamp,
    /// What was done.
    pub verb: Verb,
    /// To what.
    pub locator: String,
    /// Whether a deletion left somebody who refers to it.
    pub dangling: bool,
    /// Whether the same change had failed in the same phase.
    pub again: bool,
    /// Whether it was made to refer to what AWS was not done with, or had given up on.
    pub early: bool,
}

/// For how long AWS calls what it gave up on unhealthy.
const UNHEALTHY: SignedDuration = SignedDuration::from_secs(50);

/// How many calls may come at one moment: far more than all callers of a test together make.
const AT_ONE_MOMENT: u32 = 5_000;

type Script = Box<dyn FnMut(&Call) -> Option<Injected> + Send>;
type Lag = Box<dyn FnMut() -> SignedDuration + Send>;

/// The model. Clones share one world.
#[derive(Clone)]
pub struct World {
    clock: Arc<Clock>,
    turns: Arc<Turns>,
    inside: Arc<Mutex<Inside>>,
}

#[derive(Default)]
struct Inside {
    things: BTreeMap<String, Thing>,
    tokens: BTreeMap<Token, String>,
    /// Requests that are still under way although their callers gave up.
    late: Vec<(Timestamp, Request)>,
    made: u32,
    calls: Vec<Call>,
    effects: Vec<Effect>,
    script: Option<Script>,
    lag: Option<Lag>,
    actor: (Epoch, Timestamp),
    /// How many calls came at this moment.
    moment: (Timestamp, u32),
}

/// What a caller wants done.
#[derive(Debug, Clone)]
struct Request {
    verb: Verb,
    subject: Subject,
    begun: Timestamp,
    actor: (Epoch, Timestamp),
    fails: Option<String>,
    half: bool,
}

impl World {
    /// An empty world, whose callers give way at `turns`.
    pub fn new(clock: Arc<Clock>, turns: Arc<Turns>) -> Self {
        Self { clock, turns, inside: Arc::default() }
    }

    /// Every kind, made in this world.
    pub fn kinds(&self) -> Kinds {
        Kind::ALL.iter().map(|kind| (*kind, Box::new(self.clone()) as Box<dyn Resource>)).collect()
    }

    /// From now on, what is created is seen only after `lag`, which is asked for each.
    pub fn visible_after(&self, lag: impl FnMut() -> SignedDuration + Send + 'static) {
        self.lock().lag = Some(Box::new(lag));
    }

    /// From now on, `script` is asked about every call.
    pub fn script(&self, script: impl FnMut(&Call) -> Option<Injected> + Send + 'static) {
        self.lock().script = Some(Box::new(script));
    }

    /// From now on, every call is answered well.
    pub fn heal(&self) {
        self.lock().script = None;
    }

    /// From now on, calls are made in the name of this epoch, by a caller who should begin none after `last_call`. It
    /// changes nothing; [`World::effects`] tell it.
    pub fn act_as(&self, epoch: Epoch, last_call: Timestamp) {
        self.lock().actor = (epoch, last_call);
    }

    /// The calls since this was last asked.
    pub fn take_calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.lock().calls)
    }

    /// All that was ever changed, in order.
    pub fn effects(&self) -> Vec<Effect> {
        self.lock().effects.clone()
    }

    /// What exists physically, as `locator kind resource`.
    pub fn alive(&self) -> Vec<String> {
        let now = self.clock.now();
        let inside = self.lock();
        let alive = inside.things.iter().filter(|(_, thing)| !thing.is_gone(now) && !thing.is_dead(now));
        alive.map(|(locator, thing)| format!("{locator} {} {}", thing.kind, resource_of(&thing.tags))).collect()
    }

    /// The spec that a thing has, if it is there.
    pub fn spec(&self, locator: &str) -> Option<Value> {
        let now = self.clock.now();
        self.lock().things.get(locator).filter(|thing| !thing.is_gone(now)).map(|thing| thing.spec.clone())
    }

    /// Puts a thing into the world that nobody recorded, with these tags.
    pub fn place(&self, locator: &str, kind: Kind, tags: Tags, spec: Value) {
        let now = self.clock.now();
        let thing = Thing {
            kind,
            tags,
            spec,
            visible: now,
            ready: now,
            failure: None,
            unfinished: false,
            gone: None,
            change: None,
            failed_change: None,
            changes: 0,
            unhealthy: None,
        };
        self.lock().things.insert(locator.to_owned(), thing);
    }

    /// Changes a thing behind Landfall's back; `None` deletes it.
    pub fn tamper(&self, locator: &str, spec: Option<Value>) {
        let mut inside = self.lock();
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

    /// The world as it is now: what was under way until now has arrived.
    fn lock(&self) -> MutexGuard<'_, Inside> {
        let now = self.clock.now();
        let mut inside = self.inside.lock().unwrap();
        while let Some(due) = inside.late.iter().position(|(at, _)| *at <= now) {
            let (at, request) = inside.late.remove(due);
            // Nobody hears the answer.
            let _ = inside.carry_out(&request, at);
        }
        inside.settle(now);
        inside
    }

    /// A request, and what is to go wrong with it.
    async fn arrive(&self, verb: Verb, subject: &Subject) -> (Request, Option<Injected>) {
        let (begun, actor) = (self.clock.now(), self.lock().actor);
        self.turns.pass().await;
        let injected = self.lock().receive(Call { verb, id: subject.id.clone() }, self.clock.now());
        if let Some(Injected::Slow(time)) = injected {
            tokio::time::sleep(time).await;
        }
        let fails = match &injected {
            Some(Injected::FailsLater(why)) => Some(why.clone()),
            _ => None,
        };
        let half = injected == Some(Injected::HalfDone);
        (Request { verb, subject: subject.clone(), begun, actor, fails, half }, injected)
    }

    /// Does what is asked, unless something is to go wrong.
    async fn change(&self, verb: Verb, subject: &Subject) -> Result<Done, CallError> {
        let (request, injected) = self.arrive(verb, subject).await;
        before(injected.as_ref())?;
        if let Some(Injected::ArrivesLate(after)) = injected {
            self.lock().late.push((self.clock.now() + after, request));
            return std::future::pending().await;
        }
        let done = self.lock().carry_out(&request, self.clock.now())?;
        self.turns.pass().await;
        after(injected.as_ref())?;
        Ok(done)
    }
}

/// What a change came to.
struct Done {
    locator: String,
    progress: Progress,
    outputs: Outputs,
}

impl Inside {
    /// Ends what AWS was changing until now.
    fn settle(&mut self, now: Timestamp) {
        self.things.values_mut().for_each(|thing| thing.settle(now));
    }

    /// Whether AWS makes or deletes another thing, where it does one at a time.
    fn is_alone(&self, kind: Kind, spec: &Value, now: Timestamp) -> bool {
        let Some(container) = thing::alone_in(kind, spec) else { return true };
        let same = |other: &&Thing| other.kind == kind && thing::alone_in(kind, &other.spec) == Some(container);
        let at_work = |other: &Thing| !other.is_gone(now) && (other.gone.is_some() || other.ready > now);
        !self.things.values().filter(same).any(at_work)
    }

    fn carry_out(&mut self, request: &Request, now: Timestamp) -> Result<Done, CallError> {
        self.settle(now);
        match request.verb {
            Verb::Create => self.make(request, now),
            Verb::Update => self.renew(request, now),
            Verb::Delete => self.remove(request, now),
            Verb::Observe | Verb::Retire => Err(CallError::NotFound),
        }
    }

    /// Takes a call in, and says what is to go wrong with it.
    fn receive(&mut self, call: Call, now: Timestamp) -> Option<Injected> {
        self.moment = (now, if self.moment.0 == now { self.moment.1 + 1 } else { 1 });
        let injected = self.script.as_mut().and_then(|script| script(&call));
        self.calls.push(call);
        let last = &self.calls[self.calls.len().saturating_sub(12)..];
        assert!(self.moment.1 <= AT_ONE_MOMENT, "somebody goes on for ever: {last:?}");
        injected
    }

    /// Whether this spec names what AWS is not done with, or has given up on.
    fn is_early(&self, spec: &Value, now: Timestamp) -> bool {
        self.things.iter().any(|(locator, thing)| !thing.is_whole(now) && thing::names(spec, locator))
    }

    fn note(&mut self, request: &Request, now: Timestamp, locator: &str) -> &mut Effect {
        let Request { verb, begun, actor: (epoch, last_call), .. } = *request;
        let locator = locator.to_owned();
        let effect =
            Effect { begun, at: now, epoch, last_call, verb, locator, dangling: false, again: false, early: false };
        self.effects.push(effect);
        self.effects.last_mut().unwrap()
    }

    fn make(&mut self, request: &Request, now: Timestamp) -> Result<Done, CallError> {
        let subject = &request.subject;
        let kind = subject.kind;
        let duration = duration(kind);
        let progress = if duration.is_zero() && !request.half { Progress::Done } else { Progress::Pending };
        if let Some(locator) = self.tokens.get(&subject.token).filter(|_| thing::takes_token(kind)) {
            let outputs = outputs(kind, locator, &subject.spec, 0);
            return Ok(Done { locator: locator.clone(), progress, outputs });
        }
        if !self.is_alone(kind, &subject.spec, now) {
            return Err(busy(format!("another {kind} is being made or deleted")));
        }
        let identity = thing::identity(kind, &subject.spec);
        let counts = |thing: &Thing| thing.kind == kind && !thing.is_gone(now) && thing.failure.is_none();
        let taken =
            self.things.iter().find(|(_, thing)| identity.is_some() && counts(thing) && thing.identity() == identity);
        if let Some((locator, _)) = taken {
            return Err(busy(format!("{locator} is there already")));
        }
        self.made += 1;
        let locator = format!("{}-{:04}", kind.as_str().to_lowercase(), self.made);
        let lag = self.lag.as_mut().map_or(SignedDuration::ZERO, |lag| lag());
        let fails = request.fails.clone().filter(|_| !duration.is_zero());
        let (unhealthy, failure) = if thing::degrades(kind) { (fails, None) } else { (None, fails) };
        let thing = Thing {
            kind,
            tags: subject.create_tags(&Tags::new()),
            spec: subject.spec.clone(),
            visible: now + lag,
            ready: now + duration,
            failure,
            unfinished: request.half && thing::comes_in_two_calls(kind),
            gone: None,
            change: None,
            failed_change: None,
            changes: 0,
            unhealthy: unhealthy.map(|why| (now + duration + UNHEALTHY, why)),
        };
        self.things.insert(locator.clone(), thing);
        self.tokens.insert(subject.token, locator.clone());
        self.note(request, now, &locator).early = self.is_early(&subject.spec, now);
        let outputs = outputs(kind, &locator, &subject.spec, 0);
        Ok(Done { locator, progress, outputs })
    }

    fn renew(&mut self, request: &Request, now: Timestamp) -> Result<Done, CallError> {
        let locator = request.subject.locator()?.to_owned();
        let thing = self.things.get_mut(&locator).filter(|thing| thing.gone.is_none() && thing.visible <= now);
        let thing = thing.ok_or(CallError::NotFound)?;
        let wanted = &request.subject.spec;
        let fault = |name, why: &str| Err(CallError::Fault(Fault::new(name, why)));
        if let Some(why) = thing.is_unhealthy(now) {
            return fault(FaultName::Unhealthy, why);
        }
        let failed = thing.failed_change.as_ref();
        let in_phase =
            |update: &thing::Update| request.subject.changing_since.is_some_and(|since| since <= update.began);
        if let Some((_, why)) = failed.filter(|(update, _)| in_phase(update)) {
            return fault(FaultName::UpdateFailed, why);
        }
        let again = failed.is_some_and(|(update, _)| update.epoch == request.actor.0 && update.to == *wanted);
        let progress = if !thing::changes_in_time(thing.kind) {
            thing.spec = wanted.clone();
            thing.unfinished = false;
            thing.changes += 1;
            Progress::Done
        } else if thing.is_busy(now) {
            return Err(busy(format!("{locator} is being changed")));
        } else if thing.spec == *wanted {
            Progress::Done
        } else {
            let ends = now + duration(thing.kind);
            let (to, fails) = (wanted.clone(), request.fails.clone());
            thing.change = Some(thing::Update { began: now, epoch: request.actor.0, ends, to, fails });
            Progress::Pending
        };
        let early = self.is_early(wanted, now);
        let effect = self.note(request, now, &locator);
        (effect.again, effect.early) = (again, early);
        Ok(Done { locator, progress, outputs: Outputs::new() })
    }

    fn remove(&mut self, request: &Request, now: Timestamp) -> Result<Done, CallError> {
        let locator = request.subject.locator()?.to_owned();
        let is_there = |thing: &&Thing| !thing.is_gone(now) && !thing.is_dead(now);
        let user = self.things.iter().find(|(_, thing)| is_there(thing) && thing.refers_to(&locator));
        let user = user.map(|(user, _)| user.clone());
        let thing = self.things.get(&locator).filter(|thing| is_there(thing) && thing.visible <= now);
        let thing = thing.ok_or(CallError::NotFound)?;
        let kind = thing.kind;
        if thing.gone.is_none() && (thing.change.is_some() || !self.is_alone(kind, &thing.spec, now)) {
            return Err(busy(format!("{locator} cannot be deleted now")));
        }
        if let Some(user) = user.as_ref().filter(|_| !thing::leaves_others_dangling(kind)) {
            let message = format!("{user} still uses {locator}");
            return Err(CallError::Fault(Fault::new(FaultName::DependencyStillThere, message)));
        }
        let thing = self.things.get_mut(&locator).ok_or(CallError::NotFound)?;
        let gone = *thing.gone.get_or_insert(now + duration(kind));
        self.note(request, now, &locator).dangling = user.is_some();
        let progress = if gone <= now { Progress::Done } else { Progress::Pending };
        Ok(Done { locator, progress, outputs: Outputs::new() })
    }

    fn look(&self, subject: &Subject, now: Timestamp) -> Observed {
        let shown = |thing: &Thing| !thing.is_gone(now) && thing.visible <= now && thing.kind == subject.kind;
        let tags = subject.find_tags();
        let is_ours = |thing: &Thing| tags.iter().all(|(key, value)| thing.tags.get(key) == Some(value));
        // What cannot be deleted counts only for the attempt that made it.
        let token = subject.token.to_string();
        let counts = |thing: &Thing| !thing.is_dead(now) || thing.tags.get(Identity::ATTEMPT) == Some(&token);
        if thing::is_named(subject.kind) {
            let identity = thing::identity(subject.kind, &subject.spec);
            let found = self.things.iter().find(|(_, thing)| shown(thing) && thing.identity() == identity);
            return match found {
                None => Observed::Absent,
                Some((locator, thing)) if is_ours(thing) => thing.observed(locator, now),
                Some((locator, _)) => Observed::Foreign(Locator(locator.clone())),
            };
        }
        let known = match &subject.locator {
            Some(known) => Some(known.0.as_str()),
            None if subject.adopted => subject.spec.get("id").and_then(Value::as_str),
            None => None,
        };
        let found: Vec<_> = match known {
            Some(known) => self.things.get_key_value(known).into_iter().filter(|(_, thing)| shown(thing)).collect(),
            None if subject.adopted => Vec::new(),
            None => self.things.iter().filter(|(_, thing)| shown(thing) && is_ours(thing) && counts(thing)).collect(),
        };
        // What is on its way out counts only if nothing else is there.
        let staying: Vec<_> = found.iter().filter(|(_, thing)| thing.gone.is_none()).collect();
        match (&staying[..], found.first()) {
            ([(locator, thing)], _) => thing.observed(locator, now),
            ([], Some((locator, thing))) => thing.observed(locator, now),
            ([], None) => Observed::Absent,
            (many, _) => Observed::Many(many.iter().map(|(locator, thing)| thing.actual(locator)).collect()),
        }
    }
}

#[async_trait]
impl Resource for World {
    async fn observe(&self, subject: &Subject) -> Result<Observed, CallError> {
        let (_, injected) = self.arrive(Verb::Observe, subject).await;
        before(injected.as_ref())?;
        let seen = self.lock().look(subject, self.clock.now());
        self.turns.pass().await;
        Ok(seen)
    }

    async fn create(&self, subject: &Subject) -> Result<Created, CallError> {
        let Done { locator, progress, outputs } = self.change(Verb::Create, subject).await?;
        Ok(Created { outputs, locator: Locator(locator), progress })
    }

    async fn update(&self, subject: &Subject, _changes: &[FieldChange]) -> Result<Progress, CallError> {
        Ok(self.change(Verb::Update, subject).await?.progress)
    }

    async fn retire(&self, subject: &Subject) -> Result<Progress, CallError> {
        let (_, injected) = self.arrive(Verb::Retire, subject).await;
        before(injected.as_ref())?;
        Ok(Progress::Done)
    }

    async fn delete(&self, subject: &Subject) -> Result<Progress, CallError> {
        Ok(self.change(Verb::Delete, subject).await?.progress)
    }
}

fn busy(message: String) -> CallError {
    CallError::Fault(Fault::new(FaultName::UpdateInProgress, message))
}

fn resource_of(tags: &Tags) -> &str {
    tags.get(Identity::RESOURCE).map_or("(foreign)", String::as_str)
}
