//! The life of a run: it takes the lease, is fenced, ends.

use domain::{Epoch, PlatformName, RunId};
use engine::{Fence, LedgerError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Ledger;
use crate::keys;
use crate::platform::{Lease, OnFailure, PlanHead, Platform, Revision, Status, Waiting};
use crate::platforms::{Good, write_binding, write_platform};
use crate::records::EpochItem;
use crate::run::{Failure, Machine, Phase, Restore, Run, RunEvent, RunStatus};
use crate::store::{decode, expiring, get, put, put_open, retry, transact, unavailable};
use crate::table::{Action, Condition, Direction, Key, Write};

/// A decision to run, with the reading that it was made on.
#[derive(Debug, Clone)]
pub struct Admission {
    /// The platform as it should be stored, at the version that was read. The lease, the status and the wish that is
    /// fulfilled by this run are set here.
    pub platform: Platform,
    /// The revision, if it is a new one.
    pub revision: Option<Revision>,
    /// The plan, if it is a new one.
    pub plan: Option<PlanHead>,
    /// The run.
    pub run: Run,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// [`RunStatus::Succeeded`] or [`RunStatus::Failed`]. A run that was cancelled ends as that.
    pub status: RunStatus,
    /// What it failed of. With none, what the ledger knew before stays.
    pub failure: Option<Failure>,
    /// Whether what it went back to was reached.
    pub restored: bool,
    /// Until when nobody may take the lease, if a function of the run may still be under way.
    pub quarantined_until: Option<Timestamp>,
}

/// A run whose epoch was moved on, so that it can go back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fenced {
    /// Under which epoch it goes on.
    pub fence: Fence,
    /// To what.
    pub restore: Restore,
    /// The plan of that.
    pub plan: plan::PlanNumber,
}

/// Why a run may write nothing more although its execution may be under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revoked {
    /// Somebody asked.
    Cancelled,
    /// It failed, of this.
    Failed(Failure),
}

/// The item that leads from an execution to its run.
#[derive(Debug, Serialize, Deserialize)]
struct ExecutionItem {
    platform: PlatformName,
    run: RunId,
}

impl Ledger {
    /// One run.
    pub async fn run(&self, platform: &PlatformName, run: RunId) -> Result<Option<Run>, LedgerError> {
        get(self.table(), &keys::run(platform, run)).await
    }

    /// The newest runs of a platform, the newest first. Those of earlier lives are among them.
    pub async fn runs(&self, platform: &PlatformName, limit: usize) -> Result<Vec<Run>, LedgerError> {
        let partition = keys::partition(platform);
        let items = self.table().query(&partition, keys::RUNS, Direction::Backward, Some(limit)).await;
        let key = Key::new(partition, keys::RUNS);
        items.map_err(unavailable)?.into_iter().map(|item| decode(&key, item)).collect()
    }

    /// The runs that are not settled, the oldest first. One that began a moment ago may be missing.
    pub async fn open_runs(&self) -> Result<Vec<Run>, LedgerError> {
        let found: Vec<Run> = self.open(keys::OPEN_RUN).await?;
        Ok(found.into_iter().filter(|run| run.ended.is_none()).collect())
    }

    /// The run of an execution; none if that never took a lease.
    pub async fn run_of(&self, execution: &str) -> Result<Option<Run>, LedgerError> {
        match get::<ExecutionItem>(self.table(), &keys::execution(execution)).await? {
            Some(link) => self.run(&link.platform, link.run).await,
            None => Ok(None),
        }
    }

    /// What happened in a run, the oldest first. Empty for a run that changed nothing.
    pub async fn events(&self, run: RunId) -> Result<Vec<RunEvent>, LedgerError> {
        let partition = keys::events(run);
        let items = self.table().query(&partition, "", Direction::Forward, None).await.map_err(unavailable)?;
        let key = Key::new(partition, "");
        items.into_iter().map(|item| decode(&key, item)).collect()
    }

