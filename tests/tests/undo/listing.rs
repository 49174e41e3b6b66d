//! What the services themselves list of a platform's cluster: what it is made of, and what AWS made for it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use aws_config::SdkConfig;
use aws_sdk_ec2::types::Filter;
use aws_sdk_kms::types::KeyState;
use domain::{Identity, PlatformName};

/// The services.
pub(crate) struct Listing {
    eks: aws_sdk_eks::Client,
    ec2: aws_sdk_ec2::Client,
    iam: aws_sdk_iam::Client,
    kms: aws_sdk_kms::Client,
    logs: aws_sdk_cloudwatchlogs::Client,
    /// Whose each key is that was looked at, by the tag that it never loses: KMS lists keys for days after they are gone.
    owners: Mutex<BTreeMap<String, String>>,
}

impl Listing {
    pub(crate) fn new(config: &SdkConfig) -> Self {
        Self {
            eks: aws_sdk_eks::Client::new(config),
            ec2: aws_sdk_ec2::Client::new(config),
            iam: aws_sdk_iam::Client::new(config),
            kms: aws_sdk_kms::Client::new(config),
            logs: aws_sdk_cloudwatchlogs::Client::new(config),
            owners: Mutex::default(),
        }
    }

    /// All of it, as `what locator`.
    pub(crate) async fn of(&self, platform: &PlatformName) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let clusters = self.eks.list_clusters().into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
        if clusters.unwrap().iter().any(|name| name == platform.as_str()) {
            found.insert(format!("cluster {platform}"));
            self.in_cluster(platform.as_str(), &mut found).await;
        } else {
            self.left_by_eks(platform.as_str(), &mut found).await;
        }
        self.keys(platform, &mut found).await;
        self.providers(platform, &mut found).await;
        self.templates(platform, &mut found).await;
        let groups =
            self.logs.describe_log_groups().log_group_name_prefix(format!("/aws/eks/{platform}/")).send().await;
        for group in groups.unwrap().log_groups.unwrap_or_default() {
            found.insert(format!("log group {}", group.log_group_name.unwrap()));
        }
        found
    }

    async fn in_cluster(&self, cluster: &str, found: &mut BTreeSet<String>) {
        for name in self.eks.list_nodegroups().cluster_name(cluster).send().await.unwrap().nodegroups() {
            let group = self.eks.describe_nodegroup().cluster_name(cluster).nodegroup_name(name).send().await;
            found.extend(group.unwrap().nodegroup.map(|group| format!("node group {}", group.nodegroup_arn.unwrap())));
        }
        for name in self.eks.list_fargate_profiles().cluster_name(cluster).send().await.unwrap().fargate_profile_names()
        {
            let call = self.eks.describe_fargate_profile().cluster_name(cluster).fargate_profile_name(name);
            let profile = call.send().await.unwrap().fargate_profile;
            found.extend(profile.map(|profile| format!("Fargate profile {}", profile.fargate_profile_arn.unwrap())));
        }
        for name in self.eks.list_addons().cluster_name(cluster).send().await.unwrap().addons() {
            let addon = self.eks.describe_addon().cluster_name(cluster).addon_name(name).send().await;
            found.extend(addon.unwrap().addon.map(|addon| format!("add-on {}", addon.addon_arn.unwrap())));
        }
        for principal in self.eks.list_access_entries().cluster_name(cluster).send().await.unwrap().access_entries() {
            let call = self.eks.describe_access_entry().cluster_name(cluster).principal_arn(principal);
            // Those of nodes EKS makes itself, and they go with the cluster.
            let entry = call.send().await.unwrap().access_entry.filter(|entry| entry.r#type() == Some("STANDARD"));
            found.extend(entry.map(|entry| format!("access entry {}", entry.access_entry_arn.unwrap())));
        }
        let listed = self.eks.list_pod_identity_associations().cluster_name(cluster).send().await.unwrap();
        // Those of an add-on go with it.
        let own = listed.associations().iter().filter(|association| association.owner_arn().is_none());
        found.extend(own.map(|one| format!("pod identity association {}", one.association_id().unwrap())));
    }

    /// What stays behind of a cluster that is gone, if EKS did not clean up.
    async fn left_by_eks(&self, cluster: &str, found: &mut BTreeSet<String>) {
        let filter = |name: &str, value: &str| Filter::builder().name(name).values(value).build();
        let tag = filter("tag:eks:cluster-name", cluster);
        let instances = self.ec2.describe_instances().filters(tag).send().await.unwrap();
        for instance in instances.reservations().iter().flat_map(|reservation| reservation.instances()) {
            let state = instance.state().and_then(|state| state.name()).map(|name| name.as_str());
            if !matches!(state, Some("shutting-down" | "terminated")) {
                found.insert(format!("instance {}", instance.instance_id().unwrap()));
            }
        }
        let named = filter("group-name", &format!("eks-cluster-sg-{cluster}-*"));
        for group in self.ec2.describe_security_groups().filters(named).send().await.unwrap().security_groups() {
            found.insert(format!("security group {}", group.group_id().unwrap()));
        }
        let described = filter("description", &format!("Amazon EKS {cluster}"));
        for one in self.ec2.describe_network_interfaces().filters(described).send().await.unwrap().network_interfaces()
        {
            found.insert(format!("network interface {}", one.network_interface_id().unwrap()));
        }
    }

    async fn keys(&self, platform: &PlatformName, found: &mut BTreeSet<String>) {
        let listed = self.kms.list_keys().into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
        for id in listed.unwrap().into_iter().filter_map(|key| key.key_id) {
            let known = self.owners.lock().unwrap().get(&id).cloned();
            let owner = match known {
                Some(owner) => owner,
                None => self.owner_of_key(&id).await,
            };
            if owner != platform.as_str() {
                continue;
            }
            let key = self.kms.describe_key().key_id(&id).send().await.unwrap().key_metadata.unwrap();
            if key.key_state() != Some(&KeyState::PendingDeletion) {
                found.insert(format!("key {id}"));
            }
        }
    }

    async fn owner_of_key(&self, id: &str) -> String {
        let tags = self.kms.list_resource_tags().key_id(id).send().await.unwrap();
        let owner = tags.tags().iter().find(|tag| tag.tag_key() == Identity::PLATFORM);
        let owner = owner.map_or_else(String::new, |tag| tag.tag_value().to_owned());
        self.owners.lock().unwrap().insert(id.to_owned(), owner.clone());
        owner
    }

    async fn providers(&self, platform: &PlatformName, found: &mut BTreeSet<String>) {
        let listed = self.iam.list_open_id_connect_providers().send().await.unwrap();
        for arn in listed.open_id_connect_provider_list().iter().filter_map(|one| one.arn()) {
            // Another platform's may go meanwhile.
            let Ok(provider) = self.iam.get_open_id_connect_provider().open_id_connect_provider_arn(arn).send().await
            else {
                continue;
            };
            if provider.tags().iter().any(|tag| tag.key() == Identity::PLATFORM && tag.value() == platform.as_str()) {
                found.insert(format!("OIDC provider {arn}"));
            }
        }
    }

    async fn templates(&self, platform: &PlatformName, found: &mut BTreeSet<String>) {
        let tag = Filter::builder().name(format!("tag:{}", Identity::PLATFORM)).values(platform.as_str()).build();
        let listed = self.ec2.describe_launch_templates().filters(tag).send().await.unwrap();
        for template in listed.launch_templates() {
            found.insert(format!("launch template {}", template.launch_template_id().unwrap()));
        }
    }
}
