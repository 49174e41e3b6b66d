//! What a tick does with one platform and with one run. Pure: everything that was read comes as an argument.

use domain::{Fault, FaultName};
use jiff::{SignedDuration, Timestamp};
use ledger::{Pending, Platform, Request, Run, Status, Waiting};

use crate::calendar::Calendar;

/// What to do with a platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlatformStep {
    /// Nothing.
    Leave,
    /// Start what was left waiting.
    Fulfil(Waiting),
    /// Start the redeploy that is due, then note when the next one is.
    Redeploy {
        /// When it was due.
        due: Timestamp,
        /// When the next one is.
        next: Option<Timestamp>,
    },
    /// Only note when the next redeploy is.
    Move {
        /// When that is.
        next: Option<Timestamp>,
    },
}

/// What to do with a run that is not settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunStep {
    /// Nothing.
    Leave,
    /// Write down that it failed: its execution is no longer under way.
    Settle,
    /// End its execution, for this reason. One that is too late loses its right to write first.
    Stop(FaultName),
}

/// How long after its begin the execution of a run may still be unknown to Step Functions, which describes executions
/// with a delay (<https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html>).
const LAG: SignedDuration = SignedDuration::from_mins(1);

/// How long after its deadline a run may take to notice. Its own functions raise the fault, and then it is undone in
/// order; only a run that does not come to that is ended from here.
const GRACE: SignedDuration = SignedDuration::from_mins(10);

/// What to do with a platform. Nothing while a run holds it: what is due or waits is as well done after it.
///
/// While it rests, or `all_rest`, only what people asked for is started; a time that is missed meanwhile is caught up once
/// afterwards.
///
/// Faults if the schedule cannot be read.
pub fn decide_platform(platform: &Platform, all_rest: bool, now: Timestamp) -> Result<PlatformStep, Fault> {
    if !platform.is_free(now) {
        return Ok(PlatformStep::Leave);
    }
    let rests = all_rest || platform.paused.is_some();
    match &platform.waiting {
        _ if rests && platform.waiting.as_ref().is_none_or(Waiting::rests) => Ok(PlatformStep::Leave),
        Some(waiting) => Ok(PlatformStep::Fulfil(waiting.clone())),
        None => decide_schedule(platform, now),
    }
}

/// However many times were missed, the answer is one redeploy, and the next time lies ahead.
fn decide_schedule(platform: &Platform, now: Timestamp) -> Result<PlatformStep, Fault> {
    let Some(schedule) = &platform.schedule else {
        return Ok(move_to(platform, None));
    };
    let calendar = Calendar::read(schedule)?;
    let next = calendar.next(now)?;
    match platform.next_due {
        // Stored under another schedule or other freezes.
        Some(due) if !calendar.has(due)? => Ok(move_to(platform, next)),
        Some(due) if due > now => Ok(PlatformStep::Leave),
        Some(_) if calendar.is_frozen(now) || !may_redeploy(platform) => Ok(move_to(platform, next)),
        Some(due) => Ok(PlatformStep::Redeploy { due, next }),
        None => Ok(move_to(platform, next)),
    }
}

/// A failed plan is not tried again by the schedule, and what a failed teardown left is not built up again.
fn may_redeploy(platform: &Platform) -> bool {
    platform.status == Status::Ready && platform.failed_plan.is_none()
}

fn move_to(platform: &Platform, next: Option<Timestamp>) -> PlatformStep {
    if platform.next_due == next { PlatformStep::Leave } else { PlatformStep::Move { next } }
}

/// Whether Step Functions must know by now of the execution that waits with a plan: if it is not running, it has ended.
pub fn has_begun(pending: &Pending, now: Timestamp) -> bool {
    pending.until - Request::LIMIT + LAG <= now
}

/// What to do with a run that is not settled, whose execution is under way or not.
pub fn decide_run(run: &Run, is_running: bool, now: Timestamp) -> RunStep {
    if !is_running {
        return if run.started + LAG > now { RunStep::Leave } else { RunStep::Settle };
    }
    if run.cancelled {
        RunStep::Stop(FaultName::Cancelled)
    } else if run.deadline + GRACE <= now {
        RunStep::Stop(FaultName::DeadlineExceeded)
    } else {
        RunStep::Leave
    }
}

