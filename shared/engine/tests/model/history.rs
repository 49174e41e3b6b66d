//! One history: runs over random plans in bad weather, then a good run, the same again, and a teardown.

use std::sync::Arc;
use std::time::Duration;

use domain::{Class, Component, Epoch, Fault, FaultName, Identity, RunId};
use engine::{Outcome, Pass};
use jiff::{SignedDuration, Timestamp};
use plan::{Goal, Plan};
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use testkit::{Clock, Records, Turns, Verb, World};

use crate::actor::{Actor, Stage};
use crate::checks::{self, Strangers};
use crate::plans;
use crate::weather::Weather;

/// The times of an installation, in seconds, as the template has them.
pub(crate) struct Times;

impl Times {
    /// For how long something that was created may stay invisible.
    pub(crate) const SETTLING: i64 = 30;
    /// What one call may take; the engine's own limit.
    pub(crate) const CALL: i64 = 12;
    /// After how long a call of the engine must have returned.
    pub(crate) const DEADLINE: i64 = 45;
    /// After how long Lambda ends a function.
    pub(crate) const FUNCTION: i64 = 60;
    /// How long a new phase waits for the functions of the old one.
    pub(crate) const QUARANTINE: i64 = 90;
    /// Between two calls for a goal that is not reached.
    const ASK_AGAIN: i64 = 10;
}

/// How often a goal is asked for before it counts as never reached.
const ROUNDS: usize = 500;

/// How often in a row the machine tries again after a transient fault.
const TRIES: usize = 6;

/// What the state machines ask for, one after the other.
const PASSES: [(Component, Pass); 9] = [
    (Component::Network, Pass::Converge(Goal::Foundation)),
    (Component::Cluster, Pass::Converge(Goal::Foundation)),
    (Component::Network, Pass::Converge(Goal::Egress)),
    (Component::Cluster, Pass::Converge(Goal::ControlPlane)),
    (Component::Cluster, Pass::Converge(Goal::Compute)),
    (Component::Network, Pass::Verify),
    (Component::Cluster, Pass::Verify),
    (Component::Cluster, Pass::Prune),
    (Component::Network, Pass::Prune),
];

/// Why a run ended early.
enum Stop {
    /// A fault that no retry cures.
    Fault(Fault),
    /// Somebody stopped the execution.
    Aborted,
    /// Something that must never happen.
    Defect(String),
}

/// A machine that goes on in the name of an epoch that has passed.
struct Ghost {
    run: RunId,
    epoch: Epoch,
    plan: Arc<Plan>,
    component: Component,
    pass: Pass,
    calls: u32,
}

/// How one invocation ended for the machine.
enum Answer {
    Given(Result<Outcome, Fault>),
    /// The function died, or the machine waited no longer.
    None,
    Aborted,
}

pub(crate) struct History {
    random: SmallRng,
    clock: Arc<Clock>,
    world: World,
    records: Arc<Records>,
    stage: Stage,
    weather: Weather,
    identity: Identity,
    run: RunId,
    epoch: Epoch,
    /// When each epoch began.
    begun: Vec<(Epoch, Timestamp)>,
    /// Invocations that nobody waits for any more.
    left_behind: Vec<Actor>,
    /// The machine of a run that was cancelled or reaped and does not know it yet: it goes on calling.
    ghost: Option<Ghost>,
    last_good: Arc<Plan>,
    given: bool,
}

