//! What the ledger does not name is found, while other platforms come and go, and its command removes it.

use std::path::Path;

use aws_sdk_ec2::types::{ResourceType, Tag, TagSpecification};
use domain::{Generation, Identity, Incarnation, Region, ResourceId, Tags, Token};
use ledger::Orphans;
use serde_json::json;
use tokio::process::Command;

use crate::support::{Person, User, World, scenario};

/// A ULID of 2016: <https://github.com/ulid/spec>
const OLD: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

/// The orphans of the installation. Whatever other scenarios make and remove at the same time is none.
async fn orphans(person: &Person) -> Orphans {
    let output = person.landfall(&["orphans", "-o", "json"]).output().await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let found: Orphans = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}: {text}{}", String::from_utf8_lossy(&output.stderr)));
    assert_eq!(output.status.code(), Some(if found.total == 0 { 0 } else { 2 }));
    found
}

/// Does what a command of the `aws` program does.
async fn run(world: &World, command: &str) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/aws.py");
    let python = sandbox::venv::python().await.unwrap();
    let output =
        Command::new(python).arg(script).arg(command).envs(world.sandbox.environment()).output().await.unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
}

fn tagged(of: ResourceType, tags: &Tags) -> TagSpecification {
    let tags = tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
    TagSpecification::builder().resource_type(of).set_tags(Some(tags.collect())).build()
}

/// A group in the user's own VPC that has the tags of the platform's group: what a lost attempt would leave behind.
async fn twin(user: &User) -> String {
    let records = user.records().await;
    let id = ResourceId::try_from("network/security-group-endpoints".to_owned()).unwrap();
    let identity = user.platform().await.unwrap().identity();
    let tags = identity.create_tags(&Tags::new(), &id, Generation::FIRST, Token::parse(OLD).unwrap());
    let vpc = &records["vpc"].locator.as_ref().unwrap().0;
    let group = user.world.ec2.create_security_group().group_name("twin").description("twin").vpc_id(vpc);
    let group = group.tag_specifications(tagged(ResourceType::SecurityGroup, &tags)).send().await.unwrap();
    group.group_id.unwrap()
}

/// A gateway in a VPC, a role and a log group of a platform that the ledger never heard of.
async fn strangers(world: &World) -> [String; 4] {
    let platform = "lost".parse().unwrap();
    let region = Region::parse("eu-west-1").unwrap();
    let role = format!("landfall-lost-{}", plan::role_mark("landfall", &region, &platform));
    let identity = Identity { installation: "landfall".into(), platform, incarnation: Incarnation::random() };
    let tags = identity.platform_tags();
    let vpc = world.ec2.create_vpc().cidr_block("10.99.0.0/16").tag_specifications(tagged(ResourceType::Vpc, &tags));
    let vpc = vpc.send().await.unwrap().vpc.unwrap().vpc_id.unwrap();
    let gateway = world.ec2.create_internet_gateway();
    let gateway = gateway.tag_specifications(tagged(ResourceType::InternetGateway, &tags)).send().await.unwrap();
    let gateway = gateway.internet_gateway.unwrap().internet_gateway_id.unwrap();
    world.ec2.attach_internet_gateway().internet_gateway_id(&gateway).vpc_id(&vpc).send().await.unwrap();
    let group = "/landfall/landfall/lost/flow-logs".to_owned();
    world.logs.create_log_group().log_group_name(&group).send().await.unwrap();
    let trust = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "vpc-flow-logs.amazonaws.com"}, "Action": "sts:AssumeRole",
    }]});
    let made = world.iam.create_role().role_name(&role).path("/landfall/landfall/lost/");
    made.assume_role_policy_document(trust.to_string()).send().await.unwrap();
    let allows = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "logs:PutLogEvents", "Resource": "*",
    }]});
    let put = world.iam.put_role_policy().role_name(&role).policy_name("write").policy_document(allows.to_string());
    put.send().await.unwrap();
    [vpc, gateway, role, group]
}

#[test]
fn what_the_ledger_does_not_name_is_listed_with_the_command_that_removes_it() {
    scenario(async |world| {
        let user = world.user("named");
        user.deploy("network: {availabilityZones: 2, nat: Disable, flowLogs: {enabled: true}, vpcEndpoints: {additional: [xray]}}")
            .await;
        let reader = world.person("reader").await;
        let before = orphans(&reader).await;
        assert_eq!((before.total, before.orphans), (0, Vec::new()));
        let text = reader.landfall(&["orphans"]).output().await.unwrap();
        assert!(String::from_utf8_lossy(&text.stdout).starts_with("0 orphans in the installation `landfall`"));

        let physical = user.physical().await;
        let twin = twin(&user).await;
        let [vpc, gateway, role, group] = strangers(world).await;
        let found = orphans(&reader).await;
        let mut listed: Vec<&str> = found.orphans.iter().map(|orphan| orphan.locator.as_str()).collect();
        assert_eq!(listed[0], twin, "it is the oldest: {found:#?}");
        assert_eq!(found.orphans[0].platform.as_deref(), Some("named"));
        listed.sort_unstable();
        let mut made = [&twin, &vpc, &gateway, &role, &group].map(String::as_str);
        made.sort_unstable();
        assert_eq!(listed, made);

        // What holds another goes first: of these, only the VPC is held.
        let (last, first): (Vec<_>, Vec<_>) = found.orphans.into_iter().partition(|orphan| orphan.locator == vpc);
        for orphan in first.iter().chain(&last) {
            run(world, &orphan.command).await;
        }
        assert_eq!(orphans(&reader).await.orphans, Vec::new());
        assert_eq!(user.physical().await, physical, "what the ledger names is untouched");
    });
}
