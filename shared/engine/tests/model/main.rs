//! The engine against a model of AWS that is as unkind as AWS may be: calls are interleaved at every await with those of
//! functions that outlive their call, functions die at any point, answers and requests get lost or arrive late, runs are
//! aborted, and the lease goes to the next. What is checked, is checked on physical ids.
//!
//! Everything random comes from one seed, so a failure is replayed by `MODEL_SEED=<seed> cargo test --workspace --test
//! model`. Callers are polled by hand instead of by a simulating runtime such as madsim or turmoil: what the engine
//! awaits is only the ledger, AWS and a timeout, all of them in this model already, and a runtime would ask for a build
//! of tokio of its own.

#![allow(clippy::unwrap_used)]

mod actor;
mod checks;
mod history;
mod plans;
mod weather;

use history::History;

/// How many histories are tried; the long tests ask for more. What one finds stays mended by a run of its own, in `runs`: a
/// seed tells another history as soon as anything draws one number more.
const HISTORIES: u64 = 150;

#[tokio::test(start_paused = true)]
async fn whatever_happens_nothing_is_left_twice_or_touched_that_is_not_ours() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match number("MODEL_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("MODEL_HISTORIES").unwrap_or(HISTORIES),
    };
    for seed in seeds {
        if let Err(found) = History::new(seed).play().await {
            panic!("seed {seed}: {found}");
        }
    }
}
