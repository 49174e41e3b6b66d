//! Who makes and deletes which kind: one file each, with the create beside the delete.

use aws_config::SdkConfig;
use domain::{Component, Kind};
use engine::{Kinds, Resource};

mod elastic_ip;
mod endpoint;
mod flow_log;
mod gateway_endpoint;
mod given;
mod interface_endpoint;
mod internet_gateway;
mod nat_gateway;
mod peering;
mod route;
mod route_table;
mod security_group;
mod subnet;
mod transit_gateway_attachment;
mod vpc;
mod vpc_cidr;

/// The services that the network is made of.
#[derive(Debug, Clone)]
pub struct Clients {
    /// Amazon EC2.
    pub ec2: aws_sdk_ec2::Client,
    /// AWS Identity and Access Management.
    pub iam: aws_sdk_iam::Client,
    /// Amazon CloudWatch Logs.
    pub logs: aws_sdk_cloudwatchlogs::Client,
}

impl Clients {
    /// Clients of one account and region.
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            ec2: aws_sdk_ec2::Client::new(config),
            iam: aws_sdk_iam::Client::new(config),
            logs: aws_sdk_cloudwatchlogs::Client::new(config),
        }
    }
}

/// Every kind of the network.
pub fn kinds(clients: &Clients) -> Kinds {
    Component::Network.kinds().filter_map(|kind| Some((kind, of(kind, clients)?))).collect()
}

fn of(kind: Kind, clients: &Clients) -> Option<Box<dyn Resource>> {
    let ec2 = clients.ec2.clone();
    let resource: Box<dyn Resource> = match kind {
        Kind::Vpc => Box::new(vpc::Vpc(ec2)),
        Kind::GivenVpc => Box::new(given::GivenVpc(ec2)),
        Kind::GivenSubnet => Box::new(given::GivenSubnet(ec2)),
        Kind::VpcCidr => Box::new(vpc_cidr::VpcCidr(ec2)),
        Kind::InternetGateway => Box::new(internet_gateway::InternetGateway(ec2)),
        Kind::Subnet => Box::new(subnet::Subnet(ec2)),
        Kind::RouteTable => Box::new(route_table::RouteTable(ec2)),
        Kind::Route => Box::new(route::Route(ec2)),
        Kind::ElasticIp => Box::new(elastic_ip::ElasticIp(ec2)),
        Kind::NatGateway => Box::new(nat_gateway::NatGateway(ec2)),
        Kind::SecurityGroup => Box::new(security_group::SecurityGroup(ec2)),
        Kind::GatewayEndpoint => Box::new(gateway_endpoint::GatewayEndpoint(ec2)),
        Kind::InterfaceEndpoint => Box::new(interface_endpoint::InterfaceEndpoint(ec2)),
        Kind::Peering => Box::new(peering::Peering(ec2)),
        Kind::TransitGatewayAttachment => Box::new(transit_gateway_attachment::TransitGatewayAttachment(ec2)),
        Kind::LogGroup => Box::new(resources::LogGroup(clients.logs.clone())),
        Kind::Role => Box::new(resources::Role(clients.iam.clone())),
        Kind::FlowLog => Box::new(flow_log::FlowLog(ec2)),
        _ => return None,
    };
    Some(resource)
}
