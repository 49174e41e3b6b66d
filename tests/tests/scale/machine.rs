//! One execution of the deploy machine, with what its functions do.

use std::sync::Arc;
use std::time::Duration;

use domain::{Class, Component, Fault, FaultName};
use engine::{Engine, Fence, LedgerError, Order, Outcome, Pass};
use jiff::SignedDuration;
use lambda::{Task, visit};
use ledger::{Admission, Ending, Machine, PlanHead, Platform, Revision, Run, RunStatus, Trigger, Waiting};
use plan::{Goal, Plan};
use tokio::time::{Instant, sleep};

use crate::stage::{Stage, User, target};

/// How often an admission decides again because somebody else wrote in between.
const TRIES: usize = 5;

/// How often the machine tries again after a transient fault, and how long it waits each time.
const RETRIES: usize = 6;
const BACKOFF: Duration = Duration::from_secs(2);

const PASSES: [(Pass, &str); 4] = [
    (Pass::Converge(Goal::Foundation), "Build the foundation"),
    (Pass::Converge(Goal::Egress), "Build the egress"),
    (Pass::Verify, "Verify"),
    (Pass::Prune, "Remove"),
];

impl Stage {
    /// From its first state to its last. Nothing is to fail here.
    pub(crate) async fn deploy(self: &Arc<Self>, user: &User, execution: &str, trigger: Trigger) -> Result<(), Fault> {
        let Some((fence, plan)) = self.admit(user, execution, trigger).await? else { return Ok(()) };
        for (pass, phase) in PASSES {
            let mut failed = 0;
            loop {
                match self.call(&fence, &plan, pass, phase).await {
                    Ok(Outcome::Ready) => break,
                    Ok(Outcome::Pending { wait, .. }) => {
                        failed = 0;
                        sleep(wait).await;
                    }
                    Err(fault) if fault.class() == Class::Transient && failed < RETRIES => {
                        failed += 1;
                        sleep(BACKOFF).await;
                    }
                    Err(fault) => return Err(fault),
                }
            }
        }
        self.settle(user, &fence).await
    }

    /// The function admit: again as long as somebody else writes in between.
    async fn admit(&self, user: &User, execution: &str, trigger: Trigger) -> Result<Option<(Fence, Plan)>, Fault> {
        for _ in 0..TRIES {
            match self.attempt(user, execution, trigger).await {
                Err(LedgerError::Raced(_)) => {}
                done => return Ok(done?),
            }
        }
        Err(Fault::new(FaultName::ServiceUnavailable, "the platform is written by others all the time"))
    }

    async fn attempt(
        &self,
        user: &User,
        execution: &str,
        trigger: Trigger,
    ) -> Result<Option<(Fence, Plan)>, LedgerError> {
        let (ledger, now, object) = (self.ledger(), self.clock.now(), user.object());
        ledger.run_of(execution).await?;
        let bound = ledger.platform_of(&object).await?;
        let known = ledger.platform(&user.name).await?;
        let (number, version) = (self.newest(user), self.newest(user).to_string());
        let is_known = |known: &Platform| {
            let waits = known.waiting.as_ref().and_then(|waiting| waiting.version_id.as_ref());
            known.version_id.as_ref() == Some(&version) || waits == Some(&version)
        };
        match &known {
            Some(known) if trigger == Trigger::Upload && is_known(known) => return Ok(None),
            Some(_) if bound.is_none() => return Err(LedgerError::Raced("bound since".into())),
            _ => {}
        }
        let platform =
            known.unwrap_or_else(|| Platform::new(user.name.clone(), "test".into(), object.clone(), target(), now));
        ledger.pause_of(&platform).await?;
        if !platform.is_free(now) {
            ledger.leave_waiting(&platform, Waiting::new(Machine::Deploy, Some(version), now)).await?;
            return Ok(None);
        }
        let plan = user.plan(number);
        let mut platform = ledger.reserve_plan(platform).await?;
        platform.plan = platform.last_plan;
        platform.revision += 1;
        platform.version_id = Some(version.clone());
        let head = PlanHead {
            number: platform.plan,
            revision: platform.revision,
            document: format!("plans/{}/{}.json", user.name, platform.plan),
            resources: plan.resources.len(),
            at: now,
        };
        let (number, manifest) = (platform.revision, serde_json::Value::Null);
        let revision = Revision { number, key: object, version_id: version, manifest, at: now };
        let mut run = Run::new(user.name.clone(), Machine::Deploy, trigger, execution.to_owned(), now);
        (run.revision, run.plan) = (platform.revision, platform.plan);
        let admission = Admission { platform, revision: Some(revision), plan: Some(head), run };
        match ledger.admit(admission).await? {
            Some(fence) => Ok(Some((fence, plan))),
            None => Err(LedgerError::Raced("the lease".into())),
        }
    }

    /// One call of the function network.
    async fn call(&self, fence: &Fence, plan: &Plan, pass: Pass, phase: &str) -> Result<Outcome, Fault> {
        let (ledger, clock) = (self.ledger(), Arc::clone(&self.clock));
        let now = move || clock.now();
        let task = Task { platform: fence.platform.clone(), run: fence.run, epoch: fence.epoch };
        let visit = visit(&ledger, &task, phase, now()).await?;
        let engine = Engine {
            ledger: &ledger,
            kinds: &self.kinds,
            settling: SignedDuration::from_secs(30),
            patience: SignedDuration::from_mins(30),
            clock: &now,
        };
        let order = Order {
            fence: visit.fence,
            identity: visit.platform.identity(),
            target: visit.platform.target,
            plan,
            component: Component::Network,
            pass,
            deadline: Instant::now() + Duration::from_secs(45),
        };
        engine.advance(&order).await
    }

    /// The function settle at the end of a run, asked twice: an answer may be lost.
    async fn settle(self: &Arc<Self>, user: &User, fence: &Fence) -> Result<(), Fault> {
        for _ in 0..2 {
            let ledger = self.ledger();
            let status = RunStatus::Succeeded;
            let ending = Ending { status, failure: None, restored: false, quarantined_until: None };
            ledger.finish(&user.name, fence.run, &ending, self.clock.now()).await?;
            let platform = ledger.platform(&user.name).await?.filter(|platform| platform.is_free(self.clock.now()));
            if let Some(waiting) = platform.and_then(|platform| platform.waiting) {
                ledger.pause_of_all().await?;
                self.start_waiting(&ledger, user, &waiting).await?;
            }
        }
        Ok(())
    }
}
