//! The spec of every kind of the network.

use std::fmt;

use domain::Tags;
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use crate::Ref;
use crate::specs::{kinds, specs};

specs! {
    /// [`domain::Kind::Vpc`]. DNS support and DNS names are always on, as EKS needs them. Outputs: `id`, `mainRouteTable`.
    VpcSpec {
        /// The primary block.
        cidr: Ipv4Net,
        /// The user's tags.
        tags: Tags,
    }
    /// [`domain::Kind::GivenVpc`]. Outputs: `id`, `mainRouteTable`.
    GivenVpcSpec {
        /// Its id.
        id: String,
        /// Its blocks as they were found.
        cidrs: Vec<Ipv4Net>,
    }
    /// [`domain::Kind::GivenSubnet`]. Outputs: `id`.
    GivenSubnetSpec {
        /// Its id.
        id: String,
        /// Its zone, by id.
        zone: String,
        /// Its block.
        cidr: Ipv4Net,
    }
    /// [`domain::Kind::VpcCidr`]: one more block. Outputs: `id` (the association).
    VpcCidrSpec {
        /// The VPC.
        vpc: Ref,
        /// The block.
        cidr: Ipv4Net,
    }
    /// [`domain::Kind::InternetGateway`], attached. Outputs: `id`.
    InternetGatewaySpec {
        /// The VPC.
        vpc: Ref,
        /// The user's tags.
        tags: Tags,
    }
    /// [`domain::Kind::Subnet`]. Outputs: `id`.
    SubnetSpec {
        /// The VPC.
        vpc: Ref,
        /// The zone, by id.
        zone: String,
        /// The block.
        cidr: Ipv4Net,
        /// The tag key by which a load balancer controller finds it: `kubernetes.io/role/elb` or `…/internal-elb`; none for pod subnets.
        role_tag: Option<String>,
        /// Whether what starts here gets a public address.
        public_addresses: bool,
        /// The user's tags.
        tags: Tags,
    }
    /// [`domain::Kind::RouteTable`] with its associations. Outputs: `id`.
    RouteTableSpec {
        /// The VPC.
        vpc: Ref,
        /// The subnets that use it.
        subnets: Vec<Ref>,
        /// The user's tags.
        tags: Tags,
    }
    /// [`domain::Kind::Route`]. Outputs: none.
    RouteSpec {
        /// The route table.
        table: Ref,
        /// The destination.
        destination: Ipv4Net,
        /// Where it leads.
        via: Via,
    }
    /// [`domain::Kind::ElasticIp`]. Outputs: `id` (the allocation), `address`.
    ElasticIpSpec {
        /// The subnet of the NAT gateway that it is for. A gateway is replaced when its subnet is, and the new one cannot
        /// have the address while the old one stands: so the address is replaced with it.
        subnet: Ref,
        /// The user's tags.
        tags: Tags,
    }
    /// [`domain::Kind::NatGateway`], public. Outputs: `id`.
    NatGatewaySpec {
        /// The public subnet in which it stands.
        subnet: Ref,
        /// The allocation of its address.
        address: Ref,
        /// The user's tags.
        tags: Tags,
    }
    /// [`domain::Kind::SecurityGroup`]: everything out, and TCP in as listed. Outputs: `id`.
    SecurityGroupSpec {
        /// The VPC.
        vpc: Ref,
        /// Its name.
        name: String,
        /// What it is for.
        description: String,
        /// What may come in.
        ingress: Vec<Ingress>,
        /// The user's tags.
        tags: Tags,
    }
    /// One TCP port that may be reached from one source.
    Ingress {
        /// The port.
        port: u16,
        /// From where.
        from: Source,
    }
    /// [`domain::Kind::GatewayEndpoint`]. Outputs: `id`.
    GatewayEndpointSpec {
        /// The VPC.
        vpc: Ref,
        /// The full service name, such as `com.amazonaws.eu-west-1.s3`.
        service: String,
        /// The tables that get its routes.
        route_tables: Vec<Ref>,
        /// The user's tags.
        tags: Tags,
    }
    /// [`domain::Kind::InterfaceEndpoint`] with private DNS. Outputs: `id`.
    InterfaceEndpointSpec {
        /// The VPC.
        vpc: Ref,
        /// The full service name, such as `com.amazonaws.eu-west-1.ecr.api`.
        service: String,
        /// One subnet a zone.
        subnets: Vec<Ref>,
        /// The groups that admit clients on 443.
        security_groups: Vec<Ref>,
        /// The user's tags.
        tags: Tags,
    }
    /// [`domain::Kind::Peering`] with a VPC of the same account and region, accepted. Outputs: `id`.
    PeeringSpec {
        /// Our VPC.
        vpc: Ref,
        /// The other VPC.
        peer_vpc: String,
        /// The user's tags.
        tags: Tags,
    }
    /// [`domain::Kind::TransitGatewayAttachment`]. Outputs: `id`.
    TransitGatewayAttachmentSpec {
        /// The VPC.
        vpc: Ref,
        /// The transit gateway.
        transit_gateway: String,
        /// One subnet a zone.
        subnets: Vec<Ref>,
        /// The user's tags.
        tags: Tags,
    }
    /// [`domain::Kind::FlowLog`] of all traffic of a VPC. Outputs: `id`.
    FlowLogSpec {
        /// The VPC.
        vpc: Ref,
        /// The log group, by name.
        log_group: Ref,
        /// The role, by ARN.
        role: Ref,
        /// The user's tags.
        tags: Tags,
    }
}

/// From where a port may be reached. A block is a plain text, as records have it from before there were groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Source {
    /// From these addresses.
    Block(Ipv4Net),
    /// From whatever has this security group.
    Group {
        /// Its id.
        group: Ref,
    },
}

impl fmt::Display for Source {
    /// The block, or which group.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Block(block) => block.fmt(f),
            Self::Group { group } => group.fmt(f),
        }
    }
}

/// Where a route leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Via {
    /// To the internet.
    InternetGateway(Ref),
    /// Out, through a NAT gateway.
    NatGateway(Ref),
    /// To another VPC.
    Peering(Ref),
    /// To a transit gateway, by its id.
    TransitGateway(String),
}

kinds! {
    VpcSpec: Vpc,
    GivenVpcSpec: GivenVpc,
    GivenSubnetSpec: GivenSubnet,
    VpcCidrSpec: VpcCidr,
    InternetGatewaySpec: InternetGateway,
    SubnetSpec: Subnet,
    RouteTableSpec: RouteTable,
    RouteSpec: Route,
    ElasticIpSpec: ElasticIp,
    NatGatewaySpec: NatGateway,
    SecurityGroupSpec: SecurityGroup,
    GatewayEndpointSpec: GatewayEndpoint,
    InterfaceEndpointSpec: InterfaceEndpoint,
    PeeringSpec: Peering,
    TransitGatewayAttachmentSpec: TransitGatewayAttachment,
    FlowLogSpec: FlowLog,
}
