//! When a schedule asks for a deploy.
//!
//! The fields are read in the schedule's time zone. A time of day that the clock skips in spring counts as the first
//! moment after the gap, and one that it repeats in autumn comes once; only fields that recur anyway, such as
//! `*/30 * * * *`, follow the clock through both hours.

use std::str::FromStr;

use croner::Cron;
use croner::errors::CronError;
use domain::{Fault, FaultName};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};
use ledger::{Freeze, Schedule};

/// A schedule that can be asked.
#[derive(Debug)]
pub struct Calendar {
    cron: Cron,
    zone: TimeZone,
    freezes: Vec<Freeze>,
}

impl Calendar {
    /// Reads a schedule. It was accepted as part of a manifest, so one that cannot be read is a defect:
    /// [`FaultName::Internal`].
    pub fn read(schedule: &Schedule) -> Result<Self, Fault> {
        let unreadable = |what: &str| Fault::new(FaultName::Internal, format!("its schedule has {what}"));
        let cron = Cron::from_str(&schedule.cron)
            .map_err(|error| unreadable(&format!("the fields `{}`: {error}", schedule.cron)))?;
        let zone = TimeZone::get(&schedule.time_zone)
            .map_err(|_| unreadable(&format!("the unknown time zone `{}`", schedule.time_zone)))?;
        Ok(Self { cron, zone, freezes: schedule.freeze.clone() })
    }

    /// The first time after `after` on a day that is not frozen. None if there is none, as for the 30th of February.
    pub fn next(&self, after: Timestamp) -> Result<Option<Timestamp>, Fault> {
        let mut from = after.to_zoned(self.zone.clone());
        loop {
            let due = match self.cron.find_next_occurrence(&from, false) {
                Ok(due) => due,
                Err(CronError::TimeSearchLimitExceeded) => return Ok(None),
                Err(error) => return Err(no_next(&error)),
            };
            match self.frozen_until(&due) {
                // Each turn leaves a freeze behind, so there are no more turns than freezes.
                Some(last_moment) => from = last_moment?,
                None => return Ok(Some(due.timestamp())),
            }
        }
    }

    /// Whether the schedule asks for a deploy at exactly this time. A time that was stored before the schedule changed
    /// usually is none.
    pub fn has(&self, at: Timestamp) -> Result<bool, Fault> {
        Ok(self.next(at - SignedDuration::from_secs(1))? == Some(at))
    }

    /// Whether nothing is started on the day of this time.
    pub fn is_frozen(&self, at: Timestamp) -> bool {
        self.frozen_until(&at.to_zoned(self.zone.clone())).is_some()
    }

    /// The last second of the freeze that this time lies in.
    fn frozen_until(&self, at: &Zoned) -> Option<Result<Zoned, Fault>> {
        let day = at.date();
        let covering = self.freezes.iter().filter(|freeze| freeze.from <= day && day <= freeze.to);
        let last = covering.map(|freeze| freeze.to).max()?;
        let first_after = last.tomorrow().and_then(|day| day.to_zoned(self.zone.clone()));
        Some(first_after.and_then(|first| first.checked_sub(SignedDuration::from_secs(1))).map_err(|e| no_next(&e)))
    }
}

