//! The network of a platform: made from a block of addresses, or given and only added to.
//!
//! It guarantees: ids, names and addresses follow from the manifest, the facts and the zones' numbers alone; a zone that
//! is added later changes of what stands only the lists that it joins (who uses the public route table, where an
//! endpoint stands); what is given gets nothing but additions.
//!
//! A resource's name holds what makes it unique in AWS, such as a route's destination. So a change of that is a deletion
//! beside a creation, and never a second thing of which AWS allows only one.

mod addresses;
mod egress;
mod endpoints;
mod flow_logs;
mod given;
mod made;
mod routes;
mod specs;
mod zones;

use std::collections::BTreeSet;

use domain::{Tags, Target};
use ipnet::Ipv4Net;
use manifest::{Manifest, Network};

pub use specs::*;
pub use zones::assign_slots;

use crate::builder::Builder;
use crate::names::Names;
use crate::{Facts, Goal, Problem, Ref, Slots};

/// What the network is planned from.
struct Wanted<'a> {
    names: Names<'a>,
    manifest: &'a Manifest,
    network: &'a Network,
    tags: &'a Tags,
    target: &'a Target,
    facts: &'a Facts,
}

/// What both sorts of network offer to what is built on them.
pub(crate) struct Ground {
    pub(crate) vpc: Ref,
    /// The blocks from which its own clients come.
    pub(crate) cidrs: Vec<Ipv4Net>,
    /// The private subnets: one a zone, or all that are given.
    pub(crate) private: Vec<PrivateSubnet>,
    tables: Vec<Table>,
    /// What lets into the Kubernetes API, if there is a cluster.
    pub(crate) api_groups: Option<ApiGroups>,
}

/// The security groups between the Kubernetes API and who reaches it privately.
pub(crate) struct ApiGroups {
    /// That of the control plane's interfaces.
    pub(crate) api_server: Ref,
    /// That of the gate: [`Self::api_server`] lets it in.
    pub(crate) gate: Ref,
}

/// A subnet for interfaces, nodes and pods.
pub(crate) struct PrivateSubnet {
    /// Its zone, by id.
    pub(crate) zone: String,
    pub(crate) subnet: Ref,
    /// The subnet of the zone's pods, if these have their own.
    pub(crate) pods: Option<Ref>,
}

impl Ground {
    /// One private subnet a zone.
    pub(crate) fn one_a_zone(&self) -> Vec<&PrivateSubnet> {
        let mut zones = BTreeSet::new();
        self.private.iter().filter(|private| zones.insert(private.zone.as_str())).collect()
    }

    fn subnets(&self) -> Vec<Ref> {
        self.one_a_zone().into_iter().map(|private| private.subnet.clone()).collect()
    }
}

/// A route table that subnets of the platform use.
struct Table {
    /// How it is called in the names of its routes.
    label: String,
    table: Ref,
}

/// Adds all resources of the network, and returns the numbers of the zones.
pub(crate) fn add(
    names: Names<'_>,
    manifest: &Manifest,
    facts: &Facts,
    into: &mut Builder,
) -> Result<(Ground, Slots), Vec<Problem>> {
    let spec = &manifest.spec;
    let target = names.target;
    let wanted = Wanted { names, manifest, network: &spec.network, tags: &spec.tags, target, facts };
    let (mut ground, slots) = match &wanted.network.vpc_id {
        Some(vpc_id) => (given::add(&wanted, vpc_id, into)?, facts.slots.clone()),
        None => made::add(&wanted, into)?,
    };
    endpoints::add(&wanted, &ground, into);
    ground.api_groups = api_groups(&wanted, &ground, into);
    flow_logs::add(&wanted, &ground, into);
    routes::add(&wanted, &ground, into);
    Ok((ground, slots))
}

/// The groups by which the platform's own gate, and the networks that the manifest names, come to the API.
fn api_groups(wanted: &Wanted<'_>, ground: &Ground, into: &mut Builder) -> Option<ApiGroups> {
    let blocks = &wanted.manifest.spec.cluster.as_ref()?.api_server.private_access_cidrs;
    let group = |what: &str, description: &str, ingress: Vec<Ingress>| SecurityGroupSpec {
        vpc: ground.vpc.clone(),
        name: format!("landfall-{}-{what}", wanted.manifest.metadata.name),
        description: description.to_owned(),
        ingress,
        tags: wanted.tags.clone(),
    };
    let gate = group("gate", "The way of Landfall to the Kubernetes API", Vec::new());
    let gate = Ref::id(&into.add(Goal::Foundation, "security-group-gate", gate));
    let sources =
        blocks.iter().map(|block| Source::Block(block.trunc())).chain([Source::Group { group: gate.clone() }]);
    let ingress = sources.map(|from| Ingress { port: 443, from }).collect();
    let api_server = group("api-server", "Clients of the Kubernetes API", ingress);
    let api_server = Ref::id(&into.add(Goal::Foundation, "security-group-api-server", api_server));
    Some(ApiGroups { api_server, gate })
}
