//! Machines that are started, and stopped, by hand.

use aws_sdk_sfn::types::ExecutionStatus;
use ledger::{RunStatus, Status, Trigger};
use serde_json::json;

use crate::support::{scenario, until};

#[test]
fn started_by_hand_with_a_name_and_with_what_means_nothing() {
    scenario(async |world| {
        let user = world.user("hand");
        let execution = world.start("LANDFALL_DEPLOY_MACHINE", json!({"platform": "hand"})).await;
        let (status, error, cause) = world.ended(&execution).await;
        assert_eq!((status, error.as_str()), (ExecutionStatus::Failed, "UnknownPlatform"), "{cause}");
        world.alert(&["UnknownPlatform", "`hand`"]).await;

        user.deploy("network: {availabilityZones: 2, nat: Disable}").await;
        let execution = world.start("LANDFALL_DEPLOY_MACHINE", json!({"platform": "hand"})).await;
        assert_eq!(world.ended(&execution).await.0, ExecutionStatus::Succeeded);
        let runs = user.runs().await;
        assert_eq!((runs.len(), runs[0].trigger, runs[0].status), (2, Trigger::Manual, RunStatus::Succeeded));

        let execution = world.start("LANDFALL_DEPLOY_MACHINE", json!({"plattform": "hand"})).await;
        let (_, error, cause) = world.ended(&execution).await;
        assert_eq!(error, "InvalidInput");
        assert!(cause.contains("plattform") && cause.contains(r#"{"platform": "demo"}"#), "{cause}");
        world.alert(&["InvalidInput", "plattform"]).await;
        assert_eq!(user.runs().await.len(), 2);
    });
}

#[test]
fn an_aborted_execution_is_settled_and_its_lease_freed() {
    scenario(async |world| {
        let user = world.user("aborted");
        user.upload(&user.manifest("network: {availabilityZones: 2}")).await;
        let lease = user.leased().await;
        world.sfn.stop_execution().execution_arn(&lease.execution).cause("By hand.").send().await.unwrap();
        let run = user.run_after(0).await;
        assert_eq!(run.status, RunStatus::Failed, "{run:#?}");
        let platform = user.platform().await.unwrap();
        assert_eq!(platform.lease, None);
        world.alert(&["aborted"]).await;

        // Until no function of the run can be left, what is asked for waits; then the fleet starts it.
        assert!(platform.quarantined_until.is_some());
        let execution = world.start("LANDFALL_DEPLOY_MACHINE", json!({"platform": "aborted"})).await;
        assert_eq!(world.ended(&execution).await.0, ExecutionStatus::Succeeded);
        let ready = until("the run that waited", async || {
            user.platform().await.filter(|platform| platform.status == Status::Ready)
        });
        assert_eq!(ready.await.waiting, None);
        assert_eq!(user.runs().await[0].trigger, Trigger::Waiting);
    });
}