    /// Takes the lease and the next epoch for a run, and stores what was decided with it, all or nothing.
    ///
    /// None if the lease is taken or quarantined in the reading that the decision was made on;
    /// [`LedgerError::Raced`] if that reading is no longer true: read and decide again.
    pub async fn admit(&self, admission: Admission) -> Result<Option<Fence>, LedgerError> {
        let Admission { mut platform, revision, plan, run } = admission;
        if !platform.is_free(run.started) {
            return Ok(None);
        }
        platform.lease = Some(Lease { run: run.id, execution: run.execution.clone(), since: run.started });
        platform.last_run = Some(run.id);
        platform.quarantined_until = None;
        // Every run of a machine reads what is newest, so it fulfils a wish for that machine.
        platform.waiting = platform.waiting.filter(|waiting| waiting.machine != run.machine);
        platform.status = match run.machine {
            Machine::Deploy => Status::Deploying,
            Machine::Teardown => Status::TearingDown,
        };
        let name = platform.name.clone();
        let (epoch, next) = EpochItem::read(self, &name).await?.next(&name, Some(run.id))?;
        let link = ExecutionItem { platform: name.clone(), run: run.id };
        let mut writes = vec![
            write_platform(&platform)?,
            next,
            write_run(&run)?,
            expiring(put(keys::execution(&run.execution), 0, &link)?, run.started),
        ];
        if self.platform_of(&platform.bound).await?.as_ref() != Some(&name) {
            writes.push(write_binding(&platform));
        }
        if let Some(revision) = &revision {
            writes.push(put(keys::revision(&name, revision.number), 0, revision)?);
        }
        if let Some(plan) = &plan {
            writes.push(put(keys::plan(&name, plan.number), 0, plan)?);
        }
        transact(self.table(), writes).await?;
        Ok(Some(Fence { platform: name, run: run.id, epoch }))
    }

    /// In whose name a platform may be written now; none if no run holds it.
    pub async fn holder(&self, platform: &PlatformName) -> Result<Option<Fence>, LedgerError> {
        let EpochItem { epoch, run, .. } = EpochItem::read(self, platform).await?;
        Ok(run.map(|run| Fence { platform: platform.clone(), run, epoch }))
    }

    /// The run of a fence, if it may act: [`LedgerError::Fenced`] if its epoch has passed or it has ended.
    pub async fn standing(&self, fence: &Fence) -> Result<Run, LedgerError> {
        let epoch = EpochItem::read(self, &fence.platform).await?;
        let run = self.run(&fence.platform, fence.run).await?;
        match run {
            Some(run) if run.ended.is_none() && epoch.run == Some(fence.run) && epoch.epoch == fence.epoch => Ok(run),
            _ => Err(LedgerError::Fenced),
        }
    }

    /// Notes that a run is in a phase. Nothing is written if it was already.
    pub async fn enter_phase(&self, fence: &Fence, name: &str, now: Timestamp) -> Result<Run, LedgerError> {
        retry(|| async move {
            let mut run = self.standing(fence).await?;
            if run.phases.last().is_some_and(|last| last.name == name && last.epoch == fence.epoch) {
                return Ok(run);
            }
            end_phase(&mut run, now);
            run.phases.push(Phase { name: name.to_owned(), epoch: fence.epoch, started: now, ended: None });
            self.fenced(fence, vec![write_run(&run)?]).await?;
            run.version += 1;
            Ok(run)
        })
        .await
    }

    /// Moves the epoch on after a failure, and says what the run goes back to. The same again for a run that was fenced
    /// before, so that a lost answer costs nothing and a failed restore never loops.
    ///
    /// [`LedgerError::Fenced`] if the run no longer holds the platform.
    pub async fn fence(
        &self,
        platform: &PlatformName,
        run: RunId,
        failure: &Failure,
        now: Timestamp,
    ) -> Result<Fenced, LedgerError> {
        retry(|| async move {
            let epoch = EpochItem::read(self, platform).await?;
            let meta = self.platform(platform).await?.ok_or(LedgerError::Fenced)?;
            let mut stored = self.run(platform, run).await?.ok_or(LedgerError::Fenced)?;
            let holds = epoch.run == Some(run) && stored.ended.is_none() && !stored.cancelled;
            if !holds {
                return Err(LedgerError::Fenced);
            }
            let fenced = |epoch: Epoch, restore: Restore| Fenced {
                fence: Fence { platform: platform.clone(), run, epoch },
                restore,
                plan: if restore == Restore::LastGood { meta.last_good } else { 0 },
            };
            if let Some(restore) = stored.restore {
                return Ok(fenced(epoch.epoch, restore));
            }
            let restore = way_back(&meta, &stored);
            stored.restore = Some(restore);
            stored.failure = Some(failure.clone());
            stored.deadline = now + Run::LIMIT;
            end_phase(&mut stored, now);
            let (next, write) = epoch.next(platform, Some(run))?;
            transact(self.table(), vec![write, write_run(&stored)?]).await?;
            Ok(fenced(next, restore))
        })
        .await
    }

