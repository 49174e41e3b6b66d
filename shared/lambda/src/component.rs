//! The function of a component: one pass over a plan, as far as it goes without waiting.

use std::time::Duration;

use aws_config::SdkConfig;
use domain::{Component, Fault, FaultName, Record, RunId};
use engine::{Engine, Kinds, Ledger as _, Order, Outcome, Pass};
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use plan::{Goal, Plan};

use crate::{Invocation, PassInput, PlanStore, Services, Triple, Variables, noted, visit};

/// What a component is made of.
pub struct Parts {
    /// Who makes and deletes which kind.
    pub kinds: Kinds,
    /// Whether what was built works, if that is more than that it is as planned.
    pub health: Option<Health>,
}

/// Looks whether what was built works: asked in the pass [`Pass::Verify`] once every resource is as planned, and again as
/// long as it answers that it is pending.
pub type Health = Box<dyn Fn(Examined) -> BoxFuture<'static, Result<Triple, Fault>> + Send + Sync>;

/// What is to be looked at.
#[derive(Debug, Clone)]
pub struct Examined {
    /// What was built.
    pub plan: Plan,
    /// The platform's records.
    pub records: Vec<Record>,
    /// For which run.
    pub run: RunId,
    /// Since when the run verifies.
    pub since: Timestamp,
    /// The time.
    pub now: Timestamp,
}

/// A component's function: the engine with the component's kinds, on a run that holds its platform.
pub struct ComponentFunction {
    component: Component,
    services: Services,
    parts: Parts,
    plans: PlanStore,
    settling: Duration,
    patience: SignedDuration,
}

impl ComponentFunction {
    /// From the environment. `patience` is for how long AWS may work on one thing of this component before it counts as
    /// stuck: more than its slowest takes.
    pub async fn start(
        variables: Variables,
        component: Component,
        patience: SignedDuration,
        parts: impl FnOnce(&SdkConfig) -> Parts,
    ) -> Result<Self, Fault> {
        let services = Services::start(&variables).await?;
        let parts = parts(&services.config);
        let s3 = aws_sdk_s3::Client::new(&services.config);
        let plans = PlanStore::new(s3, variables.text("LANDFALL_STATE_BUCKET")?);
        let settling = variables.seconds("LANDFALL_SETTLING_SECONDS")?;
        Ok(Self { component, services, parts, plans, settling, patience })
    }

    /// Brings the pass as far as it goes without waiting.
    pub async fn handle(&self, input: PassInput, invocation: Invocation) -> Result<Triple, Fault> {
        let (task, now) = (input.task.clone(), invocation.now);
        let result = self.advance(input, invocation).await;
        noted(&self.services.ledger, &task, result, now).await
    }

    async fn advance(&self, input: PassInput, invocation: Invocation) -> Result<Triple, Fault> {
        let pass = input.pass()?;
        let visit = visit(&self.services.ledger, &input.task, phase(pass), invocation.now).await?;
        let plan = self.plans.load(&visit.platform, input.plan).await?;
        let engine = Engine {
            ledger: &self.services.ledger,
            kinds: &self.parts.kinds,
            settling: SignedDuration::try_from(self.settling).unwrap_or(SignedDuration::MAX),
            patience: self.patience,
            clock: &Timestamp::now,
        };
        let order = Order {
            fence: visit.fence,
            identity: visit.platform.identity(),
            target: visit.platform.target.clone(),
            plan: &plan,
            component: self.component,
            pass,
            deadline: invocation.deadline,
        };
        let outcome = engine.advance(&order).await?;
        match &self.parts.health {
            Some(health) if pass == Pass::Verify && outcome == Outcome::Ready => {
                let stored = self.services.ledger.records(&visit.platform.name).await?;
                let records = stored.into_iter().map(|stored| stored.record).collect();
                let since = visit.run.phases.last().map_or(invocation.now, |phase| phase.started);
                let examined = Examined { records, run: visit.run.id, since, now: invocation.now, plan };
                in_time(invocation.deadline, health(examined)).await
            }
            _ => Ok(Triple::from(outcome)),
        }
    }
}

async fn in_time(
    deadline: tokio::time::Instant,
    health: impl Future<Output = Result<Triple, Fault>>,
) -> Result<Triple, Fault> {
    tokio::time::timeout_at(deadline, health).await.unwrap_or_else(|_| {
        Err(Fault::new(FaultName::ConnectionLost, "whether the platform works was not answered in time"))
    })
}

/// The phase of a run that a pass belongs to, in words. Components that work at the same time are in the same phase.
fn phase(pass: Pass) -> &'static str {
    match pass {
        Pass::Converge(Goal::Foundation) => "Build the foundation",
        Pass::Converge(_) => "Build on the foundation",
        Pass::Verify => "Verify",
        Pass::Prune => "Remove",
    }
}
