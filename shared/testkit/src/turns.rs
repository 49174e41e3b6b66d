//! Where others may act in between.

use std::future::poll_fn;
use std::sync::Mutex;
use std::task::Poll;
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};

/// The points at which a call lets others go on: before it takes effect, and before its answer arrives.
///
/// Without a seed nothing ever waits. With one, every point waits: for a random number of turns, so that whoever polls
/// several callers sees them interleaved, and sees it again with the same seed; or for a random time of tokio's clock.
#[derive(Debug, Default)]
pub struct Turns(Mutex<Option<(SmallRng, Wait)>>);

#[derive(Debug, Clone, Copy)]
enum Wait {
    Turns,
    Milliseconds(u64, u64),
}

/// The most turns that a caller gives away at one point.
const MOST: u32 = 4;

impl Turns {
    /// From now on, callers are interleaved as this seed has it.
    pub fn seed(&self, seed: u64) {
        *self.0.lock().unwrap() = Some((SmallRng::seed_from_u64(seed), Wait::Turns));
    }

    /// Points that take from `least` to `most` milliseconds each, as this seed has it.
    pub fn taking(least: u64, most: u64, seed: u64) -> Self {
        Self(Mutex::new(Some((SmallRng::seed_from_u64(seed), Wait::Milliseconds(least, most)))))
    }

    /// Lets others act.
    pub async fn pass(&self) {
        let (turns, time) = match self.0.lock().unwrap().as_mut() {
            None => (0, None),
            Some((random, Wait::Turns)) => (random.random_range(0..=MOST), None),
            Some((random, Wait::Milliseconds(least, most))) => (0, Some(random.random_range(*least..=*most))),
        };
        if let Some(milliseconds) = time {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        }
        for _ in 0..turns {
            give_way().await;
        }
    }
}

/// Pending once. Tokio's own waits for its scheduler, which does not run while callers are polled by hand.
async fn give_way() {
    let mut given = false;
    poll_fn(|context| {
        if given {
            return Poll::Ready(());
        }
        given = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
