//! What connects a VPC: internet gateways, peerings, transit gateway attachments.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::operation::accept_vpc_peering_connection::{
    AcceptVpcPeeringConnectionError, AcceptVpcPeeringConnectionOutput,
};
use aws_sdk_ec2::operation::attach_internet_gateway::{AttachInternetGatewayError, AttachInternetGatewayOutput};
use aws_sdk_ec2::operation::create_internet_gateway::CreateInternetGatewayOutput;
use aws_sdk_ec2::operation::create_transit_gateway_vpc_attachment::{
    CreateTransitGatewayVpcAttachmentError, CreateTransitGatewayVpcAttachmentOutput,
};
use aws_sdk_ec2::operation::create_vpc_peering_connection::CreateVpcPeeringConnectionOutput;
use aws_sdk_ec2::operation::delete_internet_gateway::DeleteInternetGatewayOutput;
use aws_sdk_ec2::operation::delete_transit_gateway_vpc_attachment::DeleteTransitGatewayVpcAttachmentOutput;
use aws_sdk_ec2::operation::delete_vpc_peering_connection::DeleteVpcPeeringConnectionOutput;
use aws_sdk_ec2::operation::describe_internet_gateways::DescribeInternetGatewaysOutput;
use aws_sdk_ec2::operation::describe_transit_gateway_vpc_attachments::DescribeTransitGatewayVpcAttachmentsOutput;
use aws_sdk_ec2::operation::describe_vpc_peering_connections::DescribeVpcPeeringConnectionsOutput;
use aws_sdk_ec2::operation::detach_internet_gateway::{DetachInternetGatewayError, DetachInternetGatewayOutput};
use aws_sdk_ec2::operation::modify_transit_gateway_vpc_attachment::{
    ModifyTransitGatewayVpcAttachmentError, ModifyTransitGatewayVpcAttachmentOutput,
};
use aws_sdk_ec2::types::{
    InternetGateway, InternetGatewayAttachment, TransitGatewayAttachmentState, TransitGatewayVpcAttachment,
    VpcPeeringConnection, VpcPeeringConnectionStateReason, VpcPeeringConnectionStateReasonCode,
    VpcPeeringConnectionVpcInfo,
};
use aws_smithy_mocks::{Rule, mock};
use domain::{FaultName, Kind, Token};
use engine::{CallError, Observed, Progress};
use serde_json::{Value, json};

use crate::support::*;

fn internet(attached_to: Option<&str>) -> Rule {
    let attachment = attached_to.map(|vpc| InternetGatewayAttachment::builder().vpc_id(vpc).build());
    let gateway = InternetGateway::builder()
        .internet_gateway_id("igw-1")
        .set_attachments(Some(attachment.into_iter().collect()))
        .set_tags(Some(ec2_tags(&subject(Kind::InternetGateway))))
        .build();
    mock!(Client::describe_internet_gateways)
        .then_output(move || DescribeInternetGatewaysOutput::builder().internet_gateways(gateway.clone()).build())
}

fn attached() -> Rule {
    mock!(Client::attach_internet_gateway)
        .match_requests(|request| request.internet_gateway_id() == Some("igw-1") && request.vpc_id() == Some("vpc-1"))
        .then_output(|| AttachInternetGatewayOutput::builder().build())
}

fn not_attached(text: &'static str) -> Rule {
    mock!(Client::attach_internet_gateway).then_error(move || AttachInternetGatewayError::generic(code(text)))
}

#[tokio::test]
async fn an_internet_gateway_is_made_and_attached() {
    let made = || {
        mock!(Client::create_internet_gateway)
            .match_requests(|request| carries_identity(request.tag_specifications()))
            .then_output(|| {
                let gateway = InternetGateway::builder().internet_gateway_id("igw-1").build();
                CreateInternetGatewayOutput::builder().internet_gateway(gateway).build()
            })
    };
    let script = Script::of([made(), attached(), made(), not_attached("InvalidInternetGatewayID.NotFound")]);
    let (kind, subject) = (script.kind(Kind::InternetGateway), subject(Kind::InternetGateway));
    assert_eq!(kind.create(&subject).await.unwrap().progress, Progress::Done);
    assert_eq!(kind.create(&subject).await.unwrap().progress, Progress::Pending);
}

#[tokio::test]
async fn a_gateway_that_is_not_attached_is_unfinished_and_the_update_attaches_it() {
    let script =
        Script::of([internet(None), attached(), not_attached("Resource.AlreadyAssociated"), internet(Some("vpc-1"))]);
    let (kind, subject) = (script.kind(Kind::InternetGateway), found(Kind::InternetGateway, "igw-1"));
    let actual = present(kind.observe(&subject).await.unwrap());
    assert_eq!(actual.properties["unfinished"], json!(["attachment"]));
    let change = [change("unfinished", json!(["attachment"]), Value::Null)];
    assert_eq!(kind.update(&subject, &change).await, Ok(Progress::Done));
    assert_eq!(kind.update(&subject, &change).await, Ok(Progress::Done));
    as_wanted(&subject, kind.observe(&subject).await.unwrap());
}

