//! Where everything lies in the table.

use std::sync::{Mutex, PoisonError};

use domain::{Edge, PlatformName, RunId};
use plan::PlanNumber;
use ulid::{Generator, Ulid};

use crate::platform::ObjectKey;
use crate::table::Key;

/// The value of `open` for platforms that live.
pub(crate) const OPEN_PLATFORM: &str = "PLATFORM";
/// The value of `open` for runs that are not settled.
pub(crate) const OPEN_RUN: &str = "RUN";

pub(crate) const RECORDS: &str = "RES#";
pub(crate) const RUNS: &str = "RUN#";
pub(crate) const WAITS: &str = "WAITS#";

pub(crate) fn partition(platform: &PlatformName) -> String {
    format!("PLATFORM#{platform}")
}

pub(crate) fn meta(platform: &PlatformName) -> Key {
    Key::new(partition(platform), "META")
}

pub(crate) fn epoch(platform: &PlatformName) -> Key {
    Key::new(partition(platform), "EPOCH")
}

pub(crate) fn revision(platform: &PlatformName, number: u64) -> Key {
    Key::new(partition(platform), format!("REV#{number}"))
}

pub(crate) fn plan(platform: &PlatformName, number: PlanNumber) -> Key {
    Key::new(partition(platform), format!("PLAN#{number}"))
}

pub(crate) fn approval(platform: &PlatformName, number: PlanNumber) -> Key {
    Key::new(partition(platform), format!("APPROVAL#{number}"))
}

pub(crate) fn run(platform: &PlatformName, run: RunId) -> Key {
    Key::new(partition(platform), format!("{RUNS}{run}"))
}

pub(crate) fn record(platform: &PlatformName, edge: &Edge) -> Key {
    Key::new(partition(platform), format!("{RECORDS}{edge}"))
}

pub(crate) fn events(run: RunId) -> String {
    format!("EVENTS#{run}")
}

/// The place of a run's next event.
pub(crate) fn event(run: RunId) -> Key {
    Key::new(events(run), next())
}

pub(crate) fn faults(run: RunId) -> String {
    format!("FAULTS#{run}")
}

/// The place of the next fault of a run.
pub(crate) fn fault(run: RunId) -> Key {
    Key::new(faults(run), next())
}

/// A sort key after all that this process wrote before, even in the same millisecond.
fn next() -> String {
    static ORDER: Mutex<Generator> = Mutex::new(Generator::new());
    let mut order = ORDER.lock().unwrap_or_else(PoisonError::into_inner);
    order.generate().unwrap_or_else(|_| Ulid::generate()).to_string()
}

pub(crate) fn binding(object: &ObjectKey) -> Key {
    Key::new(format!("OBJECT#{}/{}", object.bucket, object.key), "BINDING")
}

/// What holds for every platform.
pub(crate) fn installation() -> Key {
    Key::new("INSTALLATION", "META")
}

/// The mark that a deploy of a plan succeeded.
pub(crate) fn good(platform: &PlatformName, number: PlanNumber) -> Key {
    Key::new(partition(platform), format!("GOOD#{number}"))
}

/// The run of an execution.
pub(crate) fn execution(arn: &str) -> Key {
    Key::new(format!("EXECUTION#{arn}"), "RUN")
}

/// The plan that an execution waits with; the newest has the greatest number.
pub(crate) fn waiting_execution(arn: &str, number: PlanNumber) -> Key {
    Key::new(execution(arn).partition, format!("{WAITS}{number:020}"))
}

/// The mark that a failure was told.
pub(crate) fn alert(name: &str) -> Key {
    Key::new(format!("ALERT#{name}"), "ALERT")
}
