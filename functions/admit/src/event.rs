//! What an execution was started with, and what it asks for.

use aws_lambda_events::eventbridge::EventBridgeEvent;
use domain::{Fault, FaultName, PlatformName};
use ledger::{ObjectKey, Trigger};
use plan::PlanNumber;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Bring the platform of this manifest to what it says.
    Manifest {
        /// The manifest's object.
        object: ObjectKey,
        /// Why.
        trigger: Trigger,
    },
    /// Bring this platform to what its manifest says.
    Platform {
        /// The platform.
        name: PlatformName,
        /// Why.
        trigger: Trigger,
    },
    /// Bring this platform back to an earlier plan.
    Rollback {
        /// The platform.
        name: PlatformName,
        /// The plan.
        plan: PlanNumber,
    },
    /// The manifest's object was deleted.
    Deleted {
        /// The object.
        object: ObjectKey,
    },
    /// Nothing, and why.
    Nothing(String),
}

/// The forms that an input may have, for whoever wrote another one.
pub const FORMS: &str = r#"start it with {"platform": "demo"}, with {"platform": "demo", "trigger": "Rollback", "plan": 3}, with {"bucket": "…", "key": "manifests/demo.yaml"}, or by an event of S3 (Object Created, Object Deleted)"#;

/// The prefix of manifests in their bucket.
const PREFIX: &str = "manifests/";

