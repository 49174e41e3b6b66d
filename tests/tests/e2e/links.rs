//! Networks that are not alone: tied to others, built into given ones, and mended.

use std::collections::BTreeSet;

use aws_sdk_ec2::types::{AttributeBooleanValue, Filter};
use ledger::Status;
use serde_json::json;

use crate::support::{User, World, scenario};

/// A network as one of the user's others: it has none of our tags.
async fn vpc(world: &World, cidr: &str) -> String {
    let made = world.ec2.create_vpc().cidr_block(cidr).send().await.unwrap();
    made.vpc.unwrap().vpc_id.unwrap()
}

async fn transit_gateway(world: &World) -> String {
    let made = world.ec2.create_transit_gateway().send().await.unwrap();
    made.transit_gateway.unwrap().transit_gateway_id.unwrap()
}

async fn subnet(world: &World, vpc: &str, cidr: &str, zone: &str) -> String {
    let made = world.ec2.create_subnet().vpc_id(vpc).cidr_block(cidr).availability_zone(zone).send().await.unwrap();
    made.subnet.unwrap().subnet_id.unwrap()
}

async fn route_table(world: &World, vpc: &str) -> String {
    let made = world.ec2.create_route_table().vpc_id(vpc).send().await.unwrap();
    made.route_table.unwrap().route_table_id.unwrap()
}

/// The route table that a subnet uses, and the association.
async fn used_by(world: &World, subnet: &str) -> (String, String) {
    let of = Filter::builder().name("association.subnet-id").values(subnet).build();
    let tables = world.ec2.describe_route_tables().filters(of).send().await.unwrap().route_tables.unwrap();
    let association = tables[0].associations().iter().find(|one| one.subnet_id() == Some(subnet)).unwrap();
    (tables[0].route_table_id().unwrap().to_owned(), association.route_table_association_id().unwrap().to_owned())
}

async fn destroy(user: &User) {
    let world = user.world;
    let execution = world.start("LANDFALL_TEARDOWN_MACHINE", json!({"platform": user.name})).await;
    let (_, error, cause) = world.ended(&execution).await;
    assert_eq!(error, "", "{cause}");
    assert_eq!(user.platform().await.unwrap().status, Status::Gone);
    assert_eq!(user.physical().await, Vec::<String>::new());
}

#[test]
fn a_private_network_is_tied_to_others_and_changes_under_a_boundary() {
    scenario(async |world| {
        let user = world.user("private");
        let (gateway, peer) = (transit_gateway(world).await, vpc(world, "10.9.0.0/16").await);
        let nothing =
            json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]});
        let boundary = world.iam.create_policy().policy_name("corp-boundary").policy_document(nothing.to_string());
        boundary.send().await.unwrap();
        let spec = |head: &str, zones: u8, pods: &str| {
            format!(
                "{head}\nsafety: {{deletionProtection: false, approval: Never}}\nnetwork:\n  cidr: 10.20.0.0/22\n  availabilityZones: {zones}\n  publicSubnets: false\n  nat: Disable\n  {pods}flowLogs: {{enabled: true}}\n  routes:\n    vpn: {{cidr: 10.200.0.0/16, transitGatewayId: {gateway}}}\n    tooling: {{cidr: 10.9.0.0/16, peerVpcId: {peer}}}"
            )
        };
        user.deploy(&spec(
            "permissionsBoundary: corp-boundary\ntags: {owner: me}",
            2,
            "pods: {cidr: 100.64.0.0/16}\n  ",
        ))
        .await;
        let role = async || {
            let name = user.records().await["role-flow-logs"].locator.clone().unwrap().0;
            let role = world.iam.get_role().role_name(name).send().await.unwrap().role.unwrap();
            let tags: BTreeSet<String> = role.tags().iter().map(|tag| tag.key().to_owned()).collect();
            (role.permissions_boundary.is_some(), tags.contains("owner"), tags.contains("team"))
        };
        assert_eq!(role().await, (true, true, false));

        user.deploy(&spec("tags: {team: us}", 3, "")).await;
        assert_eq!(role().await, (false, false, true));
        let attachments = world.ec2.describe_transit_gateway_vpc_attachments().send().await.unwrap();
        let ours =
            attachments.transit_gateway_vpc_attachments().iter().find(|one| one.transit_gateway_id() == Some(&gateway));
        assert_eq!(ours.unwrap().subnet_ids().len(), 3);
        let ours = user.vpcs().await.remove(0);
        let blocks = ours.cidr_block_association_set().iter().filter(|block| {
            block.cidr_block_state().and_then(|state| state.state()).is_some_and(|state| state.as_str() == "associated")
        });
        assert_eq!(blocks.filter_map(|block| block.cidr_block()).collect::<Vec<_>>(), ["10.20.0.0/22"]);

        user.deploy(&spec("permissionsBoundary: corp-boundary\ntags: {team: us}", 3, "")).await;
        assert_eq!(role().await, (true, false, true));
        destroy(&user).await;
    });
}

