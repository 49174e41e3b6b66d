//! The whole table of the engine's policy: every state against everything that AWS may show, in the three passes.

#![allow(clippy::unwrap_used, reason = "a test says what must hold by unwrapping it, in its helpers too")]

use domain::{
    Claim, Component, Edge, Epoch, Generation, Kind, Locator, Operation, Outputs, Record, ResourceId, RunId, State,
    Target, Token,
};
use engine::{Actual, Decision, Moment, Observed, Pass, Wanted, decide};
use jiff::{SignedDuration, Timestamp};
use plan::Goal;
use serde_json::{Value, json};

const NOW: i64 = 100_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn moment() -> Moment {
    Moment {
        now: at(NOW),
        epoch: Epoch(7),
        settling: SignedDuration::from_secs(30),
        patience: SignedDuration::from_secs(1800),
    }
}

fn claim(age: i64) -> Claim {
    Claim { run: RunId::random(), token: Token::random(), at: at(NOW - age) }
}

fn operation(epoch: u64, age: i64) -> Operation {
    Operation { run: RunId::random(), epoch: Epoch(epoch), since: at(NOW - age), reason: Some("because".into()) }
}

fn spec() -> Value {
    json!({"cidr": "10.0.0.0/16", "tags": {"a": "1"}})
}

fn record(state: State) -> Record {
    Record {
        id: ResourceId::new(Component::Network, "vpc"),
        generation: Generation::FIRST,
        kind: Kind::Vpc,
        schema: Record::SCHEMA,
        target: Target { account: "123456789012".parse().unwrap(), region: "eu-west-1".parse().unwrap() },
        locator: Some(Locator("vpc-1".into())),
        spec: spec(),
        needs: Vec::<Edge>::new(),
        state,
        outputs: Outputs::new(),
        adopted: false,
        attempts: 1,
        confirmed: None,
        created: at(0),
        updated: at(0),
    }
}

fn actual(locator: &str, properties: Value) -> Actual {
    Actual { locator: Locator(locator.into()), properties, outputs: Outputs::new() }
}

fn word(decision: &Decision) -> String {
    match decision {
        Decision::Create => "create".into(),
        Decision::Replace(_) => "replace".into(),
        Decision::Accept(_) => "accept".into(),
        Decision::Confirm(_) => "confirm".into(),
        Decision::Update(_, changes) => {
            format!("update {}", changes.iter().map(|change| change.field.as_str()).collect::<Vec<_>>().join("+"))
        }
        Decision::Fail(..) => "fail".into(),
        Decision::Retire(_) => "retire".into(),
        Decision::Delete(_) => "delete".into(),
        Decision::DeleteSurplus(surplus) => {
            format!("surplus {}", surplus.iter().map(|actual| actual.locator.0.as_str()).collect::<Vec<_>>().join("+"))
        }
        Decision::Forget => "forget".into(),
        Decision::Wait(_) => "wait".into(),
        Decision::Done => "done".into(),
        Decision::Refuse(fault) => fault.name.to_string(),
    }
}

fn states() -> Vec<(&'static str, Option<State>)> {
    vec![
        ("no record", None),
        ("creating, young", Some(State::Creating(claim(5)))),
        ("creating, settled", Some(State::Creating(claim(60)))),
        ("unknown, young", Some(State::Unknown(claim(5)))),
        ("unknown, settled", Some(State::Unknown(claim(60)))),
        ("pending", Some(State::Pending(operation(7, 60)))),
        ("pending, overdue", Some(State::Pending(operation(7, 3600)))),
        ("pending, of an earlier phase", Some(State::Pending(operation(6, 3600)))),
        ("ready", Some(State::Ready)),
        ("updating", Some(State::Updating(operation(7, 60)))),
        ("retiring", Some(State::Retiring(operation(7, 60)))),
        ("deleting", Some(State::Deleting(operation(7, 60)))),
        ("deleting, overdue", Some(State::Deleting(operation(7, 3600)))),
        ("failed in this phase", Some(State::Failed(operation(7, 60)))),
        ("failed in an earlier phase", Some(State::Failed(operation(6, 60)))),
    ]
}

