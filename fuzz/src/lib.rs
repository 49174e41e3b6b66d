//! What each fuzz target does with its bytes: reads them as a function does, and says what must hold of the answer.
//!
//! A target is any function here; it fails by a panic. The functions' inputs are compiled here as source: their crates
//! bring the AWS SDKs along, which nobody wants to compile again with a fuzzer's marks. `fleet` has no target, because it
//! reads nothing of its event.

// The sources below know these by the name of the crate that they stand in elsewhere.
extern crate self as lambda;

#[path = "../../functions/admit/src/event.rs"]
mod admit_event;
#[allow(dead_code)]
#[path = "../../functions/alert/src/news.rs"]
mod alert_news;
#[allow(dead_code)]
#[path = "../../shared/lambda/src/failure.rs"]
mod failure;
#[path = "../../shared/lambda/src/pass.rs"]
mod pass;
#[allow(dead_code)]
#[path = "../../functions/settle/src/step.rs"]
mod settle_step;
#[path = "../../shared/lambda/src/task.rs"]
mod task;
#[path = "../../functions/teardown/src/input.rs"]
mod teardown_input;

use serde::de::DeserializeOwned;
use serde_json::Value;

pub use failure::{ExecutionEnded, StateError, execution_name};
pub use task::Task;

use admit_event::Wish;

/// A target: its name, as its folder in the corpus has it, and its body.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 6] = [
    ("admit", admit),
    ("alert", alert),
    ("component", component),
    ("manifest", manifest),
    ("settle", settle),
    ("teardown", teardown),
];

/// A manifest, as a user uploads it. One that is valid is the same manifest once every default is written out, and the
/// problems of one that is not can be shown.
pub fn manifest(bytes: &[u8]) {
    let problems = match manifest::parse(bytes) {
        Ok(checked) => {
            let expanded = serde_json::to_vec(&checked.manifest).unwrap();
            match manifest::parse(&expanded) {
                Ok(again) => assert_eq!(again.manifest, checked.manifest),
                Err(problems) => panic!("{}", manifest::render("expanded", &expanded, &problems.0)),
            }
            checked.warnings
        }
        Err(problems) => {
            let defect = problems.0.iter().find(|problem| problem.message.starts_with("the manifest cannot be read:"));
            assert_eq!(defect, None, "the schema and the types disagree");
            problems.0
        }
    };
    manifest::render("platform.yaml", bytes, &problems);
}

/// What an execution of `deploy` or `teardown` was started with. Nothing outside the manifests' folder is ever touched.
pub fn admit(bytes: &[u8]) {
    let Some(value) = json::<Value>(bytes) else { return };
    if let Ok(Wish::Manifest { object, .. }) = admit_event::parse(&value) {
        assert!(object.key.starts_with("manifests/") && !object.key.ends_with('/'), "{}", object.key);
    }
}

/// What there is to tell. A failure has a name.
pub fn alert(bytes: &[u8]) {
    let Some(value) = json::<Value>(bytes) else { return };
    if let Ok(news) = alert_news::News::parse(value) {
        let _ = news.failure();
    }
}

/// A step of the settling, or the event of an execution that ended.
pub fn settle(bytes: &[u8]) {
    let Some(value) = json::<Value>(bytes) else { return };
    if ExecutionEnded::is_it(&value) {
        let _ = ExecutionEnded::parse(&value);
    } else if let Some(settle_step::Step::Fence { error, .. }) = json(bytes) {
        error.failure();
    }
}

/// A pass of a component over a plan.
pub fn component(bytes: &[u8]) {
    if let Some(input) = json::<pass::PassInput>(bytes) {
        let _ = input.pass();
        same(&input, bytes);
    }
}

/// A step of the teardown, or the question for orphans.
pub fn teardown(bytes: &[u8]) {
    if let Some(input) = json::<teardown_input::Input>(bytes) {
        same(&input, bytes);
    }
}

fn json<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    serde_json::from_slice(bytes).ok()
}

/// What was read and is written again reads the same.
fn same<T: serde::Serialize + DeserializeOwned>(input: &T, bytes: &[u8]) {
    let written = serde_json::to_value(input).unwrap();
    let again: T = serde_json::from_value(written.clone()).unwrap_or_else(|error| panic!("{bytes:?}: {error}"));
    assert_eq!(serde_json::to_value(again).unwrap(), written);
}
