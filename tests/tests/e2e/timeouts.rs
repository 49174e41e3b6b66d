//! What takes too long: a task that the machine gives up while its function works on, and a function that Lambda ends in
//! the middle. Both are asked again, and what was on its way to AWS then is taken over, not made twice.

use aws_sdk_sfn::types::HistoryEvent;
use domain::{Kind, Record, State};
use ledger::{RunStatus, Status};
use sandbox::{Call, Effect, Rule};
use serde_json::Value;

use crate::support::{User, World, alone, until};

const SPEC: &str = "network: {availabilityZones: 2, nat: Disable}";

async fn converge(world: &World) -> String {
    let listed = world.sfn.list_state_machines().send().await.unwrap().state_machines;
    listed.into_iter().find(|one| one.name.ends_with("-converge")).unwrap().state_machine_arn
}

/// The converge machine with another time for the task that builds the foundation, in seconds.
async fn task_may_take(world: &World, from: u64, to: u64) {
    let machine = converge(world).await;
    let told = world.sfn.describe_state_machine().state_machine_arn(&machine).send().await.unwrap();
    let mut definition: Value = serde_json::from_str(told.definition()).unwrap();
    let network = &mut definition["States"]["Build the foundation"]["Branches"][0]["States"];
    let timeout = &mut network["Build the network's foundation"]["TimeoutSeconds"];
    assert_eq!(*timeout, from);
    *timeout = to.into();
    let update = world.sfn.update_state_machine().state_machine_arn(machine).definition(definition.to_string());
    update.send().await.unwrap();
}

/// The function network with another time, in seconds.
async fn function_may_take(world: &World, seconds: i32) {
    let update = world.lambda.update_function_configuration().function_name("landfall-network").timeout(seconds);
    update.send().await.unwrap();
}

/// What the tasks of a platform's converge executions failed of so far, in order.
async fn errors(user: &User) -> Vec<String> {
    let sfn = &user.world.sfn;
    let listed = sfn.list_executions().state_machine_arn(converge(user.world).await).send().await.unwrap().executions;
    let error = |event: &HistoryEvent| {
        let failed = event.task_failed_event_details().and_then(|details| details.error());
        failed.or(event.task_timed_out_event_details().and_then(|details| details.error())).map(str::to_owned)
    };
    let mut errors = Vec::new();
    for one in listed {
        let told = sfn.describe_execution().execution_arn(&one.execution_arn).send().await.unwrap();
        if told.input().unwrap_or_default().contains(&format!("\"{}\"", user.name)) {
            let history = sfn.get_execution_history().execution_arn(&one.execution_arn).send().await.unwrap();
            errors.extend(history.events.iter().filter_map(error));
        }
    }
    errors
}

/// Everything is there once, and the first attempt at it made it.
async fn once(user: &User) {
    let records = user.records().await;
    let mut named: Vec<String> =
        records.values().filter_map(|record| Some(record.locator.as_ref()?.0.clone())).collect();
    let mut there = user.world.sandbox.tagged(user.name.as_str());
    named.retain(|id| there.contains(id));
    named.sort();
    there.sort();
    assert_eq!(there, named, "what is there is named, and nothing is there twice");
    let again: Vec<_> = records.values().filter(|record| record.attempts > 1).collect();
    assert!(again.is_empty(), "{again:#?}");
}

fn is_claimed(record: &Record) -> bool {
    record.kind == Kind::Subnet && matches!(record.state, State::Creating(_))
}

#[test]
fn a_task_that_times_out_is_asked_again_while_its_function_works_on() {
    alone(async |world| {
        let user = world.user("slow-task");
        task_may_take(world, 90, 6).await;
        let late = Effect::HangThenDo { milliseconds: 7_500 };
        world.sandbox.script(Rule::new("ec2", "CreateSubnet", late).about("slow-task").times(2));
        let run = user.apply(SPEC).await;
        task_may_take(world, 6, 90).await;
        assert_eq!(run.status, RunStatus::Succeeded, "{:?}", run.failure);
        let errors = errors(&user).await;
        assert!(errors.iter().any(|error| error == "States.Timeout"), "{errors:?}");
        assert_eq!(user.runs().await.len(), 1);
        once(&user).await;
    });
}

#[test]
fn a_function_that_is_ended_in_the_middle_is_called_again_and_finds_what_it_had_asked_for() {
    alone(async |world| {
        let user = world.user("ended");
        // A create is begun early enough to be done in time, gets no answer, and then the ledger does not answer either.
        function_may_take(world, 18).await;
        let late = Effect::HangThenDo { milliseconds: 10_000 };
        world.sandbox.script(Rule::new("ec2", "CreateSubnet", late).about("ended").times(2));
        user.upload(&user.manifest(SPEC)).await;
        until("claims", async || user.records().await.values().any(is_claimed).then_some(())).await;
        let silent = Effect::Hang { milliseconds: 30_000 };
        world.sandbox.script(Rule::new("dynamodb", "TransactWriteItems", silent).by("NetworkRole"));
        until("the end of the function", async || {
            errors(&user).await.iter().any(|error| error == "Sandbox.Timedout").then_some(())
        })
        .await;
        world.sandbox.clear_rules();
        let run = user.run_after(0).await;
        function_may_take(world, 60).await;
        assert_eq!(run.status, RunStatus::Succeeded, "{:?}", run.failure);
        once(&user).await;
    });
}

#[test]
fn a_task_that_never_ends_in_time_fails_its_run_which_is_fenced_and_undone() {
    alone(async |world| {
        let user = world.user("too-slow");
        task_may_take(world, 90, 4).await;
        let silent = Effect::Hang { milliseconds: 30_000 };
        world.sandbox.script(Rule::new("ec2", "DescribeSubnets", silent).by("NetworkRole"));
        user.upload(&user.manifest(SPEC)).await;
        let lease = user.leased().await;
        let failed = until("the fence", async || {
            let run = user.runs().await.into_iter().find(|run| run.id == lease.run)?;
            run.failure.as_ref()?;
            Some(jiff::Timestamp::now())
        });
        let fenced = failed.await;
        world.sandbox.clear_rules();
        let run = user.run_after(0).await;
        task_may_take(world, 4, 90).await;
        let failure = run.failure.unwrap();
        assert_eq!((run.status, failure.name.as_str(), run.restored), (RunStatus::Failed, "States.Timeout", true));
        let made = |call: &Call| {
            let is_ours = call.platform.as_deref() == Some("too-slow") && call.mutating;
            is_ours && call.action.starts_with("Create") && call.began() > fenced
        };
        let late: Vec<Call> = world.sandbox.calls().into_iter().filter(made).collect();
        assert!(late.is_empty(), "made after the fence: {late:#?}");
        assert_eq!((user.physical().await, user.records().await.len()), (Vec::new(), 0));
        assert_eq!(user.platform().await.unwrap().status, Status::RolledBack);
        world.alert(&["too-slow", "States.Timeout"]).await;
        assert_eq!(world.alerts(&["too-slow", "States.Timeout"]).await, 1);
    });
}
