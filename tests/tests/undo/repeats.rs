//! Doing the same again does no harm.

use domain::Class;
use engine::{Outcome, Pass};
use plan::Plan;

use crate::clusters::{FARGATE, NODES};
use crate::plans::{NETWORK, Story, target};
use crate::stage::{Case, GOALS, Stage, in_order, on_stage};
use crate::wrapped;

async fn twice(stage: &'static Stage, story: Story) {
    let case = stage.case(wrapped::twice(stage.kinds()));
    for plan in [story.first, story.second] {
        let plan = plan(&stage.before, case.platform());
        case.deploy(&plan).await.unwrap();
        case.disagreement().await.unwrap();
        assert_eq!(case.records.all().len(), plan.resources.len());
    }
    case.tear_down().await.unwrap();
    assert_eq!(case.physical().await.into_iter().collect::<Vec<_>>(), Vec::<String>::new());
    assert_eq!(case.records.all(), []);
}

#[test]
fn every_call_made_twice_leaves_one_of_each_and_then_none() {
    on_stage(async |stage| {
        for story in [NETWORK, NODES, FARGATE] {
            twice(stage, story).await;
        }
    });
}

/// Two functions of each component at once, until both say that it is done.
async fn both(case: &Case, plan: &Plan, pass: Pass) {
    for component in in_order(pass) {
        loop {
            let (one, other) = tokio::join!(case.call(plan, component, pass), case.call(plan, component, pass));
            for outcome in [&one, &other] {
                // Who comes second to a record is told so, and comes again.
                assert!(!matches!(outcome, Err(fault) if fault.class() != Class::Transient), "{outcome:?}");
            }
            if matches!((&one, &other), (Ok(Outcome::Ready), Ok(Outcome::Ready))) {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(60)).await;
        }
    }
}

#[test]
fn two_functions_at_once_leave_one_of_each() {
    on_stage(async |stage| {
        for story in [NETWORK, NODES] {
            let case = stage.case(stage.kinds());
            let plan = (story.first)(&stage.before, case.platform());
            for pass in GOALS.map(Pass::Converge).into_iter().chain([Pass::Verify]) {
                both(&case, &plan, pass).await;
            }
            case.disagreement().await.unwrap();
            both(&case, &Plan::empty(target()), Pass::Prune).await;
            assert_eq!(case.physical().await.into_iter().collect::<Vec<_>>(), Vec::<String>::new());
        }
    });
}

#[test]
fn what_is_done_is_not_done_again() {
    on_stage(async |stage| {
        for story in [NETWORK, NODES, FARGATE] {
            let name = stage.name();
            let user = format!("{name}.again");
            let case = stage.case_of(name, stage.kinds_of(&user).await);
            let plan = (story.second)(&stage.before, case.platform());
            case.deploy(&plan).await.unwrap();
            let physical = case.physical().await;
            let last = stage.sandbox.calls().last().unwrap().number;
            case.deploy(&plan).await.unwrap();
            let changes: Vec<String> = stage
                .sandbox
                .calls_since(last)
                .into_iter()
                .filter(|call| call.mutating && call.caller.ends_with(&user))
                .map(|call| call.action)
                .collect();
            assert_eq!(changes, Vec::<String>::new());
            assert_eq!(case.physical().await, physical);
        }
    });
}

#[test]
fn an_upgrade_changes_what_is_there_and_makes_nothing_anew() {
    on_stage(async |stage| {
        let case = stage.case(stage.kinds());
        case.deploy(&(NODES.second)(&stage.before, case.platform())).await.unwrap();
        let physical = case.physical().await;
        let upgraded = stage.before.nodes_upgraded(case.platform());
        assert_eq!(upgraded.next, None);
        case.deploy(&upgraded).await.unwrap();
        assert_eq!(case.physical().await, physical);
        let versions: Vec<String> =
            case.records.all().iter().filter_map(|record| record.outputs.get("version").cloned()).collect();
        assert_eq!(versions.iter().filter(|version| *version == "1.35").count(), 3, "{versions:?}");
        case.tear_down().await.unwrap();
    });
}