fn sights() -> Vec<(&'static str, Observed)> {
    vec![
        ("absent", Observed::Absent),
        ("pending", Observed::Pending(actual("vpc-1", spec()))),
        ("as wanted", Observed::Present(actual("vpc-1", spec()))),
        ("other tags", Observed::Present(actual("vpc-1", json!({"tags": {"a": "2"}})))),
        ("failed", Observed::Failed(actual("vpc-1", spec()), "no".into())),
        ("foreign", Observed::Foreign(Locator("vpc-9".into()))),
        ("two", Observed::Many(vec![actual("vpc-0", spec()), actual("vpc-1", spec())])),
    ]
}

fn table(pass: Pass, wanted: Option<Value>) -> String {
    let wanted = wanted.map(|spec| Wanted { spec, needs: Vec::new() });
    let id = ResourceId::new(Component::Network, "vpc");
    let mut table = format!("{:<27}", "");
    for (name, _) in sights() {
        table.push_str(&format!(" {name:<18}"));
    }
    for (name, state) in states() {
        table.push_str(&format!("\n{name:<27}"));
        for (_, seen) in sights() {
            let record = state.clone().map(record);
            let decision = decide(pass, &id, wanted.as_ref(), record.as_ref(), &seen, &moment());
            table.push_str(&format!(" {:<18}", word(&decision)));
        }
    }
    table.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[test]
fn wanted_as_it_was() {
    insta::assert_snapshot!(table(Pass::Converge(Goal::Foundation), Some(spec())));
}

#[test]
fn wanted_with_another_tag() {
    let wanted = json!({"cidr": "10.0.0.0/16", "tags": {"a": "3"}});
    insta::assert_snapshot!(table(Pass::Converge(Goal::Foundation), Some(wanted)));
}

#[test]
fn wanted_with_another_cidr() {
    let wanted = json!({"cidr": "10.1.0.0/16", "tags": {"a": "1"}});
    insta::assert_snapshot!(table(Pass::Converge(Goal::Foundation), Some(wanted)));
}

#[test]
fn verified() {
    insta::assert_snapshot!(table(Pass::Verify, Some(spec())));
}

#[test]
fn what_was_just_made_may_not_be_visible_yet_when_it_is_verified() {
    let id = ResourceId::new(Component::Network, "vpc");
    let wanted = Wanted { spec: spec(), needs: Vec::new() };
    let young = Record { updated: moment().now, ..record(State::Ready) };
    let decision = decide(Pass::Verify, &id, Some(&wanted), Some(&young), &Observed::Absent, &moment());
    assert_eq!(word(&decision), "wait");
}

#[test]
fn not_wanted() {
    insta::assert_snapshot!(table(Pass::Prune, None));
}

#[test]
fn what_was_there_before_us_is_never_deleted() {
    let id = ResourceId::new(Component::Network, "vpc");
    let adopted = Record { adopted: true, ..record(State::Ready) };
    for (_, seen) in sights() {
        assert_eq!(decide(Pass::Prune, &id, None, Some(&adopted), &seen, &moment()), Decision::Forget);
    }
}

#[test]
fn what_left_a_list_is_taken_away_though_aws_shows_only_what_is_wanted_of_it() {
    let mut record = record(State::Ready);
    record.spec = json!({"tags": {"stays": "1", "left": "2"}});
    let wanted = Wanted { spec: json!({"tags": {"stays": "1"}}), needs: Vec::new() };
    let properties = json!({"tags": {"stays": "1"}});
    let seen = Observed::Present(Actual { locator: Locator("vpc-1".into()), properties, outputs: Outputs::new() });
    let pass = Pass::Converge(Goal::Foundation);
    match decide(pass, &record.id, Some(&wanted), Some(&record), &seen, &moment()) {
        Decision::Update(_, changes) => assert_eq!(changes[0].old, json!({"stays": "1", "left": "2"})),
        other => panic!("{other:?}"),
    }
}
