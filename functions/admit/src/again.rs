//! What was let in before is let in again: by the schedule, or because somebody goes back to it.

use domain::{Fault, FaultName, PlatformName};
use ledger::{Platform, Status, Trigger, Waiting};
use plan::PlanNumber;

use crate::admission::{Admit, Asked, Intent, Stop, gone};
use crate::approval::{Draft, Leave};
use crate::judge::{self, Redeploy};
use crate::taking::Planned;
use crate::{Answer, Outcome};

impl Admit {
    /// Repeats the accepted revision, whatever lies in S3 now: the schedule accepts nothing new.
    pub(crate) async fn redeploy(&self, platform: Platform, asked: &Asked<'_>) -> Result<Answer, Stop> {
        let unchanged = |why: &str| Ok(Answer::new(Outcome::Unchanged, Some(&platform.name), why));
        if platform.status == Status::Gone {
            return unchanged("the platform is gone");
        }
        if !platform.is_free(asked.now) {
            return unchanged("a run is under way");
        }
        if self.ledger.pause_of(&platform).await?.is_some() {
            return unchanged("it is paused");
        }
        match judge::redeploy(&platform) {
            Redeploy::Not => unchanged("the newest plan failed, and waits for somebody to look at it"),
            Redeploy::Again(number, why) => {
                // A plan that was gone back to is older than the newest revision.
                let head = self.ledger.plan_head(&platform.name, number).await?;
                let revised = head.map_or(platform.revision, |head| head.revision);
                let planned = Planned { revised, ..Planned::again(platform, number) };
                self.take(planned, Trigger::Schedule, asked, why).await
            }
            Redeploy::Anew => {
                let revision = self.ledger.revision(&platform.name, platform.revision).await?;
                let manifest = revision.ok_or_else(|| unreadable(&platform, "it is not in the ledger"))?.manifest;
                let manifest =
                    serde_json::from_value(manifest).map_err(|error| unreadable(&platform, &error.to_string()))?;
                self.run(Intent { platform, manifest, version_id: None, trigger: Trigger::Schedule }, asked).await
            }
        }
    }

    /// Goes back to a plan that was good in this life of the platform: to the very document, not to one made anew.
    pub(crate) async fn rollback(
        &self,
        platform: Platform,
        number: PlanNumber,
        asked: &Asked<'_>,
    ) -> Result<Answer, Stop> {
        let name = &platform.name;
        if platform.status == Status::Gone {
            return Err(gone(name).into());
        }
        let head = self.ledger.plan_head(name, number).await?;
        let Some(head) = head.filter(|_| number > 0) else { return Err(never_good(name, number).into()) };
        if !self.ledger.was_good(&platform, number).await? {
            return Err(never_good(name, number).into());
        }
        if !platform.is_free(asked.now) {
            return self.wait(&platform, Waiting::to_plan(number, asked.now)).await;
        }
        let plan = self.plans.load(&platform, number).await?;
        let trigger = Trigger::Rollback;
        let mut draft = Draft { platform, plan, number: Some(number), version_id: None, guards: None, trigger };
        let approval = match self.leave(&draft, asked).await? {
            Leave::Asked(answer) => return Ok(answer),
            Leave::Free => None,
            Leave::Given(_, decision) => Some(decision),
        };
        (draft.platform.plan, draft.platform.kept_plan) = (number, Some(number));
        let message = format!("{} goes back to plan {number}", draft.platform.name);
        let planned = Planned { approval, revised: head.revision, ..Planned::again(draft.platform, number) };
        self.take(planned, trigger, asked, &message).await
    }
}

fn never_good(name: &PlatformName, number: PlanNumber) -> Fault {
    let message = format!("plan {number} of {name} was never deployed well in this life of the platform");
    Fault::new(FaultName::InvalidInput, message)
        .next(format!("choose one that succeeded: see `landfall history {name}`"))
}

fn unreadable(platform: &Platform, why: &str) -> Fault {
    let message = format!("revision {} of {} cannot be read: {why}", platform.revision, platform.name);
    Fault::new(FaultName::Internal, message)
        .next(format!("run `landfall apply` with the manifest of {}", platform.name))
}
