//! A table whose transactions are repeated while others are in their way.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Mutex;
use ulid::Ulid;

use crate::table::{Direction, Item, Key, Table, TableError, Write};

/// How often a transaction that met another one is tried: about six seconds in all.
const TRIES: u32 = 10;

/// The same table, with patience.
///
/// Transactions that touch a common item cancel each other, even where both only check it
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-conflict-handling>),
/// and every write of a run checks its epoch. So the writes of one process go one by one, and those of several are
/// repeated after a random wait.
pub(crate) struct Patient {
    table: Arc<dyn Table>,
    writing: Mutex<()>,
}

impl Patient {
    /// The table, with patience.
    pub(crate) fn new(table: Arc<dyn Table>) -> Self {
        Self { table, writing: Mutex::new(()) }
    }
}

#[async_trait]
impl Table for Patient {
    async fn get(&self, key: &Key) -> Result<Option<Item>, TableError> {
        self.table.get(key).await
    }

    async fn query(
        &self,
        partition: &str,
        prefix: &str,
        direction: Direction,
        limit: Option<usize>,
    ) -> Result<Vec<Item>, TableError> {
        self.table.query(partition, prefix, direction, limit).await
    }

    async fn open(&self, value: &str) -> Result<Vec<Key>, TableError> {
        self.table.open(value).await
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<(), TableError> {
        let _turn = self.writing.lock().await;
        for tried in 1..TRIES {
            match self.table.transact(writes.clone()).await {
                Err(TableError::Busy(_)) => tokio::time::sleep(pause(tried)).await,
                done => return done,
            }
        }
        self.table.transact(writes).await
    }
}

/// Random, growing from 20 ms to a second.
fn pause(tried: u32) -> Duration {
    let longest = 20_u64.saturating_mul(1 << tried.min(6)).min(1000);
    let random = Ulid::generate().random();
    Duration::from_millis(longest / 2 + u64::try_from(random % u128::from(longest)).unwrap_or_default() / 2)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// A table that is busy for some calls, and then refuses.
    struct Busy(AtomicU32);

    #[async_trait]
    impl Table for Busy {
        async fn get(&self, _: &Key) -> Result<Option<Item>, TableError> {
            Ok(None)
        }

        async fn query(&self, _: &str, _: &str, _: Direction, _: Option<usize>) -> Result<Vec<Item>, TableError> {
            Ok(Vec::new())
        }

        async fn open(&self, _: &str) -> Result<Vec<Key>, TableError> {
            Ok(Vec::new())
        }

        async fn transact(&self, _: Vec<Write>) -> Result<(), TableError> {
            match self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)) {
                Ok(_) => Err(TableError::Busy("another transaction".into())),
                Err(_) => Err(TableError::Refused(0)),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_busy_is_tried_again_for_some_seconds_and_what_is_refused_is_not() {
        let patient = |busy| Patient::new(Arc::new(Busy(AtomicU32::new(busy))));
        let begun = tokio::time::Instant::now();
        assert_eq!(patient(0).transact(Vec::new()).await, Err(TableError::Refused(0)));
        assert_eq!(begun.elapsed(), Duration::ZERO);
        assert_eq!(patient(TRIES - 1).transact(Vec::new()).await, Err(TableError::Refused(0)));
        assert!(matches!(patient(TRIES).transact(Vec::new()).await, Err(TableError::Busy(_))));
        let each = begun.elapsed() / 2;
        assert!(Duration::from_secs(2) < each && each < Duration::from_secs(7), "{each:?}");
    }
}
