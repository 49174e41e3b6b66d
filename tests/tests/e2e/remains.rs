//! What EKS and its agents leave of a cluster goes with it, and nothing that only looks like it.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{Filter, ResourceType, Tag, TagSpecification};
use ledger::{Report, Status};
use sandbox::Rule;
use serde_json::json;

use crate::clusters::cluster;
use crate::support::{User, World, alone, scenario, until};

/// Two nodes, and a control plane that logs: both leave something behind.
fn spec() -> String {
    let group = "{instanceTypes: [m7g.large], minSize: 2, maxSize: 2}";
    cluster(&format!(
        "  logging: {{types: [api], retentionDays: 30}}\ncompute: {{managedNodeGroups: {{core: {group}}}}}"
    ))
}

/// The platform with its cluster.
async fn deployed(world: &'static World, name: &str) -> User {
    let user = world.user(name);
    user.deploy(&spec()).await;
    user
}

fn filter(name: &str, value: &str) -> Filter {
    Filter::builder().name(name).values(value).build()
}

/// The tags of the log group of a control plane; none if there is no such group.
async fn log_group(world: &World, cluster: &str) -> Option<BTreeMap<String, String>> {
    let name = format!("/aws/eks/{cluster}/cluster");
    let listed = world.logs.describe_log_groups().log_group_name_prefix(&name).send().await.unwrap();
    let group = listed.log_groups().iter().find(|group| group.log_group_name() == Some(&name))?;
    let arn = group.arn().unwrap().trim_end_matches(":*");
    let tags = world.logs.list_tags_for_resource().resource_arn(arn).send().await.ok()?.tags.unwrap_or_default();
    Some(tags.into_iter().collect())
}

/// What carries the marks of EKS for a cluster, in EC2.
async fn marked(world: &World, cluster: &str) -> Vec<String> {
    let ec2 = &world.ec2;
    let interfaces = ec2.describe_network_interfaces().filters(filter("tag:cluster.k8s.amazonaws.com/name", cluster));
    let interfaces = interfaces.send().await.unwrap();
    let groups = ec2.describe_security_groups().filters(filter("tag:aws:eks:cluster-name", cluster));
    let groups = groups.send().await.unwrap();
    let mut ids: Vec<String> =
        interfaces.network_interfaces().iter().filter_map(|one| one.network_interface_id.clone()).collect();
    ids.extend(groups.security_groups().iter().filter_map(|one| one.group_id.clone()));
    ids
}

async fn torn_down(world: &World, user: &User) -> (String, String) {
    let execution = world.start("LANDFALL_TEARDOWN_MACHINE", json!({"platform": user.name})).await;
    let (_, error, cause) = world.ended(&execution).await;
    (error, cause)
}

async fn report(user: &User) -> Report {
    let run = user.runs().await.remove(0);
    let bucket = user.world.sandbox.variable("LANDFALL_STATE_BUCKET");
    let object = user.world.s3.get_object().bucket(bucket).key(Report::key(&user.name, run.id)).send().await.unwrap();
    serde_json::from_slice(&object.body.collect().await.unwrap().to_vec()).unwrap()
}

/// The calls of a function that succeeded in deleting something, as `action`.
fn deletions(world: &World, since: u64, function: &str) -> Vec<String> {
    let calls = world.sandbox.calls_since(since).into_iter();
    let calls = calls.filter(|call| call.caller.contains(function) && call.action.starts_with("Delete"));
    calls.filter(|call| call.status == 200).map(|call| call.action).collect()
}

