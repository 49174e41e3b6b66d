//! A manifest becomes a network, stays as written, and changes where it was changed.

use std::collections::BTreeSet;

use domain::State;
use ledger::{RunStatus, Status};

use crate::support::alone;

#[test]
fn an_upload_becomes_the_network_and_the_same_upload_touches_nothing() {
    alone(async |world| {
        let user = world.user("upload");
        let spec = "network: {cidr: 10.40.0.0/16, availabilityZones: 2, flowLogs: {enabled: true}}";
        let run = user.deploy(spec).await;
        let records = user.records().await;
        assert!(records.values().all(|record| record.state == State::Ready), "{records:#?}");

        let vpc = records["vpc"].locator.as_ref().unwrap().0.as_str();
        let vpcs = world.ec2.describe_vpcs().vpc_ids(vpc).send().await.unwrap();
        assert_eq!(vpcs.vpcs()[0].cidr_block(), Some("10.40.0.0/16"));
        let in_vpc = aws_sdk_ec2::types::Filter::builder().name("vpc-id").values(vpc).build();
        let subnets = world.ec2.describe_subnets().filters(in_vpc).send().await.unwrap();
        let mut blocks: Vec<&str> = subnets.subnets().iter().filter_map(|subnet| subnet.cidr_block()).collect();
        blocks.sort_unstable();
        assert_eq!(blocks, ["10.40.0.0/19", "10.40.192.0/22", "10.40.196.0/22", "10.40.32.0/19"]);

        let named: BTreeSet<String> =
            records.values().filter_map(|record| Some(record.locator.as_ref()?.0.clone())).collect();
        let physical = user.physical().await;
        assert!(physical.len() > 12, "{physical:?}");
        assert_eq!(physical.iter().filter(|id| !named.contains(*id)).collect::<Vec<_>>(), Vec::<&String>::new());

        let before = world.last_call();
        let again = user.deploy(spec).await;
        assert_ne!(again.id, run.id);
        assert_eq!(world.changes_since(before), Vec::<String>::new());
        assert_eq!(user.physical().await, physical);
        assert!(world.ledger.events(again.id).await.unwrap().is_empty());
    });
}

#[test]
fn only_what_was_changed_changes_and_what_left_goes_last() {
    alone(async |world| {
        let user = world.user("change");
        user.deploy("tags: {owner: me}\nnetwork: {availabilityZones: 2, vpcEndpoints: {additional: [xray]}}").await;
        let before = user.records().await;

        let call = world.last_call();
        user.deploy("tags: {owner: me}\nnetwork: {availabilityZones: 3, vpcEndpoints: {additional: [xray]}}").await;
        let zone = user.records().await;
        let new: Vec<&String> = zone.keys().filter(|name| !before.contains_key(*name)).collect();
        assert_eq!(new.len(), 4, "a private and a public subnet, a route table and its default route: {new:?}");
        assert!(new.iter().all(|name| name.contains("az3")), "{new:?}");
        assert!(before.iter().all(|(name, record)| zone[name].locator == record.locator));
        assert_eq!(world.changes_since(call).iter().filter(|call| call.contains("Delete")).count(), 0);

        user.deploy(
            "tags: {owner: me}\nnetwork: {availabilityZones: 3, nat: HighlyAvailable, vpcEndpoints: {additional: [xray]}}",
        )
        .await;
        let available = user.records().await;
        let mut new: Vec<&str> =
            available.keys().filter(|name| !zone.contains_key(*name)).map(String::as_str).collect();
        new.sort_unstable();
        assert_eq!(new, ["address-euw1-az2", "address-euw1-az3", "nat-euw1-az2", "nat-euw1-az3"]);
        assert!(zone.iter().all(|(name, record)| available[name].locator == record.locator));

        let call = world.last_call();
        let run = user.deploy("tags: {owner: me}\nnetwork: {availabilityZones: 3, nat: HighlyAvailable}").await;
        let fewer = user.records().await;
        let gone: Vec<&String> = available.keys().filter(|name| !fewer.contains_key(*name)).collect();
        assert!(gone.iter().any(|name| *name == "endpoint-xray"), "{gone:?}");
        assert!(gone.iter().all(|name| *name == "endpoint-xray" || *name == "security-group-endpoints"), "{gone:?}");
        let changes = world.changes_since(call);
        assert!(changes.iter().all(|call| call.contains("Delete")), "{changes:?}");
        let phases: Vec<&str> = run.phases.iter().map(|phase| phase.name.as_str()).collect();
        assert_eq!(phases.len(), 4, "{phases:?}");
        assert!(phases[2].contains("Verify") && phases[3] == "Remove", "{phases:?}");

        let call = world.last_call();
        user.deploy("tags: {owner: you}\nnetwork: {availabilityZones: 3, nat: HighlyAvailable}").await;
        let changes: BTreeSet<String> = world.changes_since(call).into_iter().collect();
        assert_eq!(changes.into_iter().collect::<Vec<_>>(), ["ec2:CreateTags"]);
        let vpc = &fewer["vpc"].locator.as_ref().unwrap().0;
        let vpcs = world.ec2.describe_vpcs().vpc_ids(vpc).send().await.unwrap();
        let owner = vpcs.vpcs()[0].tags().iter().find(|tag| tag.key() == Some("owner")).unwrap();
        assert_eq!(owner.value(), Some("you"));
        assert_eq!(user.platform().await.unwrap().status, Status::Ready);
        assert!(user.runs().await.iter().all(|run| run.status == RunStatus::Succeeded));
    });
}
