//! What is left in the VPC when a cluster has gone: network interfaces that the VPC CNI made and had no time to delete before
//! its node ended, and EKS's own security group, which these held. Nobody else takes them away, and neither the subnets nor
//! the VPC could go.
//!
//! It guarantees that nothing else is touched: what is deleted lies in the cluster's VPC, carries the tag that EKS and its
//! agents put on what is theirs, with exactly the cluster's name, is called as they call it, and is attached to nothing.
//! Whoever asks has seen that EKS has no such cluster any more.
//!
//! Sources: <https://github.com/aws/amazon-vpc-cni-k8s/issues/608>,
//! <https://github.com/aws/amazon-vpc-cni-k8s/issues/1223>, <https://github.com/aws/aws-k8s-tester/pull/416>

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{Filter, NetworkInterface, SecurityGroup};
use engine::CallError;
use plan::cluster::{GROUP_MARK, INTERFACE_DESCRIPTION, INTERFACE_MARK, group_prefix};

/// What is left of one cluster.
#[derive(Debug)]
pub(crate) struct Remains {
    interfaces: Vec<String>,
    groups: Vec<String>,
}

impl Remains {
    /// What is left of the cluster of this name in its VPC.
    ///
    /// Permissions: `ec2:DescribeNetworkInterfaces`, `ec2:DescribeSecurityGroups`.
    pub(crate) async fn find(ec2: &Client, cluster: &str, vpc: &str) -> Result<Self, CallError> {
        let here = filter("vpc-id", vpc);
        let call = ec2.describe_network_interfaces().filters(here.clone());
        let call = call.filters(filter(&tag(INTERFACE_MARK), cluster)).filters(filter("status", "available"));
        let listed: Result<Vec<_>, _> = call.into_paginator().items().send().collect().await;
        let listed = listed.map_err(aws::reading("ec2:DescribeNetworkInterfaces"))?;
        let of_an_agent = |one: &NetworkInterface| {
            one.description().unwrap_or_default().to_ascii_lowercase().starts_with(INTERFACE_DESCRIPTION)
        };
        let interfaces = listed.into_iter().filter(of_an_agent).filter_map(|one| one.network_interface_id).collect();
        let call = ec2.describe_security_groups().filters(here).filters(filter(&tag(GROUP_MARK), cluster));
        let listed: Result<Vec<_>, _> = call.into_paginator().items().send().collect().await;
        let listed = listed.map_err(aws::reading("ec2:DescribeSecurityGroups"))?;
        let prefix = group_prefix(cluster);
        let of_eks = |one: &SecurityGroup| one.group_name().is_some_and(|name| name.starts_with(&prefix));
        let groups = listed.into_iter().filter(of_eks).filter_map(|one| one.group_id).collect();
        Ok(Self { interfaces, groups })
    }

    /// Whether nothing is.
    pub(crate) fn is_empty(&self) -> bool {
        self.interfaces.is_empty() && self.groups.is_empty()
    }

    /// Deletes it: the interfaces first, which hold the group.
    ///
    /// Permissions: `ec2:DeleteNetworkInterface`, `ec2:DeleteSecurityGroup`.
    pub(crate) async fn delete(&self, ec2: &Client) -> Result<(), CallError> {
        for id in &self.interfaces {
            let answer = ec2.delete_network_interface().network_interface_id(id).send().await;
            gone(answer.map(drop).map_err(aws::deleting("ec2:DeleteNetworkInterface")))?;
            tracing::info!(interface = id, "an interface that its node left behind is deleted");
        }
        for id in &self.groups {
            let answer = ec2.delete_security_group().group_id(id).send().await;
            gone(answer.map(drop).map_err(aws::deleting("ec2:DeleteSecurityGroup")))?;
            tracing::info!(group = id, "a security group that EKS left behind is deleted");
        }
        Ok(())
    }
}

/// EKS may be quicker.
fn gone(answer: Result<(), CallError>) -> Result<(), CallError> {
    match answer {
        Err(CallError::NotFound) => Ok(()),
        other => other,
    }
}

fn tag(key: &str) -> String {
    format!("tag:{key}")
}

