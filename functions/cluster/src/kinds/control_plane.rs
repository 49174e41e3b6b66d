//! The Kubernetes control plane: what EKS calls a cluster.

use std::collections::BTreeSet;

use async_trait::async_trait;
use aws_sdk_eks::Client;
use aws_sdk_eks::types::builders::ComputeConfigRequestBuilder;
use aws_sdk_eks::types::{
    AuthenticationMode, BlockStorage, Cluster, ClusterStatus, ComputeConfigRequest, CreateAccessConfigRequest,
    ElasticLoadBalancing, EncryptionConfig, KubernetesNetworkConfigRequest, LogSetup, LogType, Logging, Provider,
    StorageConfigRequest, SupportType, UpgradePolicyRequest, VpcConfigRequest,
};
use domain::{Locator, Outputs};
use engine::{Actual, CallError, Created, Observed, Progress, Resource, Subject};
use plan::FieldChange;
use plan::cluster::{AutoMode, ControlPlaneSpec};
use resources::seen::{Phase, Seen, changed, in_order_of, is_subject, observed, outputs, texts};
use serde_json::{Value, json};

use crate::eks::{self, Of};
use crate::remains::Remains;
use crate::version;

/// [`domain::Kind::ControlPlane`]. Its locator is its name. It takes about ten minutes to come and three to go.
///
/// Idempotent because the create has a client token and an account has a name once in a region; a cluster of that name
/// without our tags is foreign. Leaves behind on failure a cluster in the state `FAILED`, which can be deleted. EKS changes
/// one thing at a time: an update asks for the first that differs, and is asked again for the next. It is gone only when
/// what EKS and its agents leave of it in the VPC is gone too: see [`Remains`].
///
/// Permissions: `eks:CreateCluster`, `eks:TagResource`, `eks:UntagResource`, `eks:DescribeCluster`,
/// `eks:UpdateClusterVersion`, `eks:ListInsights`, `eks:DescribeInsight`, `eks:UpdateClusterConfig`, `eks:ListUpdates`, `eks:DescribeUpdate`, `eks:DeleteCluster`,
/// `iam:PassRole`, and `kms:CreateGrant` and `kms:DescribeKey` on the key; for what is left of it
/// `ec2:DescribeNetworkInterfaces`, `ec2:DescribeSecurityGroups`, `ec2:DeleteNetworkInterface`, `ec2:DeleteSecurityGroup`.
/// <https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateCluster.html>
pub(crate) struct ControlPlane {
    /// Amazon EKS.
    pub(crate) eks: Client,
    /// Amazon EC2, for what EKS leaves behind in the VPC.
    pub(crate) ec2: aws_sdk_ec2::Client,
}

#[async_trait]
impl Resource for ControlPlane {
    async fn observe(&self, subject: &Subject) -> Result<Observed, CallError> {
        let spec: ControlPlaneSpec = subject.spec()?;
        let Some(cluster) = self.find(&spec.name).await? else {
            let is_left = subject.leaving && !self.remains(&spec).await?.is_empty();
            return Ok(if is_left { Observed::Present(nothing_but_remains(spec.name)) } else { Observed::Absent });
        };
        let tags = eks::tags(cluster.tags());
        if !is_subject(subject, &tags) {
            return Ok(Observed::Foreign(Locator(spec.name)));
        }
        let mut properties = shown(&spec, &cluster);
        properties["tags"] = json!(aws::shown_tags(&spec.tags, &tags));
        let (phase, outputs) = (phase(&cluster), known(&cluster));
        Ok(observed(subject, vec![Seen { id: spec.name, phase, tags, properties, outputs }]))
    }

