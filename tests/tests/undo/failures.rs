//! Each resource fails in turn, at each of its calls that changes something: refused, done but never answered, and
//! accepted but never finished. Afterwards a restore leaves what was there before.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::{FaultName, Kind};
use engine::Pass;
use futures::stream::{self, StreamExt};
use plan::{Goal, Plan};
use sandbox::{Effect, Rule};

use crate::stage::{Case, Stage, on_stage};
use crate::wrapped;

/// How many platforms are worked on at once.
const AT_ONCE: usize = 12;

/// A call that changes something: of which resource, and how often the same one came before.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Point {
    resource: String,
    service: String,
    action: String,
    before: u32,
}

/// How the call goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum How {
    /// It is refused, and so is every later one of its sort.
    Refused,
    /// It is done; its answer is lost, and the function dies.
    Unanswered,
    /// It is accepted, and what AWS goes on with by itself fails.
    Unfinished,
}

impl Point {
    fn rule(&self, how: How, user: &str) -> Rule {
        let rule = |effect| Rule::new(&self.service, &self.action, effect).by(user).after(self.before);
        match how {
            How::Refused => rule(Effect::Deny),
            How::Unanswered => rule(Effect::DropAnswer),
            How::Unfinished => {
                rule(Effect::FailLater { code: "InternalError".into(), message: "by a rule".into() }).times(1)
            }
        }
    }
}

/// The calls of this platform's users after the call of that number.
fn points(case: &Case, since: u64) -> BTreeSet<Point> {
    let mut counts: BTreeMap<(String, String, String), u32> = BTreeMap::new();
    let prefix = format!(":user/{}.", case.platform());
    let calls = case.stage.sandbox.calls_since(since).into_iter().filter(|call| call.mutating && call.status == 200);
    calls
        .filter_map(|call| {
            let (_, resource) = call.caller.split_once(&prefix)?;
            let count = counts.entry((resource.to_owned(), call.service.clone(), call.action.clone())).or_default();
            *count += 1;
            let (resource, before) = (resource.to_owned(), *count - 1);
            Some(Point { resource, service: call.service, action: call.action, before })
        })
        .collect()
}

/// A platform where every resource of these plans has a user of its own.
async fn all_marked(stage: &'static Stage, plans: impl Fn(&domain::PlatformName) -> Vec<Plan>) -> Case {
    let platform = stage.name();
    let mut own = BTreeMap::new();
    for id in plans(&platform).iter().flat_map(|plan| plan.resources.keys()) {
        if !own.contains_key(id.name()) {
            own.insert(id.name().to_owned(), stage.kinds_of(&format!("{platform}.{}", id.name())).await);
        }
    }
    stage.case_of(platform, wrapped::marked(stage.kinds(), own))
}

