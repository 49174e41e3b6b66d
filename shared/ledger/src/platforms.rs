//! Platforms: reading them, and what people and the fleet change of them.

use domain::{Incarnation, PlatformName};
use engine::LedgerError;
use jiff::Timestamp;
use plan::PlanNumber;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use ulid::Ulid;

use crate::Ledger;
use crate::keys;
use crate::platform::{ObjectKey, PlanHead, Platform, Revision, Status, Waiting};
use crate::store::{get, put_open, retry, transact, unavailable};
use crate::table::{Key, Write};

/// The item `BINDING` of an object: which platform it describes.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Binding {
    /// The platform.
    pub(crate) platform: PlatformName,
}

/// The item `GOOD#<plan>`: a deploy of it succeeded.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Good {
    /// In which life.
    pub(crate) incarnation: Incarnation,
    /// When last.
    pub(crate) at: Timestamp,
}

impl Ledger {
    /// A platform; none if the name was never used. One that is gone is there, with [`Status::Gone`].
    pub async fn platform(&self, name: &PlatformName) -> Result<Option<Platform>, LedgerError> {
        get(self.table(), &keys::meta(name)).await
    }

    /// Every platform that lives, or is gone and waits for its next life, in order of name.
    pub async fn platforms(&self) -> Result<Vec<Platform>, LedgerError> {
        let found: Vec<Platform> = self.open(keys::OPEN_PLATFORM).await?;
        Ok(found.into_iter().filter(is_open).collect())
    }

    /// The platform that lives and is bound to this object.
    pub async fn platform_of(&self, object: &ObjectKey) -> Result<Option<PlatformName>, LedgerError> {
        let binding: Option<Binding> = get(self.table(), &keys::binding(object)).await?;
        Ok(binding.map(|binding| binding.platform))
    }

    /// One revision of a platform.
    pub async fn revision(&self, platform: &PlatformName, number: u64) -> Result<Option<Revision>, LedgerError> {
        get(self.table(), &keys::revision(platform, number)).await
    }

    /// What the ledger knows of one plan of a platform.
    pub async fn plan_head(
        &self,
        platform: &PlatformName,
        number: PlanNumber,
    ) -> Result<Option<PlanHead>, LedgerError> {
        get(self.table(), &keys::plan(platform, number)).await
    }

    /// Whether a deploy of a plan has succeeded in this life of its platform: then it can be gone back to.
    pub async fn was_good(&self, platform: &Platform, number: PlanNumber) -> Result<bool, LedgerError> {
        let good: Option<Good> = get(self.table(), &keys::good(&platform.name, number)).await?;
        Ok(good.is_some_and(|good| good.incarnation == platform.incarnation))
    }

    /// Gives out the next number of a plan, so that nobody else writes its document. `platform` is as it was read;
    /// the answer is the same with its new version. [`LedgerError::Raced`] if it was written since.
    ///
    /// A platform that is not stored yet gets number 1 without a write: [`Ledger::admit`] stores it.
    pub async fn reserve_plan(&self, mut platform: Platform) -> Result<Platform, LedgerError> {
        platform.last_plan += 1;
        if platform.version > 0 {
            let before = platform.version;
            transact(self.table(), vec![write_platform(&platform)?]).await?;
            platform.version = before + 1;
        }
        Ok(platform)
    }

    /// Leaves a wish for when the lease is free; it takes the place of an older one. `platform` is as it was read when
    /// the lease was seen taken: [`LedgerError::Raced`] if it was written since.
    pub async fn leave_waiting(&self, platform: &Platform, waiting: Waiting) -> Result<(), LedgerError> {
        let waiting = Some(waiting);
        let mut writes = vec![write_platform(&Platform { waiting, ..platform.clone() })?];
        // A platform that is stored for the first time, or lives again, is bound from here on.
        if platform.status == Status::New && self.platform_of(&platform.bound).await?.as_ref() != Some(&platform.name) {
            writes.push(write_binding(platform));
        }
        transact(self.table(), writes).await
    }

    /// Drops a wish that was fulfilled or cannot be. Another one that took its place stays.
    pub async fn clear_waiting(&self, name: &PlatformName, id: Ulid) -> Result<(), LedgerError> {
        self.change(name, |platform| {
            let is_it = platform.waiting.as_ref().is_some_and(|waiting| waiting.id == id);
            is_it.then(|| platform.waiting = None)
        })
        .await
        .map(drop)
    }

    /// Sets when a platform is due, if it still was due at `before`. Answers whether it was.
    pub async fn set_due(
        &self,
        name: &PlatformName,
        before: Option<Timestamp>,
        next: Option<Timestamp>,
    ) -> Result<bool, LedgerError> {
        let changed =
            self.change(name, |platform| (platform.next_due == before).then(|| platform.next_due = next)).await?;
        Ok(changed.is_some())
    }

    /// Allows a teardown until a time. Answers none if there is no such platform.
    pub async fn unprotect(&self, name: &PlatformName, until: Timestamp) -> Result<Option<Platform>, LedgerError> {
        self.change(name, |platform| {
            (platform.status != Status::Gone).then(|| platform.unprotected_until = Some(until))
        })
        .await
    }

    /// Reads, changes and writes a platform, again if somebody wrote in between. `change` answers none to write nothing.
    pub(crate) async fn change(
        &self,
        name: &PlatformName,
        change: impl Fn(&mut Platform) -> Option<()>,
    ) -> Result<Option<Platform>, LedgerError> {
        let change = &change;
        retry(|| async move {
            let Some(mut platform) = self.platform(name).await? else { return Ok(None) };
            if change(&mut platform).is_none() {
                return Ok(None);
            }
            transact(self.table(), vec![write_platform(&platform)?]).await?;
            platform.version += 1;
            Ok(Some(platform))
        })
        .await
    }

    /// The items of the sparse index, each read consistently: the index itself may lag.
    pub(crate) async fn open<T: serde::de::DeserializeOwned>(&self, value: &str) -> Result<Vec<T>, LedgerError> {
        let mut found = Vec::new();
        for key in self.table().open(value).await.map_err(unavailable)? {
            found.extend(get::<T>(self.table(), &key).await?);
        }
        Ok(found)
    }
}

/// Whether somebody must look after it.
fn is_open(platform: &Platform) -> bool {
    platform.status != Status::Gone || platform.waiting.is_some()
}

/// The write of a platform that was read at `platform.version`.
pub(crate) fn write_platform(platform: &Platform) -> Result<Write, LedgerError> {
    let sort = is_open(platform).then(|| platform.name.to_string());
    put_open(keys::meta(&platform.name), platform.version, platform, keys::OPEN_PLATFORM, sort)
}

/// The write that binds an object to a platform, if it is bound to none or is already.
pub(crate) fn write_binding(platform: &Platform) -> Write {
    use crate::table::{Action, Condition, Item};
    let name = Value::String(platform.name.to_string());
    let fields = Item::from_iter([
        ("platform".to_owned(), name),
        ("schema".to_owned(), 1.into()),
        ("version".to_owned(), 1.into()),
    ]);
    let key: Key = keys::binding(&platform.bound);
    Write { key, condition: Condition::Absent, action: Action::Set(fields) }
}
