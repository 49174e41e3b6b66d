//! One admission: read, judge, plan, take the lease.

use domain::{AccountId, Fault, FaultName, PlatformName, Record, Region, Target};
use engine::{Ledger as _, LedgerError};
use facts::Known;
use jiff::Timestamp;
use lambda::{Invocation, PlanStore, Services, Variables, call_fault};
use ledger::{Guards, Ledger, Machine, ObjectKey, Pause, Platform, Status, Trigger, Waiting};
use manifest::Manifest;
use plan::{Plan, PlanNumber};

use crate::approval::{Draft, Leave};
use crate::event::{Wish, parse};
use crate::judge::Origin;
use crate::taking::{Planned, accept};
use crate::{Answer, Input, Outcome, judge, objects};

/// How often an admission decides again because somebody else wrote in between.
const TRIES: usize = 5;

/// Why an attempt ended without an answer.
#[derive(Debug)]
pub(crate) enum Stop {
    /// What it was decided on is no longer true.
    Raced,
    /// A fault.
    Fault(Fault),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<LedgerError> for Stop {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Raced(_) => Self::Raced,
            error => Self::Fault(error.into()),
        }
    }
}

/// The function's state.
pub struct Admit {
    pub(crate) installation: String,
    pub(crate) region: Region,
    pub(crate) bucket: String,
    pub(crate) ledger: Ledger,
    pub(crate) plans: PlanStore,
    pub(crate) s3: aws_sdk_s3::Client,
    pub(crate) facts: facts::Clients,
    /// The ARN of the role of the function `cluster`.
    pub(crate) cluster_role: String,
    /// The name of the function `gate`.
    pub(crate) gate_function: String,
    pub(crate) step_functions: aws_sdk_sfn::Client,
}

/// Who asks, and when.
pub(crate) struct Asked<'a> {
    pub(crate) execution: &'a str,
    account: AccountId,
    pub(crate) now: Timestamp,
}

/// What a run is to carry out.
pub(crate) struct Intent {
    pub(crate) platform: Platform,
    pub(crate) manifest: Manifest,
    /// The version of the object, if it is not the accepted one.
    pub(crate) version_id: Option<String>,
    pub(crate) trigger: Trigger,
}

impl Admit {
    /// From the environment.
    pub async fn start(variables: Variables) -> Result<Self, Fault> {
        let services = Services::start(&variables).await?;
        let region = services.config.region().map(ToString::to_string).unwrap_or_default();
        let region = Region::parse(&region).map_err(|error| Fault::new(FaultName::Internal, error.to_string()))?;
        let s3 = aws_sdk_s3::Client::new(&services.config);
        Ok(Self {
            bucket: variables.text("LANDFALL_BUCKET")?,
            plans: PlanStore::new(s3.clone(), variables.text("LANDFALL_STATE_BUCKET")?),
            cluster_role: variables.text("LANDFALL_CLUSTER_ROLE")?,
            gate_function: variables.text("LANDFALL_GATE_FUNCTION")?,
            facts: facts::Clients::new(&services.config, &region),
            step_functions: aws_sdk_sfn::Client::new(&services.config),
            installation: services.installation,
            ledger: services.ledger,
            region,
            s3,
        })
    }

    /// Answers a state machine.
    pub async fn handle(&self, input: Input, invocation: Invocation) -> Result<Answer, Fault> {
        if let Some(answer) = self.answered_before(&input.execution).await? {
            return Ok(answer);
        }
        self.still_asked(&input.execution).await?;
        let wish = parse(&input.event)?;
        let account = account_of(&input.execution)?;
        let asked = Asked { execution: &input.execution, account, now: invocation.now };
        for _ in 0..TRIES {
            match self.attempt(input.machine, &wish, &asked).await {
                Ok(answer) => {
                    tracing::info!(outcome = ?answer.outcome, platform = ?answer.platform, "{}", answer.message);
                    return Ok(answer);
                }
                Err(Stop::Fault(fault)) => return Err(fault),
                Err(Stop::Raced) => tracing::info!("somebody else wrote in between; deciding again"),
            }
        }
        Err(Fault::new(FaultName::ServiceUnavailable, "the platform is written by others all the time"))
    }

    /// The answer to this execution, if it was given and got lost.
    async fn answered_before(&self, execution: &str) -> Result<Option<Answer>, Fault> {
        let Some(run) = self.ledger.run_of(execution).await? else { return Ok(None) };
        let holder = self.ledger.holder(&run.platform).await?.filter(|fence| fence.run == run.id);
        match holder {
            Some(fence) => Ok(Some(Answer::admitted(&run, fence.epoch, "this execution was admitted before"))),
            None => {
                let message = format!("run {} of {} has ended", run.id, run.platform);
                Err(Fault::new(FaultName::LostLease, message))
            }
        }
    }

