//! A model of the ledger's table on DynamoDB, as unkind as DynamoDB may be.
//!
//! A transaction takes its time, and cancels every other that touches one of its items meanwhile, even where both only
//! check it. It happens although its caller gave up. Items are read as they were last committed, and the index shows a
//! change later than the item
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html>,
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html>).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use ledger::{Action, Direction, Item, Key, Memory, Table, TableError, Write};
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::Value;

use crate::{Clock, Turns};

/// How many items one transaction may touch
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>).
const MOST_ITEMS: usize = 100;

/// The calls that a table has answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TableCalls {
    /// Single items.
    pub gets: usize,
    /// Parts of a partition.
    pub queries: usize,
    /// The index.
    pub looks: usize,
    /// Transactions, those that came to nothing included.
    pub transactions: usize,
    /// Those of them that met another one.
    pub conflicts: usize,
    /// Those of them whose condition did not hold.
    pub refusals: usize,
    /// Changes that the index had to take over.
    pub index_writes: usize,
}

/// An item that a transaction changed.
#[derive(Debug, Clone)]
pub struct Change {
    /// Which.
    pub key: Key,
    /// As it was.
    pub before: Option<Item>,
    /// As it is.
    pub after: Option<Item>,
}

type Watcher = Box<dyn FnMut(&[Change]) + Send>;

/// The model.
pub struct ModelTable {
    clock: Arc<Clock>,
    turns: Arc<Turns>,
    items: Memory,
    inside: Mutex<Inside>,
}

struct Inside {
    calls: TableCalls,
    /// The items of the transactions under way.
    held: BTreeSet<Key>,
    /// Since when each item stands in the index, and where; none for one that left it.
    index: BTreeMap<Key, Vec<(Timestamp, Option<Place>)>>,
    lag: SignedDuration,
    random: SmallRng,
    watcher: Option<Watcher>,
}

/// Where the index has an item: the fields `open` and `openKey`.
type Place = (String, String);

impl ModelTable {
    /// An empty table, whose callers wait at `turns`. Its index shows changes after up to `lag`.
    pub fn new(clock: Arc<Clock>, turns: Arc<Turns>, lag: SignedDuration) -> Self {
        let (calls, random) = (TableCalls::default(), SmallRng::seed_from_u64(0));
        let (held, index, watcher) = (BTreeSet::new(), BTreeMap::new(), None);
        let inside = Inside { calls, held, index, lag, random, watcher };
        Self { clock, turns, items: Memory::default(), inside: Mutex::new(inside) }
    }

    /// From now on, `watcher` sees what every transaction changed, at the moment it does.
    pub fn watch(&self, watcher: impl FnMut(&[Change]) + Send + 'static) {
        self.inside.lock().unwrap().watcher = Some(Box::new(watcher));
    }

    /// The calls so far.
    pub fn calls(&self) -> TableCalls {
        self.inside.lock().unwrap().calls
    }

    /// Takes the items of a transaction, unless another one has them.
    fn begin<'a>(&'a self, writes: &'a [Write]) -> Result<UnderWay<'a>, TableError> {
        let keys: BTreeSet<&Key> = writes.iter().map(|write| &write.key).collect();
        assert!(keys.len() == writes.len(), "no transaction may touch an item twice: {writes:?}");
        assert!(keys.len() <= MOST_ITEMS, "no transaction may touch so many items: {}", keys.len());
        let mut inside = self.inside.lock().unwrap();
        inside.calls.transactions += 1;
        if let Some(key) = keys.iter().find(|key| inside.held.contains(**key)) {
            let message = format!("TransactionConflict: {key}");
            inside.calls.conflicts += 1;
            return Err(TableError::Busy(message));
        }
        inside.held.extend(keys.into_iter().cloned());
        Ok(UnderWay { table: self, writes })
    }

    /// Does the writes of a transaction, or none, and lets its items go.
    fn end(&self, writes: &[Write]) -> Result<(), TableError> {
        let is_change = |write: &&Write| write.action != Action::Check;
        let before: Vec<(Key, Option<Item>)> =
            writes.iter().filter(is_change).map(|write| (write.key.clone(), self.items.item(&write.key))).collect();
        let done = self.items.write(writes);
        let now = self.clock.now();
        let mut inside = self.inside.lock().unwrap();
        for write in writes {
            inside.held.remove(&write.key);
        }
        if let Err(refused) = done {
            inside.calls.refusals += 1;
            return Err(TableError::Refused(refused));
        }
        let changed = |(key, before)| Change { after: self.items.item(&key), key, before };
        let changes: Vec<Change> = before.into_iter().map(changed).collect();
        for change in &changes {
            inside.show(change, now);
        }
        if let Some(watcher) = &mut inside.watcher {
            watcher(&changes);
        }
        Ok(())
    }
}

impl Inside {
    /// Puts a change on its way into the index, which takes the changes of an item in their order.
    fn show(&mut self, change: &Change, now: Timestamp) {
        let place = place_of(change.after.as_ref());
        if place == place_of(change.before.as_ref()) {
            return;
        }
        self.calls.index_writes += 1;
        let lag = self.random.random_range(0..=self.lag.as_millis().unsigned_abs());
        let shown = now + SignedDuration::from_millis(i64::try_from(lag).unwrap());
        let places = self.index.entry(change.key.clone()).or_default();
        let shown = places.last().map_or(shown, |(earlier, _)| shown.max(*earlier));
        places.push((shown, place));
    }
}

