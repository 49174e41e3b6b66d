//! Who makes and deletes which kind: one file each, with the create beside the delete.

use aws_config::SdkConfig;
use domain::{Component, Kind};
use engine::{Kinds, Resource};

mod access_entry;
mod addon;
mod control_plane;
mod fargate_profile;
mod function;
mod kms_key;
mod launch_template;
mod node_group;
mod oidc_provider;
mod pod_identity_association;

/// The services that a cluster is made of.
#[derive(Debug, Clone)]
pub struct Clients {
    /// Amazon EKS.
    pub eks: aws_sdk_eks::Client,
    /// Amazon EC2.
    pub ec2: aws_sdk_ec2::Client,
    /// AWS Identity and Access Management.
    pub iam: aws_sdk_iam::Client,
    /// AWS Key Management Service.
    pub kms: aws_sdk_kms::Client,
    /// Amazon CloudWatch Logs.
    pub logs: aws_sdk_cloudwatchlogs::Client,
    /// AWS Lambda.
    pub lambda: aws_sdk_lambda::Client,
    /// The name of the installation's function of which gates are copies.
    pub gate: String,
}

impl Clients {
    /// Clients of one account and region, where the installation's function `gate` has this name.
    pub fn new(config: &SdkConfig, gate: String) -> Self {
        Self {
            eks: aws_sdk_eks::Client::new(config),
            ec2: aws_sdk_ec2::Client::new(config),
            iam: aws_sdk_iam::Client::new(config),
            kms: aws_sdk_kms::Client::new(config),
            logs: aws_sdk_cloudwatchlogs::Client::new(config),
            lambda: aws_sdk_lambda::Client::new(config),
            gate,
        }
    }
}

/// Every kind of the cluster.
pub fn kinds(clients: &Clients) -> Kinds {
    Component::Cluster.kinds().filter_map(|kind| Some((kind, of(kind, clients)?))).collect()
}

fn of(kind: Kind, clients: &Clients) -> Option<Box<dyn Resource>> {
    let eks = clients.eks.clone();
    let resource: Box<dyn Resource> = match kind {
        Kind::Role => Box::new(resources::Role(clients.iam.clone())),
        Kind::LogGroup => Box::new(resources::LogGroup(clients.logs.clone())),
        Kind::KmsKey => Box::new(kms_key::KmsKey(clients.kms.clone())),
        Kind::ControlPlane => Box::new(control_plane::ControlPlane { eks, ec2: clients.ec2.clone() }),
        Kind::OidcProvider => Box::new(oidc_provider::OidcProvider(clients.iam.clone())),
        Kind::AccessEntry => Box::new(access_entry::AccessEntry(eks)),
        Kind::LaunchTemplate => Box::new(launch_template::LaunchTemplate(clients.ec2.clone())),
        Kind::NodeGroup => Box::new(node_group::NodeGroup(eks)),
        Kind::FargateProfile => Box::new(fargate_profile::FargateProfile(eks)),
        Kind::Addon => Box::new(addon::Addon(eks)),
        Kind::PodIdentityAssociation => Box::new(pod_identity_association::PodIdentityAssociation(eks)),
        Kind::Function => Box::new(function::Function {
            lambda: clients.lambda.clone(),
            ec2: clients.ec2.clone(),
            iam: clients.iam.clone(),
            source: clients.gate.clone(),
        }),
        _ => return None,
    };
    Some(resource)
}
