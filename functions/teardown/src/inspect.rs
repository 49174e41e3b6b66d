//! Before anything is taken away: what stands in the platform's VPC that Landfall did not make?
//!
//! A VPC cannot go while somebody else's interface or group is in it. Found beforehand, the teardown stops with
//! everything still working, names each thing, and touches none.

use std::collections::BTreeSet;

use aws_sdk_ec2::types::Filter;
use domain::{Fault, FaultName, Identity, Kind, Record};
use plan::cluster::{AUTO_MODE_MARK, GROUP_MARK, INTERFACE_MARK, NODE_MARK, control_plane_interface};

use crate::Clients;
use crate::listing::Found;
use crate::listing::ec2::{self, filter, tag};

/// [`FaultName::Foreign`] if any VPC that this platform made holds what neither it, nor EKS for its cluster, nor Lambda for its
/// gate made.
///
/// A VPC that existed before the platform is not inspected: it stays, with all that is in it.
pub async fn inspect(clients: &Clients, identity: &Identity, records: &[Record]) -> Result<(), Fault> {
    let vpcs = records.iter().filter(|record| record.kind == Kind::Vpc);
    let of = |kind: Kind| records.iter().filter(|record| record.kind == kind).collect::<Vec<&Record>>();
    let (clusters, functions) = (of(Kind::ControlPlane), of(Kind::Function));
    let mut foreign = Vec::new();
    for vpc in vpcs.filter_map(|record| record.locator.as_ref()) {
        let mut found = inside(clients, &vpc.0).await?;
        found.retain(|found| !identity.owns(&found.tags));
        for cluster in &clusters {
            let theirs = made_for(clients, &vpc.0, cluster).await?;
            found.retain(|found| !theirs.contains(&found.locator));
        }
        for function in &functions {
            let its_own = attached(clients, function).await?;
            found.retain(|found| !its_own.contains(&found.locator));
        }
        foreign.extend(found);
    }
    verdict(identity, &foreign)
}

async fn inside(clients: &Clients, vpc: &str) -> Result<Vec<Found>, Fault> {
    let ec2 = &clients.ec2;
    let here = || vec![filter("vpc-id", vpc)];
    let mut found = ec2::instances(ec2, here()).await?;
    found.extend(ec2::interfaces(ec2, here()).await?);
    found.extend(ec2::security_groups(ec2, here()).await?);
    found.extend(ec2::endpoints(ec2, here()).await?);
    found.extend(ec2::nat_gateways(ec2, here()).await?);
    found.extend(ec2::subnets(ec2, here()).await?);
    found.extend(ec2::route_tables(ec2, here()).await?);
    found.extend(ec2::internet_gateways(ec2, vec![filter("attachment.vpc-id", vpc)]).await?);
    Ok(found)
}

/// The ids of what EKS and its agents made in the VPC for a cluster, which goes with it: instances of node groups and of Auto
/// Mode, the cluster's security group, the interfaces of the control plane and of pods on Fargate, those of the VPC CNI.
/// Only AWS puts an interface into use in the cluster's group that is of no instance.
async fn made_for(clients: &Clients, vpc: &str, cluster: &Record) -> Result<BTreeSet<String>, Fault> {
    let Some(name) = cluster.spec["name"].as_str() else { return Ok(BTreeSet::new()) };
    let here = |by: &[Filter]| [&[filter("vpc-id", vpc)], by].concat();
    let ec2 = &clients.ec2;
    let mut made = ec2::instances(ec2, here(&[tag(NODE_MARK, name)])).await?;
    made.extend(ec2::instances(ec2, here(&[tag(AUTO_MODE_MARK, name)])).await?);
    made.extend(ec2::security_groups(ec2, here(&[tag(GROUP_MARK, name)])).await?);
    made.extend(ec2::interfaces(ec2, here(&[tag(INTERFACE_MARK, name)])).await?);
    let description = control_plane_interface(name);
    made.extend(ec2::interfaces(ec2, here(&[filter("description", &description), used()])).await?);
    if let Some(group) = cluster.outputs.get("securityGroup") {
        made.extend(ec2::interfaces(ec2, here(&[filter("group-id", group), used()])).await?);
    }
    Ok(made.into_iter().map(|found| found.locator).collect())
}

/// The ids of the interfaces by which Lambda attaches a function of the platform, which go some time after it. By its groups
/// alone, which nobody else has: one that Lambda has detached is no longer of Lambda's type.
async fn attached(clients: &Clients, function: &Record) -> Result<BTreeSet<String>, Fault> {
    let groups = function.spec["securityGroups"].as_array().into_iter().flatten().filter_map(|group| group.as_str());
    let mut its_own = BTreeSet::new();
    for group in groups {
        its_own.extend(
            ec2::interfaces(&clients.ec2, vec![filter("group-id", group)])
                .await?
                .into_iter()
                .map(|found| found.locator),
        );
    }
    Ok(its_own)
}

fn used() -> Filter {
    filter("status", "in-use")
}

