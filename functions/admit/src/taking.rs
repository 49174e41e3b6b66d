//! What is stored when a run begins: the plan, the revision, and with both the lease.

use domain::{Fault, FaultName};
use jiff::Timestamp;
use ledger::{Admission, Decision, Guards, Machine, PlanHead, Platform, Revision, Run, Trigger};
use manifest::Manifest;
use plan::{Plan, PlanNumber};

use crate::admission::{Admit, Asked, Stop};
use crate::{Answer, judge};

impl Admit {
    /// Stores a plan under the platform's next number; the platform with that number given out.
    pub(crate) async fn store(
        &self,
        platform: &Platform,
        plan: &Plan,
        is_new_revision: bool,
        now: Timestamp,
    ) -> Result<(Platform, PlanHead), Stop> {
        let platform = self.ledger.reserve_plan(platform.clone()).await?;
        let number = platform.last_plan;
        let document = self.plans.save(&platform.name, number, plan).await?;
        let revision = platform.revision + u64::from(is_new_revision);
        let head = PlanHead { number, revision, document, resources: plan.resources.len(), at: now };
        Ok((platform, head))
    }

    /// Takes the lease for a plan. One that waits for approval is overtaken by it, unless it only keeps up what is there.
    pub(crate) async fn take(
        &self,
        planned: Planned,
        trigger: Trigger,
        asked: &Asked<'_>,
        message: &str,
    ) -> Result<Answer, Stop> {
        let Planned { mut platform, revision, plan, number, next, revised, approval } = planned;
        let overtaken = if trigger == Trigger::Schedule { None } else { platform.approval.take() };
        let mut run = Run::new(platform.name.clone(), Machine::Deploy, trigger, asked.execution.to_owned(), asked.now);
        (run.revision, run.plan, run.next, run.approval) = (revised, number, next, approval);
        let answer = self.admit(Admission { platform, revision, plan, run }, message).await?;
        self.supersede(overtaken.filter(|pending| pending.plan != number), asked).await;
        Ok(answer)
    }

    pub(crate) async fn admit(&self, admission: Admission, message: &str) -> Result<Answer, Stop> {
        let run = admission.run.clone();
        match self.ledger.admit(admission).await? {
            Some(fence) => Ok(Answer::admitted(&run, fence.epoch, message)),
            None => Err(Stop::Raced),
        }
    }
}

/// What is stored with the lease.
pub(crate) struct Planned {
    pub(crate) platform: Platform,
    pub(crate) revision: Option<Revision>,
    pub(crate) plan: Option<PlanHead>,
    /// The plan that the run works towards.
    pub(crate) number: PlanNumber,
    /// The Kubernetes minor that a further plan goes on to.
    pub(crate) next: Option<String>,
    /// The number of the revision that this plan was made from.
    pub(crate) revised: u64,
    /// Who approved it, if that had to be.
    pub(crate) approval: Option<Decision>,
}

impl Planned {
    /// A stored plan once more.
    pub(crate) fn again(platform: Platform, number: PlanNumber) -> Self {
        Self { platform, revision: None, plan: None, number, next: None, revised: 0, approval: None }
    }
}

/// Makes a version of a manifest the platform's newest revision.
pub(crate) fn accept(
    platform: &mut Platform,
    manifest: &Manifest,
    version_id: String,
    now: Timestamp,
) -> Result<Revision, Fault> {
    platform.revision += 1;
    platform.version_id = Some(version_id.clone());
    platform.guards = Some(Guards::from(&manifest.spec.safety));
    platform.alert_topic = manifest.spec.alerts.sns.clone();
    let schedule = judge::schedule(&manifest.spec.updates);
    if schedule != platform.schedule {
        // The fleet works out when the new one is due.
        platform.next_due = None;
        platform.schedule = schedule;
    }
    let manifest = serde_json::to_value(manifest)
        .map_err(|error| Fault::new(FaultName::Internal, format!("the manifest cannot be stored: {error}")))?;
    Ok(Revision { number: platform.revision, key: platform.bound.clone(), version_id, manifest, at: now })
}
