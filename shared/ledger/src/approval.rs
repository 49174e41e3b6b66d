//! Plans that wait for somebody's word: what asks for it, who gave it, and how the wait ends.
//!
//! Nothing is held while a plan waits: no lease, no epoch. A platform has one such plan at most, in [`Platform::approval`];
//! a newer one takes its place. A word counts only for the plan that it names, so nobody approves what he has not seen.

use std::fmt;

use domain::PlatformName;
use engine::LedgerError;
use jiff::{SignedDuration, Timestamp};
use manifest::Safety;
use plan::{PlanNumber, PlannedChange};
use serde::{Deserialize, Serialize};

use crate::Ledger;
use crate::keys;
use crate::platform::{Approval, Guards, OnFailure, OnManifestDelete, PlanHead, Platform};
use crate::platforms::write_platform;
use crate::run::{Machine, Trigger};
use crate::store::{decode, expiring, get, put, retry, transact, unavailable};
use crate::table::{Condition, Direction, Key, Write};

/// What a state machine waits with. Whoever has it may end the wait, so it is shown nowhere.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskToken(String);

impl TaskToken {
    /// The token, for the call that ends the wait.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TaskToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TaskToken")
    }
}

/// What somebody said to a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// Whether it may be carried out.
    pub approved: bool,
    /// The ARN of whoever said so.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// A plan that waits, as the platform knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pending {
    /// The plan.
    pub plan: PlanNumber,
    /// The version of the manifest's object that it was made from, if that would be a new revision.
    pub version_id: Option<String>,
    /// The ARN of the execution that waits.
    pub execution: String,
    /// Until when it waits.
    pub until: Timestamp,
    /// What was said to it, until the execution has heard of it.
    pub decision: Option<Decision>,
}

impl Pending {
    /// Whether it waits for a word, or its execution has not yet taken up the one that was given.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.until > now || self.decision.is_some()
    }
}

/// Everything that is known of a plan that waits or waited: the item `APPROVAL#<plan>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// The plan.
    pub plan: PlanNumber,
    /// Why it was made.
    pub trigger: Trigger,
    /// What asks for approval, a line each.
    pub reasons: Vec<String>,
    /// Since when it waits.
    pub asked: Timestamp,
    /// What its execution waits with; none until it does.
    pub token: Option<TaskToken>,
    /// Grows with each write.
    pub version: u64,
}

impl Request {
    /// For how long a plan waits. The state that waits has the same limit.
    pub const LIMIT: SignedDuration = SignedDuration::from_hours(24);

    /// A request that nobody waits with yet.
    pub fn new(plan: PlanNumber, trigger: Trigger, reasons: Vec<String>, now: Timestamp) -> Self {
        Self { plan, trigger, reasons, asked: now, token: None, version: 0 }
    }
}

/// What came of a word that was given to a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decided {
    /// It counts; the execution is to be told with this token.
    Tell(Pending, TaskToken),
    /// The plan was asked about a moment ago, and its execution does not wait yet.
    TooEarly,
    /// Another plan waits, or none, or the opposite was said before.
    NotWaiting,
}

/// The item that leads from an execution to the plan that it waits with.
#[derive(Debug, Serialize, Deserialize)]
struct WaitingExecution {
    platform: PlatformName,
    plan: PlanNumber,
}

impl From<&Safety> for Guards {
    fn from(safety: &Safety) -> Self {
        Self {
            deletion_protection: safety.deletion_protection,
            on_manifest_delete: match safety.on_manifest_delete {
                manifest::OnManifestDelete::Retain => OnManifestDelete::Retain,
                manifest::OnManifestDelete::Teardown => OnManifestDelete::Teardown,
            },
            approval: match safety.approval {
                manifest::Approval::Never => Approval::Never,
                manifest::Approval::Destructive => Approval::Destructive,
                manifest::Approval::Always => Approval::Always,
            },
            on_failure: match safety.on_failure {
                manifest::OnFailure::RollBack => OnFailure::RollBack,
                manifest::OnFailure::Stop => OnFailure::Stop,
            },
        }
    }
}

impl Guards {
    /// What of a plan's `changes`, and of the guards of its revision, asks for approval under these: a line each. Empty
    /// if nothing does.
    ///
    /// A looser guard asks like a loss does, or the next file would need no approval. `onFailure` guards nothing:
    /// neither of its values takes away what works.
    pub fn asks(&self, changes: &[PlannedChange], next: &Self) -> Vec<String> {
        let counts = |change: &&PlannedChange| match self.approval {
            Approval::Never => false,
            Approval::Destructive => change.destroys,
            Approval::Always => true,
        };
        let loosened = if self.approval == Approval::Never { Vec::new() } else { self.loosened(next) };
        changes.iter().filter(counts).map(line).chain(loosened).collect()
    }

