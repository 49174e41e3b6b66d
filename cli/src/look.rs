//! Looks things up in the ledger, for one picture of a platform at a time.

use domain::{PlatformName, Record, RunId};
use engine::{Ledger as _, LedgerError};
use ledger::{Ledger, Platform, Run};
use plan::{ClusterFacts, Plan};

use crate::failure::Failure;
use crate::output::cluster::cluster_view;
use crate::output::platform::PlatformView;
use crate::output::run::{Expected, RunView};
use crate::output::status::{StatusView, components};
use crate::output::time::Clock;

/// How many earlier runs say what the next one usually takes.
const EARLIER: usize = 20;

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        let failure = Self::new("The ledger could not be used").caused_by(&error);
        match error {
            LedgerError::Unavailable(_) => {
                failure.hint("Check the network, the region, and that these credentials may read the table")
            }
            LedgerError::Unreadable(_) => failure.hint("Use a `landfall` as new as the installation"),
            LedgerError::Fenced | LedgerError::Raced(_) => {
                failure.hint("Somebody else changed it at the same time: try again")
            }
        }
    }
}

/// The platform of that name.
pub async fn platform(ledger: &Ledger, name: &PlatformName) -> Result<Platform, Failure> {
    ledger.platform(name).await?.ok_or_else(|| {
        Failure::new(format!("There is no platform `{name}`")).hint("List the platforms with `landfall list`")
    })
}

/// An id of a run that somebody typed.
pub fn run_id(name: &PlatformName, text: &str) -> Result<RunId, Failure> {
    RunId::parse(text).ok_or_else(|| {
        Failure::new(format!("`{text}` is no id of a run"))
            .hint(format!("List the runs with `landfall history {name}`"))
    })
}

/// The run of that id.
pub async fn run(ledger: &Ledger, name: &PlatformName, id: RunId) -> Result<Run, Failure> {
    ledger.run(name, id).await?.ok_or_else(|| {
        Failure::new(format!("The platform `{name}` has no run {id}"))
            .hint(format!("List its runs with `landfall history {name}`"))
    })
}

/// The records of a platform.
pub async fn records(ledger: &Ledger, name: &PlatformName) -> Result<Vec<Record>, Failure> {
    Ok(ledger.records(name).await?.into_iter().map(|stored| stored.record).collect())
}

/// A platform as it is now, with that run, with what `plan` wants and nobody has begun, and with what a plan knew of EKS.
pub async fn status(
    ledger: &Ledger,
    platform: &Platform,
    run: Option<RunId>,
    plan: Option<&Plan>,
    facts: Option<&ClusterFacts>,
    clock: &Clock,
) -> Result<StatusView, Failure> {
    let runs = ledger.runs(&platform.name, EARLIER).await?;
    let run = run.and_then(|id| runs.iter().find(|run| run.id == id));
    let records = records(ledger, &platform.name).await?;
    Ok(StatusView {
        platform: PlatformView::new(platform, ledger.pause_of_all().await?.as_ref(), clock),
        run: run.map(RunView::new),
        expected: run.map(|run| Expected::of(run, &runs)).unwrap_or_default(),
        cluster: cluster_view(&records, facts, clock.today()),
        components: components(plan, &records),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;
    use ledger::{Action, Condition, Direction, Item, Key, Memory, Table, TableError, Write};
    use serde_json::Value;

    use super::*;
    use crate::fixtures;

    /// A table that counts the items that it hands out, which is what DynamoDB reads and bills.
    #[derive(Default)]
    struct Counted {
        table: Memory,
        read: AtomicUsize,
    }

    impl Counted {
        fn count(&self, items: usize) {
            self.read.fetch_add(items, Ordering::Relaxed);
        }
    }

    #[async_trait]
    impl Table for Counted {
        async fn get(&self, key: &Key) -> Result<Option<Item>, TableError> {
            self.count(1);
            self.table.get(key).await
        }

        async fn query(
            &self,
            partition: &str,
            prefix: &str,
            direction: Direction,
            limit: Option<usize>,
        ) -> Result<Vec<Item>, TableError> {
            let found = self.table.query(partition, prefix, direction, limit).await?;
            self.count(found.len());
            Ok(found)
        }

        async fn open(&self, value: &str) -> Result<Vec<Key>, TableError> {
            self.table.open(value).await
        }

        async fn transact(&self, writes: Vec<Write>) -> Result<(), TableError> {
            self.table.transact(writes).await
        }
    }

    /// How many items a status reads of a platform that has this many runs behind it, and the picture itself.
    async fn read_after(runs: usize) -> (usize, String) {
        let table = Arc::new(Counted::default());
        let ledger = Ledger::new(Arc::<Counted>::clone(&table));
        let run = fixtures::under_way_in(&ledger).await;
        let behind = ended(&table, &run).await;
        // Copies of a run that ended, from before all others.
        let writes = (0..runs).map(|number| {
            let id = RunId::parse(&format!("01H{number:023}")).unwrap().to_string();
            let mut item = behind.clone();
            item.insert("id".into(), Value::String(id.clone()));
            let key = Key::new("PLATFORM#demo", format!("RUN#{id}"));
            Write { key, condition: Condition::Absent, action: Action::Set(item) }
        });
        table.transact(writes.collect()).await.unwrap();
        assert_eq!(ledger.runs(&fixtures::name(), usize::MAX).await.unwrap().len(), runs + 2);

        table.read.store(0, Ordering::Relaxed);
        let clock = fixtures::clock();
        let platform = platform(&ledger, &fixtures::name()).await.unwrap();
        let view = status(&ledger, &platform, platform.last_run, None, None, &clock).await.unwrap();
        (table.read.load(Ordering::Relaxed), serde_json::to_string(&view.run).unwrap())
    }

    /// The item of the run before that one.
    async fn ended(table: &Counted, run: &RunId) -> Item {
        let items = table.query("PLATFORM#demo", "RUN#", Direction::Backward, None).await.unwrap();
        items.into_iter().find(|item| item["id"] != run.to_string()).unwrap()
    }

    #[tokio::test]
    async fn a_status_reads_as_much_after_ten_thousand_runs_as_after_a_hundred() {
        let (few, many) = (read_after(100).await, read_after(10_000).await);
        assert_eq!(few, many);
        let records = records(&fixtures::under_way().await.0, &fixtures::name()).await.unwrap().len();
        let what = "the platform, whether all are paused, the runs that say what is usual, the records";
        assert_eq!(many.0, 2 + EARLIER + records, "{what}");
    }
}
