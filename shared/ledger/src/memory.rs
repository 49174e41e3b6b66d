//! The ledger of tests, and of whoever needs none that lasts.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use serde_json::Value;

use crate::table::{Action, Condition, Direction, Item, Key, Table, TableError, Write};

/// A table in memory. As a [`Table`], every call yields once, so that interleaved actors meet where they would on a
/// network; its own methods do at once what is asked, for whoever models another store on it.
#[derive(Debug, Default)]
pub struct Memory {
    items: Mutex<BTreeMap<Key, Item>>,
}

impl Memory {
    /// One item.
    pub fn item(&self, key: &Key) -> Option<Item> {
        self.items().get(key).cloned()
    }

    /// The items of a partition whose sort key begins with `prefix`, at most `limit`.
    pub fn items_of(&self, partition: &str, prefix: &str, direction: Direction, limit: Option<usize>) -> Vec<Item> {
        let items = self.items();
        let found = items
            .range(Key::new(partition, prefix)..)
            .take_while(|(key, _)| key.partition == partition && key.sort.starts_with(prefix))
            .map(|(_, item)| item);
        let limit = limit.unwrap_or(usize::MAX);
        match direction {
            Direction::Forward => found.take(limit).cloned().collect(),
            Direction::Backward => found.collect::<Vec<_>>().into_iter().rev().take(limit).cloned().collect(),
        }
    }

    /// Does all writes, or none: then the index of the first whose condition does not hold is the error.
    pub fn write(&self, writes: &[Write]) -> Result<(), usize> {
        let mut items = self.items();
        if let Some(refused) = writes.iter().position(|write| !holds(&write.condition, items.get(&write.key))) {
            return Err(refused);
        }
        for write in writes {
            match &write.action {
                Action::Set(fields) => {
                    let item = items.entry(write.key.clone()).or_default();
                    item.extend(fields.clone());
                    item.retain(|_, value| !value.is_null());
                }
                Action::Delete => {
                    items.remove(&write.key);
                }
                Action::Check => {}
            }
        }
        Ok(())
    }

    fn items(&self) -> MutexGuard<'_, BTreeMap<Key, Item>> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Table for Memory {
    async fn get(&self, key: &Key) -> Result<Option<Item>, TableError> {
        tokio::task::yield_now().await;
        Ok(self.item(key))
    }

    async fn query(
        &self,
        partition: &str,
        prefix: &str,
        direction: Direction,
        limit: Option<usize>,
    ) -> Result<Vec<Item>, TableError> {
        tokio::task::yield_now().await;
        Ok(self.items_of(partition, prefix, direction, limit))
    }

    async fn open(&self, value: &str) -> Result<Vec<Key>, TableError> {
        tokio::task::yield_now().await;
        let items = self.items();
        let text = |item: &Item, field: &str| item.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut found: Vec<(String, Key)> = items
            .iter()
            .filter(|(_, item)| text(item, "open") == value)
            .map(|(key, item)| (text(item, "openKey"), key.clone()))
            .collect();
        found.sort();
        Ok(found.into_iter().map(|(_, key)| key).collect())
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<(), TableError> {
        tokio::task::yield_now().await;
        self.write(&writes).map_err(TableError::Refused)
    }
}

fn holds(condition: &Condition, item: Option<&Item>) -> bool {
    match condition {
        Condition::Always => true,
        Condition::Absent => item.is_none(),
        Condition::Fields(fields) => item
            .is_some_and(|item| fields.iter().all(|(field, value)| item.get(*field).unwrap_or(&Value::Null) == value)),
    }
}