/// Deploys until the fault strikes, and answers what the run would end with.
async fn failed(case: &Case, plan: &Plan, point: &Point, how: How, user: &str) -> Result<(), String> {
    let sandbox = &case.stage.sandbox;
    sandbox.script(point.rule(how, user));
    let struck = async {
        let mut seen = 0;
        loop {
            let faults = sandbox.faults_since(seen);
            if faults.iter().any(|rule| rule.caller.as_ref().is_some_and(|caller| caller.ends_with(user))) {
                return;
            }
            seen += faults.len();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let end = match how {
        // Dropped in the middle of what it does, as a function that is killed.
        How::Unanswered => tokio::select! {
            end = case.deploy(plan) => Err(format!("the fault did not strike before the end: {end:?}")),
            () = struck => Ok(()),
        },
        How::Refused | How::Unfinished => match case.deploy(plan).await {
            Err(fault) if how == How::Refused && fault.name == FaultName::AccessDenied => Ok(()),
            Err(fault) if how == How::Unfinished && fault.name == FaultName::CreateFailed => Ok(()),
            end => Err(format!("ended otherwise: {end:?}")),
        },
    };
    sandbox.clear_rules_of(user);
    end
}

async fn undone_to_nothing(stage: &'static Stage, point: &Point, how: How) -> Result<(), String> {
    let (mut case, user) = stage.case_marking(&point.resource).await;
    let plan = stage.before.first(case.platform());
    failed(&case, &plan, point, how, &user).await?;
    case.next_phase();
    case.tear_down().await.map_err(|fault| format!("the restore failed: {fault:?}"))?;
    case.disagreement().await?;
    let left = case.records.all();
    if left.is_empty() { Ok(()) } else { Err(format!("left in the ledger: {left:?}")) }
}

/// `same` says whether what is there afterwards must be the very same, or may have been made anew.
async fn undone_to_the_first(stage: &'static Stage, point: &Point, how: How, same: bool) -> Result<(), String> {
    let (mut case, user) = stage.case_marking(&point.resource).await;
    let (first, second) = (stage.before.first(case.platform()), stage.before.second(case.platform()));
    case.deploy(&first).await.map_err(|fault| format!("the first deploy failed: {fault:?}"))?;
    let good = case.physical().await;
    case.next_phase();
    failed(&case, &second, point, how, &user).await?;
    case.next_phase();
    case.deploy(&first).await.map_err(|fault| format!("the restore failed: {fault:?}"))?;
    case.disagreement().await?;
    let recorded: BTreeSet<_> = case.records.all().into_iter().map(|record| record.id).collect();
    if recorded != first.resources.keys().cloned().collect() {
        return Err(format!("the ledger holds {recorded:?}"));
    }
    let now = case.physical().await;
    if !same || now == good {
        return Ok(());
    }
    let only = |one: &BTreeSet<String>, other: &BTreeSet<String>| one.difference(other).cloned().collect::<Vec<_>>();
    Err(format!("gone {:?}, new {:?}", only(&good, &now), only(&now, &good)))
}

/// Works through all cases and names those that failed.
async fn all<F: Future<Output = Result<(), String>>>(
    cases: Vec<(Point, How)>,
    run: impl Fn(Point, How) -> F,
) {
    let count = cases.len();
    let begun = std::time::Instant::now();
    let failures: Vec<String> = stream::iter(cases)
        .map(|(point, how)| {
            let what = format!("{how:?} {point:?}");
            let done = run(point, how);
            async move { done.await.err().map(|why| format!("{what}: {why}")) }
        })
        .buffer_unordered(AT_ONCE)
        .filter_map(async |failure| failure)
        .collect()
        .await;
    eprintln!("{count} cases in {:.1?}", begun.elapsed());
    assert!(failures.is_empty(), "{} of {count} cases failed:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn a_first_deploy_that_fails_anywhere_is_undone() {
    on_stage(async |stage| {
        let case = all_marked(stage, |platform| vec![stage.before.first(platform)]).await;
        let plan = stage.before.first(case.platform());
        case.deploy(&plan).await.unwrap();
        let points = points(&case, 0);
        for id in plan.resources.keys() {
            assert!(points.iter().any(|point| point.resource == id.name()), "{id} changed nothing");
        }
        let goes_on =
            |kind: Kind| matches!(kind, Kind::NatGateway | Kind::InterfaceEndpoint | Kind::TransitGatewayAttachment);
        let kind_of = |point: &Point| {
            plan.resources.iter().find(|(id, _)| id.name() == point.resource).map(|(_, desired)| desired.kind)
        };
        let later = |point: &&Point| point.action.starts_with("Create") && kind_of(point).is_some_and(goes_on);
        let mut cases: Vec<(Point, How)> =
            points.iter().filter(later).map(|point| (point.clone(), How::Unfinished)).collect();
        assert_eq!(cases.len(), 3);
        cases.extend(points.iter().flat_map(|one| [(one.clone(), How::Refused), (one.clone(), How::Unanswered)]));
        all(cases, async |point, how| undone_to_nothing(stage, &point, how).await).await;
    });
}

#[test]
fn a_change_that_fails_anywhere_goes_back_to_what_was() {
    on_stage(async |stage| {
        let plans = |platform: &_| vec![stage.before.first(platform), stage.before.second(platform)];
        let case = all_marked(stage, plans).await;
        let last = || stage.sandbox.calls().last().unwrap().number;
        case.deploy(&stage.before.first(case.platform())).await.unwrap();
        let (since, second) = (last(), stage.before.second(case.platform()));
        for pass in [Pass::Converge(Goal::Foundation), Pass::Converge(Goal::Egress)] {
            case.until_ready(&second, pass).await.unwrap();
        }
        let converge = points(&case, since);
        let since = last();
        case.until_ready(&second, Pass::Prune).await.unwrap();
        // What Prune has taken away, a restore makes anew.
        let prune = points(&case, since).into_iter().map(|point| (point, false));
        let cases = converge.into_iter().map(|point| (point, true)).chain(prune);
        let (same, cases): (BTreeMap<Point, bool>, Vec<(Point, How)>) = cases
            .filter(|(point, _)| point.before == 0)
            .enumerate()
            .map(|(n, (point, same))| {
                let how = if n % 2 == 0 { How::Refused } else { How::Unanswered };
                ((point.clone(), same), (point, how))
            })
            .unzip();
        assert!(same.values().any(|same| *same) && same.values().any(|same| !*same));
        all(cases, async |point, how| undone_to_the_first(stage, &point, how, same[&point]).await).await;
    });
}