    fn loosened(&self, next: &Self) -> Vec<String> {
        let strength = |approval: Approval| match approval {
            Approval::Never => 0,
            Approval::Destructive => 1,
            Approval::Always => 2,
        };
        let approval = (strength(next.approval) < strength(self.approval))
            .then(|| format!("Loosen safety.approval: {:?} -> {:?}", self.approval, next.approval));
        let protection = (self.deletion_protection && !next.deletion_protection)
            .then(|| "Loosen safety.deletionProtection: true -> false".to_owned());
        let deletion = (self.on_manifest_delete == OnManifestDelete::Retain
            && next.on_manifest_delete == OnManifestDelete::Teardown)
            .then(|| "Loosen safety.onManifestDelete: Retain -> Teardown".to_owned());
        approval.into_iter().chain(protection).chain(deletion).collect()
    }
}

fn line(change: &PlannedChange) -> String {
    let fields: Vec<&str> = change.reasons.iter().map(|reason| reason.field.as_str()).collect();
    let because = if fields.is_empty() { String::new() } else { format!(" because of {}", fields.join(", ")) };
    format!("{:?} {}{because}", change.action, change.resource)
}

impl Platform {
    /// What of a plan's `changes`, and of the `next` guards, needs approval. A platform that never was deployed has
    /// nothing to guard.
    pub fn asks(&self, changes: &[PlannedChange], next: Option<Guards>) -> Vec<String> {
        match self.guards.filter(|_| self.last_good > 0) {
            Some(guards) => guards.asks(changes, &next.unwrap_or(guards)),
            None => Vec::new(),
        }
    }
}

impl Ledger {
    /// Everything about a plan that waits or waited; none if it never did, or its item has expired.
    pub async fn request(&self, name: &PlatformName, plan: PlanNumber) -> Result<Option<Request>, LedgerError> {
        get(self.table(), &keys::approval(name, plan)).await
    }

    /// Lets a plan wait for approval, in place of any other of its platform. `platform` is as it was read; a wish for a
    /// deploy counts as fulfilled. `head` is that of a plan which is stored for the first time. [`LedgerError::Raced`] if
    /// the platform was written since.
    pub async fn ask(
        &self,
        mut platform: Platform,
        pending: Pending,
        request: Request,
        head: Option<PlanHead>,
    ) -> Result<(), LedgerError> {
        let (name, now) = (platform.name.clone(), request.asked);
        let link = WaitingExecution { platform: name.clone(), plan: pending.plan };
        let execution = keys::waiting_execution(&pending.execution, pending.plan);
        platform.waiting = platform.waiting.filter(|waiting| waiting.machine != Machine::Deploy);
        platform.approval = Some(pending);
        // A plan that is gone back to may have waited before: what was said then counts no more.
        let anew = |write: Write| Write { condition: Condition::Always, ..write };
        let mut writes = vec![
            write_platform(&platform)?,
            anew(expiring(put(keys::approval(&name, request.plan), 0, &request)?, now)),
            anew(expiring(put(execution, 0, &link)?, now)),
        ];
        if let Some(head) = &head {
            writes.push(put(keys::plan(&name, head.number), 0, head)?);
        }
        transact(self.table(), writes).await
    }

    /// The platform whose plan an execution waits with, or waited.
    pub async fn platform_that_asked(&self, execution: &str) -> Result<Option<PlatformName>, LedgerError> {
        let partition = keys::execution(execution).partition;
        let newest = self.table().query(&partition, keys::WAITS, Direction::Backward, Some(1)).await;
        let newest = newest.map_err(unavailable)?.into_iter().next();
        let key = Key::new(partition, keys::WAITS);
        let link: Option<WaitingExecution> = newest.map(|item| decode(&key, item)).transpose()?;
        Ok(link.map(|link| link.platform))
    }

    /// Notes what the execution of a plan waits with. Nothing if that plan no longer waits.
    pub async fn hold_token(
        &self,
        name: &PlatformName,
        plan: PlanNumber,
        token: &TaskToken,
    ) -> Result<(), LedgerError> {
        retry(|| async move {
            let Some(mut request) = self.request(name, plan).await? else { return Ok(()) };
            request.token = Some(token.clone());
            transact(self.table(), vec![put(keys::approval(name, plan), request.version, &request)?]).await
        })
        .await
    }

