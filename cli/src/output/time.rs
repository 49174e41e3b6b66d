//! Times as people say them. What "now" is and which zone people live in comes from outside.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// When and where the output is read.
#[derive(Debug, Clone)]
pub struct Clock {
    /// Now.
    pub now: Timestamp,
    /// The reader's time zone.
    pub zone: TimeZone,
}

impl Clock {
    /// The clock of this machine.
    pub fn system() -> Self {
        Self { now: Timestamp::now(), zone: TimeZone::system() }
    }

    /// The day, in UTC as AWS counts days.
    pub fn today(&self) -> Date {
        self.now.to_zoned(TimeZone::UTC).date()
    }

    /// A date and a time of day, in the reader's zone: `2026-11-21 04:52`.
    pub fn date(&self, at: Timestamp) -> String {
        at.to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
    }

    /// A time of day, in the reader's zone: `04:52:07`.
    pub fn time_of_day(&self, at: Timestamp) -> String {
        at.to_zoned(self.zone.clone()).strftime("%H:%M:%S").to_string()
    }

    /// How long ago: `12s ago`, `3h ago`.
    pub fn ago(&self, at: Timestamp) -> String {
        format!("{} ago", coarse(self.since(at)))
    }

    /// How much time has passed since `at`; nothing if it lies ahead.
    pub fn since(&self, at: Timestamp) -> SignedDuration {
        self.now.duration_since(at).max(SignedDuration::ZERO)
    }

    /// How much time is left until `at`; nothing if it has passed.
    pub fn until(&self, at: Timestamp) -> SignedDuration {
        at.duration_since(self.now).max(SignedDuration::ZERO)
    }
}

/// A duration to the second: `8s`, `1m 04s`, `2h 03m`.
pub fn exact(duration: SignedDuration) -> String {
    let seconds = duration.as_secs().max(0);
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, seconds) => format!("{minutes}m {seconds:02}s"),
        (hours, minutes, _) => format!("{hours}h {minutes:02}m"),
    }
}

/// A duration in its largest unit: `12s`, `4m`, `3h`, `9d`.
pub fn coarse(duration: SignedDuration) -> String {
    let seconds = duration.as_secs().max(0);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let of = |seconds| (exact(SignedDuration::from_secs(seconds)), coarse(SignedDuration::from_secs(seconds)));
        let pair = |exact: &str, coarse: &str| (exact.to_owned(), coarse.to_owned());
        assert_eq!(of(-3), pair("0s", "0s"));
        assert_eq!(of(8), pair("8s", "8s"));
        assert_eq!(of(64), pair("1m 04s", "1m"));
        assert_eq!(of(7384), pair("2h 03m", "2h"));
        assert_eq!(of(200_000), pair("55h 33m", "2d"));
    }
}
