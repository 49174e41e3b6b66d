//! A permission that a function lacks is missed, and the person who must give it is told which.

use ledger::RunStatus;
use serde_json::json;

use crate::support::{World, apart};

/// Takes a permission away from the role of a function, in IAM itself: a denial wins over every allowance
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>).
async fn take_away(world: &World, role: &str, action: &str) {
    let roles = world.iam.list_roles().path_prefix("/landfall/landfall/").send().await.unwrap().roles;
    let role = roles.iter().find(|one| one.role_name().contains(role)).unwrap().role_name();
    let denial = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": action, "Resource": "*"}]});
    let put = world.iam.put_role_policy().role_name(role).policy_name("less").policy_document(denial.to_string());
    put.send().await.unwrap();
}

#[test]
fn a_permission_that_is_taken_away_is_missed_by_name() {
    apart(async |world| {
        let user = world.user("short");
        take_away(world, "NetworkRole", "ec2:CreateSubnet").await;
        let run = user.apply("network: {availabilityZones: 2, nat: Disable}").await;
        let failure = run.failure.unwrap();
        assert_eq!((run.status, failure.name.as_str()), (RunStatus::Failed, "AccessDenied"));
        assert!(failure.message.contains("ec2:CreateSubnet"), "{failure:?}");
        let denied = world.sandbox.privileges().await.unwrap().denied;
        assert!(!denied.is_empty() && denied.iter().all(|denied| denied.action == "ec2:CreateSubnet"), "{denied:?}");
        assert!(denied.iter().all(|denied| denied.role.contains("-NetworkRole-")), "{denied:?}");
        assert_eq!(user.physical().await, Vec::<String>::new());
    });
}