    /// Gives a word to the plan of that number, if it is the one that waits. The same word again counts again, for
    /// whoever could not tell the execution the first time.
    pub async fn decide(
        &self,
        name: &PlatformName,
        plan: PlanNumber,
        decision: &Decision,
    ) -> Result<Decided, LedgerError> {
        retry(|| async move {
            let Some(mut platform) = self.platform(name).await? else { return Ok(Decided::NotWaiting) };
            let Some(pending) = platform.approval.as_mut().filter(|pending| pending.plan == plan) else {
                return Ok(Decided::NotWaiting);
            };
            if pending.decision.as_ref().is_some_and(|said| said.approved != decision.approved) {
                return Ok(Decided::NotWaiting);
            }
            let Some(token) = self.request(name, plan).await?.and_then(|request| request.token) else {
                return Ok(Decided::TooEarly);
            };
            let said = pending.decision.is_some();
            pending.decision.get_or_insert_with(|| decision.clone());
            let pending = pending.clone();
            if !said {
                transact(self.table(), vec![write_platform(&platform)?]).await?;
            }
            Ok(Decided::Tell(pending, token))
        })
        .await
    }

    /// Ends the wait of a plan, however it ended. Another plan that took its place goes on waiting.
    pub async fn close_request(&self, name: &PlatformName, plan: PlanNumber) -> Result<(), LedgerError> {
        self.change(name, |platform| {
            let is_it = platform.approval.as_ref().is_some_and(|pending| pending.plan == plan);
            is_it.then(|| platform.approval = None)
        })
        .await
        .map(drop)
    }

    /// Ends the wait of an execution that has ended without ending it. Nothing if it waits with no plan.
    pub async fn close_request_of(&self, execution: &str) -> Result<(), LedgerError> {
        let Some(name) = self.platform_that_asked(execution).await? else { return Ok(()) };
        self.change(&name, |platform| {
            let is_it = platform.approval.as_ref().is_some_and(|pending| pending.execution == execution);
            is_it.then(|| platform.approval = None)
        })
        .await
        .map(drop)
    }
}

#[cfg(test)]
mod tests {
    use domain::{Component, Kind, ResourceId};
    use plan::Action;

    use super::*;

    fn guards(approval: Approval) -> Guards {
        Guards {
            deletion_protection: true,
            on_manifest_delete: OnManifestDelete::Retain,
            approval,
            on_failure: OnFailure::RollBack,
        }
    }

    fn change(destroys: bool) -> PlannedChange {
        let resource = ResourceId::new(Component::Network, "vpc");
        PlannedChange { action: Action::Replace, resource, kind: Kind::Vpc, reasons: Vec::new(), destroys }
    }

    #[test]
    fn what_asks_for_approval() {
        let same = |approval, changes: &[PlannedChange]| guards(approval).asks(changes, &guards(approval)).len();
        assert_eq!(same(Approval::Never, &[change(true)]), 0);
        assert_eq!(same(Approval::Destructive, &[change(true), change(false)]), 1);
        assert_eq!(same(Approval::Always, &[change(true), change(false)]), 2);
        assert_eq!(same(Approval::Always, &[]), 0);
    }

    #[test]
    fn a_looser_guard_asks_and_a_tighter_one_does_not() {
        let strict = guards(Approval::Always);
        let loose = Guards {
            deletion_protection: false,
            on_manifest_delete: OnManifestDelete::Teardown,
            approval: Approval::Destructive,
            on_failure: OnFailure::Stop,
        };
        assert_eq!(
            strict.asks(&[], &loose),
            [
                "Loosen safety.approval: Always -> Destructive",
                "Loosen safety.deletionProtection: true -> false",
                "Loosen safety.onManifestDelete: Retain -> Teardown",
            ]
        );
        assert_eq!(loose.asks(&[], &strict), Vec::<String>::new());
        let off = Guards { approval: Approval::Never, ..strict };
        assert_eq!(off.asks(&[change(true)], &loose), Vec::<String>::new());
    }

    #[test]
    fn a_token_is_shown_nowhere() {
        let token = TaskToken("secret".to_owned());
        let request =
            Request { token: Some(token), ..Request::new(1, Trigger::Upload, Vec::new(), Timestamp::UNIX_EPOCH) };
        assert!(!format!("{request:?}").contains("secret"));
    }
}
