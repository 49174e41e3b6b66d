//! The proof: after everything was removed, each service is asked what is there.

use std::collections::BTreeSet;

use domain::{Fault, FaultName, Identity, RunId, Target};
use jiff::Timestamp;
use ledger::{Leftover, Listing, Report, Scheduled};

use crate::Clients;
use crate::listing::{self, Found, ec2, eks, functions, iam, kms, logs};
use crate::remains::Past;

/// The fault of a teardown that cannot prove zero.
pub fn verdict(report: &Report) -> Result<(), Fault> {
    let Some(first) = report.left.first() else { return Ok(()) };
    let named: Vec<String> = report.left.iter().map(|left| format!("{} {}", left.what, left.locator)).collect();
    let message = format!("{} after the teardown of {}: {}", report.summary(), report.platform, named.join(", "));
    let next = format!("run `{}`, then `landfall destroy {}` again", first.command, report.platform);
    Err(Fault::new(FaultName::LeftBehind, message).next(next))
}

/// Asks every service in which a platform may own something. Tags are matched on installation and platform, so that what an
/// earlier life of the name left behind is found too. IAM knows no region: the roles of a namesake in another region have
/// the same path and another end, and are left out. What EKS made for the platform's cluster, if it had one, carries EKS's
/// tags and names.
pub async fn prove(
    clients: &Clients,
    identity: &Identity,
    target: &Target,
    past: Option<&Past>,
    run: RunId,
    at: Timestamp,
) -> Result<Report, Fault> {
    let platform = identity.platform.clone();
    let mut report = Report { platform, run, at, listings: Vec::new(), left: Vec::new(), scheduled: Vec::new() };
    let by = format!("the tag {} = {}", Identity::PLATFORM, identity.platform);
    let owned = [
        ec2::tag(Identity::INSTALLATION, &identity.installation),
        ec2::tag(Identity::PLATFORM, identity.platform.as_str()),
    ];
    for (what, found) in ec2::all(&clients.ec2, &owned).await? {
        note(&mut report, what, &by, found);
    }
    note(&mut report, "EKS clusters", &by, clusters(clients, identity).await?);
    let mut gates = functions::gates(&clients.lambda, &identity.installation).await?;
    gates.retain(|found| found.is_of_platform(identity));
    note(&mut report, "Lambda functions", &by, gates);
    let mut providers = iam::oidc_providers(&clients.iam, &target.region).await?;
    providers.retain(|found| found.is_of_platform(identity));
    note(&mut report, "OIDC providers", &by, providers);
    note_keys(&mut report, clients, identity, &by).await?;
    let path = format!("{}{}/", listing::path(&identity.installation), identity.platform);
    note(&mut report, "log groups", &format!("the name {path}*"), logs::groups(&clients.logs, &path).await?);
    let mut roles = Vec::new();
    let mark = plan::role_mark(&identity.installation, &target.region, &identity.platform);
    for role in iam::roles(&clients.iam, &path).await?.into_iter().filter(|role| role.locator.ends_with(&mark)) {
        roles.push(iam::with_its_policies(&clients.iam, role).await?);
    }
    note(&mut report, "roles", &format!("the path {path}"), roles);
    note_control_plane_logs(&mut report, clients, identity, &by).await?;
    if let Some(past) = past {
        note_remains(&mut report, clients, past).await?;
    }
    Ok(report)
}

/// The platform's clusters, whatever they are called.
async fn clusters(clients: &Clients, identity: &Identity) -> Result<Vec<Found>, Fault> {
    let names = eks::names(&clients.eks).await?;
    let mut clusters = Vec::new();
    for cluster in eks::clusters(&clients.eks, &names).await?.into_iter().filter(|one| one.is_of_platform(identity)) {
        clusters.push(eks::with_its_nodes(&clients.eks, cluster).await?);
    }
    Ok(clusters)
}

/// A key whose deletion is scheduled is reported as that.
async fn note_keys(report: &mut Report, clients: &Clients, identity: &Identity, by: &str) -> Result<(), Fault> {
    let keys = kms::keys(&clients.kms, |found| found.is_of_platform(identity)).await?;
    let mut there = Vec::new();
    for key in keys {
        match key.goes {
            Some(at) => {
                report.scheduled.push(Scheduled { what: key.found.what.to_owned(), locator: key.found.locator, at })
            }
            None => there.push(key.found),
        }
    }
    note(report, "KMS keys", by, there);
    let prefix = format!("{}{}/", kms::alias_prefix(&identity.installation), identity.platform);
    let aliases = kms::aliases(&clients.kms, &prefix).await?;
    note(report, "KMS aliases", &format!("the name {prefix}*"), aliases);
    Ok(())
}

/// The log group that the platform itself made for its control plane.
async fn note_control_plane_logs(
    report: &mut Report,
    clients: &Clients,
    identity: &Identity,
    by: &str,
) -> Result<(), Fault> {
    let prefix = plan::cluster::log_group(identity.platform.as_str());
    let listed = logs::of_control_planes(&clients.logs, &prefix).await?;
    let ours = listed.into_iter().map(|log| log.group).filter(|group| group.is_of_platform(identity)).collect();
    note(report, "log groups of control planes", by, ours);
    Ok(())
}

/// What EKS and its agents made, but for what was found before by our tags.
async fn note_remains(report: &mut Report, clients: &Clients, past: &Past) -> Result<(), Fault> {
    let known: BTreeSet<String> = report.left.iter().map(|left| left.locator.clone()).collect();
    for searched in past.remains(clients).await? {
        let found = searched.found.into_iter().map(|(_, found)| found);
        let found = found.filter(|found| !known.contains(&found.locator)).collect();
        note(report, searched.what, &searched.by, found);
    }
    Ok(())
}

