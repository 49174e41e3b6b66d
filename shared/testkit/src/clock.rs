//! A clock that tests move by hand.

use std::sync::Mutex;

use jiff::{SignedDuration, Timestamp};

/// The time of a test. It stands still until it is moved.
#[derive(Debug)]
pub struct Clock(Mutex<Timestamp>);

impl Default for Clock {
    fn default() -> Self {
        Self(Mutex::new(Timestamp::UNIX_EPOCH))
    }
}

impl Clock {
    /// The time now.
    pub fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    /// Moves the time on.
    pub fn pass(&self, duration: SignedDuration) {
        let mut now = self.0.lock().unwrap();
        *now += duration;
    }
}
