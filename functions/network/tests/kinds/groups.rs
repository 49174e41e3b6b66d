//! Security groups.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::operation::authorize_security_group_ingress::{
    AuthorizeSecurityGroupIngressError, AuthorizeSecurityGroupIngressOutput,
};
use aws_sdk_ec2::operation::create_security_group::{CreateSecurityGroupError, CreateSecurityGroupOutput};
use aws_sdk_ec2::operation::delete_security_group::DeleteSecurityGroupError;
use aws_sdk_ec2::operation::describe_security_groups::DescribeSecurityGroupsOutput;
use aws_sdk_ec2::operation::revoke_security_group_ingress::RevokeSecurityGroupIngressOutput;
use aws_sdk_ec2::types::{IpPermission, IpRange, SecurityGroup, Tag, UserIdGroupPair};
use aws_smithy_mocks::{Rule, mock};
use domain::{FaultName, Kind, Locator};
use engine::{CallError, Observed, Progress};
use serde_json::json;

use crate::support::*;

fn port(port: i32, blocks: &[&str]) -> IpPermission {
    let ranges = blocks.iter().map(|block| IpRange::builder().cidr_ip(*block).build()).collect();
    IpPermission::builder().ip_protocol("tcp").from_port(port).to_port(port).set_ip_ranges(Some(ranges)).build()
}

fn group(tags: Vec<Tag>, rules: Vec<IpPermission>) -> SecurityGroup {
    SecurityGroup::builder()
        .group_id("sg-1")
        .vpc_id("vpc-1")
        .group_name("demo-endpoints")
        .description("Clients of the endpoints")
        .set_tags(Some(tags))
        .set_ip_permissions(Some(rules))
        .build()
}

fn listed(groups: Vec<SecurityGroup>) -> Rule {
    mock!(Client::describe_security_groups)
        .then_output(move || DescribeSecurityGroupsOutput::builder().set_security_groups(Some(groups.clone())).build())
}

fn ours() -> Vec<Tag> {
    ec2_tags(&subject(Kind::SecurityGroup))
}

fn created() -> Rule {
    mock!(Client::create_security_group)
        .match_requests(|request| carries_identity(request.tag_specifications()))
        .then_output(|| CreateSecurityGroupOutput::builder().group_id("sg-1").build())
}

#[tokio::test]
async fn a_group_is_made_with_its_rules() {
    let admitted = mock!(Client::authorize_security_group_ingress)
        .match_requests(|request| request.ip_permissions().len() == 2)
        .then_output(|| AuthorizeSecurityGroupIngressOutput::builder().build());
    let script = Script::of([created(), admitted]);
    let made = script.kind(Kind::SecurityGroup).create(&subject(Kind::SecurityGroup)).await.unwrap();
    assert_eq!((made.locator.0.as_str(), made.progress), ("sg-1", Progress::Done));
}

#[tokio::test]
async fn rules_that_could_not_be_added_are_left_to_the_update_and_those_that_are_there_are_fine() {
    let answered = |text: &'static str| {
        mock!(Client::authorize_security_group_ingress)
            .then_error(move || AuthorizeSecurityGroupIngressError::generic(code(text)))
    };
    let script =
        Script::of([created(), answered("InvalidGroup.NotFound"), created(), answered("InvalidPermission.Duplicate")]);
    let (kind, subject) = (script.kind(Kind::SecurityGroup), subject(Kind::SecurityGroup));
    assert_eq!(kind.create(&subject).await.unwrap().progress, Progress::Pending);
    assert_eq!(kind.create(&subject).await.unwrap().progress, Progress::Done);
}

#[tokio::test]
async fn a_group_of_that_name_without_our_tags_is_foreign() {
    let script = Script::of([listed(vec![group(vec![], vec![])]), listed(vec![])]);
    let (kind, subject) = (script.kind(Kind::SecurityGroup), subject(Kind::SecurityGroup));
    assert_eq!(kind.observe(&subject).await, Ok(Observed::Foreign(Locator("sg-1".into()))));
    assert_eq!(kind.observe(&subject).await, Ok(Observed::Absent));
}

#[tokio::test]
async fn rules_are_shown_in_the_order_of_the_spec_and_what_others_added_after_them() {
    let wanted = port(443, &["100.64.0.0/16", "10.40.0.0/16"]);
    let by_group = IpPermission::builder()
        .ip_protocol("-1")
        .user_id_group_pairs(UserIdGroupPair::builder().group_id("sg-9").build())
        .build();
    let script = Script::of([
        listed(vec![group(ours(), vec![wanted.clone()])]),
        listed(vec![group(ours(), vec![wanted, port(22, &["0.0.0.0/0"]), by_group])]),
    ]);
    let (kind, subject) = (script.kind(Kind::SecurityGroup), subject(Kind::SecurityGroup));
    as_wanted(&subject, kind.observe(&subject).await.unwrap());
    let drifted = present(kind.observe(&subject).await.unwrap());
    let shown = drifted.properties["ingress"].as_array().unwrap();
    assert_eq!(shown.len(), 4);
    assert_eq!(shown[..2], subject.spec["ingress"].as_array().unwrap()[..]);
}

