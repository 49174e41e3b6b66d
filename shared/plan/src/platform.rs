//! The plan of a whole platform: one line a component.

use domain::{Component, Target};
use manifest::Manifest;

use crate::builder::Builder;
use crate::names::Names;
use crate::{Facts, Plan, Problem, cluster, network};

/// Everything that `manifest` asks for in `target`, given what Admit found out.
///
/// `installation` stands in names and paths. The plan keeps the facts, with a number for every zone that it uses: store
/// these numbers with the platform, and give them back in the next plan's facts.
///
/// The same arguments always give the same plan. All problems are returned at once.
pub fn plan(installation: &str, manifest: &Manifest, target: &Target, facts: &Facts) -> Result<Plan, Vec<Problem>> {
    let names = Names { installation, platform: &manifest.metadata.name, target };
    let mut network = Builder::new(Component::Network);
    let (ground, slots) = network::add(names, manifest, facts, &mut network)?;
    let mut cluster = Builder::new(Component::Cluster);
    let next = cluster::add(names, manifest, facts, &ground, &network, &mut cluster)?;
    let facts = Facts { slots, ..facts.clone() };
    let resources = network.finish().into_iter().chain(cluster.finish()).collect();
    Ok(Plan { target: target.clone(), facts, resources, next })
}
