//! EKS, as AWS behaves: clusters and what is in them, as a state machine over modelled durations.
//!
//! The gateway answers every call of EKS from here; MiniStack's own EKS is never asked. It guarantees that states follow
//! each other as AWS documents, that one update is under way at a time, that everything is written to a file before it
//! is answered, and that what EKS makes elsewhere (interfaces, security group, instances, log group) is there as long as
//! it would be on AWS. Where each behavior comes from, and what is left out, says `eks/README.md`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::durations::Durations;
use crate::ec2::{Aftermath, Check, Ec2, random_uuid as new_id};

mod access;
mod addon;
mod addon_versions;
mod association;
mod authorize;
mod auto_node;
mod auto_plan;
mod auto_pool;
mod cluster;
mod endpoint;
mod fargate;
mod insight;
mod job;
mod launching;
mod network;
mod nodegroup;
mod nodegroup_update;
mod nodes;
mod policy;
mod provider;
mod request;
mod store;
mod tag;
#[cfg(test)]
mod tests;
mod token;
mod update;
mod update_config;
mod version;
mod wanted;

pub(crate) use endpoint::INTERNET;
pub use insight::DeprecatedApi;
pub(crate) use job::Job;
pub(crate) use request::{Refusal, Request, operation};
pub(crate) use token::{read as read_token, review};
pub(crate) use wanted::Wanted;

use store::{Kind, Store};

/// EKS in all regions.
#[derive(Debug)]
pub(crate) struct Eks {
    regions: Mutex<BTreeMap<String, Store>>,
    jobs: Mutex<Vec<Job>>,
    durations: Durations,
    file: Option<PathBuf>,
    /// Whether clusters get a real control plane; else the state machine is all there is.
    real: bool,
}

/// What EKS finds out from IAM before it answers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    /// The roles and users of the request that do not exist.
    pub(crate) missing: Vec<String>,
}

/// The region that a call is about, and what EKS works with there.
struct Place<'a> {
    region: &'a str,
    store: &'a mut Store,
    durations: Durations,
    ec2: &'a Ec2,
    jobs: &'a mut Vec<Job>,
    facts: &'a Facts,
    real: bool,
}

