//! What carries the installation's tags or names, and stands in no live record of the ledger.
//!
//! It guarantees that whatever a run makes or removes at the same time is no orphan. A claim stands in the ledger before
//! its thing stands in AWS, and a record goes after its thing has gone: what AWS shows before the ledger is read and
//! still shows after it, and the ledger does not name, nobody remembers.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Fault, Identity, Kind, PlatformName, Record, Region, ResourceId, State};
use engine::Ledger as _;
use jiff::Timestamp;
use ledger::{Ledger, Orphan, Orphans};
use plan::cluster::LOG_GROUPS;

use crate::Clients;
use crate::listing::{self, Found, ec2, eks, functions, iam, kms, logs};
use crate::remains::{self, Past};

/// How many orphans an answer holds. With the longest names that AWS allows they take 4 MB; Lambda allows 6 MB.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
const SHOWN: usize = 2000;

/// Where an installation is.
#[derive(Debug, Clone, Copy)]
pub struct Home<'a> {
    /// Its name.
    pub installation: &'a str,
    /// Its region.
    pub region: &'a Region,
}

/// Asks every service in which platforms may own something, and leaves out what the ledger names: of any platform, in
/// any life of it.
pub async fn find(clients: &Clients, ledger: &Ledger, home: Home<'_>, at: Timestamp) -> Result<Orphans, Fault> {
    let mut found = everything(clients, home).await?;
    let names = Names::read(ledger, &found).await?;
    found.retain(|candidate| names.is_orphan(candidate));
    if !found.is_empty() {
        let still: BTreeSet<String> =
            everything(clients, home).await?.into_iter().map(|candidate| candidate.found.locator).collect();
        found.retain(|candidate| still.contains(&candidate.found.locator));
    }
    let total = found.len();
    let mut orphans = Vec::new();
    for candidate in oldest(found) {
        let found = match candidate.found.what {
            "role" => iam::with_its_policies(&clients.iam, candidate.found).await?,
            "EKS cluster" => eks::with_its_nodes(&clients.eks, candidate.found).await?,
            _ => candidate.found,
        };
        orphans.push(orphan(candidate.reason, found));
    }
    Ok(Orphans { installation: home.installation.to_owned(), at, total, orphans })
}

/// One thing that may be an orphan.
#[derive(Debug, Clone)]
struct Candidate {
    /// Why it counts as the installation's.
    reason: String,
    found: Found,
    /// Whether nothing but the name of a cluster makes it one: then the ledger must know that there was this cluster.
    of_eks: bool,
}

/// Everything of the installation that AWS shows.
async fn everything(clients: &Clients, home: Home<'_>) -> Result<Vec<Candidate>, Fault> {
    let mut all = Vec::new();
    let mut note = |reason: &str, found: Vec<Found>| {
        all.extend(found.into_iter().map(|found| Candidate { reason: reason.to_owned(), found, of_eks: false }));
    };
    let installation = home.installation;
    let by_tag = format!("found by the tag {} = {installation}", Identity::INSTALLATION);
    let is_tagged = |found: &Found| found.is_of(installation);
    for (_, found) in ec2::all(&clients.ec2, &[ec2::tag(Identity::INSTALLATION, installation)]).await? {
        note(&by_tag, found);
    }
    let clusters = eks::clusters(&clients.eks, &eks::names(&clients.eks).await?).await?;
    note(&by_tag, clusters.into_iter().filter(is_tagged).collect());
    note(&by_tag, functions::gates(&clients.lambda, installation).await?);
    let providers = iam::oidc_providers(&clients.iam, home.region).await?;
    note(&by_tag, providers.into_iter().filter(is_tagged).collect());
    let keys = kms::keys(&clients.kms, is_tagged).await?;
    note(&by_tag, keys.into_iter().filter(|key| key.goes.is_none()).map(|key| key.found).collect());
    let control_planes = logs::of_control_planes(&clients.logs, LOG_GROUPS).await?;
    note(&by_tag, control_planes.into_iter().map(|log| log.group).filter(is_tagged).collect());
    let prefix = kms::alias_prefix(installation);
    note(&format!("found by the name {prefix}*"), kms::aliases(&clients.kms, &prefix).await?);
    let path = listing::path(installation);
    note(&format!("found by the name {path}*"), logs::groups(&clients.logs, &path).await?);
    let mut roles = iam::roles(&clients.iam, &path).await?;
    roles.retain(|role| is_of(home, role));
    note(&format!("found by the path {path}"), roles);
    for searched in remains::list(clients, None).await? {
        let reason = format!("found by {}, of a cluster that is gone", searched.by);
        all.extend(searched.found.into_iter().map(|(cluster, found)| {
            let found = Found { platform: Some(cluster), ..found };
            Candidate { reason: reason.clone(), found, of_eks: true }
        }));
    }
    let mut seen = BTreeSet::new();
    all.retain(|candidate| seen.insert(candidate.found.locator.clone()));
    Ok(all)
}

