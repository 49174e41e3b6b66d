//! A deploy that fails: what is undone, what is kept, and what is told.

use aws_sdk_ec2::operation::RequestId as _;
use ledger::{Diagnostics, RunStatus, Status, Trigger};
use sandbox::Rule;
use serde_json::json;

use crate::support::{World, alone, scenario};

fn no_addresses() -> Rule {
    Rule::fail("ec2", "AllocateAddress", "AddressLimitExceeded", "The maximum number of addresses has been reached.")
}

/// What a run knew, from where it says that it lies.
async fn diagnostics(world: &World, uri: &str) -> Diagnostics {
    let (bucket, key) = uri.strip_prefix("s3://").unwrap().split_once('/').unwrap();
    let object = world.s3.get_object().bucket(bucket).key(key).send().await.unwrap();
    serde_json::from_slice(&object.body.collect().await.unwrap().to_vec()).unwrap()
}

#[test]
fn a_first_deploy_that_fails_is_undone_and_told() {
    alone(async |world| {
        let user = world.user("first");
        world.sandbox.script(no_addresses());
        let run = user.apply("network: {availabilityZones: 2, flowLogs: {enabled: true}}").await;
        world.sandbox.clear_rules();
        assert_eq!((run.status, run.restored), (RunStatus::Failed, true), "{run:#?}");
        assert_eq!(run.failure.as_ref().unwrap().name, "QuotaExceeded");
        assert_eq!(user.physical().await, Vec::<String>::new());
        assert!(user.records().await.is_empty());
        assert_eq!(user.platform().await.unwrap().status, Status::RolledBack);
        let uri = run.diagnostics.unwrap();
        let found = diagnostics(world, &uri).await;
        let refused: Vec<_> = found.faults.iter().filter_map(|noted| noted.fault.answer.as_deref()).collect();
        let addresses = refused.iter().find(|answer| answer.action == "ec2:AllocateAddress").unwrap();
        assert_eq!(addresses.code.as_deref(), Some("AddressLimitExceeded"));
        assert!(addresses.request.is_some(), "{addresses:?}");
        assert!(found.events.iter().any(|event| event.resource.name() == "vpc"), "what was undone since is in it");
        let shown = world.landfall(&["diagnostics", "first"]).await;
        assert!(shown.contains("ec2:AllocateAddress: AddressLimitExceeded, request "), "{shown}");
        assert!(world.landfall(&["describe", "first"]).await.contains("landfall diagnostics first"));

        let text = world.alert(&["first", "QuotaExceeded", &uri]).await;
        assert!(text.contains("address-euw1-az1") && text.contains("landfall retry first"), "{text}");
        assert_eq!(world.alerts(&["first", "QuotaExceeded"]).await, 1);
    });
}

#[test]
fn an_update_that_fails_goes_back_to_the_last_good_plan() {
    alone(async |world| {
        let user = world.user("back");
        user.deploy("network: {availabilityZones: 2}").await;
        let good = user.physical().await;
        world.sandbox.script(no_addresses());
        let run = user.apply("tags: {owner: me}\nnetwork: {availabilityZones: 3, nat: HighlyAvailable}").await;
        world.sandbox.clear_rules();
        assert_eq!((run.status, run.restored), (RunStatus::Failed, true), "{run:#?}");
        assert_eq!(user.physical().await, good);
        let platform = user.platform().await.unwrap();
        assert_eq!((platform.status, platform.last_good, platform.failed_plan), (Status::RolledBack, 1, Some(2)));
        let vpcs = user.vpcs().await;
        assert!(!vpcs[0].tags().iter().any(|tag| tag.key() == Some("owner")), "{vpcs:?}");
        world.alert(&["back", "QuotaExceeded"]).await;
    });
}

#[test]
fn stop_keeps_what_there_is_and_a_retry_goes_on() {
    alone(async |world| {
        let user = world.user("stop");
        world.sandbox.script(no_addresses());
        let run = user.apply("safety: {onFailure: Stop}\nnetwork: {availabilityZones: 2}").await;
        world.sandbox.clear_rules();
        assert_eq!((run.status, run.restored), (RunStatus::Failed, false), "{run:#?}");
        assert_eq!(user.platform().await.unwrap().status, Status::Failed);
        let kept = user.vpcs().await[0].vpc_id().unwrap().to_owned();

        world.start("LANDFALL_DEPLOY_MACHINE", json!({"platform": "stop", "trigger": "Retry"})).await;
        let run = user.run_after(1).await;
        assert_eq!((run.status, run.trigger), (RunStatus::Succeeded, Trigger::Retry), "{run:#?}");
        let vpcs = user.vpcs().await;
        assert_eq!(vpcs.iter().filter_map(|vpc| vpc.vpc_id()).collect::<Vec<_>>(), [kept]);
    });
}

#[test]
fn whatever_ec2_answers_has_the_id_of_the_request() {
    scenario(async |world| {
        let refused = world.ec2.describe_vpcs().vpc_ids("vpc-0123456789abcdef0").send().await.unwrap_err();
        let answered = world.ec2.describe_vpcs().send().await.unwrap();
        let (refused, answered) = (refused.request_id().unwrap(), answered.request_id().unwrap());
        assert!(!refused.is_empty() && !answered.is_empty() && refused != answered);
    });
}
