//! Looks at every transaction in the moment it happens.

use std::collections::BTreeMap;

use ledger::{Item, Key};
use serde_json::Value;
use testkit::Change;

/// Who holds a platform, by its items `META` and `EPOCH`.
#[derive(Debug, Default)]
struct Holder {
    lease: Option<String>,
    epoch: Option<String>,
}

#[derive(Debug, Default)]
pub(crate) struct Watch {
    holders: BTreeMap<String, Holder>,
    /// What went wrong.
    pub(crate) found: Vec<String>,
}

impl Watch {
    pub(crate) fn see(&mut self, changes: &[Change]) {
        for change in changes {
            self.no_update_is_lost(change);
            self.a_lease_is_taken_from_nobody(change);
        }
        for change in changes {
            self.only_the_holder_writes(change);
        }
    }

    /// A write is made from the newest reading of its item. Marks say the same whoever sets them, so they may be set
    /// again.
    fn no_update_is_lost(&mut self, change: &Change) {
        let version = |item: &Option<Item>| item.as_ref().and_then(|item| item.get("version")?.as_u64()).unwrap_or(0);
        let (before, after) = (version(&change.before), version(&change.after));
        let is_mark = change.key.sort.starts_with("GOOD#");
        if change.after.is_some() && after != before + 1 && !is_mark {
            self.found.push(format!("{} went from version {before} to {after}", change.key));
        }
    }

    /// A lease goes from nobody to a run and back, and the epoch with it.
    fn a_lease_is_taken_from_nobody(&mut self, change: &Change) {
        let holder = self.holders.entry(change.key.partition.clone()).or_default();
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        match change.key.sort.as_str() {
            "META" => {
                let lease = change.after.as_ref().and_then(|item| text(item.get("lease")?.get("run")));
                if lease.is_some() && holder.lease.is_some() && lease != holder.lease {
                    self.found.push(format!("{}: {lease:?} takes the lease of {:?}", change.key, holder.lease));
                }
                holder.lease = lease;
            }
            "EPOCH" => holder.epoch = change.after.as_ref().and_then(|item| text(item.get("run"))),
            _ => {}
        }
    }

    /// After each transaction lease and epoch belong to the same run, and what it wrote of records and events is that
    /// run's.
    fn only_the_holder_writes(&mut self, change: &Change) {
        let Key { partition, sort } = &change.key;
        if let Some(holder) = self.holders.get(partition)
            && holder.lease != holder.epoch
        {
            self.found
                .push(format!("{}: the lease is {:?}'s, the epoch {:?}'s", change.key, holder.lease, holder.epoch));
        }
        if sort.starts_with("RES#") && self.holders.get(partition).is_none_or(|holder| holder.lease.is_none()) {
            self.found.push(format!("{} was written while nobody held the platform", change.key));
        }
        if let Some(run) = partition.strip_prefix("EVENTS#")
            && !self.holders.values().any(|holder| holder.lease.as_deref() == Some(run))
        {
            self.found.push(format!("{run} wrote an event while it held nothing"));
        }
    }
}
