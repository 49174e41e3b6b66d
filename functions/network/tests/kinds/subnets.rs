//! Subnets.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::operation::create_subnet::{CreateSubnetError, CreateSubnetOutput};
use aws_sdk_ec2::operation::create_tags::CreateTagsOutput;
use aws_sdk_ec2::operation::delete_subnet::DeleteSubnetError;
use aws_sdk_ec2::operation::delete_tags::DeleteTagsOutput;
use aws_sdk_ec2::operation::describe_subnets::DescribeSubnetsOutput;
use aws_sdk_ec2::operation::modify_subnet_attribute::{ModifySubnetAttributeError, ModifySubnetAttributeOutput};
use aws_sdk_ec2::types::{Subnet, SubnetState, Tag};
use aws_smithy_mocks::{Rule, mock};
use domain::{FaultName, Kind, Locator};
use engine::{CallError, Observed, Progress};
use serde_json::json;

use crate::support::*;

fn subnet(id: &str, cidr: &str, tags: Vec<Tag>) -> Subnet {
    Subnet::builder()
        .subnet_id(id)
        .vpc_id("vpc-1")
        .availability_zone_id("euw1-az1")
        .cidr_block(cidr)
        .state(SubnetState::Available)
        .map_public_ip_on_launch(true)
        .set_tags(Some(tags))
        .build()
}

fn ours(role: bool) -> Vec<Tag> {
    let mut tags = ec2_tags(&subject(Kind::Subnet));
    if role {
        tags.push(Tag::builder().key("kubernetes.io/role/elb").value("1").build());
    }
    tags
}

fn listed(subnets: Vec<Subnet>) -> Rule {
    mock!(Client::describe_subnets)
        .then_output(move || DescribeSubnetsOutput::builder().set_subnets(Some(subnets.clone())).build())
}

#[tokio::test]
async fn a_subnet_is_made_in_its_zone_with_its_role_and_public_addresses() {
    let created = mock!(Client::create_subnet)
        .match_requests(|request| {
            let role = |tag: &Tag| tag.key() == Some("kubernetes.io/role/elb") && tag.value() == Some("1");
            request.availability_zone_id() == Some("euw1-az1")
                && request.cidr_block() == Some("10.40.0.0/20")
                && carries_identity(request.tag_specifications())
                && request.tag_specifications().iter().any(|all| all.tags().iter().any(role))
        })
        .then_output(|| CreateSubnetOutput::builder().subnet(Subnet::builder().subnet_id("subnet-1").build()).build());
    let public = mock!(Client::modify_subnet_attribute)
        .match_requests(|request| request.map_public_ip_on_launch().is_some_and(|on| on.value() == Some(true)))
        .then_output(|| ModifySubnetAttributeOutput::builder().build());
    let script = Script::of([created, public]);
    let made = script.kind(Kind::Subnet).create(&subject(Kind::Subnet)).await.unwrap();
    assert_eq!((made.locator.0.as_str(), made.progress), ("subnet-1", Progress::Done));
}

#[tokio::test]
async fn a_private_subnet_takes_one_call() {
    let created = mock!(Client::create_subnet)
        .then_output(|| CreateSubnetOutput::builder().subnet(Subnet::builder().subnet_id("subnet-1").build()).build());
    let script = Script::of([created]);
    let private = with(subject(Kind::Subnet), "publicAddresses", json!(false));
    assert_eq!(script.kind(Kind::Subnet).create(&private).await.unwrap().progress, Progress::Done);
}

#[tokio::test]
async fn public_addresses_that_could_not_be_switched_on_are_left_to_the_update() {
    let created = mock!(Client::create_subnet)
        .then_output(|| CreateSubnetOutput::builder().subnet(Subnet::builder().subnet_id("subnet-1").build()).build());
    let hidden = mock!(Client::modify_subnet_attribute)
        .then_error(|| ModifySubnetAttributeError::generic(code("InvalidSubnetID.NotFound")));
    let script = Script::of([created, hidden]);
    let made = script.kind(Kind::Subnet).create(&subject(Kind::Subnet)).await.unwrap();
    assert_eq!(made.progress, Progress::Pending);
}