    async fn create(&self, subject: &Subject) -> Result<Created, CallError> {
        let spec: ControlPlaneSpec = subject.spec()?;
        let access = CreateAccessConfigRequest::builder()
            .authentication_mode(AuthenticationMode::Api)
            .bootstrap_cluster_creator_admin_permissions(false);
        let encryption = EncryptionConfig::builder().provider(Provider::builder().key_arn(spec.key.as_str()).build());
        let mut call = self
            .eks
            .create_cluster()
            .name(&spec.name)
            .version(&spec.version)
            .role_arn(spec.role.as_str())
            .resources_vpc_config(
                endpoint(&spec).set_subnet_ids(subnets(&spec)).set_security_group_ids(groups(&spec)).build(),
            )
            .kubernetes_network_config(services(&spec).build())
            .logging(logging(&spec.logging))
            .access_config(access.build())
            .encryption_config(encryption.build())
            .upgrade_policy(
                UpgradePolicyRequest::builder().support_type(SupportType::from(spec.support_type.as_str())).build(),
            )
            .deletion_protection(spec.deletion_protection)
            .bootstrap_self_managed_addons(false)
            .client_request_token(subject.token.to_string())
            .set_tags(eks::tagged(subject, &spec.tags));
        if spec.auto_mode.is_some() {
            call = call.compute_config(compute(&spec)).storage_config(storage(&spec));
        }
        let answer = call.send().await.map_err(aws::creating("eks:CreateCluster"))?;
        let outputs = answer.cluster().map(known).unwrap_or_default();
        Ok(Created { locator: Locator(spec.name), outputs, progress: Progress::Pending })
    }

    async fn update(&self, subject: &Subject, changes: &[FieldChange]) -> Result<Progress, CallError> {
        let spec: ControlPlaneSpec = subject.spec()?;
        eks::none_failed(&self.eks, &spec.name, &Of::ControlPlane, subject).await?;
        let Some(cluster) = self.find(&spec.name).await? else { return Err(CallError::NotFound) };
        eks::retag(&self.eks, cluster.arn().unwrap_or_default(), changes).await?;
        let changes = &eks::left(changes, &shown(&spec, &cluster));
        if changed(changes, "version") {
            version::change(&self.eks, &cluster, &spec).await?;
            return Ok(Progress::Pending);
        }
        let call = self.eks.update_cluster_config().name(&spec.name);
        let call = if changed(changes, "publicAccessCidrs") {
            call.resources_vpc_config(endpoint(&spec).build())
        } else if changed(changes, "subnets") || changed(changes, "securityGroups") {
            let places =
                VpcConfigRequest::builder().set_subnet_ids(subnets(&spec)).set_security_group_ids(groups(&spec));
            call.resources_vpc_config(places.build())
        } else if changed(changes, "logging") {
            call.logging(logging(&spec.logging))
        } else if changed(changes, "supportType") {
            let support = SupportType::from(spec.support_type.as_str());
            call.upgrade_policy(UpgradePolicyRequest::builder().support_type(support).build())
        } else if changed(changes, "deletionProtection") {
            call.deletion_protection(spec.deletion_protection)
        } else if changed(changes, "autoMode") {
            let call = call.compute_config(compute(&spec)).storage_config(storage(&spec));
            call.kubernetes_network_config(
                KubernetesNetworkConfigRequest::builder().elastic_load_balancing(balancing(&spec)).build(),
            )
        } else {
            return Ok(Progress::Done);
        };
        call.send().await.map_err(aws::changing("eks:UpdateClusterConfig"))?;
        Ok(Progress::Pending)
    }

    /// EKS deletes none that is protected, and the plan that protected it is no longer wanted. Its last logs would arrive
    /// after the log group is gone, and EKS would make that again: so it stops writing first.
    /// <https://github.com/hashicorp/terraform-provider-aws/issues/9750>
    async fn retire(&self, subject: &Subject) -> Result<Progress, CallError> {
        let name = subject.locator()?;
        let Some(cluster) = self.find(name).await? else { return Ok(Progress::Done) };
        let call = self.eks.update_cluster_config().name(name);
        let call = match cluster.status() {
            // What is being made cannot be deleted, and will be protected.
            Some(ClusterStatus::Creating | ClusterStatus::Pending | ClusterStatus::Updating) => {
                return Ok(Progress::Pending);
            }
            Some(ClusterStatus::Active) if cluster.deletion_protection() == Some(true) => {
                call.deletion_protection(false)
            }
            Some(ClusterStatus::Active) if !logs(&cluster).is_empty() => call.logging(logging(&[])),
            _ => return Ok(Progress::Done),
        };
        call.send().await.map_err(aws::changing("eks:UpdateClusterConfig"))?;
        Ok(Progress::Pending)
    }

