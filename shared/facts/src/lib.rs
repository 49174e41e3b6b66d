//! What a plan must know of AWS and no pure code can: asked once before each plan, by Admit and by `landfall plan` alike.
//!
//! Only looks. What the manifest names and AWS does not have is left out: the plan says what is missing.

use aws_config::SdkConfig;
use domain::Region;
use engine::CallError;
use manifest::Manifest;
use plan::{Facts, Slots};

mod network;

/// The services that are asked.
#[derive(Debug, Clone)]
pub struct Clients {
    /// Amazon EC2.
    pub ec2: aws_sdk_ec2::Client,
}

impl Clients {
    /// Clients of one region, with the credentials of `config`.
    pub fn new(config: &SdkConfig, region: &Region) -> Self {
        let region = aws_config::Region::new(region.to_string());
        let ec2 = aws_sdk_ec2::config::Builder::from(config).region(region).build();
        Self { ec2: aws_sdk_ec2::Client::from_conf(ec2) }
    }
}

/// Asks what the manifest makes worth knowing. `slots` are the numbers that the platform's zones were given so far.
///
/// Permissions: `ec2:DescribeAvailabilityZones`; for a given network also `ec2:DescribeVpcs`, `ec2:DescribeSubnets`,
/// `ec2:DescribeRouteTables`, `ec2:DescribeVpcEndpoints`.
pub async fn gather(clients: &Clients, manifest: &Manifest, slots: Slots) -> Result<Facts, CallError> {
    let given = network::given(&clients.ec2, &manifest.spec.region, &manifest.spec.network).await?;
    Ok(Facts { zones: network::zones(&clients.ec2).await?, slots, given, cluster: None })
}