type Answer = Result<Value, Refusal>;
type Action = fn(&Request, &mut Place<'_>) -> Answer;

impl Eks {
    /// The state machine alone, with what the file holds, if it is there.
    pub(crate) fn open(durations: Durations, file: Option<PathBuf>) -> Self {
        let text = file.as_ref().and_then(|file| std::fs::read(file).ok());
        let regions = text.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
        Self { regions: Mutex::new(regions), jobs: Mutex::default(), durations, file, real: false }
    }

    /// The same, with a real control plane for each cluster.
    pub(crate) fn with_control_planes(durations: Durations, file: PathBuf) -> Self {
        let eks = Self { real: true, ..Self::open(durations, Some(file)) };
        eks.resume();
        eks
    }

    /// What the caller must be allowed to do for this request.
    pub(crate) fn checks(&self, ec2: &Ec2, request: &Request) -> Vec<Check> {
        let mut checks = authorize::checks(request, self.lock().entry(request.region.clone()).or_default());
        checks.extend(launching::checks(request, ec2));
        checks
    }

    /// Whether the request names something with a tag of this value.
    pub(crate) fn concerns(&self, request: &Request, text: &str) -> bool {
        let regions = self.lock();
        let cluster = regions.get(&request.region).and_then(|store| store.cluster(request.cluster()).ok());
        let tags = cluster.and_then(|cluster| cluster.document["tags"].as_object());
        tags.is_some_and(|tags| tags.values().any(|value| value == text))
    }

    /// The platform whose tag the request gives, or whose tag the cluster has.
    pub(crate) fn platform_of(&self, request: &Request) -> Option<String> {
        const TAG: &str = "landfall:platform";
        if let Some(given) = request.body["tags"][TAG].as_str() {
            return Some(given.to_owned());
        }
        let regions = self.lock();
        let cluster = regions.get(&request.region)?.cluster(request.cluster()).ok()?;
        cluster.document["tags"][TAG].as_str().map(str::to_owned)
    }

    /// The ARNs of everything with a tag of this value.
    pub(crate) fn tagged(&self, value: &str) -> Vec<String> {
        let has = |record: &&store::Record| {
            record.document["tags"].as_object().is_some_and(|tags| tags.values().any(|one| one == value))
        };
        self.lock().values().flat_map(|store| store.all().filter(has).map(|one| one.arn().to_owned())).collect()
    }

    /// The answer of a call whose caller has been authorized.
    pub(crate) fn answer(&self, ec2: &Ec2, request: &Request, facts: &Facts, aftermath: &Aftermath) -> Answer {
        let action = find(&request.action)
            .ok_or_else(|| Refusal::not_found(format!("the sandbox's EKS has no {}", request.action)))?;
        let mut regions = self.lock();
        let mut jobs = Vec::new();
        let store = regions.entry(request.region.clone()).or_default();
        let mut place = Place {
            region: &request.region,
            store,
            durations: self.durations,
            ec2,
            jobs: &mut jobs,
            facts,
            real: self.real,
        };
        let changed = settle(&mut place) || !["Describe", "List"].iter().any(|read| request.action.starts_with(read));
        let answer = match place.store.remembered(request) {
            Ok(None) => begin(action, request, &mut place, aftermath),
            Ok(Some(answer)) => Ok(answer),
            Err(refusal) => Err(refusal),
        };
        self.lock_jobs().append(&mut jobs);
        if changed {
            self.write(&regions);
        }
        answer
    }

    /// Brings to its end what is due, whether or not anybody calls.
    pub(crate) fn settle(&self, ec2: &Ec2) {
        let mut regions = self.lock();
        let mut jobs = Vec::new();
        let facts = Facts::default();
        let mut changed = false;
        for (region, store) in regions.iter_mut() {
            let durations = self.durations;
            changed |=
                settle(&mut Place { region, store, durations, ec2, jobs: &mut jobs, facts: &facts, real: self.real });
        }
        self.lock_jobs().append(&mut jobs);
        if changed {
            self.write(&regions);
        }
    }

    /// What is to be done outside; each job is given once.
    pub(crate) fn jobs(&self) -> Vec<Job> {
        std::mem::take(&mut *self.lock_jobs())
    }

    // A draft that takes the file's place: a crash leaves the one or the other.
    fn write(&self, regions: &BTreeMap<String, Store>) {
        let Some(file) = &self.file else { return };
        let draft = file.with_extension("draft");
        let written = serde_json::to_vec(regions)
            .map_err(std::io::Error::from)
            .and_then(|text| std::fs::write(&draft, text))
            .and_then(|()| std::fs::rename(&draft, file));
        if let Err(error) = written {
            tracing::error!(%error, "the state of EKS was not written");
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Store>> {
        self.regions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_jobs(&self) -> MutexGuard<'_, Vec<Job>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place<'_> {
    /// Refuses a role or user that IAM does not know.
    fn must_exist(&self, arn: &str, refusal: impl FnOnce() -> Refusal) -> Result<(), Refusal> {
        if self.facts.missing.iter().any(|missing| missing == arn) { Err(refusal()) } else { Ok(()) }
    }

    /// The ARN of something of EKS in this region.
    fn arn(&self, kind: &str, path: &str) -> String {
        format!("arn:aws:eks:{}:{}:{kind}/{path}", self.region, crate::ec2::ACCOUNT)
    }
}

// Does what was not done before.
fn begin(action: Action, request: &Request, place: &mut Place<'_>, aftermath: &Aftermath) -> Answer {
    place.store.forget_scheduled();
    let answer = action(request, place)?;
    place.store.remember(request, &answer);
    if let Aftermath::Failing(code, message) = aftermath {
        place.store.doom(code, message);
    }
    Ok(answer)
}

// Whether anything was due.
fn settle(place: &mut Place<'_>) -> bool {
    let due = place.store.due();
    for (kind, cluster, name) in &due {
        match kind {
            Kind::Cluster => cluster::settle(place, name),
            Kind::Update => update::settle(place, cluster, name),
            Kind::Nodegroup => nodegroup::settle(place, cluster, name),
            Kind::AutoNode => auto_node::joined(place, cluster, name),
            Kind::FargateProfile => fargate::settle(place, cluster, name),
            Kind::Addon => addon::settle(place, cluster, name),
            Kind::AccessEntry | Kind::Association | Kind::Provider => {}
        }
        place.jobs.push(Job::Instruct { region: place.region.to_owned(), cluster: cluster.clone() });
    }
    !due.is_empty()
}

/// Problems that a health section holds.
fn issues(code: &str, message: &str, resources: &[&str]) -> Value {
    json!({"issues": [{"code": code, "message": message, "resourceIds": resources}]})
}

fn find(action: &str) -> Option<Action> {
    let found: Action = match action {
        "CreateCluster" => cluster::create,
        "DescribeCluster" => cluster::describe,
        "ListClusters" => cluster::list,
        "DeleteCluster" => cluster::delete,
        "UpdateClusterConfig" => update_config::update,
        "AssociateEncryptionConfig" => update_config::associate_encryption,
        "UpdateClusterVersion" => version::update,
        "CancelUpdate" => version::cancel,
        "DescribeClusterVersions" => version::describe,
        "DescribeUpdate" => update::describe,
        "ListUpdates" => update::list,
        "CreateNodegroup" => nodegroup::create,
        "DescribeNodegroup" => nodegroup::describe,
        "ListNodegroups" => nodegroup::list,
        "DeleteNodegroup" => nodegroup::delete,
        "UpdateNodegroupConfig" => nodegroup_update::config,
        "UpdateNodegroupVersion" => nodegroup_update::version,
        "CreateFargateProfile" => fargate::create,
        "DescribeFargateProfile" => fargate::describe,
        "ListFargateProfiles" => fargate::list,
        "DeleteFargateProfile" => fargate::delete,
        "CreateAddon" => addon::create,
        "DescribeAddon" => addon::describe,
        "ListAddons" => addon::list,
        "UpdateAddon" => addon::update,
        "DeleteAddon" => addon::delete,
        "DescribeAddonVersions" => addon_versions::describe,
        "DescribeAddonConfiguration" => addon_versions::configuration,
        "CreateAccessEntry" => access::create,
        "DescribeAccessEntry" => access::describe,
        "ListAccessEntries" => access::list,
        "UpdateAccessEntry" => access::update,
        "DeleteAccessEntry" => access::delete,
        "AssociateAccessPolicy" => policy::associate,
        "DisassociateAccessPolicy" => policy::disassociate,
        "ListAssociatedAccessPolicies" => policy::list_associated,
        "ListAccessPolicies" => policy::list,
        "CreatePodIdentityAssociation" => association::create,
        "DescribePodIdentityAssociation" => association::describe,
        "ListPodIdentityAssociations" => association::list,
        "UpdatePodIdentityAssociation" => association::update,
        "DeletePodIdentityAssociation" => association::delete,
        "AssociateIdentityProviderConfig" => provider::associate,
        "DescribeIdentityProviderConfig" => provider::describe,
        "ListIdentityProviderConfigs" => provider::list,
        "DisassociateIdentityProviderConfig" => provider::disassociate,
        "ListInsights" => insight::list,
        "DescribeInsight" => insight::describe,
        "StartInsightsRefresh" => insight::refresh,
        "DescribeInsightsRefresh" => insight::describe_refresh,
        "TagResource" => tag::tag,
        "UntagResource" => tag::untag,
        "ListTagsForResource" => tag::list,
        _ => return None,
    };
    Some(found)
}
