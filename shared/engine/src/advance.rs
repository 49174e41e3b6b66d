//! One call of the engine: rounds of read, decide and do, until nothing moves or the time is up.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::{Class, Component, Edge, Fault, Identity, Kind, ResourceId, Target};
use futures::stream::{self, StreamExt};
use jiff::{SignedDuration, Timestamp};
use plan::Plan;
use tokio::time::Instant;

use crate::perform::{CALL_LIMIT, Step};
use crate::select::{Task, select};
use crate::{Fence, Ledger, Moment, Pass, Resource, Stored};

/// Who makes and deletes which kind.
pub type Kinds = BTreeMap<Kind, Box<dyn Resource>>;

/// What stays the same from call to call.
pub struct Engine<'a> {
    /// The ledger.
    pub ledger: &'a dyn Ledger,
    /// The kinds of the component.
    pub kinds: &'a Kinds,
    /// For how long something that was created may stay invisible. Longer than any call may take.
    pub settling: SignedDuration,
    /// For how long AWS may work on one thing before it counts as stuck.
    pub patience: SignedDuration,
    /// The time.
    pub clock: &'a (dyn Fn() -> Timestamp + Sync),
}

/// What one call is asked for.
#[derive(Debug)]
pub struct Order<'a> {
    /// In whose name.
    pub fence: Fence,
    /// Whose resources.
    pub identity: Identity,
    /// Where.
    pub target: Target,
    /// Towards which plan.
    pub plan: &'a Plan,
    /// Of which component.
    pub component: Component,
    /// What for.
    pub pass: Pass,
    /// When the call must have returned.
    pub deadline: Instant,
}

/// How far a call came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The goal is reached.
    Ready,
    /// Call again after `wait`.
    Pending {
        /// After how long.
        wait: Duration,
        /// What is waited for, and why.
        blocked: Vec<(ResourceId, String)>,
    },
}

/// How many resources are worked on at once: EC2 throttles an account that asks for much more.
const AT_ONCE: usize = 8;

/// A pending goal is asked for again after this part of the time for which AWS has worked on it: so much later than AWS,
/// at worst, a deploy goes on, whether AWS takes a minute or a quarter of an hour.
const PART: u32 = 40;
/// No sooner than this, so that little is asked of AWS.
const SOONEST: Duration = Duration::from_secs(2);
/// No later than this, so that what takes long is still told in time.
const LATEST: Duration = Duration::from_secs(15);

impl Engine<'_> {
    /// Brings the order's goal as far as it goes without waiting.
    ///
    /// Transient faults and conflicts of single resources do not stop their siblings. A fault ends the call once all
    /// that was begun has answered: the gravest is returned, and everything that was done stands in the ledger.
    pub async fn advance(&self, order: &Order<'_>) -> Result<Outcome, Fault> {
        let mut done: BTreeSet<(Edge, Option<String>)> = BTreeSet::new();
        loop {
            let records = self.ledger.records(&order.fence.platform).await?;
            let selection = select(order, &records);
            let key = |task: &Task| {
                let wanted = task.wanted.as_ref().map(|wanted| format!("{}{:?}", wanted.spec, wanted.needs));
                (Edge { resource: task.id.clone(), generation: task.generation }, wanted)
            };
            let tasks: Vec<Task> = selection.tasks.into_iter().filter(|task| !done.contains(&key(task))).collect();
            if tasks.is_empty() && selection.blocked.is_empty() {
                return Ok(Outcome::Ready);
            }
            let steps: Vec<(Task, Result<Step, Fault>)> = stream::iter(tasks)
                .map(|task| async move {
                    let step = self.step(order, &task).await;
                    (task, step)
                })
                .buffer_unordered(AT_ONCE)
                .collect()
                .await;
            let mut blocked = selection.blocked;
            let mut moved = false;
            let mut wait = LATEST;
            let mut faults = Vec::new();
            for (task, step) in steps {
                match step {
                    Ok(Step::Done) => {
                        done.insert(key(&task));
                        // What it blocked may go on now that its record is complete.
                        moved = true;
                    }
                    Ok(Step::Moved) => moved = true,
                    Ok(Step::Waiting(reason)) => {
                        wait = wait.min(ask_again(task.stored.as_ref(), (self.clock)()));
                        blocked.push((task.id, reason));
                    }
                    Err(fault) => faults.push(fault.about(&task.id)),
                }
            }
            if let Some(fault) = gravest(faults) {
                return Err(fault);
            }
            if !moved || order.deadline.saturating_duration_since(Instant::now()) < CALL_LIMIT {
                blocked.sort();
                return Ok(Outcome::Pending { wait: if moved { SOONEST } else { wait }, blocked });
            }
        }
    }

    pub(crate) fn moment(&self, order: &Order<'_>) -> Moment {
        Moment { now: (self.clock)(), epoch: order.fence.epoch, settling: self.settling, patience: self.patience }
    }
}

/// When to look again at what AWS works on.
fn ask_again(stored: Option<&Stored>, now: Timestamp) -> Duration {
    let since = stored.and_then(|stored| stored.record.state.since()).unwrap_or(now);
    let worked = Duration::try_from(now.duration_since(since)).unwrap_or_default();
    (worked / PART).clamp(SOONEST, LATEST)
}

/// Losing the lease says more than anything that was seen without it; a transient fault says least.
fn gravest(faults: Vec<Fault>) -> Option<Fault> {
    faults.into_iter().max_by_key(|fault| match fault.class() {
        Class::Control => 5,
        Class::Account => 4,
        Class::Broken => 3,
        Class::Input => 2,
        Class::Conflict => 1,
        Class::Transient => 0,
    })
}
