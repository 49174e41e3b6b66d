//! What IAM is asked for each EC2 network call: the resources and condition keys that AWS documents.
//!
//! Corrects: MiniStack asks for one resource at most, often `*`, and gives no tags of EC2 resources as conditions.
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html>
//! <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html>

use std::collections::BTreeMap;

use serde::Serialize;

use super::ACCOUNT;
use super::request::Request;
use super::store::{Kind, Store};

/// One question to IAM; all of a request's must be answered with yes.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Check {
    /// `ec2:CreateVpc`.
    pub(crate) action: String,
    /// The resource's ARN.
    pub(crate) resource: String,
    /// Condition keys.
    pub(crate) context: BTreeMap<String, String>,
    /// `aws:TagKeys`.
    pub(crate) tag_keys: Option<Vec<String>>,
}

pub(super) fn checks(request: &Request, store: &Store) -> Vec<Check> {
    let (made, named) = resources(&request.action);
    let mut checks: Vec<Check> = named
        .iter()
        .flat_map(|parameter| [request.get(parameter).into_iter().collect(), request.list(parameter)].concat())
        .map(|id| existing(request, store, id))
        .collect();
    if request.action == "AcceptVpcPeeringConnection" {
        // The accepter's VPC too, which no parameter names.
        // https://docs.aws.amazon.com/vpc/latest/peering/security-iam.html
        let peering = request.get("VpcPeeringConnectionId").and_then(|id| store.any(id));
        let vpc = peering.and_then(|peering| peering.document["accepterVpcInfo"]["vpcId"].as_str());
        checks.extend(vpc.map(|vpc| existing(request, store, vpc)));
    }
    if let Some(kind) = made {
        checks.push(new(request, kind));
        if !request.requested_tags().is_empty() {
            let mut tagging = new(request, kind);
            "ec2:CreateTags".clone_into(&mut tagging.action);
            tagging.context.insert("ec2:CreateAction".into(), request.action.clone());
            checks.push(tagging);
        }
    }
    if let Some(role) = request.get("DeliverLogsPermissionArn") {
        // https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html
        checks.push(Check {
            action: "iam:PassRole".into(),
            resource: role.into(),
            context: BTreeMap::from([("iam:PassedToService".into(), "vpc-flow-logs.amazonaws.com".into())]),
            tag_keys: None,
        });
    }
    let private_names =
        request.flag("PrivateDnsEnabled").unwrap_or(request.get("VpcEndpointType") == Some("Interface"));
    if request.action == "CreateVpcEndpoint" && private_names {
        // A dependent action of CreateVpcEndpoint on the service authorization page.
        checks.push(Check {
            action: "route53:AssociateVPCWithHostedZone".into(),
            resource: "arn:aws:route53:::hostedzone/*".into(),
            context: BTreeMap::new(),
            tag_keys: None,
        });
    }
    if request.action == "CreateTransitGatewayVpcAttachment"
        && store.all(Kind::TransitGatewayAttachment).next().is_none()
    {
        // The account's first makes the service's own role in the caller's name.
        // https://docs.aws.amazon.com/vpc/latest/tgw/service-linked-roles.html
        let service = "transitgateway.amazonaws.com";
        checks.push(Check {
            action: "iam:CreateServiceLinkedRole".into(),
            resource: format!(
                "arn:aws:iam::{ACCOUNT}:role/aws-service-role/{service}/AWSServiceRoleForVPCTransitGateway"
            ),
            context: BTreeMap::from([("iam:AWSServiceName".into(), service.into())]),
            tag_keys: None,
        });
    }
    if checks.is_empty() {
        checks.push(Check {
            action: format!("ec2:{}", request.action),
            resource: "*".into(),
            context: BTreeMap::new(),
            tag_keys: None,
        });
    }
    checks
}