fn note(report: &mut Report, what: &str, by: &str, found: Vec<Found>) {
    report.listings.push(Listing { what: what.to_owned(), by: by.to_owned(), found: found.len() });
    report.left.extend(found.into_iter().map(|found| Leftover {
        what: found.what.to_owned(),
        locator: found.locator,
        reason: format!("found by {by}"),
        command: found.command,
    }));
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::SecurityGroup;
    use aws_sdk_eks::types::Cluster;
    use aws_sdk_kms::primitives::DateTime;
    use aws_sdk_kms::types::{KeyMetadata, KeyState};
    use domain::{AccountId, Incarnation, PlatformName, Region, Tags};

    use super::*;
    use crate::account::{self, Account};

    fn identity(platform: &str) -> Identity {
        let incarnation = Incarnation::parse("01JD0000000000000000000002").unwrap();
        Identity { installation: "home".into(), platform: PlatformName::parse(platform).unwrap(), incarnation }
    }

    fn key(id: &str, state: KeyState, tags: Tags) -> (KeyMetadata, Tags) {
        let goes = (state == KeyState::PendingDeletion).then(|| DateTime::from_secs(604_800));
        (KeyMetadata::builder().key_id(id).key_state(state).set_deletion_date(goes).build().unwrap(), tags)
    }

    async fn proved(account: &Account, past: Option<&Past>) -> Report {
        let (account_id, region) = (AccountId::parse("123456789012").unwrap(), Region::parse("eu-west-1").unwrap());
        let target = Target { account: account_id, region };
        let clients = account.clients().0;
        prove(&clients, &identity("demo"), &target, past, RunId::random(), Timestamp::UNIX_EPOCH).await.unwrap()
    }

    fn left(report: &Report) -> Vec<&str> {
        report.left.iter().map(|left| left.locator.as_str()).collect()
    }

    #[tokio::test]
    async fn a_key_that_is_scheduled_for_deletion_is_reported_as_that() {
        let ours = identity("demo").platform_tags();
        let keys = vec![
            key("there", KeyState::Enabled, ours.clone()),
            key("going", KeyState::PendingDeletion, ours),
            key("theirs", KeyState::Enabled, identity("other").platform_tags()),
        ];
        let report = proved(&Account { keys, ..Account::default() }, None).await;
        assert_eq!(left(&report), ["there"]);
        let at = Timestamp::from_second(604_800).unwrap();
        assert_eq!(report.scheduled, [Scheduled { what: "KMS key".into(), locator: "going".into(), at }]);
        assert_eq!(verdict(&report).unwrap_err().name, FaultName::LeftBehind);
    }

    #[tokio::test]
    async fn a_gate_is_left_and_the_installations_own_functions_are_not() {
        let ours = || identity("demo").platform_tags();
        let functions = vec![
            ("home_demo_gate", ours()),
            ("home_other_gate", identity("other").platform_tags()),
            ("home_theirs_gate", Tags::new()),
            ("home-gate", ours()),
        ];
        let report = proved(&Account { functions, ..Account::default() }, None).await;
        assert_eq!(left(&report), ["home_demo_gate"]);
        assert_eq!(report.left[0].command, "aws lambda delete-function --function-name home_demo_gate");
    }

    #[tokio::test]
    async fn a_cluster_is_left_with_a_command_that_takes_its_nodes_first() {
        let cluster = Cluster::builder().name("old").deletion_protection(true);
        let cluster = cluster.set_tags(Some(identity("demo").platform_tags().into_iter().collect())).build();
        let theirs = Cluster::builder().name("demo").build();
        let report = proved(&Account { clusters: vec![cluster, theirs], ..Account::default() }, None).await;
        assert_eq!(left(&report), ["old"], "the one of the platform's name is not the platform's");
        let steps: Vec<&str> = report.left[0].command.split(" && ").collect();
        assert_eq!(
            steps,
            [
                "aws eks delete-nodegroup --cluster-name old --nodegroup-name core",
                "aws eks wait nodegroup-deleted --cluster-name old --nodegroup-name core",
                "aws eks delete-fargate-profile --cluster-name old --fargate-profile-name apps",
                "aws eks wait fargate-profile-deleted --cluster-name old --fargate-profile-name apps",
                "aws eks update-cluster-config --name old --no-deletion-protection",
                "aws eks wait cluster-active --name old",
                "aws eks delete-cluster --name old",
            ]
        );
    }

    #[tokio::test]
    async fn what_eks_made_is_left_once_and_only_of_a_cluster_that_the_platform_had() {
        let group = SecurityGroup::builder().group_id("sg-1").group_name("eks-cluster-sg-demo-1");
        let group = group.tags(account::tag("aws:eks:cluster-name", "demo"));
        let group = group.tags(account::tag("kubernetes.io/cluster/demo", "owned")).build();
        let account = Account { groups: vec![group], ..Account::default() };
        let past = Past { cluster: identity("demo").platform, since: Timestamp::UNIX_EPOCH };
        assert!(left(&proved(&account, None).await).is_empty(), "somebody else's cluster had that name");
        let report = proved(&account, Some(&past)).await;
        assert_eq!(left(&report), ["sg-1"]);
        assert_eq!(report.left[0].reason, "found by the tag aws:eks:cluster-name = demo");
    }
}
