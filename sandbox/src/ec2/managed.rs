//! What EKS makes in a VPC: the cluster's security group, and the network interfaces of control planes and nodes.
//!
//! <https://docs.aws.amazon.com/eks/latest/userguide/sec-group-reqs.html>,
//! <https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html>

use std::collections::BTreeMap;

use rand::RngExt;
use serde_json::json;

use super::interface::{self, Managed};
use super::store::Kind;
use super::{ACCOUNT, Ec2, group, rule};

/// Where a subnet lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subnet {
    pub(crate) id: String,
    pub(crate) vpc: String,
    pub(crate) zone: String,
}

/// A network interface that EKS has made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Interface {
    pub(crate) id: String,
    pub(crate) address: String,
}

impl Ec2 {
    /// The subnet of this id.
    pub(crate) fn subnet(&self, region: &str, id: &str) -> Option<Subnet> {
        self.with_store(region, |store| {
            let subnet = store.find(Kind::Subnet, id)?;
            let text = |field: &str| subnet.text(field).to_owned();
            Some(Subnet { id: id.to_owned(), vpc: text("vpcId"), zone: text("availabilityZone") })
        })
    }

    /// The VPC of a security group.
    pub(crate) fn vpc_of_group(&self, region: &str, id: &str) -> Option<String> {
        self.with_store(region, |store| Some(store.find(Kind::SecurityGroup, id)?.text("vpcId").to_owned()))
    }

    /// Whether a subnet's route table sends traffic to an internet gateway.
    pub(crate) fn is_public(&self, region: &str, subnet: &Subnet) -> bool {
        let lists = |document: &serde_json::Value, field: &str, wanted: &dyn Fn(&serde_json::Value) -> bool| {
            document[field].as_array().is_some_and(|list| list.iter().any(wanted))
        };
        self.with_store(region, |store| {
            let tables = || store.all(Kind::RouteTable).filter(|table| table.has("vpcId", &subnet.vpc));
            let own = tables()
                .find(|table| lists(&table.document, "associationSet", &|one| one["subnetId"] == subnet.id.as_str()));
            let main = || tables().find(|table| lists(&table.document, "associationSet", &|one| one["main"] == true));
            let out = |route: &serde_json::Value| {
                route["gatewayId"].as_str().is_some_and(|gateway| gateway.starts_with("igw-"))
            };
            own.or_else(main).is_some_and(|table| lists(&table.document, "routeSet", &out))
        })
    }

    /// Makes the security group that a cluster's control plane and nodes share.
    pub(crate) fn add_cluster_group(&self, region: &str, cluster: &str, vpc: &str) -> String {
        let name = format!("eks-cluster-sg-{cluster}-{}", rand::rng().random_range(1_000_000_u32..u32::MAX));
        let description = "EKS created security group applied to ENI that is attached to EKS Control Plane master \
                           nodes, as well as any managed workloads.";
        let tags = BTreeMap::from([
            ("Name".to_owned(), name.clone()),
            ("aws:eks:cluster-name".to_owned(), cluster.to_owned()),
            (format!("kubernetes.io/cluster/{cluster}"), "owned".to_owned()),
        ]);
        self.with_store(region, |store| {
            let id = group::add(store, vpc, &name, description, tags);
            let itself = json!({"ipProtocol": "-1", "referencedGroupInfo": {"groupId": id, "userId": ACCOUNT}});
            rule::add(store, &id, false, itself, BTreeMap::new());
            id
        })
    }

    /// Deletes that group, unless something still uses it: then it stays behind, as on AWS.
    pub(crate) fn remove_cluster_group(&self, region: &str, id: &str) {
        self.with_store(region, |store| {
            if !group::in_use(store, id) {
                group::remove(store, id);
            }
        });
    }

    /// Makes an interface of EKS's in a subnet; none if the subnet has no address left. It is in use, so its user cannot
    /// delete it.
    pub(crate) fn add_interface(
        &self,
        region: &str,
        subnet: &str,
        description: &str,
        groups: &[String],
    ) -> Option<Interface> {
        self.with_store(region, |store| {
            let managed = Managed {
                subnet,
                interface_type: "interface",
                description: description.to_owned(),
                requester: "amazon-eks",
                groups,
            };
            interface::add_managed(store, &managed).ok().map(|(id, address)| Interface { id, address })
        })
    }

    /// Makes the interface that a node is launched with; none if the subnet has no address left.
    pub(crate) fn add_node_interface(
        &self,
        region: &str,
        subnet: &str,
        group: &str,
        instance: &str,
    ) -> Option<Interface> {
        let groups = [group.to_owned()];
        self.with_store(region, |store| {
            let made = interface::add_of_instance(store, subnet, &groups, "", instance, BTreeMap::new()).ok();
            made.map(|(id, address)| Interface { id, address })
        })
    }

    /// Makes the interface that the VPC CNI attaches to a node for its pods.
    /// <https://github.com/aws/amazon-vpc-cni-k8s#eni-tags-related-to-allocation>
    pub(crate) fn add_pod_interface(
        &self,
        region: &str,
        cluster: &str,
        subnet: &str,
        group: &str,
        instance: &str,
    ) -> Option<String> {
        let groups = [group.to_owned()];
        let tags = BTreeMap::from([
            ("cluster.k8s.amazonaws.com/name".to_owned(), cluster.to_owned()),
            ("eks:eni:owner".to_owned(), "amazon-vpc-cni".to_owned()),
            ("node.k8s.amazonaws.com/createdAt".to_owned(), jiff::Timestamp::now().to_string()),
            ("node.k8s.amazonaws.com/instance_id".to_owned(), instance.to_owned()),
        ]);
        let description = format!("aws-K8S-{instance}");
        self.with_store(region, |store| {
            interface::add_of_instance(store, subnet, &groups, &description, instance, tags).ok().map(|(id, _)| id)
        })
    }

    /// Detaches an interface, as the VPC CNI does before it deletes one.
    pub(crate) fn detach_interface(&self, region: &str, id: &str) {
        self.with_store(region, |store| interface::detach(store, id));
    }

    /// Removes interfaces that EKS made.
    pub(crate) fn remove_interfaces<'a>(&self, region: &str, ids: impl Iterator<Item = &'a str>) {
        self.with_store(region, |store| ids.for_each(|id| interface::remove_managed(store, id)));
    }
}