#[cfg(test)]
mod tests {
    use ledger::{Freeze, Lease, Machine, Pause, Schedule};

    use super::*;
    use crate::fixtures::{at, platform, run};

    fn scheduled(name: &str, zone: &str, next_due: Option<&str>) -> Platform {
        let schedule = Schedule { cron: "0 10 * * *".into(), time_zone: zone.into(), freeze: Vec::new() };
        Platform {
            status: Status::Ready,
            schedule: Some(schedule),
            next_due: next_due.map(at),
            ..platform(name, at("2026-03-01T00:00:00Z"))
        }
    }

    fn step(platform: &Platform, now: &str) -> PlatformStep {
        decide_platform(platform, false, at(now)).unwrap()
    }

    fn redeploy(due: &str, next: &str) -> PlatformStep {
        PlatformStep::Redeploy { due: at(due), next: Some(at(next)) }
    }

    fn to(next: &str) -> PlatformStep {
        PlatformStep::Move { next: Some(at(next)) }
    }

    #[test]
    fn three_platforms_in_two_zones_one_of_them_frozen() {
        let berlin = scheduled("berlin", "Europe/Berlin", Some("2026-03-04T09:00:00Z"));
        let new_york = scheduled("new-york", "America/New_York", Some("2026-03-04T15:00:00Z"));
        let mut frozen = scheduled("frozen", "Europe/Berlin", Some("2026-03-04T09:00:00Z"));
        let days = Freeze { from: "2026-03-04".parse().unwrap(), to: "2026-03-06".parse().unwrap() };
        frozen.schedule.as_mut().unwrap().freeze.push(days);
        let steps = |now: &str| [&berlin, &new_york, &frozen].map(|platform| step(platform, now));
        let outside = to("2026-03-07T09:00:00Z");
        assert_eq!(steps("2026-03-04T08:59:59Z"), [PlatformStep::Leave, PlatformStep::Leave, outside.clone()]);
        let due = redeploy("2026-03-04T09:00:00Z", "2026-03-05T09:00:00Z");
        assert_eq!(steps("2026-03-04T09:02:00Z"), [due, PlatformStep::Leave, outside.clone()]);
        let [missed, due, _] = steps("2026-03-04T15:03:00Z");
        assert_eq!(missed, redeploy("2026-03-04T09:00:00Z", "2026-03-05T09:00:00Z"));
        assert_eq!(due, redeploy("2026-03-04T15:00:00Z", "2026-03-05T15:00:00Z"));
    }

    #[test]
    fn many_missed_times_are_caught_up_once() {
        let platform = scheduled("demo", "Europe/Berlin", Some("2026-03-04T09:00:00Z"));
        assert_eq!(step(&platform, "2026-03-20T12:00:00Z"), redeploy("2026-03-04T09:00:00Z", "2026-03-21T09:00:00Z"));
    }

    #[test]
    fn a_time_that_was_missed_before_a_freeze_is_not_caught_up_in_it() {
        let mut platform = scheduled("demo", "UTC", Some("2026-03-04T10:00:00Z"));
        let days = Freeze { from: "2026-03-05".parse().unwrap(), to: "2026-03-05".parse().unwrap() };
        platform.schedule.as_mut().unwrap().freeze.push(days);
        assert_eq!(step(&platform, "2026-03-05T08:00:00Z"), to("2026-03-06T10:00:00Z"));
    }

    #[test]
    fn a_new_schedule_begins_with_its_next_time_and_none_ends_it() {
        let fresh = scheduled("demo", "Europe/Berlin", None);
        assert_eq!(step(&fresh, "2026-03-04T09:00:00Z"), to("2026-03-05T09:00:00Z"));
        // The zone was changed after the time was stored.
        let changed = scheduled("demo", "America/New_York", Some("2026-03-04T09:00:00Z"));
        assert_eq!(step(&changed, "2026-03-04T12:00:00Z"), to("2026-03-04T15:00:00Z"));
        let mut without = scheduled("demo", "UTC", Some("2026-03-04T10:00:00Z"));
        without.schedule = None;
        assert_eq!(step(&without, "2026-03-04T12:00:00Z"), PlatformStep::Move { next: None });
        without.next_due = None;
        assert_eq!(step(&without, "2026-03-04T12:00:00Z"), PlatformStep::Leave);
    }