    async fn attempt(&self, machine: Machine, wish: &Wish, asked: &Asked<'_>) -> Result<Answer, Stop> {
        match (machine, wish) {
            (_, Wish::Nothing(why)) => Ok(Answer::new(Outcome::Ignored, None, why)),
            (Machine::Deploy, Wish::Manifest { object, trigger }) => self.deploy(object, *trigger, asked).await,
            (Machine::Deploy, Wish::Deleted { object }) => self.deleted(object, asked).await,
            (Machine::Deploy, Wish::Rollback { name, plan }) => {
                self.rollback(self.known(name).await?, *plan, asked).await
            }
            (Machine::Deploy, Wish::Platform { name, trigger }) => {
                let platform = self.known(name).await?;
                match trigger {
                    Trigger::Schedule => self.redeploy(platform, asked).await,
                    // What waited for a teardown to end finds the platform gone, and begins its next life.
                    Trigger::Waiting => self.deploy(&platform.bound, Trigger::Waiting, asked).await,
                    _ if platform.status == Status::Gone => Err(gone(name).into()),
                    trigger => self.deploy(&platform.bound, *trigger, asked).await,
                }
            }
            (Machine::Teardown, Wish::Platform { name, .. }) => self.teardown(self.known(name).await?, asked).await,
            (Machine::Teardown, Wish::Manifest { .. } | Wish::Deleted { .. } | Wish::Rollback { .. }) => {
                let message = "a teardown is started with the name of a platform";
                Err(Fault::new(FaultName::InvalidInput, message).next(r#"start it with {"platform": "demo"}"#).into())
            }
        }
    }

    pub(crate) async fn known(&self, name: &PlatformName) -> Result<Platform, Stop> {
        match self.ledger.platform(name).await? {
            Some(platform) => Ok(platform),
            None => Err(Fault::new(FaultName::UnknownPlatform, format!("there is no platform `{name}`"))
                .next("see `landfall list`, or upload its manifest with `landfall apply -f platform.yaml`")
                .into()),
        }
    }

    /// Brings a platform to what the newest version of its manifest says.
    async fn deploy(&self, object: &ObjectKey, trigger: Trigger, asked: &Asked<'_>) -> Result<Answer, Stop> {
        if object.bucket != self.bucket {
            let message = format!("this installation reads manifests from s3://{}/manifests/", self.bucket);
            return Err(Fault::new(FaultName::InvalidInput, message).next("upload the manifest there").into());
        }
        // The ledger before S3: what is then read there is no older than what the ledger knows.
        let bound = self.ledger.platform_of(object).await?;
        let mut named = match &bound {
            Some(name) => self.ledger.platform(name).await?,
            None => None,
        };
        let Some(current) = objects::current(&self.s3, object).await? else {
            // What waited may be older than the deletion.
            if trigger == Trigger::Waiting && bound.is_some() {
                return self.deleted(object, asked).await;
            }
            return self.missing(object, trigger, bound.as_ref());
        };
        let before = named.as_ref().and_then(|known| judge::seen_before(known, &current.version_id, trigger));
        if let Some(message) = before {
            return Ok(Answer::new(Outcome::Ignored, bound.as_ref(), message));
        }
        let manifest = manifest::parse(&current.bytes).map_err(|problems| judge::invalid(object, &problems))?.manifest;
        let name = &manifest.metadata.name;
        if bound.as_ref() != Some(name) {
            named = self.ledger.platform(name).await?;
            // Bound since: what was read in S3 may be older than that.
            if bound.is_none()
                && named.as_ref().is_some_and(|known| known.status != Status::Gone && known.bound == *object)
            {
                return Err(Stop::Raced);
            }
        }
        let origin = Origin { object, bound: bound.as_ref(), named: named.as_ref(), region: &self.region };
        judge::belongs(&manifest, origin)?;
        let target = Target { account: asked.account.clone(), region: self.region.clone() };
        let platform = match named {
            Some(known) if known.status == Status::Gone => known.reborn(object.clone(), target, asked.now),
            Some(known) => known,
            None => Platform::new(name.clone(), self.installation.clone(), object.clone(), target, asked.now),
        };
        let version_id = Some(current.version_id).filter(|version| platform.version_id.as_ref() != Some(version));
        self.run(Intent { platform, manifest, version_id, trigger }, asked).await
    }

    fn missing(&self, object: &ObjectKey, trigger: Trigger, bound: Option<&PlatformName>) -> Result<Answer, Stop> {
        let message = format!("s3://{}/{} is not there", object.bucket, object.key);
        match trigger {
            Trigger::Upload | Trigger::Waiting => {
                Ok(Answer::new(Outcome::Ignored, bound, format!("{message} any more")))
            }
            _ => Err(Fault::new(FaultName::InvalidInput, message).next("upload the manifest").into()),
        }
    }

    /// Leaves an upload or a deletion for the end of a pause.
    pub(crate) async fn rest(
        &self,
        platform: &Platform,
        version_id: Option<String>,
        pause: &Pause,
        asked: &Asked<'_>,
    ) -> Result<Answer, Stop> {
        self.ledger.leave_waiting(platform, Waiting::new(Machine::Deploy, version_id, asked.now)).await?;
        let name = &platform.name;
        let what = if platform.paused.is_some() { name.as_str() } else { "--all" };
        let message = format!("{name} is paused by {}; this is done after `landfall resume {what}`", pause.by);
        Ok(Answer::new(Outcome::Waiting, Some(name), message))
    }

    /// Plans, and takes the lease; or asks for approval; or leaves a wish if another run is under way.
    pub(crate) async fn run(&self, intent: Intent, asked: &Asked<'_>) -> Result<Answer, Stop> {
        let Intent { platform, manifest, version_id, trigger } = intent;
        if matches!(trigger, Trigger::Upload | Trigger::Waiting)
            && let Some(pause) = self.ledger.pause_of(&platform).await?
        {
            return self.rest(&platform, version_id, &pause, asked).await;
        }
        if !platform.is_free(asked.now) {
            return self.wait(&platform, Waiting::new(Machine::Deploy, version_id, asked.now)).await;
        }
        let records: Vec<Record> =
            self.ledger.records(&platform.name).await?.into_iter().map(|stored| stored.record).collect();
        let (role, gate) = (&self.cluster_role, &self.gate_function);
        let known = Known { slots: platform.slots.clone(), role, gate, records: &records };
        let facts = facts::gather(&self.facts, &manifest, known).await.map_err(call_fault)?;
        let plan = plan::plan(&self.installation, &manifest, &platform.target, &facts)
            .map_err(|problems| judge::unusable(&platform.bound, &problems))?;
        let newest = self.plan_of(&platform, platform.plan).await?.filter(|newest| judge::same(newest, &plan));
        let number = newest.map(|_| platform.plan);
        let guards = version_id.is_some().then(|| Guards::from(&manifest.spec.safety));
        let mut draft = Draft { platform, plan, number, version_id, guards, trigger };
        let approval = match self.leave(&draft, asked).await? {
            Leave::Asked(answer) => return Ok(answer),
            Leave::Free => None,
            Leave::Given(number, decision) => {
                draft.number = Some(number);
                Some(decision)
            }
        };
        let head = match draft.number {
            Some(_) => None,
            None => {
                let is_new_revision = draft.version_id.is_some();
                let (platform, head) = self.store(&draft.platform, &draft.plan, is_new_revision, asked.now).await?;
                (draft.platform, draft.number) = (platform, Some(head.number));
                Some(head)
            }
        };
        let Draft { mut platform, plan, number, version_id, trigger, .. } = draft;
        let revision = match version_id {
            Some(version_id) => Some(accept(&mut platform, &manifest, version_id, asked.now)?),
            None => None,
        };
        platform.slots = plan.facts.slots.clone();
        platform.plan = number.unwrap_or(platform.plan);
        platform.kept_plan = None;
        let (revised, name, number) = (platform.revision, &platform.name, platform.plan);
        let message = format!("revision {revised} of {name} is plan {number}: {} resources", plan.resources.len());
        let planned = Planned { platform, revision, plan: head, number, next: plan.next, revised, approval };
        self.take(planned, trigger, asked, &message).await
    }

    pub(crate) async fn wait(&self, platform: &Platform, waiting: Waiting) -> Result<Answer, Stop> {
        self.ledger.leave_waiting(platform, waiting).await?;
        let message = match &platform.lease {
            Some(lease) => format!("run {} of {} is under way; this is done after it", lease.run, platform.name),
            None => format!("{} rests for a moment after a run that ended badly; this is done then", platform.name),
        };
        Ok(Answer::new(Outcome::Waiting, Some(&platform.name), message))
    }

    /// What the ledger knows of a platform's resources.
    pub(crate) async fn records(&self, platform: &Platform) -> Result<Vec<Record>, Stop> {
        let stored = self.ledger.records(&platform.name).await?;
        Ok(stored.into_iter().map(|stored| stored.record).collect())
    }

    /// A stored plan; none for number 0, and for one whose document can no longer be read.
    pub(crate) async fn plan_of(&self, platform: &Platform, number: PlanNumber) -> Result<Option<Plan>, Fault> {
        if number == 0 {
            return Ok(None);
        }
        match self.plans.load(platform, number).await {
            Ok(plan) => Ok(Some(plan)),
            Err(fault) if fault.name == FaultName::Internal => {
                tracing::warn!("{fault}; it is made anew");
                Ok(None)
            }
            Err(fault) => Err(fault),
        }
    }
}

pub(crate) fn gone(name: &PlatformName) -> Fault {
    Fault::new(FaultName::UnknownPlatform, format!("the platform `{name}` is gone"))
        .next("upload its manifest to make it anew")
}

/// The account in which an execution runs: the fifth part of its ARN.
fn account_of(execution: &str) -> Result<AccountId, Fault> {
    let account = execution.split(':').nth(4).unwrap_or_default();
    AccountId::parse(account).map_err(|error| {
        Fault::new(FaultName::InvalidInput, format!("`{execution}` is no ARN of an execution: {error}"))
    })
}

#[cfg(test)]
mod tests;