#[test]
fn what_eks_leaves_goes_with_the_cluster_and_the_log_group_that_it_makes_again_too() {
    scenario(async |world| {
        let user = deployed(world, "leaving").await;
        assert_eq!(marked(world, "leaving").await.len(), 3, "an interface of the CNI for each node, and the group");
        let before = world.last_call();
        // The VPC stays until the control plane's last logs have come.
        let held = Rule::fail("ec2", "DeleteVpc", "DependencyViolation", "The vpc has dependencies.");
        world.sandbox.script(held.about("leaving"));
        let execution = world.start("LANDFALL_TEARDOWN_MACHINE", json!({"platform": user.name})).await;
        until("the end of the log group", async || {
            let gone = !user.records().await.contains_key("log-group-control-plane");
            (gone && log_group(world, "leaving").await.is_none()).then_some(())
        })
        .await;
        // What was logged before it was turned off may still come, and no document says until when.
        world.logs.create_log_group().log_group_name("/aws/eks/leaving/cluster").send().await.unwrap();
        assert!(marked(world, "leaving").await.is_empty(), "the subnets could not go before");
        world.sandbox.clear_rules_of("leaving");
        let (_, error, cause) = world.ended(&execution).await;
        assert_eq!((error.as_str(), cause.as_str()), ("", ""));

        assert_eq!(user.platform().await.unwrap().status, Status::Gone);
        assert_eq!(log_group(world, "leaving").await, None);
        let swept = deletions(world, before, "luster");
        for action in ["DeleteNetworkInterface", "DeleteSecurityGroup"] {
            assert_eq!(swept.iter().filter(|one| *one == action).count(), 1, "{action}: {swept:?}");
        }
        assert!(deletions(world, before, "eardown").contains(&"DeleteLogGroup".to_owned()));
        let report = report(&user).await;
        assert_eq!(report.left, Vec::new());
        assert_eq!(report.scheduled.len(), 1, "the key: {report:#?}");
        let looked = |by: &str| report.listings.iter().any(|listing| listing.by == by);
        assert!(looked("the tag cluster.k8s.amazonaws.com/name = leaving"), "{report:#?}");
    });
}

#[test]
fn what_only_looks_like_a_remain_is_named_and_left_alone() {
    alone(async |world| {
        let user = deployed(world, "lookalike").await;
        let records = user.records().await;
        let subnet = &records["subnet-private-euw1-az1"].locator.as_ref().unwrap().0;
        let made = world.ec2.create_network_interface().subnet_id(subnet).description("aws-K8S-i-1");
        let tag = Tag::builder().key("cluster.k8s.amazonaws.com/name").value("another").build();
        let tags = TagSpecification::builder().resource_type(ResourceType::NetworkInterface).tags(tag);
        let made = made.tag_specifications(tags.build()).send().await.unwrap().network_interface.unwrap();
        let interface = made.network_interface_id.unwrap();

        let (error, cause) = torn_down(world, &user).await;
        assert_eq!(error, "Foreign", "{cause}");
        assert!(cause.contains(&interface), "{cause}");
        assert_eq!(cause.matches("eni-").count(), 2, "only this one, and its command: {cause}");
        assert!(!cause.contains("instance i-"), "the nodes are the platform's own: {cause}");

        world.ec2.delete_network_interface().network_interface_id(&interface).send().await.unwrap();
        let earlier = template_of_an_earlier_life(world, &user).await;
        let (error, cause) = torn_down(world, &user).await;
        assert_eq!(error, "LeftBehind", "{cause}");
        let left = report(&user).await.left;
        assert_eq!(left.iter().map(|left| left.locator.as_str()).collect::<Vec<_>>(), [earlier.as_str()]);
        assert!(left[0].command.contains("aws ec2 delete-launch-template --launch-template-id"), "{left:?}");
        world.ec2.delete_launch_template().launch_template_id(&earlier).send().await.unwrap();
        assert_eq!(torn_down(world, &user).await, (String::new(), String::new()));
        assert_eq!(user.platform().await.unwrap().status, Status::Gone);
    });
}

/// A launch template with the platform's tags that no record names.
async fn template_of_an_earlier_life(world: &World, user: &User) -> String {
    let mut tags = user.platform().await.unwrap().identity().platform_tags();
    tags.insert("landfall:incarnation".to_owned(), "01ARZ3NDEKTSV4RRFFQ69G5FAV".to_owned());
    let tags = tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
    let tags = TagSpecification::builder().resource_type(ResourceType::LaunchTemplate).set_tags(Some(tags)).build();
    let data = aws_sdk_ec2::types::RequestLaunchTemplateData::builder().build();
    let made = world.ec2.create_launch_template().launch_template_name("earlier").launch_template_data(data);
    let made = made.tag_specifications(tags).send().await.unwrap().launch_template.unwrap();
    made.launch_template_id.unwrap()
}
