//! The Describe calls: one table of lists, ids, and filters.
//!
//! Corrects: filters that MiniStack ignores, ids that do not exist, pages. Each filter list is that of its page,
//! `https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_<action>.html`, as far as fields are kept here.

use serde_json::{Value, json};

use super::filter::{self, Field};
use super::request::{Refusal, Request};
use super::store::{Kind, Record, Store};
use super::{Answer, route, rule, subnet};

struct Listing {
    action: &'static str,
    set: &'static str,
    kind: Kind,
    ids: &'static str,
    fields: &'static [Field],
}

const LISTINGS: &[Listing] = &[
    Listing {
        action: "DescribeVpcs",
        set: "vpcSet",
        kind: Kind::Vpc,
        ids: "VpcId",
        fields: &[
            ("cidr", "cidrBlock"),
            ("cidr-block-association.association-id", "cidrBlockAssociationSet/associationId"),
            ("cidr-block-association.cidr-block", "cidrBlockAssociationSet/cidrBlock"),
            ("cidr-block-association.state", "cidrBlockAssociationSet/cidrBlockState/state"),
            ("dhcp-options-id", "dhcpOptionsId"),
            ("is-default", "isDefault"),
            ("owner-id", "ownerId"),
            ("state", "state"),
            ("vpc-id", "vpcId"),
        ],
    },
    Listing {
        action: "DescribeSubnets",
        set: "subnetSet",
        kind: Kind::Subnet,
        ids: "SubnetId",
        fields: &[
            ("availability-zone", "availabilityZone"),
            ("availability-zone-id", "availabilityZoneId"),
            ("available-ip-address-count", "availableIpAddressCount"),
            ("cidr-block", "cidrBlock"),
            ("default-for-az", "defaultForAz"),
            ("map-public-ip-on-launch", "mapPublicIpOnLaunch"),
            ("owner-id", "ownerId"),
            ("state", "state"),
            ("subnet-arn", "subnetArn"),
            ("subnet-id", "subnetId"),
            ("vpc-id", "vpcId"),
        ],
    },
    Listing {
        action: "DescribeInternetGateways",
        set: "internetGatewaySet",
        kind: Kind::InternetGateway,
        ids: "InternetGatewayId",
        fields: &[
            ("attachment.state", "attachmentSet/state"),
            ("attachment.vpc-id", "attachmentSet/vpcId"),
            ("internet-gateway-id", "internetGatewayId"),
            ("owner-id", "ownerId"),
        ],
    },
    Listing {
        action: "DescribeRouteTables",
        set: "routeTableSet",
        kind: Kind::RouteTable,
        ids: "RouteTableId",
        fields: &[
            ("association.main", "associationSet/main"),
            ("association.route-table-association-id", "associationSet/routeTableAssociationId"),
            ("association.route-table-id", "associationSet/routeTableId"),
            ("association.subnet-id", "associationSet/subnetId"),
            ("owner-id", "ownerId"),
            ("route-table-id", "routeTableId"),
            ("route.destination-cidr-block", "routeSet/destinationCidrBlock"),
            ("route.destination-prefix-list-id", "routeSet/destinationPrefixListId"),
            ("route.gateway-id", "routeSet/gatewayId"),
            ("route.nat-gateway-id", "routeSet/natGatewayId"),
            ("route.transit-gateway-id", "routeSet/transitGatewayId"),
            ("route.origin", "routeSet/origin"),
            ("route.state", "routeSet/state"),
            ("route.vpc-peering-connection-id", "routeSet/vpcPeeringConnectionId"),
            ("vpc-id", "vpcId"),
        ],
    },
    Listing {
        action: "DescribeAddresses",
        set: "addressesSet",
        kind: Kind::Address,
        ids: "AllocationId",
        fields: &[
            ("allocation-id", "allocationId"),
            ("association-id", "associationId"),
            ("network-border-group", "networkBorderGroup"),
            ("network-interface-id", "networkInterfaceId"),
            ("network-interface-owner-id", "networkInterfaceOwnerId"),
            ("private-ip-address", "privateIpAddress"),
            ("public-ip", "publicIp"),
        ],
    },
    Listing {
        action: "DescribeNatGateways",
        set: "natGatewaySet",
        kind: Kind::NatGateway,
        ids: "NatGatewayId",
        fields: &[
            ("nat-gateway-id", "natGatewayId"),
            ("state", "state"),
            ("subnet-id", "subnetId"),
            ("vpc-id", "vpcId"),
        ],
    },
    Listing {
        action: "DescribeVpcEndpoints",
        set: "vpcEndpointSet",
        kind: Kind::Endpoint,
        ids: "VpcEndpointId",
        fields: &[
            ("ip-address-type", "ipAddressType"),
            ("service-name", "serviceName"),
            ("service-region", "serviceRegion"),
            ("vpc-id", "vpcId"),
            ("vpc-endpoint-id", "vpcEndpointId"),
            ("vpc-endpoint-state", "state"),
            ("vpc-endpoint-type", "vpcEndpointType"),
        ],
    },
    Listing {
        action: "DescribeSecurityGroups",
        set: "securityGroupInfo",
        kind: Kind::SecurityGroup,
        ids: "GroupId",
        fields: &[
            ("description", "groupDescription"),
            ("egress.ip-permission.cidr", "ipPermissionsEgress/ipRanges/cidrIp"),
            ("egress.ip-permission.group-id", "ipPermissionsEgress/groups/groupId"),
            ("group-id", "groupId"),
            ("group-name", "groupName"),
            ("ip-permission.cidr", "ipPermissions/ipRanges/cidrIp"),
            ("ip-permission.from-port", "ipPermissions/fromPort"),
            ("ip-permission.group-id", "ipPermissions/groups/groupId"),
            ("ip-permission.protocol", "ipPermissions/ipProtocol"),
            ("ip-permission.to-port", "ipPermissions/toPort"),
            ("owner-id", "ownerId"),
            ("vpc-id", "vpcId"),
        ],
    },
    Listing {
        action: "DescribeSecurityGroupRules",
        set: "securityGroupRuleSet",
        kind: Kind::SecurityGroupRule,
        ids: "SecurityGroupRuleId",
        fields: &[("group-id", "groupId"), ("security-group-rule-id", "securityGroupRuleId")],
    },
    Listing {
        action: "DescribeNetworkInterfaces",
        set: "networkInterfaceSet",
        kind: Kind::Interface,
        ids: "NetworkInterfaceId",
        fields: &[
            ("association.allocation-id", "association/allocationId"),
            ("association.public-ip", "association/publicIp"),
            ("addresses.private-ip-address", "privateIpAddressesSet/privateIpAddress"),
            ("attachment.status", "attachment/status"),
            ("availability-zone", "availabilityZone"),
            ("description", "description"),
            ("group-id", "groupSet/groupId"),
            ("group-name", "groupSet/groupName"),
            ("interface-type", "interfaceType"),
            ("network-interface-id", "networkInterfaceId"),
            ("owner-id", "ownerId"),
            ("private-ip-address", "privateIpAddress"),
            ("requester-id", "requesterId"),
            ("requester-managed", "requesterManaged"),
            ("status", "status"),
            ("subnet-id", "subnetId"),
            ("vpc-id", "vpcId"),
        ],
    },
    Listing {
        action: "DescribeFlowLogs",
        set: "flowLogSet",
        kind: Kind::FlowLog,
        ids: "FlowLogId",
        fields: &[
            ("deliver-log-status", "deliverLogsStatus"),
            ("log-destination-type", "logDestinationType"),
            ("flow-log-id", "flowLogId"),
            ("log-group-name", "logGroupName"),
            ("resource-id", "resourceId"),
            ("traffic-type", "trafficType"),
        ],
    },
    Listing {
        action: "DescribeVpcPeeringConnections",
        set: "vpcPeeringConnectionSet",
        kind: Kind::Peering,
        ids: "VpcPeeringConnectionId",
        fields: &[
            ("accepter-vpc-info.cidr-block", "accepterVpcInfo/cidrBlock"),
            ("accepter-vpc-info.owner-id", "accepterVpcInfo/ownerId"),
            ("accepter-vpc-info.vpc-id", "accepterVpcInfo/vpcId"),
            ("requester-vpc-info.cidr-block", "requesterVpcInfo/cidrBlock"),
            ("requester-vpc-info.owner-id", "requesterVpcInfo/ownerId"),
            ("requester-vpc-info.vpc-id", "requesterVpcInfo/vpcId"),
            ("status-code", "status/code"),
            ("vpc-peering-connection-id", "vpcPeeringConnectionId"),
        ],
    },
    Listing {
        action: "DescribeTransitGateways",
        set: "transitGatewaySet",
        kind: Kind::TransitGateway,
        ids: "TransitGatewayIds",
        fields: &[("owner-id", "ownerId"), ("state", "state"), ("transit-gateway-id", "transitGatewayId")],
    },
    Listing {
        action: "DescribeTransitGatewayVpcAttachments",
        set: "transitGatewayVpcAttachments",
        kind: Kind::TransitGatewayAttachment,
        ids: "TransitGatewayAttachmentIds",
        fields: &[
            ("state", "state"),
            ("transit-gateway-attachment-id", "transitGatewayAttachmentId"),
            ("transit-gateway-id", "transitGatewayId"),
            ("vpc-id", "vpcId"),
        ],
    },
    Listing {
        action: "DescribeNetworkAcls",
        set: "networkAclSet",
        kind: Kind::NetworkAcl,
        ids: "NetworkAclId",
        fields: &[
            ("default", "default"),
            ("network-acl-id", "networkAclId"),
            ("owner-id", "ownerId"),
            ("vpc-id", "vpcId"),
        ],
    },
];

