//! What a plan needs before it may run: nothing, or somebody's word.
//!
//! The guards of the revision before decide. A word counts for the plan that it was given to, and only as long as the
//! plan that is made afresh is that plan: else it is asked again.

use domain::{Fault, FaultName};
use jiff::Timestamp;
use ledger::{Decision, Guards, Pending, Platform, Request, Trigger};
use plan::{Plan, PlanNumber};

use crate::admission::{Admit, Asked, Stop};
use crate::{Answer, judge};

/// A plan that is made and not yet let in.
pub(crate) struct Draft {
    /// The platform, as it was read.
    pub(crate) platform: Platform,
    /// The plan.
    pub(crate) plan: Plan,
    /// Its number, if it is stored already.
    pub(crate) number: Option<PlanNumber>,
    /// The version of the manifest, if it would be a new revision.
    pub(crate) version_id: Option<String>,
    /// The guards of that revision.
    pub(crate) guards: Option<Guards>,
    /// Why it was made.
    pub(crate) trigger: Trigger,
}

/// Whether a draft may run.
pub(crate) enum Leave {
    /// Nothing in it needs approval.
    Free,
    /// It was approved, under this number.
    Given(PlanNumber, Decision),
    /// Not now: the answer says what it waits for.
    Asked(Answer),
}

impl Admit {
    /// Whether a draft may run. If it needs approval and nobody was asked yet, the plan is stored, and from now on waits.
    pub(crate) async fn leave(&self, draft: &Draft, asked: &Asked<'_>) -> Result<Leave, Stop> {
        let Draft { platform, plan, .. } = draft;
        // The newest plan was let in before: what is left of it is no news.
        let changes = if draft.number == Some(platform.plan) {
            Vec::new()
        } else {
            let stored = self.records(platform).await?;
            plan::diff(plan, &stored)
        };
        let needed = platform.asks(&changes, draft.guards);
        if needed.is_empty() {
            return Ok(Leave::Free);
        }
        match self.waiting_for_the_same(draft, &needed, asked.now).await? {
            Some(Pending { plan, decision: Some(decision), .. }) if decision.approved => {
                Ok(Leave::Given(plan, decision))
            }
            Some(Pending { plan, execution, decision: None, .. }) => {
                Ok(Leave::Asked(if execution == asked.execution {
                    Answer::approval_required(&platform.name, plan, message(platform, plan, &needed))
                } else {
                    let message = format!("plan {plan} of {} waits for approval already", platform.name);
                    Answer::new(crate::Outcome::Ignored, Some(&platform.name), message)
                }))
            }
            _ => self.ask(draft, needed, asked).await.map(Leave::Asked),
        }
    }

    /// The plan that waits, if it is this draft: the same version of the manifest, the same resources, and nothing that
    /// was not asked about.
    async fn waiting_for_the_same(
        &self,
        draft: &Draft,
        needed: &[String],
        now: Timestamp,
    ) -> Result<Option<Pending>, Stop> {
        let platform = &draft.platform;
        let Some(pending) = platform.approval.as_ref().filter(|pending| pending.is_open(now)) else {
            return Ok(None);
        };
        let request = self.ledger.request(&platform.name, pending.plan).await?;
        let known = request.is_some_and(|request| needed.iter().all(|line| request.reasons.contains(line)));
        if !known || pending.version_id != draft.version_id {
            return Ok(None);
        }
        let stored = self.plan_of(platform, pending.plan).await?;
        Ok(stored.is_some_and(|stored| judge::same(&stored, &draft.plan)).then(|| pending.clone()))
    }

    async fn ask(&self, draft: &Draft, needed: Vec<String>, asked: &Asked<'_>) -> Result<Answer, Stop> {
        let before = draft.platform.approval.clone();
        let (platform, number, head) = match draft.number.filter(|_| draft.trigger == Trigger::Rollback) {
            Some(number) => (draft.platform.clone(), number, None),
            None => {
                let is_new_revision = draft.version_id.is_some();
                let (platform, head) = self.store(&draft.platform, &draft.plan, is_new_revision, asked.now).await?;
                (platform, head.number, Some(head))
            }
        };
        let pending = Pending {
            plan: number,
            version_id: draft.version_id.clone(),
            execution: asked.execution.to_owned(),
            until: asked.now + Request::LIMIT,
            decision: None,
        };
        let message = message(&platform, number, &needed);
        let answer = Answer::approval_required(&platform.name, number, message);
        self.ledger.ask(platform, pending, Request::new(number, draft.trigger, needed, asked.now), head).await?;
        self.supersede(before, asked).await;
        Ok(answer)
    }

    /// Ends the execution of a plan that another took the place of. One that cannot be ended ends by itself: its plan is
    /// no longer the one that waits.
    pub(crate) async fn supersede(&self, before: Option<Pending>, asked: &Asked<'_>) {
        let Some(before) = before.filter(|before| before.execution != asked.execution) else { return };
        let cause = format!("plan {} waited for approval, and a newer one took its place", before.plan);
        if let Err(fault) =
            lambda::stop_execution(&self.step_functions, &before.execution, FaultName::Superseded, &cause).await
        {
            tracing::warn!(execution = before.execution, "a superseded execution goes on waiting: {fault}");
        }
    }

    /// [`FaultName::Superseded`] for an execution whose plan waited and is no longer the one that waits.
    pub(crate) async fn still_asked(&self, execution: &str) -> Result<(), Fault> {
        let Some(name) = self.ledger.platform_that_asked(execution).await? else { return Ok(()) };
        let platform = self.ledger.platform(&name).await?;
        let waits = platform.and_then(|platform| platform.approval).is_some_and(|it| it.execution == execution);
        if waits {
            return Ok(());
        }
        Err(Fault::new(FaultName::Superseded, format!("the plan of {name} that waited here is no longer the newest")))
    }
}

fn message(platform: &Platform, plan: PlanNumber, needed: &[String]) -> String {
    let name = &platform.name;
    format!(
        "plan {plan} of {name} waits for `landfall approve {name}`: {}",
        judge::listed(needed.iter().cloned(), needed.len())
    )
}