    /// Notes where the diagnostics of a run lie.
    pub async fn note_diagnostics(&self, platform: &PlatformName, run: RunId, uri: &str) -> Result<(), LedgerError> {
        retry(|| async move {
            let Some(mut run) = self.run(platform, run).await? else { return Ok(()) };
            run.diagnostics = Some(uri.to_owned());
            transact(self.table(), vec![write_run(&run)?]).await
        })
        .await
    }

    /// Takes the right to write from a run whose execution may still be under way. The lease stays until the run is
    /// settled. None if the run has ended, or there is none; a run that was revoked before stays as it was.
    pub async fn revoke(&self, platform: &PlatformName, run: RunId, why: &Revoked) -> Result<Option<Run>, LedgerError> {
        retry(|| async move {
            let epoch = EpochItem::read(self, platform).await?;
            let Some(mut stored) = self.run(platform, run).await?.filter(|run| run.ended.is_none()) else {
                return Ok(None);
            };
            if epoch.run != Some(run) {
                return Ok(Some(stored));
            }
            match why {
                Revoked::Cancelled => stored.cancelled = true,
                Revoked::Failed(failure) => {
                    stored.failure.get_or_insert_with(|| failure.clone());
                }
            }
            let (_, write) = epoch.next(platform, None)?;
            transact(self.table(), vec![write, write_run(&stored)?]).await?;
            stored.version += 1;
            Ok(Some(stored))
        })
        .await
    }

    /// Asks the run that holds a platform to end. None if none does.
    pub async fn cancel(&self, platform: &PlatformName) -> Result<Option<Run>, LedgerError> {
        match self.platform(platform).await?.and_then(|platform| platform.lease) {
            Some(lease) => self.revoke(platform, lease.run, &Revoked::Cancelled).await,
            None => Ok(None),
        }
    }

    /// Ends a run: its outcome, the platform's status and last good plan, and the lease if the run is still the holder.
    /// A run that has ended stays as it is. None if there is no such run.
    ///
    /// After a deploy whose plan is a step, the next step waits; what was uploaded meanwhile comes first and takes its place.
    ///
    /// After a teardown that succeeded the platform is forgotten: its name and its object are free, its history stays.
    pub async fn finish(
        &self,
        platform: &PlatformName,
        run: RunId,
        ending: &Ending,
        now: Timestamp,
    ) -> Result<Option<Run>, LedgerError> {
        retry(|| async move {
            let Some(mut run) = self.run(platform, run).await? else { return Ok(None) };
            if run.ended.is_some() {
                return Ok(Some(run));
            }
            let epoch = EpochItem::read(self, platform).await?;
            conclude(&mut run, ending, now);
            let mut writes = vec![write_run(&run)?];
            if let Some(meta) = self.platform(platform).await?
                && meta.lease.as_ref().is_some_and(|lease| lease.run == run.id)
            {
                let released = release(meta, &run, ending, now);
                writes.push(write_platform(&released)?);
                if released.status == Status::Ready {
                    writes.push(good(&released, run.plan, now)?);
                }
                if released.status == Status::Gone {
                    writes.push(unbind(&released));
                }
                writes.push(epoch.next(platform, None)?.1);
            }
            transact(self.table(), writes).await?;
            run.version += 1;
            Ok(Some(run))
        })
        .await
    }

