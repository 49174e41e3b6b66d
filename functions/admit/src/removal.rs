//! The end of a platform: its manifest was deleted, or somebody asked for a teardown.

use ledger::{Admission, Machine, ObjectKey, Platform, Run, Status, Trigger, Waiting};

use crate::admission::{Admit, Asked, Stop};
use crate::judge::{self, OnDelete};
use crate::{Answer, Outcome, objects};

impl Admit {
    /// Judges a deleted manifest, if it still is deleted.
    pub(crate) async fn deleted(&self, object: &ObjectKey, asked: &Asked<'_>) -> Result<Answer, Stop> {
        let Some(name) = self.ledger.platform_of(object).await? else {
            return Ok(Answer::new(Outcome::Ignored, None, format!("{} described no platform", object.key)));
        };
        let platform = self.known(&name).await?;
        if objects::is_there(&self.s3, object).await? {
            return Ok(Answer::new(Outcome::Ignored, Some(&name), format!("{} is there again", object.key)));
        }
        if let Some(pause) = self.ledger.pause_of(&platform).await? {
            return self.rest(&platform, None, &pause, asked).await;
        }
        Ok(match judge::on_delete(&platform, asked.now)? {
            OnDelete::Retain => {
                let message = format!("{} was deleted, and {name} stays (safety.onManifestDelete: Retain)", object.key);
                Answer::new(Outcome::Retained, Some(&name), message)
            }
            OnDelete::Teardown => {
                let message = format!("{} was deleted (safety.onManifestDelete: Teardown)", object.key);
                Answer::new(Outcome::TeardownRequested, Some(&name), message)
            }
        })
    }

    /// Takes the lease for a teardown.
    pub(crate) async fn teardown(&self, mut platform: Platform, asked: &Asked<'_>) -> Result<Answer, Stop> {
        if platform.status == Status::Gone {
            let message = format!("{} is gone already", platform.name);
            return Ok(Answer::new(Outcome::Ignored, Some(&platform.name), message));
        }
        judge::unprotected(&platform, asked.now)?;
        if !platform.is_free(asked.now) {
            return self.wait(&platform, Waiting::new(Machine::Teardown, None, asked.now)).await;
        }
        let mut run =
            Run::new(platform.name.clone(), Machine::Teardown, Trigger::Destroy, asked.execution.to_owned(), asked.now);
        run.revision = platform.revision;
        let overtaken = platform.approval.take();
        let admission = Admission { platform, revision: None, plan: None, run };
        let answer = self.admit(admission, "the platform is taken away").await?;
        self.supersede(overtaken, asked).await;
        Ok(answer)
    }
}
