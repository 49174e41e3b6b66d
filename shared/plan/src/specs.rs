//! The specs of kinds that several components own, and what AWS changes in place. A spec's top-level fields are what
//! `classify` compares, one by one; those of a single component's kinds stand with it.

use std::collections::BTreeMap;

use domain::{Kind, Tags};
use serde_json::Value;

/// The field by which AWS shows steps of a creation that are missing (a gateway that is not attached), as a list of texts.
/// No spec has it: wherever it is shown, it asks for an update.
pub const UNFINISHED: &str = "unfinished";

/// The field by which AWS shows what it calls unhealthy, as a list of texts. No spec has it: wherever it is shown, it asks
/// for an update, and the kind answers that nothing cures it.
pub const HEALTH: &str = "health";

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
        // `logGroupArn` is what records of roles from before they were of one kind have.
        Kind::Role => {
            &["tags", "description", "trust", "policies", "managedPolicies", "permissionsBoundary", "logGroupArn"]
        }
        Kind::KmsKey => &["tags", "description", UNFINISHED],
        // Subnets only within the zones that it began with, which are a field of their own:
        // https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html#network-requirements-subnets
        Kind::ControlPlane => &[
            "tags",
            "version",
            "subnets",
            "securityGroups",
            "publicAccessCidrs",
            "logging",
            "supportType",
            "forceUpgrade",
            "deletionProtection",
            "autoMode",
        ],
        Kind::OidcProvider | Kind::FargateProfile => &["tags"],
        Kind::AccessEntry => &["tags", "groups", "policies"],
        Kind::LaunchTemplate => &["tags", "volumes"],
        // https://docs.aws.amazon.com/eks/latest/APIReference/API_UpdateNodegroupConfig.html
        // https://docs.aws.amazon.com/eks/latest/APIReference/API_UpdateNodegroupVersion.html
        Kind::NodeGroup => &[
            "tags",
            "version",
            "launchTemplateVersion",
            "minSize",
            "maxSize",
            "desiredSize",
            "labels",
            "taints",
            "maxUnavailable",
            HEALTH,
        ],
        // https://docs.aws.amazon.com/eks/latest/APIReference/API_UpdateAddon.html
        Kind::Addon => &["tags", "version", "configuration", "roles", HEALTH],
        // https://docs.aws.amazon.com/eks/latest/APIReference/API_UpdatePodIdentityAssociation.html
        Kind::PodIdentityAssociation => &["tags", "role"],
        // https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionConfiguration.html
        // https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionCode.html
        Kind::Function => &[
            "tags",
            "code",
            "layers",
            "environment",
            "role",
            "logGroup",
            "subnets",
            "securityGroups",
            "memory",
            "timeout",
            "description",
        ],
    }
}

/// Structs whose fields are all public, named in camel case.
macro_rules! specs {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, ::serde::Serialize, ::serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub struct $name { $($(#[$field_doc])* pub $field: $type),* }
    )*};
}
pub(crate) use specs;

/// Which spec is of which kind.
macro_rules! kinds {
    ($($spec:ident: $kind:ident),* $(,)?) => {$(
        impl $crate::builder::Spec for $spec {
            const KIND: ::domain::Kind = ::domain::Kind::$kind;
        }
    )*};
}
pub(crate) use kinds;

specs! {
    /// [`Kind::LogGroup`]. Outputs: `arn`, `name`.
    LogGroupSpec {
        /// Its name.
        name: String,
        /// For how many days events are kept.
        retention_days: u32,
        /// The user's tags.
        tags: Tags,
    }
    /// [`Kind::Role`]. Outputs: `arn`, `name`.
    ///
    /// Documents are JSON as IAM takes it; compare them as JSON. What is missing in records from before roles were of one
    /// kind has a default, so that these are read, and brought to what is wanted in place.
    RoleSpec {
        /// Its name, unique in its account.
        name: String,
        /// Its path: `/landfall/<installation>/<platform>/`.
        path: String,
        /// What it is for.
        #[serde(default)]
        description: String,
        /// The document that says who may take the role on. It may refer to other resources, also in keys
        /// ([`crate::entries`]).
        #[serde(default)]
        trust: Value,
        /// Its own policies, by name: what the role may do. These too may refer to other resources.
        #[serde(default)]
        policies: BTreeMap<String, Value>,
        /// The ARNs of the managed policies that are attached.
        #[serde(default)]
        managed_policies: Vec<String>,
        /// The ARN of the boundary policy.
        permissions_boundary: Option<String>,
        /// The user's tags.
        tags: Tags,
    }
}

kinds! {
    LogGroupSpec: LogGroup,
    RoleSpec: Role,
}