fn verdict(identity: &Identity, foreign: &[Found]) -> Result<(), Fault> {
    let Some(first) = foreign.first() else { return Ok(()) };
    let named: Vec<String> = foreign.iter().map(|found| format!("{} {}", found.what, found.locator)).collect();
    let message = format!(
        "the network of {} holds what Landfall did not make, so its VPC could not be deleted: {}. Nothing was touched.",
        identity.platform,
        named.join(", ")
    );
    let next = format!("remove it (`{}`), then run `landfall destroy {}` again", first.command, identity.platform);
    Err(Fault::new(FaultName::Foreign, message).next(next))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use aws_sdk_ec2::types::{
        GroupIdentifier, Instance, NetworkInterface, NetworkInterfaceAttachment, NetworkInterfaceStatus, SecurityGroup,
    };
    use domain::{
        AccountId, Component, Generation, Incarnation, Locator, PlatformName, Region, ResourceId, State, Target,
    };
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::account::{self, Account};

    fn record(kind: Kind, locator: &str) -> Record {
        Record {
            id: ResourceId::new(Component::Cluster, locator),
            generation: Generation::FIRST,
            kind,
            schema: Record::SCHEMA,
            target: Target {
                account: AccountId::parse("123456789012").unwrap(),
                region: Region::parse("eu-west-1").unwrap(),
            },
            locator: Some(Locator(locator.to_owned())),
            spec: json!({"name": locator}),
            needs: Vec::new(),
            state: State::Ready,
            outputs: BTreeMap::from([("securityGroup".to_owned(), "sg-eks".to_owned())]),
            adopted: false,
            attempts: 1,
            confirmed: None,
            created: Timestamp::UNIX_EPOCH,
            updated: Timestamp::UNIX_EPOCH,
        }
    }

    fn instance(id: &str, cluster: &str) -> Instance {
        Instance::builder().instance_id(id).tags(account::tag("eks:cluster-name", cluster)).build()
    }

    fn interface(id: &str, status: &str, group: &str) -> aws_sdk_ec2::types::builders::NetworkInterfaceBuilder {
        NetworkInterface::builder()
            .network_interface_id(id)
            .status(NetworkInterfaceStatus::from(status))
            .groups(GroupIdentifier::builder().group_id(group).build())
    }

    /// What EKS and its agents make for a cluster called demo.
    fn with_cluster() -> Account {
        let group = SecurityGroup::builder().group_id("sg-eks").group_name("eks-cluster-sg-demo-1");
        let of_node = NetworkInterfaceAttachment::builder().instance_id("i-node").build();
        Account {
            instances: vec![instance("i-node", "demo")],
            interfaces: vec![
                interface("eni-plane", "in-use", "sg-eks").description("Amazon EKS demo").build(),
                interface("eni-fargate", "in-use", "sg-eks").build(),
                interface("eni-node", "in-use", "sg-eks").attachment(of_node).build(),
                interface("eni-left", "available", "sg-eks")
                    .tag_set(account::tag("cluster.k8s.amazonaws.com/name", "demo"))
                    .build(),
            ],
            groups: vec![group.tags(account::tag("aws:eks:cluster-name", "demo")).build()],
            ..Account::default()
        }
    }

    async fn inspected(account: Account) -> Result<(), Fault> {
        let identity = Identity {
            installation: "home".into(),
            platform: PlatformName::parse("demo").unwrap(),
            incarnation: Incarnation::parse("01JD0000000000000000000002").unwrap(),
        };
        let gate = Record { spec: json!({"securityGroups": ["sg-gate"]}), ..record(Kind::Function, "home_demo_gate") };
        let records = [record(Kind::Vpc, "vpc-1"), record(Kind::ControlPlane, "demo"), gate];
        inspect(&account.clients().0, &identity, &records).await
    }

    #[tokio::test]
    async fn what_eks_made_for_the_platforms_cluster_does_not_stand_in_the_way() {
        inspected(with_cluster()).await.unwrap();
    }

    #[tokio::test]
    async fn a_foreign_instance_is_named_with_the_command_that_removes_it() {
        let mut account = with_cluster();
        account.instances.push(instance("i-theirs", "other"));
        let fault = inspected(account).await.unwrap_err();
        assert_eq!(fault.name, FaultName::Foreign);
        let told = fault.to_string();
        assert!(told.contains("instance i-theirs") && !told.contains("i-node"), "{told}");
        let next = fault.next.unwrap();
        assert!(next.contains("aws ec2 terminate-instances --instance-ids i-theirs"), "{next}");
    }

    #[tokio::test]
    async fn interfaces_of_the_gate_are_its_own_and_those_of_another_function_are_not() {
        let of_lambda = |id: &str, group: &str| interface(id, "in-use", group).interface_type("lambda".into()).build();
        let mut account = with_cluster();
        account.interfaces.push(of_lambda("eni-gate", "sg-gate"));
        account.interfaces.push(interface("eni-detached", "available", "sg-gate").build());
        inspected(account.clone()).await.unwrap();
        account.interfaces.push(of_lambda("eni-theirs", "sg-theirs"));
        let told = inspected(account).await.unwrap_err().to_string();
        assert!(told.contains("eni-theirs") && !told.contains("eni-gate"), "{told}");
    }

    #[tokio::test]
    async fn an_interface_that_somebody_put_into_the_clusters_group_is_foreign() {
        let mut account = with_cluster();
        account.interfaces.push(interface("eni-theirs", "available", "sg-eks").build());
        account.interfaces.push(
            interface("eni-other", "available", "sg-2")
                .tag_set(account::tag("cluster.k8s.amazonaws.com/name", "other"))
                .build(),
        );
        let told = inspected(account).await.unwrap_err().to_string();
        assert!(told.contains("eni-theirs") && told.contains("eni-other") && !told.contains("eni-left"), "{told}");
    }
}
