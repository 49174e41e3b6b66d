//! Platforms and runs for the tests.

use domain::{PlatformName, Target};
use jiff::Timestamp;
use ledger::{Machine, ObjectKey, Platform, Run, Trigger};

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn name(text: &str) -> PlatformName {
    text.parse().unwrap()
}

pub(crate) fn platform(text: &str, now: Timestamp) -> Platform {
    let bound = ObjectKey { bucket: "b".into(), key: format!("manifests/{text}.yaml") };
    let target = Target { account: "123456789012".parse().unwrap(), region: "eu-west-1".parse().unwrap() };
    Platform::new(name(text), "landfall".into(), bound, target, now)
}

pub(crate) fn run(text: &str, machine: Machine, now: Timestamp) -> Run {
    let execution = format!("arn:aws:states:eu-west-1:123456789012:execution:landfall-deploy:{text}-1");
    Run::new(name(text), machine, Trigger::Upload, execution, now)
}
