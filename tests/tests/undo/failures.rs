//! Each resource fails in turn, at each of its calls that changes something: refused, done but never answered, and
//! accepted but never finished. Afterwards a restore leaves what was there before.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::{FaultName, PlatformName, ResourceId};
use engine::Pass;
use futures::stream::{self, StreamExt};
use plan::Plan;
use sandbox::{Effect, Rule};

use crate::clusters::{FARGATE, NODES};
use crate::plans::{NETWORK, Story};
use crate::stage::{Case, Stage, on_stage};

/// How many platforms are worked on at once.
const AT_ONCE: usize = 8;

/// How many failures a platform goes through on its way to what becomes of it.
const IN_A_ROW: usize = 5;

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
                rule(Effect::FailLater { code: self.reason().into(), message: "by a rule".into() }).times(1)
            }
        }
    }
}

impl Point {
    /// The code with which AWS gives up on what the call began: one that ends with the operation, and leaves nothing that
    /// is unhealthy.
    fn reason(&self) -> &'static str {
        match self.action.as_str() {
            "CreateAddon" => "ConfigurationConflict",
            "UpdateNodegroupConfig" | "UpdateNodegroupVersion" => "PodEvictionFailure",
            _ => "InternalError",
        }
    }

    /// The fault that a run ends with if this is not finished.
    fn fault(&self) -> FaultName {
        if self.action.starts_with("Create") { FaultName::CreateFailed } else { FaultName::UpdateFailed }
    }

    /// Whether AWS goes on by itself with what the call begins, so that it can fail there.
    fn goes_on(&self) -> bool {
        let goes_on = [
            "CreateNatGateway",
            "CreateTransitGatewayVpcAttachment",
            "CreateCluster",
            "CreateNodegroup",
            "CreateFargateProfile",
            "CreateAddon",
            "CreateFunction",
            "UpdateClusterConfig",
            "UpdateNodegroupConfig",
            "UpdateNodegroupVersion",
            "UpdateAddon",
            "UpdateFunctionCode",
            "UpdateFunctionConfiguration",
        ];
        // A gateway endpoint is there at once.
        goes_on.contains(&self.action.as_str())
            || (self.action == "CreateVpcEndpoint" && !self.resource.ends_with("s3"))
    }
}

/// The calls of this platform's users after the call of that number.
fn points(case: &Case, since: u64) -> BTreeSet<Point> {
    let mut counts: BTreeMap<(String, String, String), u32> = BTreeMap::new();
    let prefix = format!(":user/{}.", case.platform());
    let calls = case
        .stage
        .sandbox
        .calls_since(since)
        .into_iter()
        .filter(|call| call.mutating && (200..300).contains(&call.status));
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
            Err(fault) if how == How::Unfinished && fault.name == point.fault() => Ok(()),
            end => Err(format!("ended otherwise: {end:?}")),
        },
    };
    sandbox.clear_rules_of(user);
    end
}

/// What is refused or never finished needs no bystanders: the plan is cut down to the resource and what it needs. A
/// function that dies leaves all that it was about, so there the plan is whole.
async fn undone_to_nothing(stage: &'static Stage, story: Story, point: &Point, how: How) -> Result<(), String> {
    let (mut case, user) = stage.case_marking([point.resource.as_str()]).await;
    let mut plan = (story.first)(&stage.before, case.platform());
    if how != How::Unanswered {
        let needed = needed(&plan, &point.resource);
        plan.resources.retain(|id, _| needed.contains(id));
    }
    let user = format!("{user}.{}", point.resource);
    failed(&case, &plan, point, how, &user).await?;
    case.next_phase();
    case.tear_down().await.map_err(|fault| format!("the restore failed: {fault:?}"))?;
    case.disagreement().await?;
    let left = case.records.all();
    if left.is_empty() { Ok(()) } else { Err(format!("left in the ledger: {left:?}")) }
}

