//! The function of a component: one pass over a plan, as far as it goes without waiting.

use std::time::Duration;

use aws_config::SdkConfig;
use domain::{Component, Fault};
use engine::{Engine, Kinds, Order, Pass};
use jiff::{SignedDuration, Timestamp};
use plan::Goal;

use crate::{Invocation, PassInput, PlanStore, Services, Triple, Variables, noted, visit};

/// A component's function: the engine with the component's kinds, on a run that holds its platform.
pub struct ComponentFunction {
    component: Component,
    services: Services,
    kinds: Kinds,
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
        kinds: impl FnOnce(&SdkConfig) -> Kinds,
    ) -> Result<Self, Fault> {
        let services = Services::start(&variables).await?;
        let kinds = kinds(&services.config);
        let s3 = aws_sdk_s3::Client::new(&services.config);
        let plans = PlanStore::new(s3, variables.text("LANDFALL_STATE_BUCKET")?);
        let settling = variables.seconds("LANDFALL_SETTLING_SECONDS")?;
        Ok(Self { component, services, kinds, plans, settling, patience })
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
            kinds: &self.kinds,
            settling: SignedDuration::try_from(self.settling).unwrap_or(SignedDuration::MAX),
            patience: self.patience,
            clock: &Timestamp::now,
        };
        let order = Order {
            fence: visit.fence,
            identity: visit.platform.identity(),
            target: visit.platform.target,
            plan: &plan,
            component: self.component,
            pass,
            deadline: invocation.deadline,
        };
        engine.advance(&order).await.map(Triple::from)
    }
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
