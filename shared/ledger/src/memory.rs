//! The ledger of tests, and of whoever needs none that lasts.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use serde_json::Value;

use crate::table::{Action, Condition, Direction, Item, Key, Table, TableError, Write};

/// A table in memory. Every call yields once, so that interleaved actors meet where they would on a network.
#[derive(Debug, Default)]
pub struct Memory {
    items: Mutex<BTreeMap<Key, Item>>,
}

impl Memory {
    fn items(&self) -> MutexGuard<'_, BTreeMap<Key, Item>> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Table for Memory {
    async fn get(&self, key: &Key) -> Result<Option<Item>, TableError> {
        tokio::task::yield_now().await;
        Ok(self.items().get(key).cloned())
    }

    async fn query(
        &self,
        partition: &str,
        prefix: &str,
        direction: Direction,
        limit: Option<usize>,
    ) -> Result<Vec<Item>, TableError> {
        tokio::task::yield_now().await;
        let items = self.items();
        let found = items
            .iter()
            .filter(|(key, _)| key.partition == partition && key.sort.starts_with(prefix))
            .map(|(_, item)| item.clone());
        let mut found: Vec<Item> = found.collect();
        if direction == Direction::Backward {
            found.reverse();
        }
        found.truncate(limit.unwrap_or(usize::MAX));
        Ok(found)
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
        let mut items = self.items();
        if let Some(refused) = writes.iter().position(|write| !holds(&write.condition, items.get(&write.key))) {
            return Err(TableError::Refused(refused));
        }
        for write in writes {
            match write.action {
                Action::Set(fields) => {
                    let item = items.entry(write.key).or_default();
                    item.extend(fields);
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
}

fn holds(condition: &Condition, item: Option<&Item>) -> bool {
    match condition {
        Condition::Always => true,
        Condition::Absent => item.is_none(),
        Condition::Fields(fields) => item
            .is_some_and(|item| fields.iter().all(|(field, value)| item.get(*field).unwrap_or(&Value::Null) == value)),
    }
}