/// The resource and all that it needs, and what that needs.
fn needed(plan: &Plan, resource: &str) -> BTreeSet<ResourceId> {
    let mut open: Vec<&ResourceId> = plan.resources.keys().filter(|id| id.name() == resource).collect();
    let mut needed = BTreeSet::new();
    while let Some(id) = open.pop() {
        if needed.insert(id.clone()) {
            open.extend(plan.resources[id].needs.iter().map(|need| &need.resource));
        }
    }
    needed
}

/// One platform that fails again and again on its way from what it was at first to what becomes of it. `same` says whether what is
/// there afterwards must be the very same, or may have been made anew.
async fn undone_to_the_first(stage: &'static Stage, story: Story, faults: &[(Point, How)], same: bool) -> Vec<String> {
    let resources: BTreeSet<&str> = faults.iter().map(|(point, _)| point.resource.as_str()).collect();
    let (mut case, user) = stage.case_marking(resources).await;
    let (first, second) = both(stage, story, case.platform());
    case.build(&first).await.unwrap();
    let mut good = case.physical().await;
    let mut failures = Vec::new();
    for (point, how) in faults {
        case.next_phase();
        let user = format!("{user}.{}", point.resource);
        let undone = async {
            failed(&case, &second, point, *how, &user).await?;
            case.next_phase();
            case.deploy(&first).await.map_err(|fault| format!("the restore failed: {fault:?}"))?;
            case.disagreement().await
        };
        let mut why = undone.await.err();
        let recorded: BTreeSet<ResourceId> = case.records.all().into_iter().map(|record| record.id).collect();
        if why.is_none() && recorded != first.resources.keys().cloned().collect() {
            why = Some(format!("the ledger holds {recorded:?}"));
        }
        let now = case.physical().await;
        if why.is_none() && same && now != good {
            let only = |one: &BTreeSet<String>, other: &BTreeSet<String>| -> Vec<String> {
                one.difference(other).cloned().collect()
            };
            why = Some(format!("gone {:?}, new {:?}", only(&good, &now), only(&now, &good)));
        }
        good = now;
        failures.extend(why.map(|why| format!("{how:?} {point:?}: {why}")));
    }
    failures
}

/// Works through all cases, several at once, and names what failed.
async fn all<T, F: Future<Output = Vec<String>>>(cases: impl IntoIterator<Item = T>, run: impl Fn(T) -> F) {
    let failures: Vec<String> =
        stream::iter(cases).map(run).buffer_unordered(AT_ONCE).flat_map(stream::iter).collect().await;
    assert!(failures.is_empty(), "{} failed:\n{}", failures.len(), failures.join("\n"));
}

fn both(stage: &Stage, story: Story, platform: &PlatformName) -> (Plan, Plan) {
    ((story.first)(&stage.before, platform), (story.second)(&stage.before, platform))
}

/// A first deploy fails, at each call of each resource in turn. `unfinished` is what AWS goes on with by itself.
async fn first_deploys_fail(stage: &'static Stage, story: Story, unfinished: usize) {
    let names = (story.first)(&stage.before, &stage.name());
    let (case, _) = stage.case_marking(names.resources.keys().map(ResourceId::name)).await;
    let plan = (story.first)(&stage.before, case.platform());
    case.deploy(&plan).await.unwrap();
    case.disagreement().await.unwrap();
    let points = points(&case, 0);
    for (id, _) in plan.resources.iter().filter(|(_, desired)| !desired.kind.is_given()) {
        assert!(points.iter().any(|point| point.resource == id.name()), "{id} changed nothing");
    }
    let mut cases: Vec<(Point, How)> =
        points.iter().filter(|point| point.goes_on()).map(|point| (point.clone(), How::Unfinished)).collect();
    assert_eq!(cases.len(), unfinished, "{cases:?}");
    cases.extend(points.iter().flat_map(|one| [(one.clone(), How::Refused), (one.clone(), How::Unanswered)]));
    all(cases, async |(point, how)| {
        let undone = undone_to_nothing(stage, story, &point, how).await;
        undone.err().map(|why| format!("{how:?} {point:?}: {why}")).into_iter().collect()
    })
    .await;
}