#[tokio::test]
async fn a_gateway_is_detached_before_it_is_deleted() {
    let detached = mock!(Client::detach_internet_gateway)
        .match_requests(|request| request.vpc_id() == Some("vpc-1"))
        .then_output(|| DetachInternetGatewayOutput::builder().build());
    let loose = mock!(Client::detach_internet_gateway)
        .then_error(|| DetachInternetGatewayError::generic(code("Gateway.NotAttached")));
    let mapped = mock!(Client::detach_internet_gateway)
        .then_error(|| DetachInternetGatewayError::generic(code("DependencyViolation")));
    let deleted =
        || mock!(Client::delete_internet_gateway).then_output(|| DeleteInternetGatewayOutput::builder().build());
    let at = || internet(Some("vpc-1"));
    let script = Script::of([at(), detached, deleted(), at(), loose, deleted(), at(), mapped]);
    let (kind, subject) = (script.kind(Kind::InternetGateway), found(Kind::InternetGateway, "igw-1"));
    assert_eq!(kind.delete(&subject).await, Ok(Progress::Done));
    assert_eq!(kind.delete(&subject).await, Ok(Progress::Done));
    assert_eq!(fault_name(kind.delete(&subject).await), FaultName::DependencyStillThere);
}

fn peering(code: VpcPeeringConnectionStateReasonCode) -> Rule {
    let vpc = |id: &str| VpcPeeringConnectionVpcInfo::builder().vpc_id(id).build();
    let connection = VpcPeeringConnection::builder()
        .vpc_peering_connection_id("pcx-1")
        .requester_vpc_info(vpc("vpc-1"))
        .accepter_vpc_info(vpc("vpc-9"))
        .status(VpcPeeringConnectionStateReason::builder().code(code).message("overlapping").build())
        .set_tags(Some(ec2_tags(&subject(Kind::Peering))))
        .build();
    mock!(Client::describe_vpc_peering_connections).then_output(move || {
        DescribeVpcPeeringConnectionsOutput::builder().vpc_peering_connections(connection.clone()).build()
    })
}

fn accepted() -> Rule {
    mock!(Client::accept_vpc_peering_connection)
        .match_requests(|request| request.vpc_peering_connection_id() == Some("pcx-1"))
        .then_output(|| AcceptVpcPeeringConnectionOutput::builder().build())
}

#[tokio::test]
async fn a_peering_is_made_and_accepted_now_or_by_the_update() {
    use VpcPeeringConnectionStateReasonCode::PendingAcceptance;
    let made = mock!(Client::create_vpc_peering_connection)
        .match_requests(|request| {
            request.peer_vpc_id() == Some("vpc-9") && carries_identity(request.tag_specifications())
        })
        .then_output(|| {
            let connection = VpcPeeringConnection::builder().vpc_peering_connection_id("pcx-1").build();
            CreateVpcPeeringConnectionOutput::builder().vpc_peering_connection(connection).build()
        });
    let early = mock!(Client::accept_vpc_peering_connection)
        .then_error(|| AcceptVpcPeeringConnectionError::generic(code("InvalidStateTransition")));
    let script = Script::of([made, early, peering(PendingAcceptance), accepted()]);
    let (kind, subject) = (script.kind(Kind::Peering), subject(Kind::Peering));
    assert_eq!(kind.create(&subject).await.unwrap().progress, Progress::Pending);
    let actual = present(kind.observe(&subject).await.unwrap());
    assert_eq!(actual.properties["unfinished"], json!(["acceptance"]));
    let change = change("unfinished", json!(["acceptance"]), Value::Null);
    assert_eq!(kind.update(&found(Kind::Peering, "pcx-1"), &[change]).await, Ok(Progress::Done));
}

#[tokio::test]
async fn a_peering_goes_through_its_states() {
    use VpcPeeringConnectionStateReasonCode::*;
    let script = Script::of([InitiatingRequest, Provisioning, Active, Deleting, Deleted].map(peering));
    let (kind, subject) = (script.kind(Kind::Peering), found(Kind::Peering, "pcx-1"));
    assert!(matches!(kind.observe(&subject).await, Ok(Observed::Pending(_))));
    assert!(matches!(kind.observe(&subject).await, Ok(Observed::Pending(_))));
    as_wanted(&subject, kind.observe(&subject).await.unwrap());
    assert!(matches!(kind.observe(&subject).await, Ok(Observed::Pending(_))));
    assert_eq!(kind.observe(&subject).await, Ok(Observed::Absent));
}

#[tokio::test]
async fn a_failed_peering_counts_for_the_attempt_that_made_it_only() {
    use VpcPeeringConnectionStateReasonCode::Failed;
    let script = Script::of([Failed, Failed, Failed].map(peering));
    let kind = script.kind(Kind::Peering);
    let failed = kind.observe(&subject(Kind::Peering)).await;
    assert!(matches!(failed, Ok(Observed::Failed(_, why)) if why == "the peering is failed: overlapping"));
    assert!(matches!(kind.observe(&found(Kind::Peering, "pcx-1")).await, Ok(Observed::Failed(..))));
    let mut next = subject(Kind::Peering);
    next.token = Token::random();
    assert_eq!(kind.observe(&next).await, Ok(Observed::Absent));
}