/// IAM knows no region, and an installation of the same name in another region has the same path. Its roles end
/// otherwise. The installation's own roles lie in the path of no platform.
fn is_of(home: Home<'_>, role: &Found) -> bool {
    let platform = role.platform.as_deref().and_then(|name| PlatformName::parse(name).ok());
    platform.is_some_and(|name| role.locator.ends_with(&plan::role_mark(home.installation, home.region, &name)))
}

/// The oldest first, those of unknown age last, as many as an answer holds.
fn oldest(mut found: Vec<Candidate>) -> Vec<Candidate> {
    found.sort_by_key(|one| (one.found.created.unwrap_or(Timestamp::MAX), one.found.locator.clone()));
    found.truncate(SHOWN);
    found
}

fn orphan(reason: String, found: Found) -> Orphan {
    let Found { what, locator, platform, created, command, .. } = found;
    Orphan { what: what.to_owned(), locator, platform, created, reason, command }
}

/// What the ledger names.
#[derive(Default)]
struct Names {
    /// The locators of every live record, and the aliases of keys.
    located: BTreeSet<String>,
    /// The creates that are under way.
    claims: Vec<(Identity, Record)>,
    /// Every live record's resource, and in which life of which platform.
    live: Vec<(Identity, ResourceId)>,
    /// The clusters that platforms had and have no more, by name: no run holds the platform, and nobody removes what is
    /// left.
    past: BTreeMap<String, Past>,
}

impl Names {
    /// Of every platform that any of these things names.
    async fn read(ledger: &Ledger, found: &[Candidate]) -> Result<Self, Fault> {
        let name = |found: &Found| PlatformName::parse(found.platform.as_deref()?).ok();
        let of_eks: BTreeSet<_> = found.iter().filter(|one| one.of_eks).filter_map(|one| name(&one.found)).collect();
        let mut names = Self::default();
        for platform in found.iter().filter_map(|one| name(&one.found)).collect::<BTreeSet<_>>() {
            let Some(platform) = ledger.platform(&platform).await? else { continue };
            let mut has_cluster = false;
            for stored in ledger.records(&platform.name).await? {
                has_cluster |= stored.record.kind == Kind::ControlPlane;
                names.add(platform.identity(), stored.record);
            }
            let is_idle = !has_cluster && platform.lease.is_none() && of_eks.contains(&platform.name);
            if is_idle && let Some(past) = Past::of(ledger, &platform).await? {
                names.past.insert(platform.name.to_string(), past);
            }
        }
        Ok(names)
    }

    fn add(&mut self, identity: Identity, record: Record) {
        if record.state == State::Gone {
            return;
        }
        self.located.extend(record.locator.as_ref().map(|locator| locator.0.clone()));
        if let (Kind::KmsKey, Some(alias)) = (record.kind, record.spec["alias"].as_str()) {
            self.located.insert(alias.to_owned());
        }
        self.live.push((identity.clone(), record.id.clone()));
        if matches!(record.state, State::Creating(_) | State::Unknown(_) | State::Pending(_)) {
            self.claims.push((identity, record));
        }
    }

    fn is_orphan(&self, candidate: &Candidate) -> bool {
        if !candidate.of_eks {
            return !self.name(&candidate.found);
        }
        let past = candidate.found.platform.as_ref().and_then(|name| self.past.get(name));
        past.is_some_and(|past| past.may_have_left(&candidate.found))
    }

