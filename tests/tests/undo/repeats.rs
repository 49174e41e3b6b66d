//! Doing the same again does no harm.

use domain::Class;
use engine::{Outcome, Pass};
use plan::{Goal, Plan};

use crate::plans::target;
use crate::stage::{Case, on_stage};
use crate::wrapped;

#[test]
fn every_call_made_twice_leaves_one_of_each_and_then_none() {
    on_stage(async |stage| {
        let case = stage.case(wrapped::twice(stage.kinds()));
        let plan = stage.before.first(case.platform());
        case.deploy(&plan).await.unwrap();
        case.disagreement().await.unwrap();
        assert_eq!(case.records.all().len(), plan.resources.len());
        let plan = stage.before.second(case.platform());
        case.deploy(&plan).await.unwrap();
        case.disagreement().await.unwrap();
        assert_eq!(case.records.all().len(), plan.resources.len());
        case.tear_down().await.unwrap();
        assert_eq!(case.physical().await.into_iter().collect::<Vec<_>>(), Vec::<String>::new());
        assert_eq!(case.records.all(), []);
    });
}

#[test]
fn two_functions_at_once_leave_one_of_each() {
    async fn both(case: &Case, plan: &Plan, pass: Pass) {
        loop {
            let (one, other) = tokio::join!(case.call(plan, pass), case.call(plan, pass));
            for outcome in [&one, &other] {
                // Who comes second to a record is told so, and comes again.
                assert!(!matches!(outcome, Err(fault) if fault.class() != Class::Transient), "{outcome:?}");
            }
            if matches!((&one, &other), (Ok(Outcome::Ready), Ok(Outcome::Ready))) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(60)).await;
        }
    }
    on_stage(async |stage| {
        let case = stage.case(stage.kinds());
        let plan = stage.before.first(case.platform());
        for pass in [Pass::Converge(Goal::Foundation), Pass::Converge(Goal::Egress), Pass::Verify] {
            both(&case, &plan, pass).await;
        }
        case.disagreement().await.unwrap();
        both(&case, &Plan::empty(target()), Pass::Prune).await;
        assert_eq!(case.physical().await.into_iter().collect::<Vec<_>>(), Vec::<String>::new());
    });
}

#[test]
fn what_is_done_is_not_done_again() {
    on_stage(async |stage| {
        let name = stage.name();
        let user = format!("{name}.again");
        let case = stage.case_of(name, stage.kinds_of(&user).await);
        let plan = stage.before.second(case.platform());
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
    });
}
