//! Going back by hand, and resting: what people do when they want no surprise.

use std::time::Duration;

use ledger::{RunStatus, Status, Trigger};
use serde_json::json;

use crate::support::{User, alone, scenario, until};

const TWO: &str = "network: {availabilityZones: 2, nat: Disable}";
const THREE: &str = "network: {availabilityZones: 3, nat: Disable}";

/// The revision and the plan that the schedule deploys again.
async fn scheduled(user: &User) -> (u64, u64) {
    let count = user.runs().await.len();
    user.world.start("LANDFALL_DEPLOY_MACHINE", json!({"platform": user.name, "trigger": "Schedule"})).await;
    let run = user.run_after(count).await;
    assert_eq!((run.trigger, run.status), (Trigger::Schedule, RunStatus::Succeeded));
    (run.revision, run.plan)
}

#[test]
fn a_roll_back_by_hand_repeats_the_plan_and_stays_until_the_next_upload() {
    scenario(async |world| {
        let user = world.user("rollback");
        user.deploy(&format!("safety: {{approval: Never}}\n{TWO}")).await;
        let good = user.physical().await;
        user.deploy(&format!("safety: {{approval: Never}}\n{THREE}")).await;
        assert_ne!(user.physical().await, good);
        let unknown = world.landfall_fails(&["rollback", "rollback", "--to", "9"]).await;
        assert!(unknown.contains("was never deployed well"), "{unknown}");

        world.landfall(&["rollback", "rollback", "--to", "1", "--wait"]).await;
        let run = user.run_after(2).await;
        assert_eq!((run.trigger, run.plan, run.revision), (Trigger::Rollback, 1, 1), "{run:#?}");
        assert_eq!(user.physical().await, good);
        assert!(world.landfall(&["history", "rollback"]).await.contains("Rollback"));
        assert_eq!(scheduled(&user).await, (1, 1), "the schedule does not jump forward again");
        let forward = user.deploy(&format!("safety: {{approval: Never}}\ntags: {{a: b}}\n{TWO}")).await;
        assert_eq!((forward.plan, forward.revision), (3, 3));
        assert_eq!(scheduled(&user).await, (3, 3));
    });
}

#[test]
fn an_upload_waits_while_its_platform_rests_and_the_newest_is_taken_up() {
    scenario(async |world| {
        let user = world.user("rests");
        user.deploy(TWO).await;
        world.landfall(&["pause", "rests"]).await;
        user.upload(&user.manifest(&format!("tags: {{a: one}}\n{TWO}"))).await;
        let newest = user.upload(&user.manifest(&format!("tags: {{a: two}}\n{TWO}"))).await;
        until("the newest upload to wait", async || {
            user.platform().await?.waiting.filter(|waiting| waiting.version_id.as_ref() == Some(&newest))
        })
        .await;
        let shown = world.landfall(&["status", "rests"]).await;
        assert!(shown.contains("ready, paused") && shown.contains("something newer has been waiting"), "{shown}");
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(user.runs().await.len(), 1);
        world.landfall(&["resume", "rests"]).await;
        let platform = user.settled_at(&newest).await;
        assert_eq!((platform.revision, platform.paused), (2, None));
        assert_eq!(user.runs().await[0].trigger, Trigger::Waiting);
    });
}

#[test]
fn while_all_rest_a_platform_that_comes_now_waits_too() {
    alone(async |world| {
        let user = world.user("later");
        world.landfall(&["pause", "--all"]).await;
        let version = user.upload(&user.manifest(TWO)).await;
        until("the upload to wait", async || user.platform().await?.waiting).await;
        let listed = world.landfall(&["list"]).await;
        assert!(listed.lines().any(|line| line.contains("later") && line.contains("new, paused")), "{listed}");
        assert_eq!((user.platform().await.unwrap().status, user.runs().await.len()), (Status::New, 0));
        world.landfall(&["resume", "--all"]).await;
        assert_eq!(user.settled_at(&version).await.revision, 1);
    });
}