fn filter(name: &str, value: &str) -> Filter {
    Filter::builder().name(name).values(value).build()
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::operation::delete_network_interface::{DeleteNetworkInterfaceError, DeleteNetworkInterfaceOutput};
    use aws_sdk_ec2::operation::delete_security_group::{DeleteSecurityGroupError, DeleteSecurityGroupOutput};
    use aws_sdk_ec2::operation::describe_network_interfaces::DescribeNetworkInterfacesOutput;
    use aws_sdk_ec2::operation::describe_security_groups::DescribeSecurityGroupsOutput;
    use aws_smithy_mocks::{Rule, mock};
    use domain::FaultName;

    use super::*;

    fn asks(filters: &[Filter], name: &str, value: &str) -> bool {
        filters.iter().any(|filter| filter.name() == Some(name) && filter.values() == [value.to_owned()])
    }

    /// Two interfaces and two groups with the cluster's tags: one of each is not called as EKS calls its own.
    fn shown() -> [Rule; 2] {
        let interfaces = mock!(Client::describe_network_interfaces)
            .match_requests(|request| {
                let filters = request.filters();
                asks(filters, "vpc-id", "vpc-1")
                    && asks(filters, "tag:cluster.k8s.amazonaws.com/name", "demo")
                    && asks(filters, "status", "available")
            })
            .then_output(|| {
                let one = |id: &str, text: &str| {
                    NetworkInterface::builder().network_interface_id(id).description(text).build()
                };
                let all = DescribeNetworkInterfacesOutput::builder().network_interfaces(one("eni-1", "aws-K8S-i-1"));
                all.network_interfaces(one("eni-2", "a copy")).build()
            });
        let groups = mock!(Client::describe_security_groups)
            .match_requests(|request| {
                asks(request.filters(), "vpc-id", "vpc-1")
                    && asks(request.filters(), "tag:aws:eks:cluster-name", "demo")
            })
            .then_output(|| {
                let one = |id: &str, name: &str| SecurityGroup::builder().group_id(id).group_name(name).build();
                let all = DescribeSecurityGroupsOutput::builder().security_groups(one("sg-1", "eks-cluster-sg-demo-7"));
                all.security_groups(one("sg-2", "eks-cluster-sg-demonstration-7")).build()
            });
        [interfaces, groups]
    }

    async fn swept(interface: Rule, group: Rule) -> Result<(), CallError> {
        let [interfaces, groups] = shown();
        let ec2 = testkit::mocked!(aws_sdk_ec2, MatchAny, [&interfaces, &groups, &interface, &group]);
        let remains = Remains::find(&ec2, "demo", "vpc-1").await.unwrap();
        assert!(!remains.is_empty());
        remains.delete(&ec2).await
    }

    #[tokio::test]
    async fn only_what_eks_and_its_agents_call_their_own_is_deleted() {
        let interface = mock!(Client::delete_network_interface)
            .match_requests(|request| request.network_interface_id() == Some("eni-1"))
            .then_output(|| DeleteNetworkInterfaceOutput::builder().build());
        let group = mock!(Client::delete_security_group)
            .match_requests(|request| request.group_id() == Some("sg-1"))
            .then_output(|| DeleteSecurityGroupOutput::builder().build());
        swept(interface.clone(), group.clone()).await.unwrap();
        assert_eq!((interface.num_calls(), group.num_calls()), (1, 1));
    }

    #[tokio::test]
    async fn what_is_gone_is_fine_and_a_group_that_something_holds_is_waited_for() {
        let code = |code: &str| aws_sdk_ec2::error::ErrorMetadata::builder().code(code).build();
        let interface = mock!(Client::delete_network_interface)
            .then_error(move || DeleteNetworkInterfaceError::generic(code("InvalidNetworkInterfaceID.NotFound")));
        let group = mock!(Client::delete_security_group)
            .then_error(move || DeleteSecurityGroupError::generic(code("DependencyViolation")));
        let Err(CallError::Fault(fault)) = swept(interface, group).await else { panic!("it is held") };
        assert_eq!(fault.name, FaultName::DependencyStillThere);
    }
}
