//! Changes that wait for somebody's word, as they are asked for and answered with the command.

use aws_sdk_sfn::types::ExecutionStatus;
use ledger::{Pending, RunStatus, Status};

use crate::clusters::{cluster, destroyed};
use crate::support::{User, World, alone, scenario, until};

const BEFORE: &str = "network: {cidr: 10.1.0.0/16, availabilityZones: 2, nat: Disable}";
const AFTER: &str = "network: {cidr: 10.2.0.0/16, availabilityZones: 2, nat: Disable}";

/// Waits until a plan after `plan` waits for approval and its execution can be told.
async fn waiting(user: &User, plan: u64) -> Pending {
    until(&format!("a plan of {} that waits", user.name), async || {
        let pending = user.platform().await?.approval.filter(|pending| pending.plan > plan)?;
        let request = user.world.ledger.request(&user.name, pending.plan).await.unwrap();
        request?.token.map(|_| pending)
    })
    .await
}

async fn cidrs(user: &User) -> Vec<String> {
    user.vpcs().await.iter().filter_map(|vpc| vpc.cidr_block().map(str::to_owned)).collect()
}

#[test]
fn a_change_that_destroys_waits_until_somebody_approves_it() {
    scenario(async |world| {
        let user = world.user("asked");
        user.deploy(BEFORE).await;
        user.upload(&user.manifest(AFTER)).await;
        let pending = waiting(&user, 1).await;
        let platform = user.platform().await.unwrap();
        assert_eq!((platform.lease, platform.revision, platform.status), (None, 1, Status::Ready));
        let text = world.alert(&["asked: plan", "waits for approval"]).await;
        let command = format!("landfall approve asked --plan {}", pending.plan);
        for words in ["Replace network/vpc because of cidr", &command, "Until then nothing is changed"] {
            assert!(text.contains(words), "{words} is missing in {text}");
        }

        let token = world.ledger.request(&user.name, pending.plan).await.unwrap().unwrap().token.unwrap();
        let shown = world.landfall(&["status", "asked", "-o", "json"]).await;
        assert!(shown.contains("\"until\"") && !shown.contains(token.reveal()), "{shown}");
        assert!(!text.contains(token.reveal()));
        let refused = world.landfall_fails(&["approve", "asked", "--plan", "99", "--yes"]).await;
        assert!(refused.contains("Plan 99 of `asked` does not wait"), "{refused}");
        assert_eq!(cidrs(&user).await, ["10.1.0.0/16"]);

        world.landfall(&["approve", "asked", "--plan", &pending.plan.to_string(), "--yes", "--wait"]).await;
        let run = user.run_after(1).await;
        assert_eq!((run.status, run.plan), (RunStatus::Succeeded, pending.plan), "{run:#?}");
        assert!(run.approval.unwrap().by.starts_with("arn:aws:"));
        assert_eq!(cidrs(&user).await, ["10.2.0.0/16"]);
        assert_eq!(user.platform().await.unwrap().approval, None);
    });
}

/// EKS has a cluster's name once, so the new one cannot stand beside the old one.
#[test]
fn a_control_plane_that_eks_cannot_change_goes_after_approval_and_another_comes() {
    scenario(async |world| {
        let user = world.user("services");
        let with = |block: &str| {
            let services = format!("  kubernetesNetworkConfig: {{serviceIpv4Cidr: {block}}}");
            cluster(&format!("{services}\ncompute: {{autoMode: {{nodePools: [system]}}}}"))
        };
        user.deploy(&with("172.20.0.0/16")).await;
        user.upload(&user.manifest(&with("172.21.0.0/16"))).await;
        let pending = waiting(&user, 1).await;
        world.landfall(&["approve", "services", "--plan", &pending.plan.to_string(), "--yes", "--wait"]).await;
        assert_eq!(user.run_after(1).await.status, RunStatus::Succeeded);
        let found = world.eks.describe_cluster().name("services").send().await.unwrap().cluster.unwrap();
        assert_eq!(found.kubernetes_network_config.unwrap().service_ipv4_cidr.unwrap(), "172.21.0.0/16");
        destroyed(&user).await;
    });
}

#[test]
fn a_newer_upload_takes_the_place_and_a_rejected_plan_changes_nothing() {
    scenario(async |world| {
        let user = world.user("unwanted");
        user.deploy(BEFORE).await;
        let physical = user.physical().await;
        user.upload(&user.manifest(AFTER)).await;
        let first = waiting(&user, 1).await;
        user.upload(&user.manifest(&format!("safety: {{approval: Never}}\n{AFTER}"))).await;
        let second = waiting(&user, first.plan).await;
        let (status, error, cause) = world.ended(&first.execution).await;
        assert_eq!((status, error.as_str()), (ExecutionStatus::Aborted, "Superseded"), "{cause}");
        let text = world.alert(&["unwanted: plan", &format!("plan {} waits", second.plan)]).await;
        assert!(text.contains("Loosen safety.approval: Destructive -> Never"), "{text}");

        world.landfall(&["reject", "unwanted", "--plan", &second.plan.to_string(), "--yes"]).await;
        let (status, error, cause) = world.ended(&second.execution).await;
        assert_eq!((status, error.as_str()), (ExecutionStatus::Failed, "Rejected"), "{cause}");
        world.alert(&["unwanted", "Rejected", "was rejected by"]).await;
        let platform = user.platform().await.unwrap();
        assert_eq!((platform.approval, platform.revision, platform.status), (None, 1, Status::Ready));
        assert_eq!((user.physical().await, user.runs().await.len()), (physical, 1));
        assert_eq!(world.alerts(&["unwanted", "Superseded"]).await, 0);
    });
}

/// The deploy machine with another time to wait for approval, in seconds of AWS.
async fn patience(world: &World, from: u64, to: u64) {
    let machine = world.sandbox.variable("LANDFALL_DEPLOY_MACHINE");
    let told = world.sfn.describe_state_machine().state_machine_arn(machine).send().await.unwrap();
    let mut definition: serde_json::Value = serde_json::from_str(told.definition()).unwrap();
    let timeout = &mut definition["States"]["Wait for approval"]["TimeoutSeconds"];
    assert_eq!(*timeout, from);
    *timeout = to.into();
    let update = world.sfn.update_state_machine().state_machine_arn(machine).definition(definition.to_string());
    update.send().await.unwrap();
}

#[test]
fn what_nobody_approves_expires() {
    alone(async |world| {
        let user = world.user("expires");
        user.deploy(BEFORE).await;
        patience(world, 86_400, 120).await;
        user.upload(&user.manifest(AFTER)).await;
        let pending = waiting(&user, 1).await;
        let (status, error, cause) = world.ended(&pending.execution).await;
        patience(world, 120, 86_400).await;
        assert_eq!((status, error.as_str()), (ExecutionStatus::Failed, "ApprovalExpired"), "{cause}");
        let text = world.alert(&["expires", "ApprovalExpired"]).await;
        assert!(text.contains("landfall retry expires"), "{text}");
        assert_eq!(user.platform().await.unwrap().approval, None);
        assert_eq!(cidrs(&user).await, ["10.1.0.0/16"]);
        let late = ["approve", "expires", "--plan", &pending.plan.to_string(), "--yes"];
        assert!(world.landfall_fails(&late).await.contains("No plan of `expires` waits"));
    });
}