/// A transaction that has its items, and has not happened yet.
struct UnderWay<'a> {
    table: &'a ModelTable,
    writes: &'a [Write],
}

impl UnderWay<'_> {
    fn end(mut self) -> Result<(), TableError> {
        self.table.end(std::mem::take(&mut self.writes))
    }
}

impl Drop for UnderWay<'_> {
    /// Its caller gave up. DynamoDB does not hear of that.
    fn drop(&mut self) {
        if !self.writes.is_empty() {
            let _ = self.table.end(self.writes);
        }
    }
}

#[async_trait]
impl Table for ModelTable {
    async fn get(&self, key: &Key) -> Result<Option<Item>, TableError> {
        self.inside.lock().unwrap().calls.gets += 1;
        self.turns.pass().await;
        let item = self.items.item(key);
        self.turns.pass().await;
        Ok(item)
    }

    async fn query(
        &self,
        partition: &str,
        prefix: &str,
        direction: Direction,
        limit: Option<usize>,
    ) -> Result<Vec<Item>, TableError> {
        self.inside.lock().unwrap().calls.queries += 1;
        self.turns.pass().await;
        let items = self.items.items_of(partition, prefix, direction, limit);
        self.turns.pass().await;
        Ok(items)
    }

    async fn open(&self, value: &str) -> Result<Vec<Key>, TableError> {
        self.turns.pass().await;
        let now = self.clock.now();
        let mut found: Vec<(String, Key)> = {
            let mut inside = self.inside.lock().unwrap();
            inside.calls.looks += 1;
            let shown = inside.index.iter().filter_map(|(key, places)| {
                let (_, place) = places.iter().rev().find(|(since, _)| *since <= now)?;
                place.clone().filter(|(open, _)| open == value).map(|(_, sort)| (sort, key.clone()))
            });
            shown.collect()
        };
        found.sort();
        self.turns.pass().await;
        Ok(found.into_iter().map(|(_, key)| key).collect())
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<(), TableError> {
        self.turns.pass().await;
        let under_way = self.begin(&writes)?;
        self.turns.pass().await;
        let done = under_way.end();
        self.turns.pass().await;
        done
    }
}

/// Where an item stands in the index.
fn place_of(item: Option<&Item>) -> Option<Place> {
    let text = |field: &str| item?.get(field).and_then(Value::as_str).map(str::to_owned);
    text("open").zip(text("openKey"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ledger::Condition;
    use serde_json::json;

    use super::*;

    fn table() -> ModelTable {
        let turns = Arc::new(Turns::taking(10, 10, 0));
        ModelTable::new(Arc::new(Clock::following()), turns, SignedDuration::from_secs(2))
    }

    fn write(sort: &str, condition: Condition) -> Vec<Write> {
        let fields = json!({"open": "RUN", "openKey": sort}).as_object().unwrap().clone();
        vec![Write { key: Key::new("p", sort), condition, action: Action::Set(fields) }]
    }

    #[tokio::test(start_paused = true)]
    async fn transactions_on_one_item_cancel_each_other_while_they_are_under_way() {
        let table = table();
        let check = || vec![Write { action: Action::Check, ..write("a", Condition::Always).remove(0) }];
        let (one, two, other) = tokio::join!(
            table.transact(check()),
            table.transact(check()),
            table.transact(write("b", Condition::Absent))
        );
        let busy = |answer: &Result<(), TableError>| matches!(answer, Err(TableError::Busy(_)));
        assert!(busy(&one) != busy(&two) && other.is_ok(), "{one:?} {two:?} {other:?}");
        assert_eq!(table.transact(check()).await, Ok(()), "later they do not");
        assert_eq!(table.transact(write("b", Condition::Absent)).await, Err(TableError::Refused(0)));
        let TableCalls { transactions, conflicts, refusals, .. } = table.calls();
        assert_eq!((transactions, conflicts, refusals), (5, 1, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_transaction_happens_although_its_caller_gave_up() {
        let table = table();
        let given_up = tokio::time::timeout(Duration::from_millis(15), table.transact(write("a", Condition::Always)));
        assert!(given_up.await.is_err());
        assert!(table.get(&Key::new("p", "a")).await.unwrap().is_some());
        assert_eq!(table.transact(write("a", Condition::Always)).await, Ok(()), "and lets its items go");
    }

    #[tokio::test(start_paused = true)]
    async fn the_index_shows_a_change_later_than_the_item() {
        let table = table();
        let mut late = 0;
        for sort in ["a", "b", "c", "d", "e"] {
            table.transact(write(sort, Condition::Absent)).await.unwrap();
            let is_shown = table.open("RUN").await.unwrap().contains(&Key::new("p", sort));
            late += usize::from(!is_shown);
        }
        assert!(late > 0);
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(table.open("RUN").await.unwrap().len(), 5);
    }
}