impl History {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = SmallRng::seed_from_u64(seed);
        let clock = Arc::new(Clock::default());
        let turns = Arc::new(Turns::default());
        turns.seed(random.random());
        let world = World::new(Arc::clone(&clock), Arc::clone(&turns));
        let records = Arc::new(Records::new(turns));
        let identity = testkit::identity_of("demo");
        let stage = Stage { clock: Arc::clone(&clock), records: Arc::clone(&records), kinds: Arc::new(world.kinds()) };
        let weather = Weather::new(random.random());
        let given = random.random_ratio(2, 5);
        let last_good = Arc::new(plans::empty());
        let (run, epoch) = (RunId::random(), Epoch::default());
        let (begun, left_behind, ghost) = (Vec::new(), Vec::new(), None);
        Self {
            random,
            clock,
            world,
            records,
            stage,
            weather,
            identity,
            run,
            epoch,
            begun,
            left_behind,
            ghost,
            last_good,
            given,
        }
    }

    /// Lives through it. The error says what must never happen and did.
    pub(crate) async fn play(mut self) -> Result<(), String> {
        let strangers = Strangers::settle(&self.world, &self.identity, self.given, self.random.random_ratio(1, 4));
        self.weather.befall(&self.world, &self.records);
        for _ in 0..self.random.random_range(1..=4) {
            let gone = self.random.random_ratio(1, 6);
            let plan = if gone { plans::empty() } else { plans::any(&mut self.random, self.given) };
            self.deploy(&Arc::new(plan)).await?;
            checks::strangers(&self.world, &strangers)?;
        }
        self.weather.clears(&self.world, &self.records);
        strangers.make_room(&self.world);
        self.pass(Times::QUARANTINE).await;

        let plan = Arc::new(plans::any(&mut self.random, self.given));
        self.deploys_well(&plan).await?;
        checks::as_planned(&self.world, &self.records, &plan)?;
        self.world.take_calls();
        self.deploys_well(&plan).await?;
        let changed: Vec<_> = self.world.take_calls().into_iter().filter(|call| call.verb != Verb::Observe).collect();
        if !changed.is_empty() {
            return Err(format!("a repeat changed something: {changed:?}"));
        }
        self.deploys_well(&Arc::new(plans::empty())).await?;
        checks::nothing_left(&self.world, &self.records, &strangers)?;
        checks::strangers(&self.world, &strangers)?;
        checks::nothing_late(&self.world.effects(), &self.begun)?;
        checks::nothing_again(&self.world.effects())?;
        checks::nothing_early(&self.world.effects())?;
        checks::nothing_dangles(&self.world.effects())
    }

    async fn deploys_well(&mut self, plan: &Arc<Plan>) -> Result<(), String> {
        match self.deploy(plan).await? {
            None => Ok(()),
            Some(fault) => Err(format!("a run in good weather failed: {} {fault}", fault.name)),
        }
    }

    /// One run, with its way back if it fails: the fault that ended it, if one did.
    async fn deploy(&mut self, plan: &Arc<Plan>) -> Result<Option<Fault>, String> {
        self.run = RunId::random();
        self.next_epoch();
        let stop = match self.phases(plan).await {
            Ok(()) => {
                self.last_good = Arc::clone(plan);
                return Ok(None);
            }
            Err(stop) => stop,
        };
        self.next_epoch();
        self.pass(Times::QUARANTINE).await;
        match stop {
            Stop::Defect(defect) => Err(defect),
            Stop::Aborted => Ok(Some(Fault::new(FaultName::Cancelled, "aborted"))),
            Stop::Fault(fault) => {
                let back = Arc::clone(&self.last_good);
                match self.phases(&back).await {
                    Err(Stop::Defect(defect)) => Err(defect),
                    _ => Ok(Some(fault)),
                }
            }
        }
    }

    async fn phases(&mut self, plan: &Arc<Plan>) -> Result<(), Stop> {
        for (component, pass) in PASSES {
            if component == Component::Network || self.concerns(plan, component) {
                self.until_ready(plan, component, pass).await?;
            }
        }
        Ok(())
    }

    /// Whether something of the component is wanted or recorded.
    fn concerns(&self, plan: &Plan, component: Component) -> bool {
        let recorded = self.records.all().into_iter().map(|record| record.id.component());
        plan.resources.keys().map(|id| id.component()).chain(recorded).any(|other| other == component)
    }

    async fn until_ready(&mut self, plan: &Arc<Plan>, component: Component, pass: Pass) -> Result<(), Stop> {
        let (mut tries, mut last) = (0, String::new());
        for _ in 0..ROUNDS {
            let wait = match self.invoke(plan, component, pass).await? {
                Answer::Given(Ok(Outcome::Ready)) => return Ok(()),
                Answer::Given(Ok(Outcome::Pending { blocked, .. })) => {
                    (tries, last) = (0, format!("{blocked:?}"));
                    Times::ASK_AGAIN
                }
                Answer::Given(Err(fault)) if fault.name == FaultName::Internal => {
                    return Err(Stop::Defect(format!("{component} {pass:?}: {fault}")));
                }
                Answer::Given(Err(fault)) if fault.class() == Class::Transient && tries < TRIES => {
                    (tries, last) = (tries + 1, fault.to_string());
                    2
                }
                Answer::Given(Err(fault)) => return Err(Stop::Fault(fault)),
                // Step Functions asks again at once when it lost the answer of a function that is still at work.
                Answer::None => self.weather.upto(2),
                Answer::Aborted => return Err(Stop::Aborted),
            };
            self.pass(wait).await;
        }
        Err(Stop::Defect(format!("{component} {pass:?} is never done: {last}")))
    }

    /// Calls the function, while those that were left behind go on.
    async fn invoke(&mut self, plan: &Arc<Plan>, component: Component, pass: Pass) -> Result<Answer, Stop> {
        let identity = self.identity.clone();
        let mut actor = Actor::new(&self.stage, identity, self.run, self.epoch, Arc::clone(plan), component, pass);
        loop {
            if self.weather.strikes(1, 400) {
                return Ok(match self.weather.upto(3) {
                    0 => Answer::None,
                    1 => {
                        self.left_behind.push(actor);
                        self.ghost = Some(Ghost {
                            run: self.run,
                            epoch: self.epoch,
                            plan: Arc::clone(plan),
                            component,
                            pass,
                            calls: self.random.random_range(0..=40),
                        });
                        Answer::Aborted
                    }
                    _ => {
                        self.left_behind.push(actor);
                        Answer::None
                    }
                });
            }
            let others: Vec<usize> = self.able();
            let turn = self.random.random_range(0..=others.len());
            if let Some(other) = others.get(turn) {
                self.let_go_on(*other);
            } else if actor.can_go_on() {
                self.world.act_as(actor.epoch, actor.last_call);
                if let Some(answer) = actor.go_on() {
                    return Ok(Answer::Given(answer));
                }
            } else if others.is_empty() {
                self.tick(1).await;
                if actor.ends <= self.clock.now() {
                    return Ok(Answer::None);
                }
            }
        }
    }

    /// Those of the ones left behind that can go on.
    fn able(&self) -> Vec<usize> {
        (0..self.left_behind.len()).filter(|index| self.left_behind[*index].can_go_on()).collect()
    }

    fn let_go_on(&mut self, index: usize) {
        let actor = &mut self.left_behind[index];
        self.world.act_as(actor.epoch, actor.last_call);
        if actor.go_on().is_some() {
            self.left_behind.remove(index);
        }
    }

    /// The ghost calls once more.
    fn haunt(&mut self) {
        let Some(ghost) = self.ghost.as_mut() else { return };
        ghost.calls = ghost.calls.saturating_sub(1);
        let (plan, identity) = (Arc::clone(&ghost.plan), self.identity.clone());
        let Ghost { run, epoch, component, pass, .. } = *ghost;
        self.left_behind.push(Actor::new(&self.stage, identity, run, epoch, plan, component, pass));
        if ghost.calls == 0 {
            self.ghost = None;
        }
    }

    /// Lets time pass, and those go on that nobody waits for.
    async fn pass(&mut self, seconds: i64) {
        for second in 0..seconds {
            if self.random.random_ratio(1, 10) {
                self.haunt();
            }
            loop {
                let able = self.able();
                let Some(index) = able.get(self.random.random_range(0..able.len().max(1))) else { break };
                self.let_go_on(*index);
            }
            if self.left_behind.is_empty() && self.ghost.is_none() {
                return self.tick(seconds - second).await;
            }
            self.tick(1).await;
        }
    }

    async fn tick(&mut self, seconds: i64) {
        self.clock.pass(SignedDuration::from_secs(seconds));
        tokio::time::advance(Duration::from_secs(seconds.unsigned_abs())).await;
        let now = self.clock.now();
        self.left_behind.retain(|actor| actor.ends > now);
    }

    fn next_epoch(&mut self) {
        self.epoch = self.records.next_epoch();
        self.begun.push((self.epoch, self.clock.now()));
    }
}
