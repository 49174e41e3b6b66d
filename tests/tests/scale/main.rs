//! Many platforms at once, in one account and on one table: what each of them costs, and that none loses an update or
//! its lease.
//!
//! AWS and DynamoDB are models with a clock of their own, so that hours take seconds. What the functions do with the
//! ledger is done here as they do it, a machine for each execution: admission, the calls of a component's function with
//! the engine in it, the end of a run, and the fleet's regular look at everything. Every event comes twice, and a change
//! comes while the first deploy is under way.

#![allow(clippy::unwrap_used)]

mod machine;
mod stage;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use engine::Ledger as _;
use futures::future::join_all;
use jiff::SignedDuration;
use ledger::{RunStatus, Status};
use testkit::{TableCalls, Verb, as_planned};

use crate::stage::{Stage, User};

/// When the change is uploaded: while the network is being made.
const CHANGE: Duration = Duration::from_secs(45);

/// How much more or less one platform among many may cost than one alone. Who waits a little longer asks once more.
const TOLERANCE: f64 = 0.1;

/// What all platforms cost together.
#[derive(Debug)]
struct Figures {
    platforms: usize,
    table: TableCalls,
    reads: usize,
    changes: usize,
    /// The most calls of AWS in one second.
    peak: usize,
    /// From the first upload to the last settled run.
    took: SignedDuration,
}

/// Deploys and changes that many platforms at once, and checks that each is as it should be afterwards.
async fn live(platforms: usize) -> Figures {
    let stage = Arc::new(Stage::new());
    let begun = stage.clock.now();
    let users: Vec<User> = (0..platforms).map(|number| User::new(&format!("many-{number:03}"))).collect();
    let fleet = tokio::spawn(Arc::clone(&stage).fleet());
    join_all(users.iter().map(|user| stage.upload(user, 1))).await;
    tokio::time::sleep(CHANGE).await;
    join_all(users.iter().map(|user| stage.upload(user, 2))).await;
    stage.idle().await;
    let took = stage.clock.now() - begun;
    fleet.abort();
    let calls = stage.world.take_calls();
    let table = stage.table.calls();
    settled(&stage, &users).await;
    assert_eq!(stage.found(), Vec::<String>::new());
    let reads = calls.iter().filter(|call| call.verb == Verb::Observe).count();
    let (changes, peak) = (calls.len() - reads, stage.peak());
    Figures { platforms, table, reads, changes, peak, took: SignedDuration::try_from(took).unwrap() }
}

/// Every platform has the newest version, by two runs, and AWS holds what its ledger names and nothing else.
async fn settled(stage: &Stage, users: &[User]) {
    let ledger = stage.ledger();
    let mut named = 0;
    for user in users {
        let platform = ledger.platform(&user.name).await.unwrap().unwrap();
        assert_eq!((platform.status, platform.lease, platform.waiting), (Status::Ready, None, None), "{}", user.name);
        assert_eq!((platform.revision, platform.version_id.as_deref()), (2, Some("2")), "{}", user.name);
        let runs = ledger.runs(&user.name, 10).await.unwrap();
        let ended: Vec<_> = runs.iter().map(|run| (run.status, run.plan)).collect();
        assert_eq!(ended, [(RunStatus::Succeeded, 2), (RunStatus::Succeeded, 1)], "{}", user.name);
        let records: Vec<_> =
            ledger.records(&user.name).await.unwrap().into_iter().map(|stored| stored.record).collect();
        as_planned(&stage.world, &records, &user.plan(2)).unwrap();
        named += records.len();
    }
    assert_eq!(stage.world.alive().len(), named, "nothing is there twice, and nothing that no record names");
    assert_eq!(ledger.open_runs().await.unwrap(), []);
}

impl Figures {
    /// The calls of one platform, by what they are.
    fn each(&self) -> [(&'static str, f64); 6] {
        let each = |count: usize| f64::from(u32::try_from(count).unwrap()) / f64::from(self.platforms as u32);
        [
            ("reads of AWS", each(self.reads)),
            ("changes in AWS", each(self.changes)),
            ("items read", each(self.table.gets)),
            ("queries", each(self.table.queries)),
            ("transactions", each(self.table.transactions)),
            ("changes of the index", each(self.table.index_writes)),
        ]
    }

    #[expect(clippy::print_stderr, reason = "the figures of a test that passes are shown on demand")]
    fn show(&self) {
        let each = self.each().map(|(what, count)| format!("{count:.1} {what}")).join(", ");
        let TableCalls { conflicts, refusals, looks, .. } = self.table;
        eprintln!(
            "{} at once: each {each}; {conflicts} transactions met another, {refusals} were refused, {looks} looks at \
             the index, at most {} calls of AWS in a second, {:#} in all",
            self.platforms, self.peak, self.took
        );
    }
}

async fn cost_the_same_each(many: usize) {
    let (one, all) = (live(1).await, live(many).await);
    one.show();
    all.show();
    for ((what, alone), (_, among_many)) in one.each().into_iter().zip(all.each()) {
        let ratio = among_many / alone;
        assert!((ratio - 1.0).abs() < TOLERANCE, "{what}: {alone:.1} alone and {among_many:.1} among {many}");
    }
    // Of two events of one upload, and of settle and fleet when something waits, one comes too late.
    assert!(all.table.refusals >= many, "{:?}", all.table);
    assert!(all.table.conflicts > 0, "{:?}", all.table);
}

#[tokio::test(start_paused = true)]
async fn fifty_platforms_at_once_cost_what_one_costs_each_and_lose_nothing() {
    cost_the_same_each(50).await;
}

#[tokio::test(start_paused = true)]
#[ignore = "long: two hundred platforms"]
async fn two_hundred_platforms_at_once_cost_what_one_costs_each_and_lose_nothing() {
    cost_the_same_each(200).await;
}
