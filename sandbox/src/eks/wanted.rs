//! What a control plane is told to hold, and what it tells: the seam between the state machine and a real Kubernetes.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::request::texts;
use super::store::{Kind, Record, Store};
use super::{Eks, Facts, Job, Place, addon_versions, auto_node, auto_pool, nodes, policy, version};
use crate::ec2::{Ec2, instance_type};
use crate::kubernetes::{
    Access, Addon, AddonHealth, Demand, FargateNode, FargateProfile, FargateSelector, Node, NodePool, Taint,
};

/// All lists of one cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) nodes: Vec<Node>,
    /// Those of EKS Auto Mode; none while it is off.
    pub(crate) pools: Option<Vec<NodePool>>,
    pub(crate) profiles: Vec<FargateProfile>,
    pub(crate) addons: Vec<Addon>,
    pub(crate) access: Vec<Access>,
}

/// What a control plane is started with.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) service_cidr: String,
    pub(crate) issuer: String,
}

impl Eks {
    /// What the cluster's control plane should hold by now; none if the cluster is gone.
    pub(crate) fn wanted(&self, ec2: &Ec2, region: &str, cluster: &str) -> Option<Wanted> {
        wanted(self.lock().get(region)?, ec2, region, cluster)
    }

    /// What the pods of a cluster mean for its nodes of EKS Auto Mode. `told` is what its control plane held when it was
    /// asked: if it should hold something else by now, the answer is out of date and counts for nothing.
    pub(crate) fn demanded(&self, ec2: &Ec2, region: &str, cluster: &str, told: &Wanted, demand: &Demand) {
        let mut regions = self.lock();
        let Some(store) = regions.get_mut(region) else { return };
        if wanted(store, ec2, region, cluster).as_ref() != Some(told) {
            return;
        }
        let (mut jobs, facts) = (Vec::new(), Facts::default());
        let (durations, real) = (self.durations, self.real);
        let mut place = Place { region, store, durations, ec2, jobs: &mut jobs, facts: &facts, real };
        let changed = auto_node::demanded(&mut place, cluster, demand);
        self.lock_jobs().append(&mut jobs);
        if changed {
            self.write(&regions);
        }
    }

    /// What the cluster's control plane is started with; none if the cluster is gone.
    pub(crate) fn origin(&self, region: &str, cluster: &str) -> Option<Origin> {
        let regions = self.lock();
        let cluster = regions.get(region)?.cluster(cluster).ok()?;
        let block = cluster.document["kubernetesNetworkConfig"]["serviceIpv4Cidr"].as_str()?;
        Some(Origin { service_cidr: block.to_owned(), issuer: cluster.hidden["issuer"].as_str()?.to_owned() })
    }

    /// The control plane runs.
    pub(crate) fn plane_started(&self, region: &str, cluster: &str, endpoint: &str, authority: &str) {
        self.change(region, cluster, |store| {
            if let Ok(cluster) = store.get_mut(Kind::Cluster, cluster, cluster) {
                cluster.hidden["plane"] = json!({"endpoint": endpoint, "authority": authority});
                cluster.hidden["restarting"] = json!(false);
            }
        });
    }

    /// The control plane does not come up: the creation fails, or the update that wanted it.
    pub(crate) fn plane_failed(&self, region: &str, cluster: &str, message: &str) {
        self.change(region, cluster, |store| {
            let update = store.update_in_progress(cluster, None).map(|update| update.name.clone());
            if let Ok(cluster) = store.get_mut(Kind::Cluster, cluster, cluster) {
                cluster.hidden["restarting"] = json!(false);
            }
            if let Some(update) = update.and_then(|id| store.get_mut(Kind::Update, cluster, &id).ok()) {
                update.doom = Some(("Unknown".into(), message.into()));
            } else if let Ok(cluster) = store.get_mut(Kind::Cluster, cluster, cluster) {
                cluster.hidden["plane"] = json!({"error": message});
            }
        });
    }

    /// How the add-ons fare.
    pub(crate) fn addons_told(&self, region: &str, cluster: &str, health: &[AddonHealth]) {
        self.change(region, cluster, |store| {
            for told in health {
                let healthy = told.ready >= told.desired;
                let Ok(record) = store.get_mut(Kind::Cluster, cluster, cluster) else { return };
                let before = record.hidden["addonHealth"][&told.name].as_bool();
                record.hidden["addonHealth"][&told.name] = json!(healthy);
                record.hidden["addonReason"][&told.name] = json!(told.reason);
                let watched = store.find(Kind::Addon, cluster, &told.name).is_some_and(|addon| addon.due.is_none());
                if before.is_some_and(|before| before != healthy) && watched {
                    store.schedule(Kind::Addon, cluster, &told.name, std::time::Duration::ZERO);
                }
            }
        });
    }

    /// Which nodes Fargate has.
    pub(crate) fn fargate_told(&self, region: &str, cluster: &str, nodes: &[FargateNode]) {
        let told = json!(nodes);
        let known = |store: &Store| store.cluster(cluster).is_ok_and(|of| of.hidden["fargateNodes"] == told);
        if self.lock().get(region).is_some_and(known) {
            return;
        }
        self.change(region, cluster, |store| {
            if let Ok(record) = store.get_mut(Kind::Cluster, cluster, cluster) {
                record.hidden["fargateNodes"] = told;
            }
        });
    }

    pub(super) fn change(&self, region: &str, cluster: &str, change: impl FnOnce(&mut Store)) {
        let mut regions = self.lock();
        if let Some(store) = regions.get_mut(region).filter(|store| store.cluster(cluster).is_ok()) {
            change(store);
            self.write(&regions);
        }
    }

