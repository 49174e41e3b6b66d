//! What Lambda makes in a VPC: an interface for each subnet of a function.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html>; how the interfaces are called and end can be seen
//! in <https://github.com/hashicorp/terraform-provider-aws/issues/10329> and
//! <https://github.com/alchemy-run/alchemy/pull/937>.

use super::interface::{self, Managed};
use serde_json::json;

use super::Ec2;
use super::request::Refusal;
use super::store::{Kind, Store, random_uuid};

impl Ec2 {
    /// The VPC of these subnets and security groups, or why they do not fit, as Lambda says it.
    pub(crate) fn vpc_of_function(
        &self,
        region: &str,
        subnets: &[String],
        groups: &[String],
    ) -> Result<String, String> {
        if subnets.is_empty() != groups.is_empty() {
            return Err("SubnetIds and SecurityIds must coexist or be both empty list.".into());
        }
        self.with_store(region, |store| {
            let mut vpcs = vpcs(store, Kind::Subnet, "DescribeSubnets", subnets)?;
            vpcs.extend(self::vpcs(store, Kind::SecurityGroup, "DescribeSecurityGroups", groups)?);
            vpcs.dedup();
            match vpcs.as_slice() {
                [vpc] => Ok(vpc.clone()),
                _ => Err("The subnets and security groups of a function must be in the same VPC.".into()),
            }
        })
    }

    /// Makes an interface in each subnet, all or none; their ids.
    pub(crate) fn add_function_interfaces(
        &self,
        region: &str,
        function: &str,
        subnets: &[String],
        groups: &[String],
    ) -> Result<Vec<String>, Refusal> {
        self.with_store(region, |store| {
            let mut made = Vec::new();
            for subnet in subnets {
                let managed = Managed {
                    subnet,
                    interface_type: "lambda",
                    description: format!("AWS Lambda VPC ENI-{function}-{}", random_uuid()),
                    requester: "amazon-lambda",
                    groups,
                };
                match interface::add_managed(store, &managed) {
                    Ok((id, _)) => made.push(id),
                    Err(refusal) => {
                        made.iter().for_each(|id| interface::remove_managed(store, id));
                        return Err(refusal);
                    }
                }
            }
            Ok(made)
        })
    }

    /// Detaches a function's interfaces: they are there, look like anybody's but for their description, and whoever may can
    /// delete them.
    pub(crate) fn detach_function_interfaces(&self, region: &str, ids: &[String]) {
        self.with_store(region, |store| {
            for id in ids {
                interface::detach(store, id);
                if let Ok(interface) = store.get_mut(Kind::Interface, id) {
                    interface.document["interfaceType"] = json!("interface");
                }
            }
        });
    }
}

fn vpcs(store: &Store, kind: Kind, call: &str, ids: &[String]) -> Result<Vec<String>, String> {
    let vpc = |id: &String| match store.get(kind, id) {
        Ok(record) => Ok(record.text("vpcId").to_owned()),
        Err(Refusal { code, message, .. }) => {
            Err(format!("Error occurred while {call}. EC2 Error Code: {code}. EC2 Error Message: {message}"))
        }
    };
    ids.iter().map(vpc).collect()
}
