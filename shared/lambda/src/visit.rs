//! A call of a component's function on a run, from its input to its answer.

use std::time::Duration;

use domain::{Class, Fault, FaultName, ResourceId};
use engine::{Fence, LedgerError, Outcome};
use jiff::Timestamp;
use ledger::{Ledger, Platform, Run};
use serde::{Deserialize, Serialize};

use crate::Task;

/// What a call works with: the run holds the platform, and is in time.
#[derive(Debug, Clone)]
pub struct Visit {
    /// In whose name the call writes.
    pub fence: Fence,
    /// The platform.
    pub platform: Platform,
    /// The run.
    pub run: Run,
}

/// Opens a call and notes that the run is in `phase`, such as `Converge foundation`. Faults with
/// [`FaultName::LostLease`] or [`FaultName::Cancelled`] if the run may act no more, and with
/// [`FaultName::DeadlineExceeded`] if its time is up.
pub async fn visit(ledger: &Ledger, task: &Task, phase: &str, now: Timestamp) -> Result<Visit, Fault> {
    let fence = task.fence();
    let run = match ledger.standing(&fence).await {
        Ok(run) => run,
        Err(LedgerError::Fenced) => return Err(shut_out(ledger, task).await?),
        Err(error) => return Err(error.into()),
    };
    if run.deadline <= now {
        return Err(too_late(&run));
    }
    let phase = if run.restore.is_some() { format!("Restore: {phase}") } else { phase.to_owned() };
    let run = ledger.enter_phase(&fence, &phase, now).await?;
    let platform = ledger.platform(&task.platform).await?;
    let platform = platform
        .ok_or_else(|| Fault::new(FaultName::UnknownPlatform, format!("there is no platform `{}`", task.platform)))?;
    Ok(Visit { fence, platform, run })
}

/// Keeps what a call on a run failed of, for the run's diagnostics, and hands the result on. That another run took over
/// is no failure of this one; and what cannot be kept is only logged, because the failure itself says more.
pub async fn noted<T>(ledger: &Ledger, task: &Task, result: Result<T, Fault>, now: Timestamp) -> Result<T, Fault> {
    if let Err(fault) = &result
        && fault.class() != Class::Control
        && let Err(error) = ledger.note_fault(task.run, fault, now).await
    {
        tracing::warn!(%error, "a fault could not be kept for the diagnostics");
    }
    result
}

async fn shut_out(ledger: &Ledger, task: &Task) -> Result<Fault, Fault> {
    let run = ledger.run(&task.platform, task.run).await?;
    Ok(match run {
        Some(run) if run.cancelled => {
            Fault::new(FaultName::Cancelled, format!("run {} of {} was cancelled", task.run, task.platform))
        }
        _ => {
            let message =
                format!("run {} no longer holds {}: its epoch {} has passed", task.run, task.platform, task.epoch);
            Fault::new(FaultName::LostLease, message)
        }
    })
}

fn too_late(run: &Run) -> Fault {
    let limit = Run::LIMIT.as_hours();
    let phase = run.phases.last().map_or_else(String::new, |phase| format!(", the last of them in `{}`", phase.name));
    let message = format!("the run took longer than its {limit} hours{phase}");
    Fault::new(FaultName::DeadlineExceeded, message)
        .next(format!("see `landfall status {}`, then run `landfall retry {}`", run.platform, run.platform))
}

/// Whether a goal is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It is.
    Ready,
    /// Not yet.
    Pending,
}

/// The answer of a component's function: the machine goes on, or waits and asks again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Triple {
    /// Whether the goal is reached.
    pub status: Status,
    /// After how many seconds to ask again.
    pub wait: u64,
    /// What is waited for.
    pub message: String,
}

impl Triple {
    /// The goal is reached.
    pub fn ready(message: impl Into<String>) -> Self {
        Self { status: Status::Ready, wait: 0, message: message.into() }
    }

    /// Ask again after `wait`.
    pub fn pending(wait: Duration, message: impl Into<String>) -> Self {
        Self { status: Status::Pending, wait: wait.as_secs().max(1), message: message.into() }
    }
}

impl From<Outcome> for Triple {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Ready => Self::ready("everything is as planned"),
            Outcome::Pending { wait, blocked } => Self::pending(wait, waits_for(&blocked)),
        }
    }
}

/// The first few of what is waited for: an answer travels through the machine's state, and must stay small.
fn waits_for(blocked: &[(ResourceId, String)]) -> String {
    const SHOWN: usize = 3;
    let shown: Vec<String> = blocked.iter().take(SHOWN).map(|(id, why)| format!("{id}: {why}")).collect();
    match blocked.len().saturating_sub(SHOWN) {
        _ if blocked.is_empty() => "there is more to do".to_owned(),
        0 => shown.join("; "),
        more => format!("{}; and {more} more", shown.join("; ")),
    }
}

#[cfg(test)]
mod tests {
    use domain::{Component, PlatformName, Target};
    use ledger::{Admission, Failure, Machine, ObjectKey, Trigger};

    use super::*;

    #[tokio::test]
    async fn what_a_call_failed_of_is_kept_unless_the_run_was_taken_over() {
        let (ledger, now) = (Ledger::memory(), Timestamp::UNIX_EPOCH);
        let name: PlatformName = "demo".parse().unwrap();
        let bound = ObjectKey { bucket: "b".into(), key: "manifests/demo.yaml".into() };
        let target = Target { account: "123456789012".parse().unwrap(), region: "eu-west-1".parse().unwrap() };
        let platform = Platform::new(name.clone(), "landfall".into(), bound, target, now);
        let run = Run::new(name.clone(), Machine::Deploy, Trigger::Upload, "arn".into(), now);
        let (id, admission) = (run.id, Admission { platform, revision: None, plan: None, run });
        let fence = ledger.admit(admission).await.unwrap().unwrap();
        let task = Task { platform: name.clone(), run: id, epoch: fence.epoch };
        for fault in [FaultName::LostLease, FaultName::QuotaExceeded] {
            let result: Result<(), Fault> = noted(&ledger, &task, Err(Fault::new(fault, "why")), now).await;
            assert_eq!(result.unwrap_err().name, fault, "it is handed on");
        }
        noted(&ledger, &task, Ok(()), now).await.unwrap();
        let failure = Failure { name: "QuotaExceeded".into(), message: "why".into() };
        let found = ledger.diagnose(&name, id, &failure, now).await.unwrap().unwrap();
        let names: Vec<_> = found.faults.iter().map(|noted| noted.fault.name).collect();
        assert_eq!(names, [FaultName::QuotaExceeded]);
    }

    #[test]
    fn an_answer_stays_small() {
        let blocked = |count: u32| {
            let one = |n| (ResourceId::new(Component::Network, format!("nat-{n}")), "AWS makes it".to_owned());
            let outcome = Outcome::Pending { wait: Duration::from_secs(10), blocked: (0..count).map(one).collect() };
            Triple::from(outcome)
        };
        assert_eq!(blocked(0).message, "there is more to do");
        assert_eq!(blocked(1).message, "network/nat-0: AWS makes it");
        assert!(blocked(5).message.ends_with("; and 2 more"));
        assert_eq!(
            serde_json::to_value(blocked(1)).unwrap(),
            serde_json::json!({"status": "pending", "wait": 10, "message": "network/nat-0: AWS makes it"})
        );
    }
}