// What the call makes, and the parameters that name what it touches. Describe calls have neither.
fn resources(action: &str) -> (Option<Kind>, &'static [&'static str]) {
    match action {
        "CreateVpc" => (Some(Kind::Vpc), &[]),
        "DeleteVpc" | "ModifyVpcAttribute" | "AssociateVpcCidrBlock" => (None, &["VpcId"]),
        "CreateSubnet" => (Some(Kind::Subnet), &["VpcId"]),
        "DeleteSubnet" | "ModifySubnetAttribute" => (None, &["SubnetId"]),
        "CreateInternetGateway" => (Some(Kind::InternetGateway), &[]),
        "AttachInternetGateway" | "DetachInternetGateway" => (None, &["InternetGatewayId", "VpcId"]),
        "DeleteInternetGateway" => (None, &["InternetGatewayId"]),
        "CreateRouteTable" => (Some(Kind::RouteTable), &["VpcId"]),
        "AssociateRouteTable" => (None, &["RouteTableId", "SubnetId"]),
        "DeleteRouteTable" | "CreateRoute" | "ReplaceRoute" | "DeleteRoute" | "ReplaceRouteTableAssociation" => {
            (None, &["RouteTableId"])
        }
        "AllocateAddress" => (Some(Kind::Address), &[]),
        "ReleaseAddress" => (None, &["AllocationId"]),
        "CreateNatGateway" => (Some(Kind::NatGateway), &["SubnetId", "AllocationId"]),
        "DeleteNatGateway" => (None, &["NatGatewayId"]),
        "CreateVpcEndpoint" => (Some(Kind::Endpoint), &["VpcId", "RouteTableId", "SubnetId", "SecurityGroupId"]),
        "ModifyVpcEndpoint" => (
            None,
            &[
                "VpcEndpointId",
                "AddRouteTableId",
                "RemoveRouteTableId",
                "AddSubnetId",
                "RemoveSubnetId",
                "AddSecurityGroupId",
                "RemoveSecurityGroupId",
            ],
        ),
        "DeleteVpcEndpoints" => (None, &["VpcEndpointId"]),
        "CreateSecurityGroup" => (Some(Kind::SecurityGroup), &["VpcId"]),
        "AuthorizeSecurityGroupIngress" | "AuthorizeSecurityGroupEgress" => {
            (Some(Kind::SecurityGroupRule), &["GroupId"])
        }
        "RevokeSecurityGroupIngress" | "RevokeSecurityGroupEgress" | "DeleteSecurityGroup" => (None, &["GroupId"]),
        "CreateNetworkInterface" => (Some(Kind::Interface), &["SubnetId", "SecurityGroupId"]),
        "DeleteNetworkInterface" => (None, &["NetworkInterfaceId"]),
        "CreateFlowLogs" => (Some(Kind::FlowLog), &["ResourceId"]),
        "DeleteFlowLogs" => (None, &["FlowLogId"]),
        "CreateVpcPeeringConnection" => (Some(Kind::Peering), &["VpcId", "PeerVpcId"]),
        "AcceptVpcPeeringConnection" | "DeleteVpcPeeringConnection" => (None, &["VpcPeeringConnectionId"]),
        "CreateTransitGateway" => (Some(Kind::TransitGateway), &[]),
        "DeleteTransitGateway" => (None, &["TransitGatewayId"]),
        "CreateTransitGatewayVpcAttachment" => {
            (Some(Kind::TransitGatewayAttachment), &["TransitGatewayId", "VpcId", "SubnetIds"])
        }
        "ModifyTransitGatewayVpcAttachment" => {
            (None, &["TransitGatewayAttachmentId", "AddSubnetIds", "RemoveSubnetIds"])
        }
        "DeleteTransitGatewayVpcAttachment" => (None, &["TransitGatewayAttachmentId"]),
        "CreateTags" | "DeleteTags" => (None, &["ResourceId"]),
        "DisassociateRouteTable" | "DisassociateVpcCidrBlock" => (None, &["AssociationId"]),
        "CreateLaunchTemplate" => (Some(Kind::LaunchTemplate), &[]),
        "CreateLaunchTemplateVersion" | "ModifyLaunchTemplate" | "DeleteLaunchTemplate" => {
            (None, &["LaunchTemplateId"])
        }
        _ => (None, &[]),
    }
}

fn new(request: &Request, kind: Kind) -> Check {
    let tags = request.requested_tags();
    Check {
        action: format!("ec2:{}", request.action),
        resource: arn(request, kind.tag_type(), "*"),
        tag_keys: (!tags.is_empty()).then(|| tags.keys().cloned().collect()),
        context: tags.into_iter().map(|(key, value)| (format!("aws:RequestTag/{key}"), value)).collect(),
    }
}

fn existing(request: &Request, store: &Store, id: &str) -> Check {
    let record = store.any(id).or_else(|| store.everything().find(|record| holds(&record.document, id)));
    let mut context = BTreeMap::new();
    for (key, value) in record.iter().flat_map(|record| &record.tags) {
        context.insert(format!("aws:ResourceTag/{key}"), value.clone());
        context.insert(format!("ec2:ResourceTag/{key}"), value.clone());
    }
    if let Some(vpc) = record.and_then(|record| record.document["vpcId"].as_str()) {
        context.insert("ec2:Vpc".into(), arn(request, "vpc", vpc));
    }
    let tags = request.plain_tags();
    for (key, value) in &tags {
        context.insert(format!("aws:RequestTag/{key}"), value.clone());
    }
    Check {
        action: format!("ec2:{}", request.action),
        resource: record
            .map_or_else(|| arn(request, guess(id), id), |record| arn(request, record.kind.tag_type(), &record.id)),
        context,
        tag_keys: (!tags.is_empty()).then(|| tags.keys().cloned().collect()),
    }
}

// Associations have no ARN of their own; the table or VPC that holds them stands for them.
fn holds(document: &serde_json::Value, association: &str) -> bool {
    [("associationSet", "routeTableAssociationId"), ("cidrBlockAssociationSet", "associationId")].iter().any(
        |(set, field)| document[set].as_array().is_some_and(|list| list.iter().any(|one| one[field] == association)),
    )
}

fn arn(request: &Request, kind: &str, id: &str) -> String {
    format!("arn:aws:ec2:{}:{ACCOUNT}:{kind}/{id}", request.region)
}

fn guess(id: &str) -> &'static str {
    match id.rsplit_once('-').map(|(prefix, _)| prefix) {
        Some("vpc") => "vpc",
        Some("subnet") => "subnet",
        Some("igw") => "internet-gateway",
        Some("rtb" | "rtbassoc") => "route-table",
        Some("eipalloc") => "elastic-ip",
        Some("nat") => "natgateway",
        Some("vpce") => "vpc-endpoint",
        Some("sg") => "security-group",
        Some("eni") => "network-interface",
        Some("fl") => "vpc-flow-log",
        Some("pcx") => "vpc-peering-connection",
        Some("lt") => "launch-template",
        _ => "*",
    }
}
