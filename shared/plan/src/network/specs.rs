//! The spec of every kind of the network: the top-level fields are what `classify` compares, one by one.

use domain::{Kind, Tags};
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use crate::Ref;
use crate::builder::Spec;

/// The field by which AWS shows steps of a creation that are missing (a gateway that is not attached), as a list of texts.
/// No spec has it: wherever it is shown, it asks for an update.
pub const UNFINISHED: &str = "unfinished";

/// The fields of a kind that AWS changes in place. Any other asks for a replacement.
pub fn changeable(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Vpc | Kind::InternetGateway | Kind::Peering => &["tags", UNFINISHED],
        Kind::ElasticIp | Kind::NatGateway | Kind::FlowLog => &["tags"],
        Kind::GivenVpc => &["cidrs"],
        Kind::GivenSubnet => &["zone", "cidr"],
        Kind::VpcCidr => &[],
        Kind::Subnet => &["tags", "roleTag", "publicAddresses"],
        Kind::RouteTable => &["tags", "subnets"],
        Kind::Route => &["via"],
        Kind::SecurityGroup => &["tags", "ingress"],
        Kind::GatewayEndpoint => &["tags", "routeTables"],
        Kind::InterfaceEndpoint => &["tags", "subnets", "securityGroups", UNFINISHED],
        Kind::TransitGatewayAttachment => &["tags", "subnets"],
        Kind::LogGroup => &["tags", "retentionDays"],
        Kind::FlowLogRole => &["tags", "permissionsBoundary", "logGroupArn"],
    }
}

macro_rules! specs {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub struct $name { $($(#[$field_doc])* pub $field: $type),* }
    )*};
}

specs! {
    /// [`Kind::Vpc`]. DNS support and DNS names are always on, as EKS needs them. Outputs: `id`, `mainRouteTable`.
    VpcSpec {
        /// The primary block.
        cidr: Ipv4Net,
        /// The user's tags.
        tags: Tags,
    }
    /// [`Kind::GivenVpc`]. Outputs: `id`, `mainRouteTable`.
    GivenVpcSpec {
        /// Its id.
        id: String,
        /// Its blocks as they were found.
        cidrs: Vec<Ipv4Net>,
    }
    /// [`Kind::GivenSubnet`]. Outputs: `id`.
    GivenSubnetSpec {
        /// Its id.
        id: String,
        /// Its zone, by id.
        zone: String,
        /// Its block.
        cidr: Ipv4Net,
    }
    /// [`Kind::VpcCidr`]: one more block. Outputs: `id` (the association).
    VpcCidrSpec {
        /// The VPC.
        vpc: Ref,
        /// The block.
        cidr: Ipv4Net,
    }
    /// [`Kind::InternetGateway`], attached. Outputs: `id`.
    InternetGatewaySpec {
        /// The VPC.
        vpc: Ref,
        /// The user's tags.
        tags: Tags,
    }
    /// [`Kind::Subnet`]. Outputs: `id`.
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
    /// [`Kind::RouteTable`] with its associations. Outputs: `id`.
    RouteTableSpec {
        /// The VPC.
        vpc: Ref,
        /// The subnets that use it.
        subnets: Vec<Ref>,
        /// The user's tags.
        tags: Tags,
    }
    /// [`Kind::Route`]. Outputs: none.
    RouteSpec {
        /// The route table.
        table: Ref,
        /// The destination.
        destination: Ipv4Net,
        /// Where it leads.
        via: Via,
    }
    /// [`Kind::ElasticIp`]. Outputs: `id` (the allocation), `address`.
    ElasticIpSpec {
        /// The subnet of the NAT gateway that it is for. A gateway is replaced when its subnet is, and the new one cannot
        /// have the address while the old one stands: so the address is replaced with it.
        subnet: Ref,
        /// The user's tags.
        tags: Tags,
    }
    /// [`Kind::NatGateway`], public. Outputs: `id`.
    NatGatewaySpec {
        /// The public subnet in which it stands.
        subnet: Ref,
        /// The allocation of its address.
        address: Ref,
        /// The user's tags.
        tags: Tags,
    }
    /// [`Kind::SecurityGroup`]: everything out, and TCP in as listed. Outputs: `id`.
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
    /// One TCP port that may be reached from one block.
    Ingress {
        /// The port.
        port: u16,
        /// From where.
        from: Ipv4Net,
    }
    /// [`Kind::GatewayEndpoint`]. Outputs: `id`.
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
    /// [`Kind::InterfaceEndpoint`] with private DNS. Outputs: `id`.
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
    /// [`Kind::Peering`] with a VPC of the same account and region, accepted. Outputs: `id`.
    PeeringSpec {
        /// Our VPC.
        vpc: Ref,
        /// The other VPC.
        peer_vpc: String,
        /// The user's tags.
        tags: Tags,
    }
    /// [`Kind::TransitGatewayAttachment`]. Outputs: `id`.
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
    /// [`Kind::LogGroup`]. Outputs: `arn`, `name`.
    LogGroupSpec {
        /// Its name.
        name: String,
        /// For how many days events are kept.
        retention_days: u32,
        /// The user's tags.
        tags: Tags,
    }
    /// [`Kind::FlowLogRole`]: may write to one log group. Outputs: `arn`, `name`.
    FlowLogRoleSpec {
        /// Its name.
        name: String,
        /// Its path: `/landfall/<installation>/<platform>/`.
        path: String,
        /// The ARN of the boundary policy.
        permissions_boundary: Option<String>,
        /// The group that it may write to.
        log_group_arn: Ref,
        /// The user's tags.
        tags: Tags,
    }
    /// [`Kind::FlowLog`] of all traffic of a VPC. Outputs: `id`.
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

macro_rules! kinds {
    ($($spec:ident: $kind:ident),* $(,)?) => {$(
        impl Spec for $spec {
            const KIND: Kind = Kind::$kind;
        }
    )*};
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
    LogGroupSpec: LogGroup,
    FlowLogRoleSpec: FlowLogRole,
    FlowLogSpec: FlowLog,
}