#[tokio::test]
async fn a_failed_peering_is_gone_and_a_living_one_is_deleted() {
    use VpcPeeringConnectionStateReasonCode::{Active, Failed};
    let deleted = mock!(Client::delete_vpc_peering_connection)
        .then_output(|| DeleteVpcPeeringConnectionOutput::builder().build());
    let script = Script::of([peering(Failed), peering(Active), deleted]);
    let (kind, subject) = (script.kind(Kind::Peering), found(Kind::Peering, "pcx-1"));
    assert_eq!(kind.delete(&subject).await, Err(CallError::NotFound));
    assert_eq!(kind.delete(&subject).await, Ok(Progress::Pending));
}

fn attachment(state: TransitGatewayAttachmentState, subnets: &[&str]) -> Rule {
    let attachment = TransitGatewayVpcAttachment::builder()
        .transit_gateway_attachment_id("tgw-attach-1")
        .transit_gateway_id("tgw-1")
        .vpc_id("vpc-1")
        .set_subnet_ids(Some(subnets.iter().map(|subnet| (*subnet).to_owned()).collect()))
        .state(state)
        .set_tags(Some(ec2_tags(&subject(Kind::TransitGatewayAttachment))))
        .build();
    mock!(Client::describe_transit_gateway_vpc_attachments).then_output(move || {
        DescribeTransitGatewayVpcAttachmentsOutput::builder()
            .transit_gateway_vpc_attachments(attachment.clone())
            .build()
    })
}

#[tokio::test]
async fn an_attachment_goes_through_its_states() {
    use TransitGatewayAttachmentState::*;
    let states = [PendingAcceptance, Pending, Available, Modifying, Deleting, Deleted, Failed];
    let script = Script::of(states.map(|state| attachment(state, &["subnet-1", "subnet-2"])));
    let kind = script.kind(Kind::TransitGatewayAttachment);
    let subject = found(Kind::TransitGatewayAttachment, "tgw-attach-1");
    assert!(matches!(kind.observe(&subject).await, Ok(Observed::Pending(_))));
    assert!(matches!(kind.observe(&subject).await, Ok(Observed::Pending(_))));
    as_wanted(&subject, kind.observe(&subject).await.unwrap());
    assert!(matches!(kind.observe(&subject).await, Ok(Observed::Pending(_))));
    assert!(matches!(kind.observe(&subject).await, Ok(Observed::Pending(_))));
    assert_eq!(kind.observe(&subject).await, Ok(Observed::Absent));
    assert!(matches!(kind.observe(&subject).await, Ok(Observed::Failed(..))));
}

#[tokio::test]
async fn an_attachment_is_made_changed_and_deleted() {
    use TransitGatewayAttachmentState::{Available, Rejected};
    let made = mock!(Client::create_transit_gateway_vpc_attachment)
        .match_requests(|request| carries_identity(request.tag_specifications()))
        .then_output(|| {
            let one = TransitGatewayVpcAttachment::builder().transit_gateway_attachment_id("tgw-attach-1").build();
            CreateTransitGatewayVpcAttachmentOutput::builder().transit_gateway_vpc_attachment(one).build()
        });
    let there = mock!(Client::create_transit_gateway_vpc_attachment)
        .then_error(|| CreateTransitGatewayVpcAttachmentError::generic(code("DuplicateTransitGatewayAttachment")));
    let modified = mock!(Client::modify_transit_gateway_vpc_attachment)
        .match_requests(|request| {
            request.add_subnet_ids() == ["subnet-2"] && request.remove_subnet_ids() == ["subnet-7"]
        })
        .then_output(|| ModifyTransitGatewayVpcAttachmentOutput::builder().build());
    let busy = mock!(Client::modify_transit_gateway_vpc_attachment)
        .then_error(|| ModifyTransitGatewayVpcAttachmentError::generic(code("IncorrectState")));
    let deleted = mock!(Client::delete_transit_gateway_vpc_attachment)
        .then_output(|| DeleteTransitGatewayVpcAttachmentOutput::builder().build());
    let drifted = || attachment(Available, &["subnet-1", "subnet-7"]);
    let script =
        Script::of([made, there, drifted(), modified, drifted(), busy, drifted(), deleted, attachment(Rejected, &[])]);
    let kind = script.kind(Kind::TransitGatewayAttachment);
    let subject = found(Kind::TransitGatewayAttachment, "tgw-attach-1");
    assert_eq!(kind.create(&subject).await.unwrap().progress, Progress::Pending);
    assert_eq!(fault_name(kind.create(&subject).await), FaultName::UpdateInProgress);
    let change = [change("subnets", json!(["subnet-1", "subnet-7"]), json!(["subnet-2", "subnet-1"]))];
    assert_eq!(kind.update(&subject, &change).await, Ok(Progress::Done));
    assert_eq!(fault_name(kind.update(&subject, &change).await), FaultName::UpdateInProgress);
    assert_eq!(kind.delete(&subject).await, Ok(Progress::Pending));
    assert_eq!(kind.delete(&subject).await, Err(CallError::NotFound));
}