fn no_next(error: &dyn std::error::Error) -> Fault {
    Fault::new(FaultName::Internal, format!("its schedule leads to no next time: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calendar(cron: &str, zone: &str, freezes: &[(&str, &str)]) -> Calendar {
        let freeze = |(from, to): &(&str, &str)| Freeze { from: from.parse().unwrap(), to: to.parse().unwrap() };
        let freeze = freezes.iter().map(freeze).collect();
        Calendar::read(&Schedule { cron: cron.into(), time_zone: zone.into(), freeze }).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// The next `count` times after `after`, in UTC.
    fn times(calendar: &Calendar, after: &str, count: usize) -> Vec<String> {
        let mut after = at(after);
        let mut found = Vec::new();
        while found.len() < count {
            after = calendar.next(after).unwrap().unwrap();
            found.push(after.to_string());
        }
        found
    }

    #[test]
    fn fields_are_read_in_the_zone() {
        let berlin = calendar("0 10 * * 1-4", "Europe/Berlin", &[]);
        let expected = ["2026-03-04T09:00:00Z", "2026-03-05T09:00:00Z", "2026-03-09T09:00:00Z"];
        assert_eq!(times(&berlin, "2026-03-03T12:00:00Z", 3), expected);
        let new_york = calendar("0 10 * * *", "America/New_York", &[]);
        assert_eq!(times(&new_york, "2026-03-03T12:00:00Z", 1), ["2026-03-03T15:00:00Z"]);
    }

    #[test]
    fn a_time_that_spring_skips_comes_right_after_the_gap() {
        // 2026-03-29 in Berlin: 02:00 CET becomes 03:00 CEST.
        let berlin = calendar("30 2 * * *", "Europe/Berlin", &[]);
        let expected = ["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"];
        assert_eq!(times(&berlin, "2026-03-27T12:00:00Z", 3), expected);
        assert!(berlin.has(at("2026-03-29T01:00:00Z")).unwrap());
    }

    #[test]
    fn a_time_that_autumn_repeats_comes_once() {
        // 2026-10-25 in Berlin: 03:00 CEST becomes 02:00 CET.
        let berlin = calendar("30 2 * * *", "Europe/Berlin", &[]);
        let expected = ["2026-10-24T00:30:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"];
        assert_eq!(times(&berlin, "2026-10-23T12:00:00Z", 3), expected);
        assert!(berlin.has(at("2026-10-25T00:30:00Z")).unwrap());
        assert!(!berlin.has(at("2026-10-25T01:30:00Z")).unwrap());
    }

    #[test]
    fn a_freeze_holds_on_its_first_and_its_last_day_in_the_zone() {
        let freeze = [("2026-12-18", "2027-01-04")];
        let berlin = calendar("30 0 * * *", "Europe/Berlin", &freeze);
        // Half past midnight in Berlin is still the day before in UTC.
        let expected = ["2026-12-16T23:30:00Z", "2027-01-04T23:30:00Z"];
        assert_eq!(times(&berlin, "2026-12-16T12:00:00Z", 2), expected);
        assert!(!berlin.is_frozen(at("2026-12-17T22:59:59Z")) && berlin.is_frozen(at("2026-12-17T23:00:00Z")));
        assert!(berlin.is_frozen(at("2027-01-04T22:59:59Z")) && !berlin.is_frozen(at("2027-01-04T23:00:00Z")));
        // Midnight of the first free day counts.
        let midnight = calendar("0 0 * * *", "Europe/Berlin", &freeze);
        assert_eq!(times(&midnight, "2026-12-18T12:00:00Z", 1), ["2027-01-04T23:00:00Z"]);
    }

    #[test]
    fn freezes_may_touch_and_overlap() {
        let freezes = [("2026-05-03", "2026-05-04"), ("2026-05-01", "2026-05-03"), ("2026-05-05", "2026-05-05")];
        let utc = calendar("0 10 * * *", "UTC", &freezes);
        assert_eq!(times(&utc, "2026-04-30T10:00:00Z", 1), ["2026-05-06T10:00:00Z"]);
    }

    #[test]
    fn what_never_comes_has_no_next_time() {
        assert_eq!(calendar("0 0 30 2 *", "UTC", &[]).next(at("2026-01-01T00:00:00Z")).unwrap(), None);
    }

    #[test]
    fn an_unreadable_schedule_says_what_is_wrong() {
        let schedule = Schedule { cron: "0 10 * * *".into(), time_zone: "Mars/Olympus".into(), freeze: Vec::new() };
        let fault = Calendar::read(&schedule).unwrap_err();
        assert_eq!(fault.message, "its schedule has the unknown time zone `Mars/Olympus`");
    }
}