    fn name(&self, found: &Found) -> bool {
        self.located.contains(&found.locator)
            || self.claims.iter().any(|(identity, record)| may_come_of(identity, record, found))
            || self.live.iter().any(|(identity, id)| was_started_from(identity, id, found))
    }
}

/// Whether this is an instance, or a part of one, that was started from what a record names: it carries the tags of its
/// launch template, has no record of its own, and goes with its node group.
fn was_started_from(identity: &Identity, template: &ResourceId, found: &Found) -> bool {
    matches!(found.what, "instance" | "volume" | "network interface")
        && identity.owns(&found.tags)
        && found.tags.get(Identity::RESOURCE) == Some(&template.to_string())
}

/// Whether this may have come of a claim: it carries the tags by which the claim finds it, whatever attempt made it, or
/// has the name that the claim asks for.
fn may_come_of(identity: &Identity, claim: &Record, found: &Found) -> bool {
    let tags = identity.resource_tags(&claim.id, claim.generation);
    tags.iter().all(|(key, value)| found.tags.get(key) == Some(value))
        || claim.spec["name"] == *found.locator
        || claim.spec["alias"] == *found.locator
}

#[cfg(test)]
mod tests {
    use domain::{AccountId, Claim, Component, Generation, Incarnation, Locator, RunId, Tags, Target, Token};
    use serde_json::{Value, json};

    use super::*;

    fn identity(incarnation: &str) -> Identity {
        let platform = PlatformName::parse("demo").unwrap();
        Identity { installation: "home".into(), platform, incarnation: Incarnation::parse(incarnation).unwrap() }
    }

    fn now() -> Identity {
        identity("01JD0000000000000000000002")
    }

    fn record(state: State, locator: Option<&str>, spec: Value) -> Record {
        let target =
            Target { account: AccountId::parse("123456789012").unwrap(), region: Region::parse("eu-west-1").unwrap() };
        Record {
            id: ResourceId::new(Component::Network, "vpc"),
            generation: Generation::FIRST,
            kind: Kind::Vpc,
            schema: Record::SCHEMA,
            target,
            locator: locator.map(|locator| Locator(locator.to_owned())),
            spec,
            needs: Vec::new(),
            state,
            outputs: BTreeMap::new(),
            adopted: false,
            attempts: 1,
            confirmed: None,
            created: Timestamp::UNIX_EPOCH,
            updated: Timestamp::UNIX_EPOCH,
        }
    }

    fn creating() -> State {
        State::Creating(Claim { run: RunId::random(), token: Token::random(), at: Timestamp::UNIX_EPOCH })
    }

    /// A thing with this locator that was made as `demo`'s VPC in a life of it.
    fn found(locator: &str, of: &Identity) -> Found {
        let id = ResourceId::new(Component::Network, "vpc");
        let tags = of.create_tags(&Tags::new(), &id, Generation::FIRST, Token::random());
        let (platform, command) = (Some("demo".to_owned()), String::new());
        Found { what: "VPC", locator: locator.to_owned(), tags, platform, created: None, command }
    }

    fn named(names: &[(State, Option<&str>)], found: &Found) -> bool {
        let mut all = Names::default();
        for (state, locator) in names {
            all.add(now(), record(state.clone(), *locator, json!({"name": "/landfall/home/demo/flow-logs"})));
        }
        all.name(found)
    }

    #[test]
    fn a_live_record_names_its_own_thing_and_no_twin_of_it() {
        let ready = [(State::Ready, Some("vpc-1"))];
        assert!(named(&ready, &found("vpc-1", &now())));
        assert!(!named(&ready, &found("vpc-2", &now())));
        assert!(!named(&[(State::Gone, Some("vpc-1"))], &found("vpc-1", &now())));
        assert!(!named(&[], &found("vpc-1", &now())));
    }

    #[test]
    fn what_may_come_of_a_claim_is_no_orphan_unless_it_is_of_another_life() {
        let claim = [(creating(), None)];
        assert!(named(&claim, &found("vpc-1", &now())));
        assert!(!named(&claim, &found("vpc-1", &identity("01JD0000000000000000000001"))));
        let group = Found { tags: Tags::new(), ..found("/landfall/home/demo/flow-logs", &now()) };
        assert!(named(&claim, &group));
        assert!(!named(&[(State::Ready, Some("other"))], &group));
        assert!(!named(&claim, &Found { locator: "/landfall/home/demo/other".into(), ..group }));
    }