#[test]
fn a_given_network_is_added_to_and_keeps_what_it_had() {
    scenario(async |world| {
        let user = world.user("given");
        let (gateway, given) = (transit_gateway(world).await, vpc(world, "10.50.0.0/16").await);
        // Private names of endpoints ask for both attributes; DNS support is on in every VPC.
        let on = AttributeBooleanValue::builder().value(true).build();
        world.ec2.modify_vpc_attribute().vpc_id(&given).enable_dns_hostnames(on).send().await.unwrap();
        let mut subnets = Vec::new();
        for (cidr, zone) in [("10.50.0.0/24", "a"), ("10.50.1.0/24", "b"), ("10.50.2.0/24", "c")] {
            let subnet = subnet(world, &given, cidr, &format!("eu-west-1{zone}")).await;
            let table = route_table(world, &given).await;
            world.ec2.associate_route_table().route_table_id(&table).subnet_id(&subnet).send().await.unwrap();
            subnets.push((subnet, table));
        }
        let spec = |private: &[(String, String)]| {
            let private: Vec<&str> = private.iter().map(|(subnet, _)| subnet.as_str()).collect();
            format!(
                "safety: {{deletionProtection: false}}\nnetwork:\n  vpcId: {given}\n  subnets: {{private: [{}]}}\n  vpcEndpoints: {{additional: [xray]}}\n  routes: {{vpn: {{cidr: 10.200.0.0/16, transitGatewayId: {gateway}}}}}",
                private.join(", ")
            )
        };
        let endpoint = async || {
            let id = user.records().await["endpoint-xray"].locator.clone().unwrap().0;
            let told = world.ec2.describe_vpc_endpoints().vpc_endpoint_ids(id).send().await.unwrap();
            told.vpc_endpoints()[0].subnet_ids().len()
        };
        user.deploy(&spec(&subnets[..2])).await;
        assert_eq!(endpoint().await, 2);
        user.deploy(&spec(&subnets)).await;
        assert_eq!(endpoint().await, 3);
        destroy(&user).await;

        for (subnet, table) in &subnets {
            assert_eq!(&used_by(world, subnet).await.0, table);
            let of = Filter::builder().name("resource-id").values(subnet).build();
            assert!(
                world.ec2.describe_tags().filters(of).send().await.unwrap().tags().is_empty(),
                "{subnet} has our tags"
            );
            let told = world.ec2.describe_route_tables().route_table_ids(table).send().await.unwrap();
            assert_eq!(told.route_tables()[0].routes().len(), 1, "only its own block is left");
        }
    });
}

#[test]
fn a_subnet_that_somebody_moved_to_another_table_is_moved_back() {
    scenario(async |world| {
        let user = world.user("mended");
        user.deploy("network: {availabilityZones: 2, nat: Disable}").await;
        let records = user.records().await;
        let id = |name: &str| records[name].locator.as_ref().unwrap().0.clone();
        let subnet = id("subnet-private-euw1-az1");
        let (table, association) = used_by(world, &subnet).await;
        let other = route_table(world, &id("vpc")).await;
        let moved = world.ec2.replace_route_table_association().association_id(association).route_table_id(&other);
        moved.send().await.unwrap();
        assert_eq!(used_by(world, &subnet).await.0, other);

        let execution = world.start("LANDFALL_DEPLOY_MACHINE", json!({"platform": "mended"})).await;
        let (_, error, cause) = world.ended(&execution).await;
        assert_eq!((error.as_str(), used_by(world, &subnet).await.0), ("", table), "{cause}");
        world.ec2.delete_route_table().route_table_id(other).send().await.unwrap();
    });
}