    async fn delete(&self, subject: &Subject) -> Result<Progress, CallError> {
        let name = subject.locator()?;
        if self.find(name).await?.is_some() {
            self.eks.delete_cluster().name(name).send().await.map_err(aws::deleting("eks:DeleteCluster"))?;
            return Ok(Progress::Pending);
        }
        let spec: ControlPlaneSpec = subject.spec()?;
        self.remains(&spec).await?.delete(&self.ec2).await?;
        Ok(Progress::Done)
    }
}

impl ControlPlane {
    async fn find(&self, name: &str) -> Result<Option<Cluster>, CallError> {
        match self.eks.describe_cluster().name(name).send().await.map_err(aws::reading("eks:DescribeCluster")) {
            Ok(answer) => Ok(answer.cluster),
            Err(CallError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn remains(&self, spec: &ControlPlaneSpec) -> Result<Remains, CallError> {
        Remains::find(&self.ec2, &spec.name, spec.vpc.as_str()).await
    }
}

/// Of a cluster that is gone, only its name is known.
fn nothing_but_remains(name: String) -> Actual {
    Actual { locator: Locator(name), properties: json!({}), outputs: Outputs::new() }
}

fn phase(cluster: &Cluster) -> Phase {
    match cluster.status() {
        Some(ClusterStatus::Active) => Phase::Resting,
        Some(ClusterStatus::Deleting) => Phase::Leaving,
        Some(ClusterStatus::Failed) => Phase::Failed(issues(cluster).join("; ")),
        _ => Phase::Working,
    }
}

fn issues(cluster: &Cluster) -> Vec<String> {
    let issues = cluster.health().map(|health| health.issues()).unwrap_or_default();
    let told = issues.iter().map(|issue| {
        let code = issue.code().map_or("no code", |code| code.as_str());
        format!("{code}: {}", issue.message().unwrap_or("EKS gave no reason"))
    });
    told.collect()
}

/// What EKS shows of the spec, but for the tags.
fn shown(spec: &ControlPlaneSpec, cluster: &Cluster) -> Value {
    let network = cluster.resources_vpc_config();
    let set = |listed: &[String]| listed.iter().cloned().collect::<BTreeSet<_>>();
    let public = network.filter(|network| network.endpoint_public_access());
    let key = cluster.encryption_config().iter().find_map(|config| config.provider()?.key_arn());
    let auto = cluster
        .compute_config()
        .filter(|compute| compute.enabled() == Some(true))
        .map(|compute| json!({"nodePools": compute.node_pools(), "nodeRole": compute.node_role_arn()}));
    json!({
        "name": cluster.name(),
        "version": cluster.version(),
        "role": cluster.role_arn(),
        "vpc": network.and_then(|network| network.vpc_id()),
        "subnets": in_order_of(&spec.subnets, &set(network.map(|network| network.subnet_ids()).unwrap_or_default())),
        "securityGroups":
            in_order_of(&spec.security_groups, &set(network.map(|network| network.security_group_ids()).unwrap_or_default())),
        "publicAccessCidrs": public.map(|network| network.public_access_cidrs()).unwrap_or_default(),
        "serviceIpv4Cidr": cluster.kubernetes_network_config().and_then(|network| network.service_ipv4_cidr()),
        "key": key,
        "logging": logs(cluster),
        "supportType": cluster.upgrade_policy().and_then(|policy| policy.support_type()).map(SupportType::as_str),
        "deletionProtection": cluster.deletion_protection().unwrap_or_default(),
        "autoMode": auto,
    })
}

/// The logs that it writes.
fn logs(cluster: &Cluster) -> Vec<&str> {
    let logs = cluster.logging().map(Logging::cluster_logging).unwrap_or_default();
    let on = logs.iter().filter(|setup| setup.enabled() == Some(true)).flat_map(|setup| setup.types());
    on.map(LogType::as_str).collect()
}

/// Those of the outputs that EKS knows by now.
fn known(cluster: &Cluster) -> Outputs {
    let network = cluster.resources_vpc_config();
    let issuer = cluster.identity().and_then(|identity| identity.oidc()).and_then(|oidc| oidc.issuer());
    let all = [
        ("name", cluster.name()),
        ("arn", cluster.arn()),
        ("version", cluster.version()),
        ("endpoint", cluster.endpoint()),
        ("certificateAuthority", cluster.certificate_authority().and_then(|authority| authority.data())),
        ("issuer", issuer),
        ("securityGroup", network.and_then(|network| network.cluster_security_group_id())),
    ];
    let mut known = outputs([]);
    known.extend(all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))));
    known
}