#[tokio::test]
async fn a_group_of_the_vpc_is_a_source_like_a_block() {
    let from_group = |pair: UserIdGroupPair| {
        let port = IpPermission::builder().ip_protocol("tcp").from_port(443).to_port(443);
        port.user_id_group_pairs(pair).build()
    };
    let of_another_vpc = UserIdGroupPair::builder().group_id("sg-8").vpc_peering_connection_id("pcx-1").build();
    let gate = UserIdGroupPair::builder().group_id("sg-7").build();
    let shown = UserIdGroupPair::builder().group_id("sg-7").user_id("123456789012").build();
    let mut subject = found(Kind::SecurityGroup, "sg-1");
    subject.spec["ingress"] = json!([{"port": 443, "from": "10.40.0.0/16"}, {"port": 443, "from": {"group": "sg-7"}}]);
    let (wanted, strange) = (from_group(gate), from_group(of_another_vpc));
    let admitted = mock!(Client::authorize_security_group_ingress)
        .match_requests(move |request| request.ip_permissions() == [wanted.clone()])
        .then_output(|| AuthorizeSecurityGroupIngressOutput::builder().build());
    let unwanted = strange.clone();
    let dismissed = mock!(Client::revoke_security_group_ingress)
        .match_requests(move |request| {
            let rules = request.ip_permissions();
            rules.len() == 1 && rules[0].user_id_group_pairs() == unwanted.user_id_group_pairs()
        })
        .then_output(|| RevokeSecurityGroupIngressOutput::builder().build());
    let block = port(443, &["10.40.0.0/16"]);
    let script = Script::of([
        listed(vec![group(ours(), vec![block.clone(), strange])]),
        admitted,
        dismissed,
        listed(vec![group(ours(), vec![from_group(shown), block])]),
    ]);
    let kind = script.kind(Kind::SecurityGroup);
    let change = change("ingress", json!([]), subject.spec["ingress"].clone());
    assert_eq!(kind.update(&subject, &[change]).await, Ok(Progress::Done));
    let seen = present(kind.observe(&subject).await.unwrap());
    assert_eq!(seen.properties["ingress"], subject.spec["ingress"]);
}

#[tokio::test]
async fn an_update_adds_what_is_missing_before_it_takes_away() {
    let admitted = mock!(Client::authorize_security_group_ingress)
        .match_requests(|request| request.ip_permissions() == [port(443, &["100.64.0.0/16"])])
        .then_output(|| AuthorizeSecurityGroupIngressOutput::builder().build());
    let dismissed = mock!(Client::revoke_security_group_ingress)
        .match_requests(|request| request.ip_permissions() == [port(22, &["0.0.0.0/0"])])
        .then_output(|| RevokeSecurityGroupIngressOutput::builder().build());
    let there = vec![port(443, &["10.40.0.0/16"]), port(22, &["0.0.0.0/0"])];
    let script = Script::of([listed(vec![group(ours(), there)]), admitted, dismissed]);
    let subject = found(Kind::SecurityGroup, "sg-1");
    let change = change("ingress", json!([]), subject.spec["ingress"].clone());
    let progress = script.kind(Kind::SecurityGroup).update(&subject, &[change]).await;
    assert_eq!(progress, Ok(Progress::Done));
}

#[tokio::test]
async fn what_ec2_refuses() {
    let create = mock!(Client::create_security_group)
        .then_error(|| CreateSecurityGroupError::generic(code("InvalidGroup.Duplicate")));
    let delete = |text: &'static str| {
        mock!(Client::delete_security_group).then_error(move || DeleteSecurityGroupError::generic(code(text)))
    };
    let script = Script::of([create, delete("DependencyViolation"), delete("InvalidGroup.NotFound")]);
    let (kind, subject) = (script.kind(Kind::SecurityGroup), found(Kind::SecurityGroup, "sg-1"));
    assert_eq!(fault_name(kind.create(&subject).await), FaultName::UpdateInProgress);
    assert_eq!(fault_name(kind.delete(&subject).await), FaultName::DependencyStillThere);
    assert_eq!(kind.delete(&subject).await, Err(CallError::NotFound));
}
