//! Which pods run on Fargate.

use domain::ResourceId;
use manifest::{FargateProfile, FargateSelector as Selector};

use super::{FargateProfileSpec, FargateSelector, Foundation, Wanted, roles};
use crate::builder::Builder;
use crate::names::check_sum;
use crate::{Goal, Ref};

/// The namespace and label of CoreDNS.
pub(super) const COREDNS: (&str, &[(&str, &str)]) = ("kube-system", &[("k8s-app", "kube-dns")]);

/// Adds the profiles that the manifest names, and one for CoreDNS where it would run nowhere.
pub(super) fn add(wanted: &Wanted<'_>, on: &Foundation, into: &mut Builder) -> Vec<ResourceId> {
    if wanted.compute.fargate_profiles.is_empty() {
        return Vec::new();
    }
    let role = roles::fargate(wanted, into);
    let mut made: Vec<ResourceId> = Vec::new();
    for (name, profile) in &wanted.compute.fargate_profiles {
        made.push(profile_of(wanted, on, &role, name, profile, into));
    }
    let (namespace, labels) = COREDNS;
    if !wanted.compute.has_nodes() && !wanted.compute.is_on_fargate(namespace, labels) {
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let selectors = vec![Selector { namespace: namespace.to_owned(), labels }];
        made.push(profile_of(wanted, on, &role, "landfall-coredns", &FargateProfile { selectors }, into));
    }
    made
}

fn profile_of(
    wanted: &Wanted<'_>,
    on: &Foundation,
    role: &ResourceId,
    name: &str,
    profile: &FargateProfile,
    into: &mut Builder,
) -> ResourceId {
    let of = |selector: &Selector| FargateSelector {
        namespace: selector.namespace.clone(),
        labels: selector.labels.clone(),
    };
    let selectors: Vec<FargateSelector> = profile.selectors.iter().map(of).collect();
    let subnets: Vec<Ref> = wanted.ground.private.iter().map(|private| private.subnet.clone()).collect();
    let labels = |selector: &FargateSelector| {
        let labels: Vec<String> = selector.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        format!("{}:{}", selector.namespace, labels.join(","))
    };
    let fixed: Vec<String> = selectors.iter().map(labels).chain(subnets.iter().map(Ref::to_string)).collect();
    let spec = FargateProfileSpec {
        cluster: on.cluster(),
        name: format!("{name}-{}", check_sum(&fixed.join(" "))),
        execution_role: Ref::output(role, "arn"),
        subnets,
        selectors,
        tags: wanted.tags.clone(),
    };
    into.add_needing(Goal::Compute, format!("fargate-profile-{name}"), spec, wanted.runs_after(on))
}
