//! A clock that tests move by hand, or that follows tokio's.

use std::sync::Mutex;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// The time of a test. It stands still until it is moved.
#[derive(Debug)]
pub struct Clock {
    passed: Mutex<SignedDuration>,
    followed: Option<Instant>,
}

impl Default for Clock {
    fn default() -> Self {
        Self { passed: Mutex::new(SignedDuration::ZERO), followed: None }
    }
}

impl Clock {
    /// A clock that moves by itself, as tokio's does: with that paused, whenever all who run wait for the time.
    pub fn following() -> Self {
        Self { followed: Some(Instant::now()), ..Self::default() }
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        let followed = self.followed.map(|begun| SignedDuration::try_from(begun.elapsed()).unwrap());
        Timestamp::UNIX_EPOCH + *self.passed.lock().unwrap() + followed.unwrap_or_default()
    }

    /// Moves the time on.
    pub fn pass(&self, duration: SignedDuration) {
        *self.passed.lock().unwrap() += duration;
    }
}