    /// Whether this is the first to tell of the executions of this name: true once.
    pub async fn mark_alerted(&self, execution_name: &str, now: Timestamp) -> Result<bool, LedgerError> {
        let mark = serde_json::json!({"at": now});
        let write = expiring(put(keys::alert(execution_name), 0, &mark)?, now);
        match transact(self.table(), vec![write]).await {
            Ok(()) => Ok(true),
            Err(LedgerError::Raced(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Takes the mark back: the message could not be sent.
    pub async fn unmark_alerted(&self, execution_name: &str) -> Result<(), LedgerError> {
        let key = keys::alert(execution_name);
        transact(self.table(), vec![Write { key, condition: Condition::Always, action: Action::Delete }]).await
    }
}

/// What a failed run goes back to.
fn way_back(platform: &Platform, run: &Run) -> Restore {
    let on_failure = platform.guards.map(|guards| guards.on_failure).unwrap_or_default();
    match (run.machine, on_failure) {
        // A teardown has no way back: what is gone is gone.
        (Machine::Teardown, _) | (Machine::Deploy, OnFailure::Stop) => Restore::None,
        // A failed repair of the last good plan leaves nothing better to go back to.
        (Machine::Deploy, OnFailure::RollBack) if platform.last_good == run.plan => Restore::None,
        (Machine::Deploy, OnFailure::RollBack) if platform.last_good > 0 => Restore::LastGood,
        (Machine::Deploy, OnFailure::RollBack) => Restore::Empty,
    }
}

fn conclude(run: &mut Run, ending: &Ending, now: Timestamp) {
    run.status = if run.cancelled { RunStatus::Cancelled } else { ending.status };
    run.ended = Some(now);
    if run.status != RunStatus::Succeeded {
        // The machine's word counts, for it may have met another fault on the way back.
        run.failure = ending.failure.clone().or(run.failure.take());
        run.restored = ending.restored;
    }
    end_phase(run, now);
}

fn release(mut platform: Platform, run: &Run, ending: &Ending, now: Timestamp) -> Platform {
    platform.lease = None;
    platform.quarantined_until = ending.quarantined_until;
    platform.status = match (run.machine, run.status) {
        (Machine::Deploy, RunStatus::Succeeded) => Status::Ready,
        (Machine::Teardown, RunStatus::Succeeded) => Status::Gone,
        _ if run.restored => Status::RolledBack,
        _ => Status::Failed,
    };
    match platform.status {
        Status::Ready => {
            platform.last_good = run.plan;
            if run.next.is_some() {
                platform.waiting.get_or_insert_with(|| Waiting::new(Machine::Deploy, None, now));
            }
            // An older plan that was kept up says nothing of the newest.
            platform.failed_plan = platform.failed_plan.filter(|_| run.plan != platform.plan);
        }
        Status::Gone => {
            platform.last_good = 0;
            platform.plan = 0;
            platform.failed_plan = None;
            platform.version_id = None;
            platform.guards = None;
            platform.schedule = None;
            platform.next_due = None;
            platform.unprotected_until = None;
            platform.approval = None;
            platform.kept_plan = None;
        }
        _ if run.machine == Machine::Deploy && run.plan == platform.plan => platform.failed_plan = Some(run.plan),
        _ => {}
    }
    platform
}

fn end_phase(run: &mut Run, now: Timestamp) {
    if let Some(last) = run.phases.last_mut() {
        last.ended.get_or_insert(now);
    }
}

/// The write that marks a plan as one that can be gone back to.
fn good(platform: &Platform, plan: plan::PlanNumber, now: Timestamp) -> Result<Write, LedgerError> {
    let good = Good { incarnation: platform.incarnation, at: now };
    Ok(Write { condition: Condition::Always, ..put(keys::good(&platform.name, plan), 0, &good)? })
}

fn unbind(platform: &Platform) -> Write {
    Write { key: keys::binding(&platform.bound), condition: Condition::Always, action: Action::Delete }
}

/// The write of a run that was read at `run.version`.
fn write_run(run: &Run) -> Result<Write, LedgerError> {
    let sort = run.ended.is_none().then(|| run.id.to_string());
    put_open(keys::run(&run.platform, run.id), run.version, run, keys::OPEN_RUN, sort)
}
