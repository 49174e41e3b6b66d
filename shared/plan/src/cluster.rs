//! The cluster of a platform: the Kubernetes control plane, who may use it, and what its pods run on.
//!
//! It guarantees: the control plane needs nothing but subnets, its role, key and log group, so that it is begun while the
//! ways out are still being made; Landfall's own access entry comes before every other and before everything that runs,
//! and so goes last; nodes come after the add-ons without which they do not work, and are brought to another minor after
//! the control plane and these; the gate is made beside the control plane, and nothing waits for it.
//!
//! | step of an upgrade | by what it waits |
//! |---|---|
//! | control plane | one minor at a time; [`Plan::next`](crate::Plan::next) says where it goes on to |
//! | vpc-cni, kube-proxy, Pod Identity agent | their goal comes after the control plane's |
//! | nodes | they need these add-ons as the plan wants them |
//!
//! The way back by a minor is the same with the control plane last: see [`Plan::facing`](crate::Plan::facing).

mod accounts;
mod addons;
mod back;
mod control_plane;
mod fargate;
mod gate;
mod marks;
mod nodes;
mod roles;
mod specs;
mod upgrade;
mod versions;

use domain::{Kind, ResourceId, Tags};
use manifest::{Cluster, Compute, Manifest};

pub(crate) use back::facing;
pub use gate::is_gate;
pub use marks::*;
pub use specs::*;
pub use upgrade::{Upgrade, UpgradeStep, VersionChange, upgrade};
pub use versions::{end_of_support, minor};

use crate::builder::Builder;
use crate::names::Names;
use crate::network::Ground;
use crate::{ClusterFacts, Facts, Need, Problem, Ref, Until};

/// How the control plane is called among a platform's resources.
pub const CONTROL_PLANE: &str = "control-plane";
/// How the gate is called there.
pub const GATE: &str = "gate";
/// The add-ons without which no node or pod works, as EKS names them.
pub const EKS_ADDONS: &[&str] = &["coredns", "eks-pod-identity-agent", "kube-proxy", "vpc-cni"];

/// What the cluster is planned from.
struct Wanted<'a> {
    names: Names<'a>,
    manifest: &'a Manifest,
    cluster: &'a Cluster,
    compute: &'a Compute,
    tags: &'a Tags,
    ground: &'a Ground,
    zones: &'a Facts,
    facts: &'a ClusterFacts,
    /// The minor that this plan brings the control plane to.
    version: String,
    /// Whether that is a minor that the plan may ask for. If not, nothing else is said of what goes with it.
    is_offered: bool,
    /// What brings pods to AWS and to their images: everything that runs needs it, and it goes after that.
    egress: Vec<ResourceId>,
}

/// What stands on a control plane.
struct Foundation {
    control_plane: ResourceId,
    oidc_provider: ResourceId,
    /// Landfall's own access entry: without it nobody could clean up what runs.
    own_access: ResourceId,
}

impl Foundation {
    /// The name of the control plane.
    fn cluster(&self) -> Ref {
        Ref::output(&self.control_plane, "name")
    }
}

impl Wanted<'_> {
    /// The name of the control plane.
    fn name(&self) -> &str {
        self.manifest.metadata.name.as_str()
    }

    /// What everything that runs in the cluster needs.
    fn runs_after(&self, on: &Foundation) -> Vec<Need> {
        let ready = |resource: &ResourceId| Need { resource: resource.clone(), until: Until::Ready };
        self.egress.iter().chain([&on.own_access]).map(ready).collect()
    }
}

/// Adds all resources of the cluster, and returns the minor that a further plan goes on to.
pub(crate) fn add(
    names: Names<'_>,
    manifest: &Manifest,
    facts: &Facts,
    ground: &Ground,
    network: &Builder,
    into: &mut Builder,
) -> Result<Option<String>, Vec<Problem>> {
    let Some(cluster) = &manifest.spec.cluster else { return Ok(None) };
    let (unknown, nothing) = (ClusterFacts::default(), Compute::default());
    let known = facts.cluster.as_ref().unwrap_or(&unknown);
    let mut problems = Vec::new();
    let step = versions::step(cluster, known, manifest.spec.acknowledges(versions::UPGRADE_REFUSED))
        .map_err(|problem| problems.push(problem))
        .ok();
    let wanted = Wanted {
        names,
        manifest,
        cluster,
        compute: manifest.spec.compute.as_ref().unwrap_or(&nothing),
        tags: &manifest.spec.tags,
        ground,
        zones: facts,
        facts: known,
        is_offered: step.is_some(),
        version: step.as_ref().map_or_else(|| cluster.version.clone(), |step| step.version.clone()),
        egress: network.of_kinds(&[Kind::Route, Kind::GatewayEndpoint, Kind::InterfaceEndpoint]),
    };
    if let Some(groups) = &ground.api_groups {
        gate::add(&wanted, groups, &mut problems, into);
    }
    let on = control_plane::add(&wanted, &mut problems, into);
    let fargate = fargate::add(&wanted, &on, into);
    let daemons = addons::daemons(&wanted, &on, &mut problems, into);
    let nodes = nodes::add(&wanted, &on, &daemons, &mut problems, into);
    addons::coredns(&wanted, &on, fargate.iter().chain(&nodes), &mut problems, into);
    accounts::add(&wanted, &on, into);
    if problems.is_empty() { Ok(step.and_then(|step| step.next)) } else { Err(problems) }
}
