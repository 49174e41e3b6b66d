//! Public addresses and NAT gateways.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::operation::allocate_address::{AllocateAddressError, AllocateAddressOutput};
use aws_sdk_ec2::operation::create_nat_gateway::{CreateNatGatewayError, CreateNatGatewayOutput};
use aws_sdk_ec2::operation::create_tags::CreateTagsOutput;
use aws_sdk_ec2::operation::delete_nat_gateway::{DeleteNatGatewayError, DeleteNatGatewayOutput};
use aws_sdk_ec2::operation::delete_tags::DeleteTagsOutput;
use aws_sdk_ec2::operation::describe_addresses::DescribeAddressesOutput;
use aws_sdk_ec2::operation::describe_nat_gateways::DescribeNatGatewaysOutput;
use aws_sdk_ec2::operation::release_address::{ReleaseAddressError, ReleaseAddressOutput};
use aws_sdk_ec2::types::{Address, NatGateway, NatGatewayAddress, NatGatewayState};
use aws_smithy_mocks::{Rule, mock};
use domain::{FaultName, Kind};
use engine::{CallError, Observed, Progress};

use crate::support::*;

#[tokio::test]
async fn an_address_is_allocated_and_shown() {
    let made = mock!(Client::allocate_address)
        .match_requests(|request| carries_identity(request.tag_specifications()))
        .then_output(|| AllocateAddressOutput::builder().allocation_id("eipalloc-1").public_ip("203.0.113.7").build());
    let listed = mock!(Client::describe_addresses).then_output(|| {
        let tags = ec2_tags(&subject(Kind::ElasticIp));
        let address = Address::builder().allocation_id("eipalloc-1").public_ip("203.0.113.7").set_tags(Some(tags));
        DescribeAddressesOutput::builder().addresses(address.build()).build()
    });
    let script = Script::of([made, listed]);
    let (kind, subject) = (script.kind(Kind::ElasticIp), subject(Kind::ElasticIp));
    let made = kind.create(&subject).await.unwrap();
    assert_eq!((made.outputs["address"].as_str(), made.progress), ("203.0.113.7", Progress::Done));
    assert_eq!(as_wanted(&subject, kind.observe(&subject).await.unwrap()).outputs, made.outputs);
}

#[tokio::test]
async fn the_quota_on_addresses_is_named() {
    let full =
        mock!(Client::allocate_address).then_error(|| AllocateAddressError::generic(code("AddressLimitExceeded")));
    let script = Script::of([full]);
    let answer = script.kind(Kind::ElasticIp).create(&subject(Kind::ElasticIp)).await;
    assert_eq!(fault_name(answer), FaultName::QuotaExceeded);
}

#[tokio::test]
async fn an_address_that_a_nat_gateway_still_holds_is_waited_for() {
    let release = |text: &'static str| {
        mock!(Client::release_address).then_error(move || ReleaseAddressError::generic(code(text)))
    };
    let released = mock!(Client::release_address).then_output(|| ReleaseAddressOutput::builder().build());
    let script = Script::of([
        release("AuthFailure"),
        release("InvalidIPAddress.InUse"),
        release("UnauthorizedOperation"),
        released,
        release("InvalidAllocationID.NotFound"),
    ]);
    let (kind, subject) = (script.kind(Kind::ElasticIp), found(Kind::ElasticIp, "eipalloc-1"));
    assert_eq!(fault_name(kind.delete(&subject).await), FaultName::DependencyStillThere);
    assert_eq!(fault_name(kind.delete(&subject).await), FaultName::DependencyStillThere);
    assert_eq!(fault_name(kind.delete(&subject).await), FaultName::AccessDenied);
    assert_eq!(kind.delete(&subject).await, Ok(Progress::Done));
    assert_eq!(kind.delete(&subject).await, Err(CallError::NotFound));
}

fn nat(id: &str, state: NatGatewayState) -> NatGateway {
    NatGateway::builder()
        .nat_gateway_id(id)
        .subnet_id("subnet-1")
        .nat_gateway_addresses(NatGatewayAddress::builder().allocation_id("eipalloc-1").build())
        .failure_code("Gateway.NotAttached")
        .failure_message("no way out")
        .set_tags(Some(ec2_tags(&subject(Kind::NatGateway))))
        .state(state)
        .build()
}

fn listed(gateways: Vec<NatGateway>) -> Rule {
    mock!(Client::describe_nat_gateways)
        .then_output(move || DescribeNatGatewaysOutput::builder().set_nat_gateways(Some(gateways.clone())).build())
}

