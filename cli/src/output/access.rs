//! `landfall kubeconfig` and `landfall shell`: which cluster it is, who is there, and what stands in the way.

use std::path::Path;

use crate::cluster::Cluster;

/// As whom a shell speaks with a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who<'a> {
    /// As whoever started it, by ARN.
    Caller(&'a str),
    /// As a role that was taken on for it, by name.
    Role(&'a str),
}

/// What was written where.
pub fn added(cluster: &Cluster, path: &Path, caller: &str) -> String {
    let Cluster { platform, region, version, .. } = cluster;
    format!(
        "The context `{platform}` in `{}` is the current one: Kubernetes {version} in {region}, as {caller}\n\
         Next: `kubectl get nodes`\n",
        path.display()
    )
}

/// What a shell is, before it begins.
pub fn opened(cluster: &Cluster, who: Who<'_>) -> String {
    let Cluster { platform, region, version, .. } = cluster;
    let who = match who {
        Who::Caller(arn) => format!("as {arn}"),
        Who::Role(name) => format!("as the role {name}, for an hour"),
    };
    format!(
        "A shell on `{platform}`, {who}\n  \
         `kubectl` speaks with Kubernetes {version} in {region}; `exit` ends it, and nothing of it stays\n"
    )
}

/// What is to be said to somebody without an access entry.
pub fn no_entry(cluster: &Cluster, caller: &str) -> String {
    format!("{caller} has no access entry in `{}` that Landfall made, so Kubernetes may refuse it", cluster.platform)
}

/// How to get one.
pub fn entry_hint() -> &'static str {
    "Name the role, permission set or user under `cluster.accessEntries` of the manifest, and apply it"
}

/// What is to be said if the API does not answer from here.
pub fn no_answer(cluster: &Cluster) -> String {
    let Cluster { platform, .. } = cluster;
    let what = if cluster.public.is_empty() { "is private, and" } else { "admits not everybody: it" };
    format!(
        "The Kubernetes API of `{platform}` does not answer from here. It {what} is reached from {}",
        cluster.reached_from()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn what_is_said_of_the_way_to_a_cluster() {
        let cluster = crate::cluster::of(&fixtures::platform(), &fixtures::cluster_records()).unwrap();
        let private = Cluster { public: Vec::new(), ..cluster.clone() };
        let ada = "arn:aws:iam::123456789012:user/ada";
        let all = [
            added(&cluster, Path::new("/home/ada/.kube/config"), ada),
            opened(&cluster, Who::Caller(ada)),
            opened(&cluster, Who::Role("deployer")),
            no_entry(&cluster, ada),
            no_answer(&cluster),
            no_answer(&private),
        ];
        insta::assert_snapshot!(domain::mask_accounts(&all.join("\n")));
    }
}
