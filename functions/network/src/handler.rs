//! One call: which pass of which plan, and how far it came.

use std::time::Duration;

use domain::{Component, Fault};
use engine::{Engine, Kinds, Order, Pass};
use jiff::{SignedDuration, Timestamp};
use lambda::{Invocation, PlanStore, Services, Triple, Variables, noted, visit};
use plan::Goal;

use crate::{Clients, Input, kinds};

/// The phase of a run that a pass belongs to, in words.
fn phase(pass: Pass) -> &'static str {
    match pass {
        Pass::Converge(Goal::Foundation) => "Build the foundation",
        Pass::Converge(Goal::Egress) => "Build the egress",
        Pass::Verify => "Verify",
        Pass::Prune => "Remove",
    }
}

/// For how long AWS may work on one thing. The slowest of the network, a NAT gateway, takes two minutes.
const PATIENCE: SignedDuration = SignedDuration::from_mins(30);

/// The function's state.
pub struct Network {
    services: Services,
    kinds: Kinds,
    plans: PlanStore,
    settling: Duration,
}

impl Network {
    /// From the environment.
    pub async fn start(variables: Variables) -> Result<Self, Fault> {
        let services = Services::start(&variables).await?;
        let kinds = kinds(&Clients::new(&services.config));
        let s3 = aws_sdk_s3::Client::new(&services.config);
        let plans = PlanStore::new(s3, variables.text("LANDFALL_STATE_BUCKET")?);
        let settling = variables.seconds("LANDFALL_SETTLING_SECONDS")?;
        Ok(Self { services, kinds, plans, settling })
    }

    /// Brings the pass as far as it goes without waiting.
    pub async fn handle(&self, input: Input, invocation: Invocation) -> Result<Triple, Fault> {
        let (task, now) = (input.task.clone(), invocation.now);
        let result = self.advance(input, invocation).await;
        noted(&self.services.ledger, &task, result, now).await
    }

    async fn advance(&self, input: Input, invocation: Invocation) -> Result<Triple, Fault> {
        let pass = input.pass()?;
        let visit = visit(&self.services.ledger, &input.task, phase(pass), invocation.now).await?;
        let plan = self.plans.load(&visit.platform, input.plan).await?;
        let engine = Engine {
            ledger: &self.services.ledger,
            kinds: &self.kinds,
            settling: SignedDuration::try_from(self.settling).unwrap_or(SignedDuration::MAX),
            patience: PATIENCE,
            clock: &Timestamp::now,
        };
        let order = Order {
            fence: visit.fence,
            identity: visit.platform.identity(),
            target: visit.platform.target,
            plan: &plan,
            component: Component::Network,
            pass,
            deadline: invocation.deadline,
        };
        engine.advance(&order).await.map(Triple::from)
    }
}