#[tokio::test]
async fn a_nat_gateway_is_asked_for_again_with_the_same_token() {
    let made = mock!(Client::create_nat_gateway)
        .match_requests(|request| {
            request.client_token() == Some("01JD0000000000000000000001")
                && request.allocation_id() == Some("eipalloc-1")
                && carries_identity(request.tag_specifications())
        })
        .sequence()
        .http_status(500, None)
        .output(|| CreateNatGatewayOutput::builder().nat_gateway(nat("nat-1", NatGatewayState::Pending)).build())
        .build();
    let lost = mock!(Client::create_nat_gateway).sequence().http_status(200, Some("cut".into())).build();
    let hidden = mock!(Client::create_nat_gateway)
        .then_error(|| CreateNatGatewayError::generic(code("InvalidSubnetID.NotFound")));
    let script = Script::of([made.clone(), lost, hidden]);
    let (kind, subject) = (script.kind(Kind::NatGateway), subject(Kind::NatGateway));
    assert_eq!(kind.create(&subject).await.unwrap().progress, Progress::Pending);
    assert_eq!(made.num_calls(), 2);
    assert!(matches!(kind.create(&subject).await, Err(CallError::Unknown(_))));
    assert_eq!(kind.create(&subject).await, Err(CallError::NotFound));
}

#[tokio::test]
async fn a_nat_gateway_goes_through_its_states() {
    use NatGatewayState::*;
    let states = [Pending, Available, Deleting, Deleted, Failed];
    let script = Script::of(states.map(|state| listed(vec![nat("nat-1", state)])));
    let (kind, subject) = (script.kind(Kind::NatGateway), found(Kind::NatGateway, "nat-1"));
    assert!(matches!(kind.observe(&subject).await, Ok(Observed::Pending(_))));
    as_wanted(&subject, kind.observe(&subject).await.unwrap());
    assert!(matches!(kind.observe(&subject).await, Ok(Observed::Pending(_))));
    assert_eq!(kind.observe(&subject).await, Ok(Observed::Absent));
    let failed = kind.observe(&subject).await;
    assert!(matches!(failed, Ok(Observed::Failed(_, why)) if why == "Gateway.NotAttached: no way out"));
}

#[tokio::test]
async fn what_is_leaving_counts_only_alone() {
    use NatGatewayState::*;
    let script = Script::of([
        listed(vec![nat("nat-1", Deleting), nat("nat-2", Available), nat("nat-3", Deleted)]),
        listed(vec![nat("nat-1", Deleting), nat("nat-3", Deleting)]),
        listed(vec![nat("nat-1", Available), nat("nat-2", Pending)]),
    ]);
    let (kind, subject) = (script.kind(Kind::NatGateway), subject(Kind::NatGateway));
    assert_eq!(present(kind.observe(&subject).await.unwrap()).locator.0, "nat-2");
    assert!(matches!(kind.observe(&subject).await, Ok(Observed::Pending(_))));
    assert!(matches!(kind.observe(&subject).await, Ok(Observed::Many(all)) if all.len() == 2));
}

#[tokio::test]
async fn a_nat_gateway_is_deleted_and_waited_for() {
    let deleted = mock!(Client::delete_nat_gateway).then_output(|| DeleteNatGatewayOutput::builder().build());
    let gone =
        mock!(Client::delete_nat_gateway).then_error(|| DeleteNatGatewayError::generic(code("NatGatewayNotFound")));
    let script = Script::of([deleted, gone]);
    let (kind, subject) = (script.kind(Kind::NatGateway), found(Kind::NatGateway, "nat-1"));
    assert_eq!(kind.delete(&subject).await, Ok(Progress::Pending));
    assert_eq!(kind.delete(&subject).await, Err(CallError::NotFound));
}

#[tokio::test]
async fn tags_follow_the_manifest() {
    let put = mock!(Client::create_tags)
        .match_requests(|request| request.tags().len() == 2 && request.resources() == ["nat-1"])
        .then_output(|| CreateTagsOutput::builder().build());
    let removed = mock!(Client::delete_tags)
        .match_requests(|request| request.tags().iter().all(|tag| tag.key() == Some("old") && tag.value().is_none()))
        .then_output(|| DeleteTagsOutput::builder().build());
    let script = Script::of([put, removed]);
    let progress = script.kind(Kind::NatGateway).update(&found(Kind::NatGateway, "nat-1"), &[tag_change()]).await;
    assert_eq!(progress, Ok(Progress::Done));
}