    #[test]
    fn what_was_started_from_a_launch_template_goes_with_its_node_group() {
        let mut names = Names::default();
        names.add(now(), record(State::Ready, Some("lt-1"), json!({})));
        let instance = |of: &Identity| Found { what: "instance", ..found("i-1", of) };
        assert!(names.name(&instance(&now())));
        assert!(!names.name(&instance(&identity("01JD0000000000000000000001"))), "of another life");
        assert!(!Names::default().name(&instance(&now())), "the launch template is gone");
        assert!(!names.name(&found("vpc-2", &now())), "a VPC is started from nothing");
    }

    #[test]
    fn an_alias_is_named_with_its_key() {
        let mut names = Names::default();
        let spec = json!({"alias": "alias/landfall/home/demo/cluster"});
        names.add(now(), Record { kind: Kind::KmsKey, ..record(State::Ready, Some("key-1"), spec) });
        assert!(names.name(&found("alias/landfall/home/demo/cluster", &now())));
        assert!(!names.name(&found("alias/landfall/home/demo/other", &now())));
    }

    #[test]
    fn what_eks_left_is_an_orphan_only_of_a_cluster_that_the_ledger_knows_of() {
        let group = |created: i64| Candidate {
            reason: String::new(),
            found: Found {
                tags: Tags::new(),
                created: Some(Timestamp::from_second(created).unwrap()),
                ..found("/aws/eks/demo/cluster", &now())
            },
            of_eks: true,
        };
        let mut names = Names::default();
        assert!(!names.is_orphan(&group(7)));
        let past = Past { cluster: now().platform, since: Timestamp::from_second(5).unwrap() };
        names.past.insert("demo".to_owned(), past);
        assert!(names.is_orphan(&group(7)));
        assert!(!names.is_orphan(&group(3)), "it is older than the platform");
    }

    #[test]
    fn roles_of_the_installation_itself_and_of_its_namesake_elsewhere_are_not_looked_at() {
        let (here, there) = (Region::parse("eu-west-1").unwrap(), Region::parse("us-east-1").unwrap());
        let home = Home { installation: "home", region: &here };
        let demo = now().platform;
        let role = |region: &Region, platform: Option<&str>| Found {
            locator: format!("landfall-demo-flow-logs-{}", plan::role_mark("home", region, &demo)),
            platform: platform.map(str::to_owned),
            ..found("", &now())
        };
        assert!(is_of(home, &role(&here, Some("demo"))));
        assert!(!is_of(home, &role(&there, Some("demo"))));
        assert!(!is_of(home, &role(&here, None)), "no platform's path");
    }

    #[test]
    fn the_oldest_come_first_and_an_answer_has_an_end() {
        let one = |number: usize| {
            let created = (number > 0).then(|| Timestamp::from_second(i64::try_from(number).unwrap()).unwrap());
            Candidate {
                reason: String::new(),
                found: Found { created, ..found(&format!("vpc-{number:05}"), &now()) },
                of_eks: false,
            }
        };
        let sorted = oldest(vec![one(0), one(2), one(1)]);
        let ids: Vec<&str> = sorted.iter().map(|one| one.found.locator.as_str()).collect();
        assert_eq!(ids, ["vpc-00001", "vpc-00002", "vpc-00000"]);
        assert_eq!(oldest((0..SHOWN + 1).map(one).collect()).len(), SHOWN);
    }

    #[test]
    fn the_longest_answer_is_one_that_lambda_takes() {
        let name = format!("/landfall/{}", "x".repeat(512 - "/landfall/".len()));
        let group = Found {
            locator: name.clone(),
            command: format!("aws logs delete-log-group --log-group-name {name}"),
            ..found("", &now())
        };
        let orphan = orphan(format!("found by the name /landfall/{}/*", "i".repeat(20)), group);
        let answer =
            Orphans { installation: "home".into(), at: Timestamp::MAX, total: SHOWN, orphans: vec![orphan; SHOWN] };
        assert!(serde_json::to_vec(&answer).unwrap().len() < 6 * 1024 * 1024);
    }
}