pub(super) fn serves(action: &str) -> bool {
    LISTINGS.iter().any(|listing| listing.action == action)
}

pub(super) fn describe(request: &Request, store: &Store) -> Answer {
    let Some(listing) = LISTINGS.iter().find(|listing| listing.action == request.action) else {
        return Err(Refusal::new(
            "InvalidAction",
            format!("The action {} is not valid for this web service.", request.action),
        ));
    };
    let ids = request.list(listing.ids);
    if let Some(unknown) = ids.iter().find(|id| !store.visible(listing.kind).any(|record| record.id == **id)) {
        return Err(listing.kind.not_found(unknown));
    }
    let filters = filter::filters(request);
    let mut found = Vec::new();
    let asked = |record: &&Record| ids.is_empty() || ids.contains(&record.id.as_str());
    filter::known(&filters, listing.fields)?;
    for record in store.visible(listing.kind).filter(asked) {
        if !filter::may_pass(record, &filters, listing.fields) {
            continue;
        }
        let document = printed(store, record);
        if filter::passes(&document, &filters, listing.fields)? {
            found.push(document);
        }
    }
    let (page, next) = page(request, found);
    Ok(json!({listing.set: page, "nextToken": next}))
}

// What Describe shows beside the record itself: tags, and what follows from other records.
fn printed(store: &Store, record: &Record) -> Value {
    let mut document = record.document.clone();
    document["tagSet"] = record.tag_set();
    if let Some(fields) = document.as_object_mut() {
        fields.remove("attributes");
        fields.remove("coming");
    }
    match record.kind {
        Kind::Subnet => document["availableIpAddressCount"] = json!(subnet::free_addresses(store, record)),
        Kind::RouteTable => {
            for route in document["routeSet"].as_array_mut().into_iter().flatten() {
                route["state"] = json!(route::state(store, record.text("vpcId"), route));
            }
        }
        Kind::SecurityGroup => {
            document["ipPermissions"] = rule::permissions(store, &record.id, false);
            document["ipPermissionsEgress"] = rule::permissions(store, &record.id, true);
        }
        _ => {}
    }
    document
}

// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Query-Requests.html#api-pagination>
pub(super) fn page(request: &Request, found: Vec<Value>) -> (Vec<Value>, Option<String>) {
    let number = |name: &str| request.get(name).and_then(|text| text.parse::<usize>().ok());
    let from = number("NextToken").unwrap_or(0);
    let size = number("MaxResults").unwrap_or(1000);
    let next = (found.len() > from.saturating_add(size)).then(|| (from + size).to_string());
    (found.into_iter().skip(from).take(size).collect(), next)
}