    /// Has every control plane started that should run: after a restart of the emulator none does.
    pub(super) fn resume(&self) {
        let regions = self.lock();
        let mut jobs = self.lock_jobs();
        for (region, store) in regions.iter() {
            let clusters = store.all().filter(|one| one.kind == Kind::Cluster && !one.is("FAILED"));
            jobs.extend(clusters.map(|one| Job::Start {
                region: region.clone(),
                cluster: one.name.clone(),
                version: one.text("version").to_owned(),
            }));
        }
    }
}

fn wanted(store: &Store, ec2: &Ec2, region: &str, cluster: &str) -> Option<Wanted> {
    store.cluster(cluster).ok()?;
    let mut nodes = all_nodes(store, region, cluster);
    nodes.extend(auto_node::all(store, cluster).iter().filter_map(|node| auto_node::wanted(node, region)));
    Some(Wanted {
        nodes,
        pools: auto_pool::of(store, ec2, region, cluster),
        profiles: profiles(store, region, cluster),
        addons: addons(store, cluster),
        access: access(store, cluster),
    })
}

fn all_nodes(store: &Store, region: &str, cluster: &str) -> Vec<Node> {
    let joined = ["ACTIVE", "UPDATING", "DEGRADED", "DELETE_FAILED"];
    let groups = store.within(Kind::Nodegroup, cluster).into_iter().filter(|group| joined.contains(&group.status()));
    groups.flat_map(|group| nodes::instances(group).into_iter().filter_map(|one| node(group, region, &one))).collect()
}

fn node(group: &Record, region: &str, instance: &Value) -> Option<Node> {
    let text = |field: &str| instance[field].as_str().unwrap_or_default().to_owned();
    let (kind, zone) = (text("type"), text("zone"));
    let size = instance_type::find(&kind)?;
    let own = [
        ("eks.amazonaws.com/nodegroup", group.name.as_str()),
        ("eks.amazonaws.com/capacityType", group.text("capacityType")),
        ("kubernetes.io/arch", if size.arm { "arm64" } else { "amd64" }),
    ];
    let given = group.document["labels"].as_object().into_iter().flatten();
    let given = given.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
    Some(Node {
        name: format!("ip-{}.{region}.compute.internal", text("address").replace('.', "-")),
        provider_id: format!("aws:///{zone}/{}", text("id")),
        address: text("address"),
        zone,
        region: region.to_owned(),
        instance_type: kind,
        labels: own.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).chain(given).collect(),
        taints: group.document["taints"].as_array().into_iter().flatten().map(taint).collect(),
        cpu: size.processors.to_string(),
        memory: format!("{}Mi", size.memory),
        pods: size.pods,
        kubelet_version: version::kubelet(group.text("version")),
    })
}

// EKS writes NO_SCHEDULE for Kubernetes' NoSchedule.
// <https://docs.aws.amazon.com/eks/latest/userguide/node-taints-managed-node-groups.html>
fn taint(taint: &Value) -> Taint {
    let text = |field: &str| taint[field].as_str().unwrap_or_default().to_owned();
    let effect = match text("effect").as_str() {
        "NO_EXECUTE" => "NoExecute",
        "PREFER_NO_SCHEDULE" => "PreferNoSchedule",
        _ => "NoSchedule",
    };
    Taint { key: text("key"), value: text("value"), effect: effect.to_owned() }
}

fn profiles(store: &Store, region: &str, cluster: &str) -> Vec<FargateProfile> {
    let active = store.within(Kind::FargateProfile, cluster).into_iter().filter(|profile| profile.is("ACTIVE"));
    let selector = |selector: &Value| FargateSelector {
        namespace: selector["namespace"].as_str().unwrap_or_default().to_owned(),
        labels: serde_json::from_value(selector["labels"].clone()).unwrap_or_default(),
    };
    active
        .map(|profile| FargateProfile {
            name: profile.name.clone(),
            selectors: profile.document["selectors"].as_array().into_iter().flatten().map(selector).collect(),
            region: region.to_owned(),
            zones: texts(&profile.hidden["zones"]),
        })
        .collect()
}

// What could not be applied is not there.
fn addons(store: &Store, cluster: &str) -> Vec<Addon> {
    let there = |addon: &&Record| {
        let known = addon_versions::find(&addon.name).is_some_and(|product| product.runs);
        known && addon.doom.is_none() && !addon.is("CREATE_FAILED")
    };
    store
        .within(Kind::Addon, cluster)
        .into_iter()
        .filter(there)
        .map(|addon| Addon {
            name: addon.name.clone(),
            version: addon.text("addonVersion").to_owned(),
            configuration: serde_saphyr::from_str(addon.text("configurationValues"))
                .ok()
                .filter(Value::is_object)
                .unwrap_or_else(|| json!({})),
        })
        .collect()
}

fn access(store: &Store, cluster: &str) -> Vec<Access> {
    let mut all: BTreeMap<(String, Option<String>), ()> = BTreeMap::new();
    for association in store.within(Kind::AccessEntry, cluster).into_iter().flat_map(policy::of) {
        let name = policy::name(&association).to_owned();
        let namespaces = texts(&association["accessScope"]["namespaces"]);
        if namespaces.is_empty() {
            all.insert((name, None), ());
            continue;
        }
        all.extend(namespaces.into_iter().map(|namespace| ((name.clone(), Some(namespace)), ())));
    }
    all.into_keys().map(|(policy, namespace)| Access { policy, namespace }).collect()
}

/// Whether the cluster's control plane is a real one, so that health is what it tells.
pub(super) fn is_real(place: &Place<'_>, cluster: &str) -> bool {
    place.store.cluster(cluster).is_ok_and(|cluster| cluster.hidden["plane"].is_object())
}