#[tokio::test]
async fn among_the_subnets_of_the_vpc_ours_is_found_by_its_tags() {
    let neighbor = subnet("subnet-9", "10.40.16.0/20", vec![]);
    let script = Script::of([listed(vec![neighbor, subnet("subnet-1", "10.40.0.0/20", ours(true))])]);
    let subject = subject(Kind::Subnet);
    let actual = as_wanted(&subject, script.kind(Kind::Subnet).observe(&subject).await.unwrap());
    assert_eq!(actual.locator.0, "subnet-1");
}

#[tokio::test]
async fn a_subnet_of_somebody_else_in_the_same_addresses_is_foreign() {
    let around = subnet("subnet-9", "10.40.0.0/17", vec![Tag::builder().key("owner").value("you").build()]);
    let beside = subnet("subnet-8", "10.40.16.0/20", vec![]);
    let script = Script::of([listed(vec![beside.clone(), around]), listed(vec![beside])]);
    let (kind, subject) = (script.kind(Kind::Subnet), subject(Kind::Subnet));
    assert_eq!(kind.observe(&subject).await, Ok(Observed::Foreign(Locator("subnet-9".into()))));
    assert_eq!(kind.observe(&subject).await, Ok(Observed::Absent));
}

#[tokio::test]
async fn a_role_that_was_taken_away_is_drift_and_put_back() {
    let put = mock!(Client::create_tags)
        .match_requests(|request| request.tags().len() == 1 && request.resources() == ["subnet-1"])
        .then_output(|| CreateTagsOutput::builder().build());
    let script = Script::of([listed(vec![subnet("subnet-1", "10.40.0.0/20", ours(false))]), put]);
    let subject = found(Kind::Subnet, "subnet-1");
    let actual = present(script.kind(Kind::Subnet).observe(&subject).await.unwrap());
    assert_eq!(actual.properties["roleTag"], json!(null));
    let change = change("roleTag", json!(null), json!("kubernetes.io/role/elb"));
    assert_eq!(script.kind(Kind::Subnet).update(&subject, &[change]).await, Ok(Progress::Done));
}

#[tokio::test]
async fn another_role_takes_the_place_of_the_first_and_tags_follow() {
    let key = |key: &'static str| {
        mock!(Client::create_tags)
            .match_requests(move |request| request.tags().iter().any(|tag| tag.key() == Some(key)))
            .then_output(|| CreateTagsOutput::builder().build())
    };
    let without = |key: &'static str| {
        mock!(Client::delete_tags)
            .match_requests(move |request| request.tags().iter().all(|tag| tag.key() == Some(key)))
            .then_output(|| DeleteTagsOutput::builder().build())
    };
    let script =
        Script::of([key("kubernetes.io/role/elb"), without("kubernetes.io/role/old"), key("new"), without("old")]);
    let role = change("roleTag", json!("kubernetes.io/role/old"), json!("kubernetes.io/role/elb"));
    let progress = script.kind(Kind::Subnet).update(&found(Kind::Subnet, "subnet-1"), &[role, tag_change()]).await;
    assert_eq!(progress, Ok(Progress::Done));
}

#[tokio::test]
async fn what_ec2_refuses() {
    let create =
        |text: &'static str| mock!(Client::create_subnet).then_error(move || CreateSubnetError::generic(code(text)));
    let delete =
        |text: &'static str| mock!(Client::delete_subnet).then_error(move || DeleteSubnetError::generic(code(text)));
    let script = Script::of([
        create("InvalidVpcID.NotFound"),
        create("InvalidSubnet.Conflict"),
        create("InvalidSubnet.Range"),
        delete("DependencyViolation"),
        delete("InvalidSubnetID.NotFound"),
    ]);
    let (kind, subject) = (script.kind(Kind::Subnet), found(Kind::Subnet, "subnet-1"));
    assert_eq!(kind.create(&subject).await, Err(CallError::NotFound));
    assert_eq!(fault_name(kind.create(&subject).await), FaultName::UpdateInProgress);
    assert_eq!(fault_name(kind.create(&subject).await), FaultName::CreateFailed);
    assert_eq!(fault_name(kind.delete(&subject).await), FaultName::DependencyStillThere);
    assert_eq!(kind.delete(&subject).await, Err(CallError::NotFound));
}
