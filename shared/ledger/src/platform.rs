//! What the ledger knows of a platform, its revisions and its plans.

use domain::{Identity, Incarnation, PlatformName, RunId, Target};
use jiff::Timestamp;
use jiff::civil::Date;
use plan::{PlanNumber, Slots};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use ulid::Ulid;

use crate::approval::Pending;
use crate::pause::Pause;
use crate::run::Machine;

/// An object in S3.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectKey {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
}

/// How a platform is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Status {
    /// Nothing was deployed yet: its first upload waits.
    New,
    /// A deploy is under way.
    Deploying,
    /// As its newest plan says.
    Ready,
    /// The newest plan failed, and the last good one, or nothing, was restored.
    RolledBack,
    /// The newest run failed, and what it did was left as it is.
    Failed,
    /// A teardown is under way.
    TearingDown,
    /// Torn down. Its history stays.
    Gone,
}

/// What happens when the manifest's object is deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnManifestDelete {
    /// The platform stays.
    #[default]
    Retain,
    /// The platform is torn down.
    Teardown,
}

/// Which changes ask for approval.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Approval {
    /// None.
    Never,
    /// Those that destroy something.
    #[default]
    Destructive,
    /// All.
    Always,
}

/// What happens when a deploy fails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnFailure {
    /// The last good plan is restored, or nothing if there is none.
    #[default]
    RollBack,
    /// Everything stays as it is, so that a retry can go on.
    Stop,
}

/// The safety of the last accepted revision: the next one is judged by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Guards {
    /// Whether a teardown is refused.
    pub deletion_protection: bool,
    /// What the deletion of the manifest's object means.
    pub on_manifest_delete: OnManifestDelete,
    /// Which changes ask for approval.
    pub approval: Approval,
    /// What a failed deploy leaves.
    pub on_failure: OnFailure,
}

/// When a platform is deployed again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Schedule {
    /// Five fields: minute, hour, day of month, month, day of week.
    pub cron: String,
    /// The IANA name of the time zone that the fields are read in.
    pub time_zone: String,
    /// The days on which nothing is started.
    pub freeze: Vec<Freeze>,
}

/// Days on which nothing is started, both included, in the schedule's time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freeze {
    /// The first day.
    pub from: Date,
    /// The last day.
    pub to: Date,
}

/// Which run may act on a platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lease {
    /// The run.
    pub run: RunId,
    /// The ARN of its execution.
    pub execution: String,
    /// Since when.
    pub since: Timestamp,
}

/// What is to be done once the lease is free. The newest wish replaces the one before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Waiting {
    /// Names this wish; part of the name of the execution that fulfils it, so that it is started once.
    pub id: Ulid,
    /// Which machine is to be started.
    pub machine: Machine,
    /// The version of the manifest's object that was current when it was left.
    pub version_id: Option<String>,
    /// The plan to go back to, if that is the wish.
    pub plan: Option<PlanNumber>,
    /// When it was left.
    pub at: Timestamp,
}

impl Waiting {
    /// A new wish.
    pub fn new(machine: Machine, version_id: Option<String>, at: Timestamp) -> Self {
        Self { id: Ulid::generate(), machine, version_id, plan: None, at }
    }

    /// A new wish to go back to a plan.
    pub fn to_plan(plan: PlanNumber, at: Timestamp) -> Self {
        Self { plan: Some(plan), ..Self::new(Machine::Deploy, None, at) }
    }
}

