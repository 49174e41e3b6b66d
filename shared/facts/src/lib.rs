//! What a plan must know of AWS and no pure code can: asked once before each plan, by Admit and by `landfall plan` alike.
//!
//! Only looks. What the manifest names and AWS does not have is left out: the plan says what is missing.

use aws_config::SdkConfig;
use domain::{Record, Region};
use engine::CallError;
use manifest::Manifest;
use plan::{Facts, Slots};

mod cluster;
mod insights;
mod network;

pub use insights::{Insight, Removal, insights};

/// The services that are asked.
#[derive(Debug, Clone)]
pub struct Clients {
    /// Amazon EC2.
    pub ec2: aws_sdk_ec2::Client,
    /// Amazon EKS.
    pub eks: aws_sdk_eks::Client,
    /// AWS Identity and Access Management.
    pub iam: aws_sdk_iam::Client,
    /// AWS Key Management Service.
    pub kms: aws_sdk_kms::Client,
    /// AWS Lambda, where the installation is.
    pub lambda: aws_sdk_lambda::Client,
}

impl Clients {
    /// Clients of one region, with the credentials of `config`, whose own region is that of the installation.
    pub fn new(config: &SdkConfig, region: &Region) -> Self {
        let lambda = aws_sdk_lambda::Client::new(config);
        let config = config.to_builder().region(aws_config::Region::new(region.to_string())).build();
        Self {
            ec2: aws_sdk_ec2::Client::new(&config),
            eks: aws_sdk_eks::Client::new(&config),
            iam: aws_sdk_iam::Client::new(&config),
            kms: aws_sdk_kms::Client::new(&config),
            lambda,
        }
    }
}

/// What is known before AWS is asked.
#[derive(Debug, Clone)]
pub struct Known<'a> {
    /// The numbers that the platform's zones were given so far.
    pub slots: Slots,
    /// The ARN of the role by which Landfall speaks to clusters.
    pub role: &'a str,
    /// The name of the installation's function `gate`.
    pub gate: &'a str,
    /// The platform's records.
    pub records: &'a [Record],
}

/// Asks what the manifest makes worth knowing.
///
/// Permissions: `ec2:DescribeAvailabilityZones`; for a given network also `ec2:DescribeVpcs`, `ec2:DescribeSubnets`,
/// `ec2:DescribeRouteTables`, `ec2:DescribeVpcEndpoints`; for a cluster also `eks:DescribeClusterVersions`,
/// `eks:DescribeAddonVersions`, `lambda:GetFunctionConfiguration`, for one that is to run another minor `eks:ListInsights`
/// and `eks:DescribeInsight`, and as far as the manifest names such `ec2:DescribeInstanceTypes`, `iam:GetRole`,
/// `iam:GetUser`, `iam:ListRoles`, `kms:DescribeKey`.
pub async fn gather(clients: &Clients, manifest: &Manifest, known: Known<'_>) -> Result<Facts, CallError> {
    let given = network::given(&clients.ec2, &manifest.spec.region, &manifest.spec.network).await?;
    let cluster = cluster::gather(clients, manifest, &known).await?;
    Ok(Facts { zones: network::zones(&clients.ec2).await?, slots: known.slots, given, cluster })
}
