//! Somebody who owns one platform: what he does, and what there is of it.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{Filter, Vpc};
use domain::{PlatformName, Record};
use engine::Ledger as _;
use ledger::{Lease, Platform, Run, RunStatus, Status};

use super::{World, until};

/// Somebody who owns one platform.
pub(crate) struct User {
    pub(crate) world: &'static World,
    pub(crate) name: PlatformName,
}

impl User {
    /// A manifest of this platform with these lines under `spec`.
    pub(crate) fn manifest(&self, spec: &str) -> String {
        let spec: String = spec.lines().map(|line| format!("  {line}\n")).collect();
        let region = if spec.contains("region:") { "" } else { "  region: eu-west-1\n" };
        format!(
            "apiVersion: landfall.dev/v1alpha1\nkind: Platform\nmetadata: {{name: {}}}\nspec:\n{region}{spec}",
            self.name
        )
    }

    /// The key of its manifest.
    pub(crate) fn key(&self) -> String {
        format!("manifests/{}.yaml", self.name)
    }

    /// Uploads a text as the manifest and gives the object's version.
    pub(crate) async fn upload(&self, text: &str) -> String {
        self.upload_as(&self.key(), text).await
    }

    /// Uploads a text under any key.
    pub(crate) async fn upload_as(&self, key: &str, text: &str) -> String {
        let put = self.world.s3.put_object().bucket(self.bucket()).key(key).body(text.as_bytes().to_vec().into());
        put.send().await.unwrap().version_id.unwrap_or_default()
    }

    /// The bucket of manifests.
    pub(crate) fn bucket(&self) -> &'static str {
        self.world.sandbox.variable("LANDFALL_BUCKET")
    }

    /// Uploads a manifest with this spec and waits until the run for it has ended.
    pub(crate) async fn apply(&self, spec: &str) -> Run {
        let before = self.runs().await.len();
        self.upload(&self.manifest(spec)).await;
        self.run_after(before).await
    }

    /// The same, of a spec whose run succeeds.
    pub(crate) async fn deploy(&self, spec: &str) -> Run {
        let run = self.apply(spec).await;
        assert_eq!(run.status, RunStatus::Succeeded, "{}: {:?}", self.name, run.failure);
        run
    }

    /// Deletes the manifest's object, or one version of it for good.
    pub(crate) async fn delete(&self, version: Option<&str>) {
        let delete = self.world.s3.delete_object().bucket(self.bucket()).key(self.key());
        delete.set_version_id(version.map(str::to_owned)).send().await.unwrap();
    }

    /// Waits until a run holds the platform.
    pub(crate) async fn leased(&self) -> Lease {
        until(&format!("the lease of {}", self.name), async || self.platform().await?.lease).await
    }

    /// Waits until this version is deployed and nothing is under way or waits.
    pub(crate) async fn settled_at(&self, version: &str) -> Platform {
        until(&format!("{} at version {version}", self.name), async || {
            let platform = self.platform().await?;
            let done = platform.version_id.as_deref() == Some(version) && platform.lease.is_none();
            (done && platform.waiting.is_none() && platform.status == Status::Ready).then_some(platform)
        })
        .await
    }

    /// Waits for the newest upload of its manifest that came to nothing: its error and cause.
    pub(crate) async fn refusal(&self) -> (String, String) {
        self.world.refusal(&self.key()).await
    }

    /// Its VPCs, as EC2 shows them.
    pub(crate) async fn vpcs(&self) -> Vec<Vpc> {
        let tag = Filter::builder().name("tag:landfall:platform").values(self.name.as_str()).build();
        self.world.ec2.describe_vpcs().filters(tag).send().await.unwrap().vpcs.unwrap_or_default()
    }

    /// Waits until there are more than `count` runs and the newest has ended.
    pub(crate) async fn run_after(&self, count: usize) -> Run {
        until(&format!("the end of run {} of {}", count + 1, self.name), async || {
            let runs = self.runs().await;
            let newest = runs.first().filter(|run| runs.len() > count && run.ended.is_some()).cloned();
            newest.filter(|_| runs.iter().all(|run| run.ended.is_some()))
        })
        .await
    }

    /// Its runs, the newest first.
    pub(crate) async fn runs(&self) -> Vec<Run> {
        self.world.ledger.runs(&self.name, 100).await.unwrap()
    }

    /// What the ledger says of it.
    pub(crate) async fn platform(&self) -> Option<Platform> {
        self.world.ledger.platform(&self.name).await.unwrap()
    }

    /// Its records by the name of the resource.
    pub(crate) async fn records(&self) -> BTreeMap<String, Record> {
        let stored = self.world.ledger.records(&self.name).await.unwrap();
        stored.into_iter().map(|stored| (stored.record.id.name().to_owned(), stored.record)).collect()
    }

    /// The physical ids of what EC2 shows with its tag, sorted.
    pub(crate) async fn physical(&self) -> Vec<String> {
        let tag = Filter::builder().name("tag:landfall:platform").values(self.name.as_str()).build();
        let ec2 = &self.world.ec2;
        let mut ids: Vec<String> = Vec::new();
        let vpcs = ec2.describe_vpcs().filters(tag.clone()).send().await.unwrap();
        ids.extend(vpcs.vpcs().iter().filter_map(|item| item.vpc_id().map(str::to_owned)));
        let subnets = ec2.describe_subnets().filters(tag.clone()).send().await.unwrap();
        ids.extend(subnets.subnets().iter().filter_map(|item| item.subnet_id().map(str::to_owned)));
        let gateways = ec2.describe_internet_gateways().filters(tag.clone()).send().await.unwrap();
        ids.extend(
            gateways.internet_gateways().iter().filter_map(|item| item.internet_gateway_id().map(str::to_owned)),
        );
        let tables = ec2.describe_route_tables().filters(tag.clone()).send().await.unwrap();
        ids.extend(tables.route_tables().iter().filter_map(|item| item.route_table_id().map(str::to_owned)));
        let groups = ec2.describe_security_groups().filters(tag.clone()).send().await.unwrap();
        ids.extend(groups.security_groups().iter().filter_map(|item| item.group_id().map(str::to_owned)));
        let endpoints = ec2.describe_vpc_endpoints().filters(tag.clone()).send().await.unwrap();
        ids.extend(endpoints.vpc_endpoints().iter().filter_map(|item| item.vpc_endpoint_id().map(str::to_owned)));
        let addresses = ec2.describe_addresses().filters(tag.clone()).send().await.unwrap();
        ids.extend(addresses.addresses().iter().filter_map(|item| item.allocation_id().map(str::to_owned)));
        let nats = ec2.describe_nat_gateways().filter(tag.clone()).send().await.unwrap();
        let alive =
            nats.nat_gateways().iter().filter(|nat| nat.state().is_some_and(|state| state.as_str() != "deleted"));
        ids.extend(alive.filter_map(|item| item.nat_gateway_id().map(str::to_owned)));
        let logs = ec2.describe_flow_logs().filter(tag).send().await.unwrap();
        ids.extend(logs.flow_logs().iter().filter_map(|item| item.flow_log_id().map(str::to_owned)));
        let path = format!("/landfall/landfall/{}/", self.name);
        let groups = self.world.logs.describe_log_groups().log_group_name_prefix(&path).send().await.unwrap();
        ids.extend(groups.log_groups().iter().filter_map(|item| item.log_group_name().map(str::to_owned)));
        let roles = self.world.iam.list_roles().path_prefix(path).send().await.unwrap();
        ids.extend(roles.roles().iter().map(|item| item.role_name().to_owned()));
        ids.sort();
        ids
    }
}
