//! What is let in: no manifest with errors, the newest of many uploads, one manifest per platform.

use aws_sdk_sfn::types::ExecutionStatus;
use ledger::{RunStatus, Trigger};
use serde_json::{Value, json};

use crate::support::{User, scenario};

#[test]
fn a_manifest_with_errors_makes_nothing_and_every_error_is_told_with_its_line() {
    scenario(async |world| {
        let user = world.user("invalid");
        user.upload(&user.manifest("network:\n  natt: Single\n  availabilityZones: 9\n  cidr: 10.0.0.0/8")).await;
        let (error, cause) = user.refusal().await;
        assert_eq!(error, "InvalidManifest", "{cause}");
        assert!(user.platform().await.is_none());
        assert_eq!(user.physical().await, Vec::<String>::new());
        let text = world.alert(&["InvalidManifest", &user.key()]).await;
        for line in ["7:", "8:", "9:"] {
            assert!(text.contains(line), "{line} is missing in {text}");
        }
        assert!(text.contains("did you mean `nat`"), "{text}");
    });
}

/// The event of an upload, as S3 sends it through EventBridge.
fn uploaded(user: &User, version: &str) -> Value {
    json!({
        "version": "0", "id": "17793124-05d4-b198-2fde-7ededc63b103", "detail-type": "Object Created",
        "source": "aws.s3", "account": "000000000000", "time": "2026-03-04T09:30:00Z", "region": "eu-west-1",
        "resources": [format!("arn:aws:s3:::{}", user.bucket())],
        "detail": {
            "version": "0", "bucket": {"name": user.bucket()}, "request-id": "N4N7GDK58NMKJ12R",
            "object": {"key": user.key(), "size": 412, "etag": "b1946ac92492d2347c6235b4d2611184",
                "version-id": version, "sequencer": "617f08299329d189"},
            "requester": "000000000000", "source-ip-address": "203.0.113.7", "reason": "PutObject",
        },
    })
}

/// No two runs at once: the ledger's own account of them.
async fn one_after_another(user: &User) {
    let mut runs = user.runs().await;
    runs.sort_by_key(|run| run.started);
    for pair in runs.windows(2) {
        assert!(pair[0].ended.is_some_and(|ended| ended <= pair[1].started), "{pair:#?}");
    }
}

#[test]
fn events_twice_and_late_start_no_second_run() {
    scenario(async |world| {
        let user = world.user("events");
        let spec = |owner: &str| format!("tags: {{owner: {owner}}}\nnetwork: {{availabilityZones: 2, nat: Disable}}");
        let first = user.upload(&user.manifest(&spec("one"))).await;
        user.run_after(0).await;
        let second = user.upload(&user.manifest(&spec("two"))).await;
        let run = user.run_after(1).await;
        assert_eq!((run.status, run.trigger, run.revision), (RunStatus::Succeeded, Trigger::Upload, 2));
        for version in [&second, &second, &first] {
            let execution = world.start("LANDFALL_DEPLOY_MACHINE", uploaded(&user, version)).await;
            let (status, error, cause) = world.ended(&execution).await;
            assert_eq!(status, ExecutionStatus::Succeeded, "{error}: {cause}");
        }
        assert_eq!(user.runs().await.len(), 2);
        let platform = user.platform().await.unwrap();
        assert_eq!((platform.revision, platform.version_id), (2, Some(second)));
    });
}

#[test]
fn of_uploads_at_once_and_during_a_run_the_newest_wins() {
    scenario(async |world| {
        let user = world.user("newest");
        let spec = |owner: &str| format!("tags: {{owner: {owner}}}\nnetwork: {{availabilityZones: 2}}");
        user.upload(&user.manifest(&spec("one"))).await;
        user.upload(&user.manifest(&spec("two"))).await;
        user.leased().await;
        user.upload(&user.manifest(&spec("three"))).await;
        let newest = user.upload(&user.manifest(&spec("four"))).await;
        let platform = user.settled_at(&newest).await;
        assert_eq!(platform.waiting, None);
        let records = user.records().await;
        let vpc = &records["vpc"].locator.as_ref().unwrap().0;
        let vpcs = world.ec2.describe_vpcs().vpc_ids(vpc).send().await.unwrap();
        let owner = vpcs.vpcs()[0].tags().iter().find(|tag| tag.key() == Some("owner")).unwrap();
        assert_eq!(owner.value(), Some("four"));
        assert_eq!(user.vpcs().await.len(), 1);
        one_after_another(&user).await;
        assert!(user.runs().await.iter().all(|run| run.status == RunStatus::Succeeded));
    });
}

#[test]
fn a_name_belongs_to_one_key_and_one_region() {
    scenario(async |world| {
        let user = world.user("bound");
        let spec = "network: {availabilityZones: 2, nat: Disable}";
        user.deploy(spec).await;
        let physical = user.physical().await;

        let other = "manifests/bound-again.yaml";
        user.upload_as(other, &user.manifest(spec)).await;
        let (error, cause) = world.refusal(other).await;
        assert_eq!(error, "BoundElsewhere", "{cause}");
        assert!(cause.contains(&user.key()), "{cause}");

        user.upload(&user.manifest("region: eu-central-1\nnetwork: {availabilityZones: 2, nat: Disable}")).await;
        let (error, cause) = user.refusal().await;
        assert_eq!(error, "BoundElsewhere", "{cause}");
        assert!(cause.contains("eu-west-1") && cause.contains("eu-central-1"), "{cause}");

        assert_eq!(user.runs().await.len(), 1);
        assert_eq!(user.physical().await, physical);
        world.alert(&["BoundElsewhere", other]).await;
    });
}
