//! Runs the engine against the model, moving the clock while it waits.

use std::sync::Arc;
use std::time::Duration;

use domain::{Component, Epoch, Fault, FaultName, Identity, Incarnation, Kind, Record, ResourceId, RunId, Target};
use engine::{Engine, Fence, Kinds, Order, Outcome, Pass};
use jiff::SignedDuration;
use plan::{Desired, Goal, Need, Plan, Until};
use serde_json::Value;
use tokio::time::Instant;

use crate::{Clock, Records, Turns, World};

/// One platform, its ledger and its world.
pub struct Harness {
    /// The model of AWS.
    pub world: World,
    /// The ledger.
    pub records: Arc<Records>,
    /// The time.
    pub clock: Arc<Clock>,
    /// Whose resources.
    pub identity: Identity,
    kinds: Kinds,
    run: RunId,
    epoch: Epoch,
}

/// How often a goal is asked for before a test gives up: an hour of model time.
const ROUNDS: usize = 360;

impl Default for Harness {
    fn default() -> Self {
        let clock = Arc::new(Clock::default());
        let turns = Arc::new(Turns::default());
        let world = World::new(Arc::clone(&clock), Arc::clone(&turns));
        let records = Arc::new(Records::new(turns));
        let identity = identity_of("demo");
        let epoch = records.next_epoch();
        Self { kinds: world.kinds(), world, records, clock, identity, run: RunId::random(), epoch }
    }
}

impl Harness {
    /// How long one call of the engine may take.
    pub const LIMIT: Duration = Duration::from_secs(60);

    /// Begins the next phase: a new epoch, so that what the last one holds is worth nothing.
    pub fn next_phase(&mut self) {
        self.epoch = self.records.next_epoch();
    }

    /// One call of the engine.
    pub async fn call(&self, plan: &Plan, pass: Pass) -> Result<Outcome, Fault> {
        let clock = Arc::clone(&self.clock);
        let now = move || clock.now();
        let engine = Engine {
            ledger: self.records.as_ref(),
            kinds: &self.kinds,
            settling: SignedDuration::from_secs(30),
            patience: SignedDuration::from_mins(30),
            clock: &now,
        };
        let order = Order {
            fence: Fence { platform: self.identity.platform.clone(), run: self.run, epoch: self.epoch },
            identity: self.identity.clone(),
            target: plan.target.clone(),
            plan,
            component: Component::Network,
            pass,
            deadline: Instant::now() + Self::LIMIT,
        };
        engine.advance(&order).await
    }

    /// Calls until the goal is reached or a fault that no retry cures ends it; transient faults are tried again.
    pub async fn until_ready(&self, plan: &Plan, pass: Pass) -> Result<(), Fault> {
        let mut last = String::new();
        for _ in 0..ROUNDS {
            match self.call(plan, pass).await {
                Ok(Outcome::Ready) => return Ok(()),
                Ok(Outcome::Pending { blocked, .. }) => last = format!("{blocked:?}"),
                Err(fault) if fault.class() == domain::Class::Transient => last = fault.to_string(),
                Err(fault) => return Err(fault),
            }
            self.clock.pass(SignedDuration::from_secs(10));
        }
        Err(Fault::new(FaultName::DeadlineExceeded, last))
    }

    /// Converge, verify and prune, as a run does.
    pub async fn deploy(&self, plan: &Plan) -> Result<(), Fault> {
        self.until_ready(plan, Pass::Converge(Goal::Foundation)).await?;
        self.until_ready(plan, Pass::Converge(Goal::Egress)).await?;
        self.until_ready(plan, Pass::Verify).await?;
        self.until_ready(plan, Pass::Prune).await
    }

    /// The record of a resource; panics unless there is exactly one.
    pub fn record(&self, name: &str) -> Record {
        let mut found: Vec<Record> = self.records.all().into_iter().filter(|record| record.id.name() == name).collect();
        assert_eq!(found.len(), 1, "records of {name}: {found:?}");
        found.remove(0)
    }
}

/// A life of the platform of that name, in the installation `test`.
pub fn identity_of(platform: &str) -> Identity {
    Identity { installation: "test".into(), platform: platform.parse().unwrap(), incarnation: Incarnation::random() }
}

/// One wanted resource of the network. It needs, until ready, all that `needs` names.
pub fn desired(name: &str, kind: Kind, goal: Goal, spec: Value, needs: &[&str]) -> (ResourceId, Desired) {
    let id = |name: &str| ResourceId::new(Component::Network, name);
    let needs = needs.iter().map(|name| Need { resource: id(name), until: Until::Ready }).collect();
    (id(name), Desired { kind, goal, spec, needs })
}

/// A plan of these resources.
pub fn plan_of(resources: impl IntoIterator<Item = (ResourceId, Desired)>) -> Plan {
    let target = Target { account: "123456789012".parse().unwrap(), region: "eu-west-1".parse().unwrap() };
    Plan { resources: resources.into_iter().collect(), ..Plan::empty(target) }
}