fn endpoint(spec: &ControlPlaneSpec) -> aws_sdk_eks::types::builders::VpcConfigRequestBuilder {
    let public = !spec.public_access_cidrs.is_empty();
    let from = public.then(|| spec.public_access_cidrs.iter().map(ToString::to_string).collect());
    VpcConfigRequest::builder()
        .endpoint_private_access(true)
        .endpoint_public_access(public)
        .set_public_access_cidrs(from)
}

fn subnets(spec: &ControlPlaneSpec) -> Option<Vec<String>> {
    Some(spec.subnets.iter().map(|subnet| subnet.as_str().to_owned()).collect())
}

fn groups(spec: &ControlPlaneSpec) -> Option<Vec<String>> {
    Some(texts(&spec.security_groups).into_iter().collect())
}

fn services(spec: &ControlPlaneSpec) -> aws_sdk_eks::types::builders::KubernetesNetworkConfigRequestBuilder {
    let services = KubernetesNetworkConfigRequest::builder().service_ipv4_cidr(spec.service_ipv4_cidr.to_string());
    if spec.auto_mode.is_some() { services.elastic_load_balancing(balancing(spec)) } else { services }
}

/// What is wanted is turned on, and all else off.
fn logging(wanted: &[String]) -> Logging {
    let setup = |enabled: bool| {
        let types = LogType::values().iter().filter(|name| wanted.iter().any(|on| on == *name) == enabled);
        let types: Vec<LogType> = types.map(|name| LogType::from(*name)).collect();
        (!types.is_empty()).then(|| LogSetup::builder().set_types(Some(types)).enabled(enabled).build())
    };
    Logging::builder().set_cluster_logging(Some([true, false].into_iter().filter_map(setup).collect())).build()
}

/// Auto Mode is compute, block storage and load balancing together, all on or all off.
///
/// <https://docs.aws.amazon.com/eks/latest/userguide/auto-enable-existing.html>
fn compute(spec: &ControlPlaneSpec) -> ComputeConfigRequest {
    let with = |auto: &AutoMode| {
        ComputeConfigRequest::builder()
            .set_node_pools(Some(auto.node_pools.clone()))
            .set_node_role_arn(auto.node_role.as_ref().map(|role| role.as_str().to_owned()))
    };
    let request = spec.auto_mode.as_ref().map_or_else(ComputeConfigRequestBuilder::default, with);
    request.enabled(spec.auto_mode.is_some()).build()
}

fn storage(spec: &ControlPlaneSpec) -> StorageConfigRequest {
    let block = BlockStorage::builder().enabled(spec.auto_mode.is_some()).build();
    StorageConfigRequest::builder().block_storage(block).build()
}

fn balancing(spec: &ControlPlaneSpec) -> ElasticLoadBalancing {
    ElasticLoadBalancing::builder().enabled(spec.auto_mode.is_some()).build()
}
