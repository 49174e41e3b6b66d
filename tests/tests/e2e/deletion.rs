//! What the deletion of a manifest's object means.

use std::time::Duration;

use aws_sdk_sfn::types::ExecutionStatus;
use ledger::Status;
use serde_json::json;

use crate::support::{scenario, until};

#[test]
fn retain_keeps_the_platform_and_tells() {
    scenario(async |world| {
        let user = world.user("retain");
        user.deploy("network: {availabilityZones: 2, nat: Disable}").await;
        let physical = user.physical().await;
        user.delete(None).await;
        let text = world.alert(&["retain", "stays"]).await;
        assert!(text.contains("landfall destroy retain"), "{text}");
        assert_eq!(user.physical().await, physical);
        assert_eq!((user.runs().await.len(), user.platform().await.unwrap().status), (1, Status::Ready));
    });
}

#[test]
fn teardown_takes_the_platform_away() {
    scenario(async |world| {
        let user = world.user("goes");
        user.deploy(
            "safety: {deletionProtection: false, onManifestDelete: Teardown}\nnetwork: {availabilityZones: 2, nat: Disable}",
        )
        .await;
        user.delete(None).await;
        until("the end of the platform", async || {
            user.platform().await.filter(|platform| platform.status == Status::Gone)
        })
        .await;
        assert_eq!(user.physical().await, Vec::<String>::new());
    });
}

#[test]
fn a_protected_platform_is_not_torn_down() {
    scenario(async |world| {
        let user = world.user("protected");
        user.deploy("safety: {onManifestDelete: Teardown}\nnetwork: {availabilityZones: 2, nat: Disable}").await;
        let physical = user.physical().await;
        user.delete(None).await;
        let (error, cause) = user.refusal().await;
        assert_eq!(error, "Protected", "{cause}");
        let text = world.alert(&["Protected", "protected"]).await;
        assert!(text.contains("landfall unprotect protected"), "{text}");
        let execution = world.start("LANDFALL_TEARDOWN_MACHINE", json!({"platform": "protected"})).await;
        assert_eq!(world.ended(&execution).await.1, "Protected");
        assert_eq!(user.physical().await, physical);
    });
}

#[test]
fn a_purged_old_version_does_nothing() {
    scenario(async |world| {
        let user = world.user("purged");
        let spec = |owner: &str| {
            format!(
                "tags: {{owner: {owner}}}\nsafety: {{deletionProtection: false, onManifestDelete: Teardown}}\nnetwork: {{availabilityZones: 2, nat: Disable}}"
            )
        };
        let old = user.upload(&user.manifest(&spec("one"))).await;
        user.run_after(0).await;
        user.deploy(&spec("two")).await;
        let physical = user.physical().await;
        user.delete(Some(&old)).await;
        let event = json!({
            "version": "0", "id": "2ee9cc15-d022-99ea-1fb8-1b1bac4850f9", "detail-type": "Object Deleted",
            "source": "aws.s3", "account": "000000000000", "time": "2026-03-04T09:30:00Z", "region": "eu-west-1",
            "resources": [format!("arn:aws:s3:::{}", user.bucket())],
            "detail": {
                "version": "0", "bucket": {"name": user.bucket()}, "request-id": "0BH729840619AG5K",
                "object": {"key": user.key(), "etag": "d41d8cd98f00b204e9800998ecf8427e", "version-id": old,
                    "sequencer": "617f0837b476e463"},
                "requester": "000000000000", "source-ip-address": "203.0.113.7", "reason": "DeleteObject",
                "deletion-type": "Permanently Deleted",
            },
        });
        let execution = world.start("LANDFALL_DEPLOY_MACHINE", event).await;
        assert_eq!(world.ended(&execution).await.0, ExecutionStatus::Succeeded);
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(user.runs().await.len(), 2);
        assert_eq!(user.physical().await, physical);
    });
}
