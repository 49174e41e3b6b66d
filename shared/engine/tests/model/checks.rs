//! What must hold, on physical ids.

use std::collections::BTreeSet;

use domain::{Epoch, Identity, Incarnation, Kind, ResourceId, Tags};
use jiff::{SignedDuration, Timestamp};
use plan::Plan;
use serde_json::{Value, json};
use testkit::{Effect, Records, Verb, World};

use crate::history::Times;
use crate::plans::GIVEN;

/// What is in the account and none of ours.
pub(crate) struct Strangers(Vec<(String, Value)>);

/// A log group of somebody else, under the name that the platform's would have.
const IN_THE_WAY: &str = "somebodys-log-group";

impl Strangers {
    /// Puts them there: what an earlier life of the name left, a given network, and what stands in the way.
    pub(crate) fn settle(world: &World, identity: &Identity, given: bool, in_the_way: bool) -> Self {
        let yesterday = Identity { incarnation: Incarnation::random(), ..identity.clone() };
        let tags = |name: &str| {
            let id = ResourceId::new(domain::Component::Network, name);
            yesterday.resource_tags(&id, domain::Generation::FIRST)
        };
        let mut placed = vec![
            ("vpc-of-yesterday", Kind::Vpc, tags("vpc"), json!({"cidr": "10.40.0.0/16"})),
            ("nat-of-yesterday", Kind::NatGateway, tags("nat-euw1-az1"), json!({"subnet": "s", "address": "a"})),
        ];
        if given {
            let subnet = |id: &str, zone: &str, cidr: &str| json!({"id": id, "zone": zone, "cidr": cidr});
            placed.extend([
                (GIVEN[0], Kind::GivenVpc, Tags::new(), json!({"id": GIVEN[0], "cidrs": ["10.9.0.0/16"]})),
                (GIVEN[1], Kind::GivenSubnet, Tags::new(), subnet(GIVEN[1], "euw1-az1", "10.9.0.0/24")),
                (GIVEN[2], Kind::GivenSubnet, Tags::new(), subnet(GIVEN[2], "euw1-az2", "10.9.1.0/24")),
            ]);
        }
        if in_the_way {
            placed.push((IN_THE_WAY, Kind::LogGroup, Tags::new(), json!({"name": "/landfall/test/demo/flow-logs"})));
        }
        for (locator, kind, tags, spec) in &placed {
            world.place(locator, *kind, tags.clone(), spec.clone());
        }
        Self(placed.into_iter().map(|(locator, _, _, spec)| (locator.to_owned(), spec)).collect())
    }

    /// Whoever stood in the way goes.
    pub(crate) fn make_room(&self, world: &World) {
        world.tamper(IN_THE_WAY, None);
    }
}

pub(crate) fn strangers(world: &World, strangers: &Strangers) -> Result<(), String> {
    let made_room = |locator: &str| locator == IN_THE_WAY && world.spec(locator).is_none();
    let changed: Vec<_> = strangers.0.iter().filter(|(locator, _)| !made_room(locator)).collect();
    let effects = world.effects();
    match changed.into_iter().find(|(locator, spec)| world.spec(locator).as_ref() != Some(spec)) {
        Some((locator, _)) => Err(format!("{locator} is not ours and was touched")),
        None => match effects.iter().find(|effect| strangers.0.iter().any(|(locator, _)| *locator == effect.locator)) {
            Some(effect) => Err(format!("what is not ours was touched: {effect:?}")),
            None => Ok(()),
        },
    }
}

/// Everything that the plan wants is there once, as wanted, and the ledger names it; and nothing else of ours is there.
pub(crate) fn as_planned(world: &World, records: &Records, plan: &Plan) -> Result<(), String> {
    let records = records.all();
    testkit::as_planned(world, &records, plan)?;
    let named: BTreeSet<String> =
        records.iter().filter_map(|record| record.locator.as_ref()).map(|locator| locator.0.clone()).collect();
    match made(world).into_iter().find(|thing| !named.contains(locator_of(thing))) {
        Some(thing) => Err(format!("no record names {thing}")),
        None => Ok(()),
    }
}

/// Nothing of ours is there, and nothing is recorded.
pub(crate) fn nothing_left(world: &World, records: &Records, strangers: &Strangers) -> Result<(), String> {
    let is_strange = |thing: &String| strangers.0.iter().any(|(locator, _)| locator == locator_of(thing));
    let left: Vec<String> = world.alive().into_iter().filter(|thing| !is_strange(thing)).collect();
    let records = records.all();
    if left.is_empty() && records.is_empty() {
        return Ok(());
    }
    Err(format!("left behind: {left:?}, records {records:?}"))
}

/// No call was begun too late in its function, and none had its effect after the quarantine of a newer epoch.
pub(crate) fn nothing_late(effects: &[Effect], begun: &[(Epoch, Timestamp)]) -> Result<(), String> {
    for effect in effects {
        if effect.begun > effect.last_call {
            return Err(format!("begun when its function could end before it: {effect:?}"));
        }
        let fenced = begun.iter().find(|(epoch, _)| *epoch > effect.epoch);
        if fenced.is_some_and(|(_, at)| effect.at > *at + SignedDuration::from_secs(Times::QUARANTINE)) {
            return Err(format!("an old epoch changed something: {effect:?}"));
        }
    }
    Ok(())
}

/// Nothing was made to refer to what AWS could still give up on: a route to a gateway that is not ready cuts its users off.
pub(crate) fn nothing_early(effects: &[Effect]) -> Result<(), String> {
    match effects.iter().find(|effect| effect.early) {
        Some(effect) => Err(format!("done before what it needs was ready: {effect:?}")),
        None => Ok(()),
    }
}

/// Nothing was deleted that something else still pointed to.
pub(crate) fn nothing_dangles(effects: &[Effect]) -> Result<(), String> {
    match effects.iter().find(|effect| effect.verb == Verb::Delete && effect.dangling) {
        Some(effect) => Err(format!("deleted while something pointed to it: {effect:?}")),
        None => Ok(()),
    }
}

/// No change that AWS gave up on was asked for again in the same phase.
pub(crate) fn nothing_again(effects: &[Effect]) -> Result<(), String> {
    match effects.iter().find(|effect| effect.again) {
        Some(effect) => Err(format!("tried again although it had failed: {effect:?}")),
        None => Ok(()),
    }
}

/// What Landfall made, as [`World::alive`] shows it.
fn made(world: &World) -> Vec<String> {
    let made: BTreeSet<String> =
        world.effects().into_iter().filter(|effect| effect.verb == Verb::Create).map(|effect| effect.locator).collect();
    world.alive().into_iter().filter(|thing| made.contains(locator_of(thing))).collect()
}

fn locator_of(thing: &str) -> &str {
    thing.split(" ").next().unwrap_or(thing)
}
