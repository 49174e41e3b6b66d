//! What carries the installation's tags or names, and stands in no live record of the ledger.
//!
//! It guarantees that whatever a run makes or removes at the same time is no orphan. A claim stands in the ledger before
//! its thing stands in AWS, and a record goes after its thing has gone: what AWS shows before the ledger is read and
//! still shows after it, and the ledger does not name, nobody remembers.

use std::collections::BTreeSet;

use domain::{Fault, Identity, PlatformName, Record, Region, State};
use engine::Ledger as _;
use jiff::Timestamp;
use ledger::{Ledger, Orphan, Orphans};

use crate::Clients;
use crate::listing::{self, Found};

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
    found.retain(|(_, found)| !names.name(found));
    if !found.is_empty() {
        let still: BTreeSet<String> =
            everything(clients, home).await?.into_iter().map(|(_, one)| one.locator).collect();
        found.retain(|(_, found)| still.contains(&found.locator));
    }
    let total = found.len();
    let mut orphans = Vec::new();
    for (reason, found) in oldest(found) {
        let found = if found.what == "role" { listing::with_its_policies(clients, found).await? } else { found };
        orphans.push(orphan(reason, found));
    }
    Ok(Orphans { installation: home.installation.to_owned(), at, total, orphans })
}

/// Everything of the installation that AWS shows, each with why it counts.
async fn everything(clients: &Clients, home: Home<'_>) -> Result<Vec<(String, Found)>, Fault> {
    let mut all = Vec::new();
    let mut note = |by: String, found: Vec<Found>| all.extend(found.into_iter().map(|one| (by.clone(), one)));
    let tag = listing::filter(&format!("tag:{}", Identity::INSTALLATION), home.installation);
    for (_, found) in listing::network(&clients.ec2, &[tag]).await? {
        note(format!("found by the tag {} = {}", Identity::INSTALLATION, home.installation), found);
    }
    let path = listing::path(home.installation);
    note(format!("found by the name {path}*"), listing::log_groups(clients, &path).await?);
    let mut roles = listing::roles(clients, &path).await?;
    roles.retain(|role| is_of(home, role));
    note(format!("found by the path {path}"), roles);
    Ok(all)
}

/// IAM knows no region, and an installation of the same name in another region has the same path. Its roles end
/// otherwise. The installation's own roles lie in the path of no platform.
fn is_of(home: Home<'_>, role: &Found) -> bool {
    let platform = role.platform.as_deref().and_then(|name| PlatformName::parse(name).ok());
    platform.is_some_and(|name| role.locator.ends_with(&plan::role_mark(home.installation, home.region, &name)))
}

/// The oldest first, those of unknown age last, as many as an answer holds.
fn oldest(mut found: Vec<(String, Found)>) -> Vec<(String, Found)> {
    found.sort_by_key(|(_, found)| (found.created.unwrap_or(Timestamp::MAX), found.locator.clone()));
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
    /// The locators of every live record.
    located: BTreeSet<String>,
    /// The creates that are under way.
    claims: Vec<(Identity, Record)>,
}

impl Names {
    /// Of every platform that any of these things names.
    async fn read(ledger: &Ledger, found: &[(String, Found)]) -> Result<Self, Fault> {
        let named = found.iter().filter_map(|(_, found)| PlatformName::parse(found.platform.as_deref()?).ok());
        let mut names = Self::default();
        for platform in named.collect::<BTreeSet<_>>() {
            let Some(platform) = ledger.platform(&platform).await? else { continue };
            for stored in ledger.records(&platform.name).await? {
                names.add(platform.identity(), stored.record);
            }
        }
        Ok(names)
    }

    fn add(&mut self, identity: Identity, record: Record) {
        if record.state == State::Gone {
            return;
        }
        self.located.extend(record.locator.as_ref().map(|locator| locator.0.clone()));
        if matches!(record.state, State::Creating(_) | State::Unknown(_) | State::Pending(_)) {
            self.claims.push((identity, record));
        }
    }

    fn name(&self, found: &Found) -> bool {
        let located = self.located.contains(&found.locator);
        located || self.claims.iter().any(|(identity, record)| may_come_of(identity, record, found))
    }
}

/// Whether this may have come of a claim: it carries the tags by which the claim finds it, whatever attempt made it, or
/// has the name that the claim asks for.
fn may_come_of(identity: &Identity, claim: &Record, found: &Found) -> bool {
    let tags = identity.resource_tags(&claim.id, claim.generation);
    tags.iter().all(|(key, value)| found.tags.get(key) == Some(value)) || claim.spec["name"] == *found.locator
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use domain::{
        AccountId, Claim, Component, Generation, Incarnation, Kind, Locator, ResourceId, RunId, Tags, Target, Token,
    };
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
            (String::new(), Found { created, ..found(&format!("vpc-{number:05}"), &now()) })
        };
        let sorted = oldest(vec![one(0), one(2), one(1)]);
        let ids: Vec<&str> = sorted.iter().map(|(_, found)| found.locator.as_str()).collect();
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
