//! The components of a platform and the kinds of resource that they own.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A part of a platform with a function of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Component {
    /// VPC, subnets, routes, gateways, endpoints, flow logs.
    Network,
    /// The Kubernetes control plane, who may use it, and what its pods run on.
    Cluster,
}

impl Component {
    /// Every component, in the order in which a platform is built.
    pub const ALL: &'static [Self] = &[Self::Network, Self::Cluster];

    /// As it stands in ids and inputs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Cluster => "cluster",
        }
    }

    /// The kinds whose resources it may own.
    pub fn kinds(self) -> impl Iterator<Item = Kind> {
        Kind::ALL.iter().copied().filter(move |kind| kind.components().contains(&self))
    }

    /// The component of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|component| component.as_str() == text)
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

macro_rules! kinds {
    ($($(#[$meta:meta])* $name:ident => $($component:ident)|+),* $(,)?) => {
        /// The type of a resource. A kind that was ever shipped stays, because records name it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Kind { $($(#[$meta])* $name),* }

        impl Kind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The components that may own resources of this kind. Which one owns a resource, its id says.
            pub fn components(self) -> &'static [Component] {
                match self { $(Self::$name => &[$(Component::$component),+]),* }
            }

            /// As it stands in records and in what people read.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),* }
            }
        }
    };
}

kinds! {
    /// A virtual private cloud.
    Vpc => Network,
    /// A VPC that the user gave: checked, never changed, never deleted.
    GivenVpc => Network,
    /// A subnet that the user gave: checked, never changed, never deleted.
    GivenSubnet => Network,
    /// A further IPv4 block of a VPC.
    VpcCidr => Network,
    /// The way of a VPC to the internet, attached.
    InternetGateway => Network,
    /// A subnet in one zone.
    Subnet => Network,
    /// A route table with the subnets that use it.
    RouteTable => Network,
    /// One route in a route table.
    Route => Network,
    /// A public IPv4 address.
    ElasticIp => Network,
    /// A NAT gateway.
    NatGateway => Network,
    /// A security group with its rules.
    SecurityGroup => Network,
    /// A gateway endpoint (S3, DynamoDB).
    GatewayEndpoint => Network,
    /// An interface endpoint.
    InterfaceEndpoint => Network,
    /// A VPC peering connection.
    Peering => Network,
    /// A VPC's attachment to a transit gateway.
    TransitGatewayAttachment => Network,
    /// A CloudWatch log group.
    LogGroup => Network | Cluster,
    /// An IAM role with its policies. Records from before roles were of one kind call it `FlowLogRole`.
    #[serde(alias = "FlowLogRole")]
    Role => Network | Cluster,
    /// The flow log of a VPC.
    FlowLog => Network,
    /// A KMS key with its alias.
    KmsKey => Cluster,
    /// The Kubernetes control plane: what EKS calls a cluster.
    ControlPlane => Cluster,
    /// A control plane's issuer of tokens, made known to IAM.
    OidcProvider => Cluster,
    /// Who may use a control plane, with the access policies.
    AccessEntry => Cluster,
    /// What the instances of a node group are started from.
    LaunchTemplate => Cluster,
    /// A group of nodes that EKS manages.
    NodeGroup => Cluster,
    /// Which pods run on Fargate.
    FargateProfile => Cluster,
    /// An EKS add-on.
    Addon => Cluster,
    /// A service account's IAM role, given by the Pod Identity agent.
    PodIdentityAssociation => Cluster,
    /// A Lambda function in the platform's VPC.
    Function => Cluster,
}

impl Kind {
    /// Whether things of this kind existed before us: they are looked at, never made, changed or deleted.
    pub fn is_given(self) -> bool {
        matches!(self, Self::GivenVpc | Self::GivenSubnet)
    }

    /// Whether AWS has room for one of it alone, because of its name: the old one goes, with all that stands on it, before a
    /// replacement is made.
    pub fn is_exclusive(self) -> bool {
        self == Self::ControlPlane
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
