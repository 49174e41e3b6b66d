//! What the ledger does not name is found, while other platforms come and go, and its command removes it.

use std::path::Path;

use aws_sdk_ec2::types::{RequestLaunchTemplateData, ResourceType, Tag, TagSpecification};
use domain::{Generation, Identity, Incarnation, Region, ResourceId, Tags, Token};
use ledger::Orphans;
use serde_json::json;
use tokio::process::Command;

use crate::clusters::cluster;
use crate::support::{Person, User, World, alone, scenario};

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

/// A cluster with nodes, a launch template, a volume, a key with its alias and an issuer of that platform.
async fn cluster_of_strangers(world: &World, subnets: &[String], role: &str) -> [String; 6] {
    let config = world.sandbox.config();
    let (eks, kms) = (aws_sdk_eks::Client::new(config), aws_sdk_kms::Client::new(config));
    let platform = "lost".parse().unwrap();
    let identity = Identity { installation: "landfall".into(), platform, incarnation: Incarnation::random() };
    let tags = identity.platform_tags();
    let wait = async |what: &str| run(world, &format!("aws eks wait {what}")).await;

    let network = aws_sdk_eks::types::VpcConfigRequest::builder().set_subnet_ids(Some(subnets.to_vec())).build();
    let made = eks.create_cluster().name("lost").version("1.35").role_arn(role).resources_vpc_config(network);
    made.deletion_protection(true).set_tags(Some(tags.clone().into_iter().collect())).send().await.unwrap();
    wait("cluster-active --name lost").await;
    let group = eks.create_nodegroup().cluster_name("lost").nodegroup_name("core").node_role(role);
    let size = aws_sdk_eks::types::NodegroupScalingConfig::builder().min_size(1).desired_size(1).max_size(1).build();
    let group = group.scaling_config(size).instance_types("m7g.large").set_subnets(Some(subnets.to_vec()));
    group.send().await.unwrap();
    wait("nodegroup-active --cluster-name lost --nodegroup-name core").await;
    let selector = aws_sdk_eks::types::FargateProfileSelector::builder().namespace("apps").build();
    let profile = eks.create_fargate_profile().cluster_name("lost").fargate_profile_name("apps").selectors(selector);
    let profile = profile.pod_execution_role_arn(role).set_subnets(Some(subnets.to_vec()));
    profile.send().await.unwrap();
    wait("fargate-profile-active --cluster-name lost --fargate-profile-name apps").await;

    let template = world.ec2.create_launch_template().launch_template_name("lost");
    let template = template.launch_template_data(RequestLaunchTemplateData::builder().build());
    let template = template.tag_specifications(tagged(ResourceType::LaunchTemplate, &tags)).send().await.unwrap();
    let volume = world.ec2.create_volume().availability_zone("eu-west-1a").size(1);
    let volume = volume.tag_specifications(tagged(ResourceType::Volume, &tags)).send().await.unwrap();
    let of_kms = |(key, value): (&String, &String)| {
        aws_sdk_kms::types::Tag::builder().tag_key(key).tag_value(value).build().unwrap()
    };
    let key = kms.create_key().set_tags(Some(tags.iter().map(of_kms).collect())).send().await.unwrap();
    let key = key.key_metadata.unwrap().key_id;
    let alias = "alias/landfall/landfall/lost/cluster".to_owned();
    kms.create_alias().alias_name(&alias).target_key_id(&key).send().await.unwrap();
    let of_iam =
        |(key, value): (&String, &String)| aws_sdk_iam::types::Tag::builder().key(key).value(value).build().unwrap();
    let issuer = world.iam.create_open_id_connect_provider().url("https://oidc.eks.eu-west-1.amazonaws.com/id/LOST");
    let issuer = issuer.client_id_list("sts.amazonaws.com").thumbprint_list("9e99a48a9960b14926bb7f3b02e22da2b0ab7280");
    let issuer = issuer.set_tags(Some(tags.iter().map(of_iam).collect())).send().await.unwrap();
    [
        "lost".to_owned(),
        template.launch_template.unwrap().launch_template_id.unwrap(),
        volume.volume_id.unwrap(),
        key,
        alias,
        issuer.open_id_connect_provider_arn.unwrap(),
    ]
}

/// A cluster whose control plane logs, and that its manifest may lose without approval.
fn spec() -> String {
    let fargate = "  logging: {types: [api]}\ncompute: {fargateProfiles: {apps: {selectors: [{namespace: apps}]}}}";
    cluster(fargate).replacen("safety: {", "safety: {approval: Never, ", 1)
}

#[test]
fn what_belongs_to_clusters_is_listed_with_the_command_that_removes_it() {
    alone(async |world| {
        let user = world.user("former");
        user.deploy(&spec()).await;
        let reader = world.person("reader").await;
        assert_eq!(orphans(&reader).await.orphans, Vec::new(), "all that a cluster is made of is named");

        let records = user.records().await;
        let at = |name: &str| records[name].locator.as_ref().unwrap().0.clone();
        let subnets = ["euw1-az1", "euw1-az2"].map(|zone| at(&format!("subnet-private-{zone}")));
        let role = world.iam.create_role().role_name("theirs").assume_role_policy_document("{}").send().await.unwrap();
        let strangers = cluster_of_strangers(world, &subnets, role.role().unwrap().arn()).await;
        let found = orphans(&reader).await;
        let mut listed: Vec<&str> = found.orphans.iter().map(|orphan| orphan.locator.as_str()).collect();
        listed.sort_unstable();
        let mut made: Vec<&str> = strangers.iter().map(String::as_str).collect();
        made.sort_unstable();
        assert_eq!(listed, made);
        for orphan in &found.orphans {
            run(world, &orphan.command).await;
        }
        run(world, "aws eks wait cluster-deleted --name lost").await;
        assert_eq!(orphans(&reader).await.orphans, Vec::new());

        // What a control plane logs last may make the group again when nobody sweeps any more.
        user.deploy("safety: {approval: Never}\nnetwork: {availabilityZones: 2, nat: Single}").await;
        world.logs.create_log_group().log_group_name("/aws/eks/former/cluster").send().await.unwrap();
        let left = orphans(&reader).await.orphans.pop().unwrap();
        assert_eq!(left.locator, "/aws/eks/former/cluster");
        assert_eq!(left.platform.as_deref(), Some("former"));
        run(world, &left.command).await;
        assert_eq!(orphans(&reader).await.orphans, Vec::new());
    });
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
