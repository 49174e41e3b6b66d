//! The components of a platform and the kinds of resource that they own.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A part of a platform with a function of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Component {
    /// VPC, subnets, routes, gateways, endpoints, flow logs.
    Network,
}

impl Component {
    /// Every component, in the order in which a platform is built.
    pub const ALL: &'static [Self] = &[Self::Network];

    /// As it stands in ids and inputs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Network => "network",
        }
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
    ($($(#[$doc:meta])* $name:ident => $component:ident),* $(,)?) => {
        /// The type of a resource. A kind that was ever shipped stays, because records name it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Kind { $($(#[$doc])* $name),* }

        impl Kind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The component that makes and deletes resources of this kind.
            pub fn component(self) -> Component {
                match self { $(Self::$name => Component::$component),* }
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
    LogGroup => Network,
    /// The role by which VPC flow logs write.
    FlowLogRole => Network,
    /// The flow log of a VPC.
    FlowLog => Network,
}

impl Kind {
    /// Whether things of this kind existed before us: they are looked at, never made, changed or deleted.
    pub fn is_given(self) -> bool {
        matches!(self, Self::GivenVpc | Self::GivenSubnet)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