/// `detail` of an event of S3.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html>
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Detail {
    bucket: Bucket,
    object: Object,
    deletion_type: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Bucket {
    name: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Object {
    key: String,
}

/// An input that a person or another machine wrote.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ByHand {
    platform: Option<String>,
    bucket: Option<String>,
    key: Option<String>,
    trigger: Option<Trigger>,
    plan: Option<PlanNumber>,
    // Step Functions' own link from a child execution to its parent.
    #[serde(rename = "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID")]
    _parent: Option<String>,
}

/// Reads what an execution was started with.
pub fn parse(input: &Value) -> Result<Wish, Fault> {
    if input.get("detail-type").is_some() {
        return from_s3(input);
    }
    let by_hand = ByHand::deserialize(input).map_err(|error| misunderstood(&error.to_string()))?;
    let trigger = by_hand.trigger.unwrap_or(Trigger::Manual);
    match (by_hand.platform, by_hand.bucket, by_hand.key) {
        (Some(name), None, None) => {
            let name = PlatformName::parse(&name).map_err(|error| misunderstood(&error.to_string()))?;
            match (trigger, by_hand.plan) {
                (Trigger::Rollback, Some(plan)) => Ok(Wish::Rollback { name, plan }),
                (Trigger::Rollback, None) => Err(misunderstood("it names no plan to go back to")),
                (_, Some(_)) => Err(misunderstood("it names a plan, and is no Rollback")),
                (trigger, None) => Ok(Wish::Platform { name, trigger }),
            }
        }
        (None, Some(bucket), Some(key)) => match of_object(ObjectKey { bucket, key }, trigger) {
            Wish::Nothing(why) => Err(misunderstood(&why)),
            wish => Ok(wish),
        },
        (Some(_), ..) => Err(misunderstood("it names a platform and an object")),
        (None, Some(_), None) => Err(misunderstood("it names a bucket and no key")),
        (None, None, Some(_)) => Err(misunderstood("it names a key and no bucket")),
        (None, None, None) => Err(misunderstood("it names neither a platform nor an object")),
    }
}

fn from_s3(input: &Value) -> Result<Wish, Fault> {
    let event = EventBridgeEvent::<Detail>::deserialize(input).map_err(|error| misunderstood(&error.to_string()))?;
    let object = ObjectKey { bucket: event.detail.bucket.name, key: event.detail.object.key };
    match (event.detail_type.as_str(), event.detail.deletion_type.as_deref()) {
        ("Object Created", _) => Ok(of_object(object, Trigger::Upload)),
        ("Object Deleted", Some("Delete Marker Created")) => Ok(Wish::Deleted { object }),
        ("Object Deleted", _) => Ok(Wish::Nothing(format!("an old version of {} was purged", object.key))),
        (other, _) => Err(misunderstood(&format!("`{other}` is no event that says so"))),
    }
}

fn of_object(object: ObjectKey, trigger: Trigger) -> Wish {
    match object.key.strip_prefix(PREFIX) {
        Some("") => Wish::Nothing(format!("{} is a folder", object.key)),
        Some(name) if name.ends_with('/') => Wish::Nothing(format!("{} is a folder", object.key)),
        Some(_) => Wish::Manifest { object, trigger },
        None => Wish::Nothing(format!("{} does not lie under {PREFIX}", object.key)),
    }
}

fn misunderstood(why: &str) -> Fault {
    let message = format!("the execution's input asks for nothing that can be done: {why}");
    Fault::new(FaultName::InvalidInput, message).next(FORMS)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What the sample of that name asks for.
    fn sample(name: &str) -> Result<Wish, Fault> {
        let path = format!("{}/../../events/admit/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).unwrap();
        parse(&serde_json::from_str::<Value>(&text).unwrap()["event"])
    }

    fn demo(trigger: Trigger) -> Wish {
        Wish::Platform { name: "demo".parse().unwrap(), trigger }
    }

    fn object() -> ObjectKey {
        ObjectKey { bucket: "landfall-bucket-1x2y3z4a5b6c".into(), key: "manifests/demo.yaml".into() }
    }

    #[test]
    fn every_accepted_form() {
        let manifest = |trigger| Wish::Manifest { object: object(), trigger };
        assert_eq!(sample("object-created"), Ok(manifest(Trigger::Upload)));
        assert_eq!(sample("by-hand-object"), Ok(manifest(Trigger::Manual)));
        assert_eq!(sample("object-deleted"), Ok(Wish::Deleted { object: object() }));
        assert!(matches!(sample("object-deleted-permanently"), Ok(Wish::Nothing(_))));
        assert_eq!(sample("by-hand-platform"), Ok(demo(Trigger::Manual)));
        assert_eq!(sample("by-schedule"), Ok(demo(Trigger::Schedule)));
        assert_eq!(sample("retry"), Ok(demo(Trigger::Retry)));
        assert_eq!(sample("waiting-revision"), Ok(demo(Trigger::Waiting)));
        assert_eq!(sample("rollback"), Ok(Wish::Rollback { name: "demo".parse().unwrap(), plan: 3 }));
        assert_eq!(sample("teardown"), Ok(demo(Trigger::Manual)));
    }

    #[test]
    fn every_other_form_is_answered_with_those_that_are_accepted() {
        let inputs = [
            json!({}),
            json!(null),
            json!("demo"),
            json!([]),
            json!({"plattform": "demo"}),
            json!({"platform": "Demo"}),
            json!({"platform": 7}),
            json!({"platform": "demo", "trigger": "Whim"}),
            json!({"platform": "demo", "key": "manifests/demo.yaml"}),
            json!({"platform": "demo", "trigger": "Rollback"}),
            json!({"platform": "demo", "plan": 3}),
            json!({"bucket": "b"}),
            json!({"key": "k"}),
            json!({"detail-type": "Object Created"}),
            json!({"detail-type": "Object Tags Added", "source": "aws.s3",
                "detail": {"bucket": {"name": "b"}, "object": {"key": "manifests/x.yaml"}}}),
        ];
        for input in inputs {
            let fault = parse(&input).unwrap_err();
            assert_eq!(fault.name, FaultName::InvalidInput, "{input}");
            assert_eq!(fault.next.as_deref(), Some(FORMS));
        }
        let fault = sample("by-hand-wrong-input").unwrap_err();
        assert!(fault.message.contains("unknown field `plattform`, expected"), "{fault}");
    }

    #[test]
    fn what_is_no_manifest_is_ignored() {
        for key in ["manifests/", "manifests/team/", "notes.txt"] {
            let event = json!({"detail-type": "Object Created", "source": "aws.s3",
                "detail": {"bucket": {"name": "b"}, "object": {"key": key}}});
            assert!(matches!(parse(&event), Ok(Wish::Nothing(_))), "{key}");
            assert!(parse(&json!({"bucket": "b", "key": key})).is_err(), "whoever writes it by hand is told");
        }
    }
}