    #[test]
    fn what_failed_is_not_tried_again_by_the_schedule() {
        for (status, failed_plan) in
            [(Status::RolledBack, Some(3)), (Status::Failed, Some(3)), (Status::Failed, None), (Status::Ready, Some(3))]
        {
            let platform = Platform { status, failed_plan, ..scheduled("demo", "UTC", Some("2026-03-04T10:00:00Z")) };
            assert_eq!(step(&platform, "2026-03-04T10:01:00Z"), to("2026-03-05T10:00:00Z"), "{status:?}");
        }
    }

    #[test]
    fn a_wish_goes_before_the_schedule_and_nothing_happens_before_the_platform_is_free() {
        let now = at("2026-03-04T10:01:00Z");
        let wish = Waiting::new(Machine::Deploy, None, now);
        let mut platform = scheduled("demo", "UTC", Some("2026-03-04T10:00:00Z"));
        platform.waiting = Some(wish.clone());
        assert_eq!(decide_platform(&platform, false, now).unwrap(), PlatformStep::Fulfil(wish));
        platform.quarantined_until = Some(now + SignedDuration::from_secs(1));
        assert_eq!(decide_platform(&platform, false, now).unwrap(), PlatformStep::Leave);
        platform.quarantined_until = None;
        let run = run("demo", Machine::Deploy, now);
        platform.lease = Some(Lease { run: run.id, execution: run.execution, since: now });
        assert_eq!(decide_platform(&platform, false, now).unwrap(), PlatformStep::Leave);
    }

    #[test]
    fn while_it_rests_only_what_people_asked_for_is_started() {
        let now = at("2026-03-04T10:01:00Z");
        let due = scheduled("demo", "UTC", Some("2026-03-04T10:00:00Z"));
        let paused = Some(Pause { by: "arn:aws:iam::123456789012:user/ada".into(), at: now });
        let by_itself = Waiting::new(Machine::Deploy, Some("v2".into()), now);
        let by_hand = [Waiting::to_plan(1, now), Waiting::new(Machine::Teardown, None, now)];
        for (all_rest, paused) in [(true, None), (false, paused)] {
            let resting = Platform { paused, ..due.clone() };
            let step = |platform: &Platform| decide_platform(platform, all_rest, now).unwrap();
            assert_eq!(step(&resting), PlatformStep::Leave);
            assert_eq!(step(&Platform { waiting: Some(by_itself.clone()), ..resting.clone() }), PlatformStep::Leave);
            for wish in by_hand.clone() {
                let waiting = Some(wish.clone());
                assert_eq!(step(&Platform { waiting, ..resting.clone() }), PlatformStep::Fulfil(wish));
            }
        }
        assert_eq!(
            decide_platform(&due, false, now).unwrap(),
            redeploy("2026-03-04T10:00:00Z", "2026-03-05T10:00:00Z")
        );
    }

    #[test]
    fn runs() {
        let started = at("2026-03-04T10:00:00Z");
        let after = |minutes: i64| started + SignedDuration::from_mins(minutes);
        let running = run("demo", Machine::Deploy, started);
        let cancelled = Run { cancelled: true, ..running.clone() };
        let too_late = RunStep::Stop(FaultName::DeadlineExceeded);
        for (run, is_running, now, expected) in [
            (&running, true, after(5), RunStep::Leave),
            (&running, false, after(5), RunStep::Settle),
            (&cancelled, false, after(5), RunStep::Settle),
            // Step Functions may not know it yet.
            (&running, false, started, RunStep::Leave),
            (&cancelled, true, after(5), RunStep::Stop(FaultName::Cancelled)),
            // In the minutes after its deadline it undoes itself.
            (&running, true, after(121), RunStep::Leave),
            (&running, true, after(130), too_late),
            (&running, false, after(130), RunStep::Settle),
        ] {
            assert_eq!(decide_run(run, is_running, now), expected, "{is_running} {now}");
        }
    }
}
