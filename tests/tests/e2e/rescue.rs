//! What the small functions do when something else has failed: messages that could not be sent, events that nobody took,
//! runs that do not hear that they were cancelled.

use std::cell::RefCell;
use std::time::Duration;

use aws_sdk_lambda::types::InvocationType;
use domain::{Kind, Record, State};
use jiff::Timestamp;
use ledger::{Machine, RunStatus, Waiting};
use sandbox::{Effect, Rule};
use serde_json::{Value, json};

use crate::support::{User, World, alone, scenario, until};

async fn tick(world: &World) {
    let answer = world.lambda.invoke().function_name("landfall-fleet").payload("{}".as_bytes().into()).send();
    assert_eq!(answer.await.unwrap().function_error, None);
}

#[test]
fn an_alert_that_could_not_be_sent_is_sent_at_the_next_try() {
    alone(async |world| {
        let user = world.user("untold");
        world.sandbox.script(Rule::new("sns", "Publish", Effect::ServerError).times(4).by("AlertRole"));
        user.upload(&user.manifest("network: {natt: Single}")).await;
        let text = world.alert(&["InvalidManifest", &user.key()]).await;
        assert!(text.contains("did you mean `nat`"), "{text}");
        world.sandbox.clear_rules();
        assert_eq!(world.alerts(&["InvalidManifest", &user.key()]).await, 1);
    });
}

#[test]
fn an_event_on_which_a_function_fails_to_the_end_is_a_dead_letter() {
    alone(async |world| {
        let queues = world.sqs.list_queues().send().await.unwrap().queue_urls.unwrap();
        let letters = queues.into_iter().find(|url| url.contains("DeadLetters")).unwrap();
        let samples = [
            ("settle", include_str!("../../../events/settle/execution-aborted.json")),
            ("alert", include_str!("../../../events/alert/execution-aborted.json")),
            ("fleet", include_str!("../../../events/fleet/tick.json")),
        ];
        for (function, event) in samples {
            let (first, rest) = function.split_at(1);
            let role = format!("{}{rest}Role", first.to_uppercase());
            world.sandbox.script(Rule::new("dynamodb", "*", Effect::Deny).by(&role));
            let call = world.lambda.invoke().function_name(format!("landfall-{function}"));
            let call = call.invocation_type(InvocationType::Event).payload(event.as_bytes().into());
            call.send().await.unwrap();
        }
        let wanted: RefCell<Vec<&str>> = RefCell::new(samples.iter().map(|(function, _)| *function).collect());
        until("three dead letters", async || {
            let got = world.sqs.receive_message().queue_url(&letters).max_number_of_messages(10).send().await.unwrap();
            for message in got.messages() {
                let letter: Value = serde_json::from_str(message.body().unwrap()).unwrap();
                assert!(letter["requestPayload"].is_object(), "{letter}");
                let function = letter["requestContext"]["functionArn"].as_str().unwrap_or_default().to_owned();
                wanted.borrow_mut().retain(|name| !function.ends_with(&format!("landfall-{name}")));
            }
            wanted.borrow().is_empty().then_some(())
        })
        .await;
        world.sandbox.clear_rules();
    });
}

#[test]
fn a_run_that_does_not_hear_that_it_was_cancelled_is_stopped() {
    alone(async |world| {
        let user = world.user("deaf");
        let milliseconds = 20_000;
        world
            .sandbox
            .script(Rule::new("ec2", "CreateSubnet", Effect::Hang { milliseconds }).times(1).by("NetworkRole"));
        user.upload(&user.manifest("network: {availabilityZones: 2, nat: Disable}")).await;
        let lease = user.leased().await;
        let claimed = |record: &Record| record.kind == Kind::Subnet && matches!(record.state, State::Creating(_));
        until("the call that hangs", async || user.records().await.values().any(claimed).then_some(())).await;
        world.ledger.cancel(&user.name).await.unwrap().unwrap();
        tick(world).await;
        let (status, error, _) = world.ended(&lease.execution).await;
        assert_eq!((status.as_str(), error.as_str()), ("ABORTED", "Cancelled"));
        assert_eq!(user.run_after(0).await.status, RunStatus::Cancelled);
        world.sandbox.clear_rules();
    });
}

/// Leaves a wish for a platform that is held, under the name of an execution that has come to nothing already.
async fn stale_wish(user: &User) -> Waiting {
    let world = user.world;
    let waiting = Waiting::new(Machine::Deploy, None, Timestamp::now());
    let machine = world.sandbox.variable("LANDFALL_DEPLOY_MACHINE");
    let input = json!({"platform": user.name, "trigger": "Waiting"});
    let started = world.sfn.start_execution().state_machine_arn(machine).name(format!("{}-{}", user.name, waiting.id));
    let started = started.input(input.to_string()).send().await.unwrap();
    world.ended(&started.execution_arn).await;
    let held = user.platform().await.unwrap();
    assert!(held.lease.is_some(), "the run ended before its time");
    world.ledger.leave_waiting(&held, waiting.clone()).await.unwrap();
    waiting
}

#[test]
fn a_wish_that_came_to_nothing_before_is_dropped() {
    scenario(async |world| {
        let user = world.user("stale");
        user.upload(&user.manifest("network: {availabilityZones: 2}")).await;
        user.leased().await;
        let waiting = stale_wish(&user).await;
        let dropped = until("the wish to be dropped", async || {
            user.platform().await.filter(|platform| platform.lease.is_none() && platform.waiting.is_none())
        });
        let platform = dropped.await;
        assert_ne!(platform.waiting.map(|left| left.id), Some(waiting.id));
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(user.runs().await.len(), 1);
    });
}