/// What the ledger knows of a platform: its item `META`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Platform {
    /// Its name.
    pub name: PlatformName,
    /// The installation that it belongs to.
    pub installation: String,
    /// The manifest's object that it is bound to, for life.
    pub bound: ObjectKey,
    /// Where it lives, for life.
    pub target: Target,
    /// Which life of the name this is.
    pub incarnation: Incarnation,
    /// How it is.
    pub status: Status,
    /// When this life began.
    pub created: Timestamp,
    /// The number of the newest accepted revision; 0 for none. Numbers go on from life to life.
    pub revision: u64,
    /// The version of the manifest's object that became this revision.
    pub version_id: Option<String>,
    /// The plan of the newest deploy; 0 for none.
    pub plan: PlanNumber,
    /// The highest number that was given to a plan. Numbers go on from life to life.
    pub last_plan: PlanNumber,
    /// The plan of the last deploy that succeeded; 0 for none.
    pub last_good: PlanNumber,
    /// The plan that somebody went back to. The schedule keeps it up until something else is deployed.
    pub kept_plan: Option<PlanNumber>,
    /// The plan that failed last, if it was not followed by a success. The schedule does not try it again.
    pub failed_plan: Option<PlanNumber>,
    /// The numbers that zones were given.
    pub slots: Slots,
    /// The safety of the newest accepted revision; none before the first.
    pub guards: Option<Guards>,
    /// Until when a teardown is allowed in spite of its protection.
    pub unprotected_until: Option<Timestamp>,
    /// The name of the topic that gets its alerts beside the installation's.
    pub alert_topic: Option<String>,
    /// When it is deployed again.
    pub schedule: Option<Schedule>,
    /// When that is next.
    pub next_due: Option<Timestamp>,
    /// Which run may act on it.
    pub lease: Option<Lease>,
    /// Until when nobody may take the lease, because a function of an ended run may still be under way.
    pub quarantined_until: Option<Timestamp>,
    /// What is to be done once the lease is free.
    pub waiting: Option<Waiting>,
    /// The plan that waits for approval.
    pub approval: Option<Pending>,
    /// Since when it rests by itself; all may rest besides.
    pub paused: Option<Pause>,
    /// The newest run.
    pub last_run: Option<RunId>,
    /// Grows with each write. A write made from an older reading is refused. 0: not stored yet.
    pub version: u64,
}

impl Platform {
    /// A platform that is not stored yet.
    pub fn new(name: PlatformName, installation: String, bound: ObjectKey, target: Target, now: Timestamp) -> Self {
        Self {
            name,
            installation,
            bound,
            target,
            incarnation: Incarnation::random(),
            status: Status::New,
            created: now,
            revision: 0,
            version_id: None,
            plan: 0,
            last_plan: 0,
            last_good: 0,
            kept_plan: None,
            failed_plan: None,
            slots: Slots::new(),
            guards: None,
            unprotected_until: None,
            alert_topic: None,
            schedule: None,
            next_due: None,
            lease: None,
            quarantined_until: None,
            waiting: None,
            approval: None,
            paused: None,
            last_run: None,
            version: 0,
        }
    }

    /// The next life of a platform that is gone: only its numbers go on.
    pub fn reborn(self, bound: ObjectKey, target: Target, now: Timestamp) -> Self {
        Self {
            revision: self.revision,
            last_plan: self.last_plan,
            quarantined_until: self.quarantined_until,
            paused: self.paused,
            last_run: self.last_run,
            version: self.version,
            ..Self::new(self.name, self.installation, bound, target, now)
        }
    }

    /// The tags by which this life's resources are known.
    pub fn identity(&self) -> Identity {
        Identity { installation: self.installation.clone(), platform: self.name.clone(), incarnation: self.incarnation }
    }

    /// Whether a run may take the lease.
    pub fn is_free(&self, now: Timestamp) -> bool {
        self.lease.is_none() && self.quarantined_until.is_none_or(|until| until <= now)
    }

    /// Whether a teardown is refused. What never was deployed is not protected.
    pub fn is_protected(&self, now: Timestamp) -> bool {
        self.last_good > 0
            && self.guards.is_some_and(|guards| guards.deletion_protection)
            && self.unprotected_until.is_none_or(|until| until <= now)
    }
}

/// One accepted version of a manifest. Immutable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Revision {
    /// Its number, from 1.
    pub number: u64,
    /// The object.
    pub key: ObjectKey,
    /// The version of the object.
    pub version_id: String,
    /// The manifest with all defaults.
    pub manifest: Value,
    /// When it was accepted.
    pub at: Timestamp,
}

/// What the ledger knows of a plan; the plan itself is a document in S3. Immutable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanHead {
    /// Its number, from 1.
    pub number: PlanNumber,
    /// The revision that it was made from.
    pub revision: u64,
    /// The key of the document in the state bucket.
    pub document: String,
    /// How many resources it wants.
    pub resources: usize,
    /// When it was made.
    pub at: Timestamp,
}
