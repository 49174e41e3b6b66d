//! A platform goes, and it is proved; what others made in its network is named and left alone.

use domain::PlatformName;
use ledger::{Report, RunStatus, Status};
use sandbox::Rule;
use serde_json::{Value, json};

use crate::support::{User, World, alone, scenario};

const UNPROTECTED: &str = "safety: {deletionProtection: false}\nnetwork: {availabilityZones: 2, flowLogs: {enabled: true}, vpcEndpoints: {additional: [xray]}}";

async fn destroy(world: &World, name: &PlatformName) -> (String, String) {
    let execution = world.start("LANDFALL_TEARDOWN_MACHINE", json!({"platform": name})).await;
    let (_, error, cause) = world.ended(&execution).await;
    (error, cause)
}

async fn report(user: &User) -> Value {
    let run = user.runs().await.remove(0);
    let key = Report::key(&user.name, run.id);
    let bucket = user.world.sandbox.variable("LANDFALL_STATE_BUCKET");
    let object = user.world.s3.get_object().bucket(bucket).key(key).send().await.unwrap();
    serde_json::from_slice(&object.body.collect().await.unwrap().to_vec()).unwrap()
}

async fn proved(user: &User) {
    assert_eq!(user.physical().await, Vec::<String>::new());
    assert!(user.records().await.is_empty());
    assert_eq!(user.platform().await.unwrap().status, Status::Gone);
    let report = report(user).await;
    assert_eq!(report["left"], json!([]));
    assert!(report["listings"].as_array().unwrap().len() >= 14, "{report:#}");
}

#[test]
fn a_teardown_leaves_nothing_and_proves_it_and_the_name_lives_again() {
    scenario(async |world| {
        let user = world.user("gone");
        user.deploy(UNPROTECTED).await;
        assert_eq!(destroy(world, &user.name).await, (String::new(), String::new()));
        proved(&user).await;

        let before = user.runs().await.len();
        user.upload(&user.manifest("network: {availabilityZones: 2, nat: Disable}")).await;
        let run = user.run_after(before).await;
        assert_eq!(run.status, RunStatus::Succeeded, "{:?}", run.failure);
        assert_eq!(user.vpcs().await.len(), 1);
    });
}

#[test]
fn a_teardown_copes_with_a_nat_gateway_that_is_still_pending() {
    alone(async |world| {
        let user = world.user("pending");
        // The gateway stays pending for as long as the test likes: nobody may see that it is there yet.
        world.sandbox.script(
            Rule::fail("ec2", "CreateNatGateway", "NatGatewayLimitExceeded", "Too many NAT gateways.").after(1),
        );
        let run = user
            .apply("safety: {deletionProtection: false, onFailure: Stop}\nnetwork: {availabilityZones: 2, nat: HighlyAvailable}")
            .await;
        world.sandbox.clear_rules();
        assert_eq!(run.status, RunStatus::Failed, "{run:#?}");
        assert_eq!(destroy(world, &user.name).await, (String::new(), String::new()));
        proved(&user).await;
    });
}

#[test]
fn what_others_made_is_named_and_left_alone() {
    scenario(async |world| {
        let user = world.user("foreign");
        user.deploy(UNPROTECTED).await;
        let physical = user.physical().await;
        let records = user.records().await;
        let id = |name: &str| records[name].locator.as_ref().unwrap().0.clone();
        let group = world.ec2.create_security_group().group_name("theirs").description("theirs").vpc_id(id("vpc"));
        let group = group.send().await.unwrap().group_id.unwrap();
        let interface = world.ec2.create_network_interface().subnet_id(id("subnet-private-euw1-az1")).groups(&group);
        let interface = interface.send().await.unwrap().network_interface.unwrap().network_interface_id.unwrap();

        let (error, cause) = destroy(world, &user.name).await;
        assert_eq!(error, "Foreign", "{cause}");
        for word in [&group, &interface, "landfall destroy foreign", "aws ec2 delete-network-interface"] {
            assert!(cause.contains(word), "{word} is missing in {cause}");
        }
        assert_eq!(user.physical().await, physical);
        assert_eq!(user.runs().await[0].status, RunStatus::Failed);
        let text = world.alert(&["foreign", "Foreign"]).await;
        assert!(text.contains(&group) && text.contains("landfall destroy foreign"), "{text}");

        world.ec2.delete_network_interface().network_interface_id(interface).send().await.unwrap();
        world.ec2.delete_security_group().group_id(group).send().await.unwrap();
        assert_eq!(destroy(world, &user.name).await, (String::new(), String::new()));
        proved(&user).await;
    });
}