/// A change fails, at each call in turn, and so does what AWS goes on with by itself.
async fn changes_fail(stage: &'static Stage, story: Story) {
    let (first, second) = both(stage, story, &stage.name());
    let names: BTreeSet<&str> = first.resources.keys().chain(second.resources.keys()).map(ResourceId::name).collect();
    let (case, _) = stage.case_marking(names).await;
    let (first, second) = both(stage, story, case.platform());
    let last = || stage.sandbox.calls().last().unwrap().number;
    case.deploy(&first).await.unwrap();
    let since = last();
    case.build(&second).await.unwrap();
    let converge = points(&case, since);
    let since = last();
    case.until_ready(&second, Pass::Prune).await.unwrap();
    let prune = points(&case, since);
    assert!(!converge.is_empty() && !prune.is_empty());
    let unfinished: Vec<(Point, How)> =
        converge.iter().filter(|point| point.goes_on()).map(|point| (point.clone(), How::Unfinished)).collect();
    let mut cases: Vec<(Vec<(Point, How)>, bool)> = vec![];
    cases.extend(unfinished.chunks(IN_A_ROW).map(|faults| (faults.to_vec(), true)));
    // What Prune has taken away, a restore makes anew.
    for (points, same) in [(converge, true), (prune, false)] {
        let faults: Vec<(Point, How)> = points
            .into_iter()
            .filter(|point| point.before == 0)
            .enumerate()
            .map(|(n, point)| (point, if n % 2 == 0 { How::Refused } else { How::Unanswered }))
            .collect();
        cases.extend(faults.chunks(IN_A_ROW).map(|faults| (faults.to_vec(), same)));
    }
    all(cases, async |(faults, same)| undone_to_the_first(stage, story, &faults, same).await).await;
}

#[test]
fn a_first_network_that_fails_anywhere_is_undone() {
    on_stage(async |stage| first_deploys_fail(stage, NETWORK, 3).await);
}

#[test]
fn a_first_cluster_of_nodes_that_fails_anywhere_is_undone() {
    on_stage(async |stage| first_deploys_fail(stage, NODES, 8).await);
}

#[test]
fn a_first_cluster_on_fargate_that_fails_anywhere_is_undone() {
    on_stage(async |stage| first_deploys_fail(stage, FARGATE, 6).await);
}

#[test]
fn an_endpoint_that_failed_counts_as_left_until_it_is_deleted() {
    on_stage(async |stage| {
        let point = Point {
            resource: "endpoint-xray".into(),
            service: "ec2".into(),
            action: "CreateVpcEndpoint".into(),
            before: 0,
        };
        let (mut case, user) = stage.case_marking([point.resource.as_str()]).await;
        let plan = stage.before.first(case.platform());
        failed(&case, &plan, &point, How::Unfinished, &format!("{user}.{}", point.resource)).await.unwrap();
        let failed = case.records.all().into_iter().find(|record| record.id.name() == point.resource).unwrap();
        let named = format!("VPC endpoint {}", failed.locator.unwrap());
        assert!(case.physical().await.contains(&named), "{named} is not listed");
        case.next_phase();
        case.tear_down().await.unwrap();
        assert!(!case.physical().await.contains(&named), "{named} is still listed");
    });
}

#[test]
fn a_changed_network_that_fails_anywhere_goes_back_to_what_was() {
    on_stage(async |stage| changes_fail(stage, NETWORK).await);
}

#[test]
fn a_changed_cluster_of_nodes_that_fails_anywhere_goes_back_to_what_was() {
    on_stage(async |stage| changes_fail(stage, NODES).await);
}

#[test]
fn a_changed_cluster_on_fargate_that_fails_anywhere_goes_back_to_what_was() {
    on_stage(async |stage| changes_fail(stage, FARGATE).await);
}
