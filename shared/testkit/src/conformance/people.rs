//! What people do with a platform: approve, go back, pause, and look at what failed.

use super::*;

pub(super) async fn a_plan_is_good_once_its_deploy_succeeded(ledger: &Ledger) {
    let fence = admitted(ledger).await;
    let name = &fence.platform;
    assert!(!ledger.was_good(&stored(ledger, name).await, 1).await.unwrap());
    ledger.finish(name, fence.run, &succeeded(), minutes(1)).await.unwrap();
    let bad = ledger.admit(deploy(stored(ledger, name).await, minutes(2))).await.unwrap().unwrap();
    ledger.finish(name, bad.run, &failed(true), minutes(3)).await.unwrap();
    let platform = stored(ledger, name).await;
    assert!(ledger.was_good(&platform, 1).await.unwrap() && !ledger.was_good(&platform, 2).await.unwrap());
    let reborn = platform.clone().reborn(platform.bound.clone(), target(), minutes(4));
    assert!(!ledger.was_good(&reborn, 1).await.unwrap(), "another life's plans are not its own");
}

pub(super) async fn a_pause_is_one_platforms_or_alls(ledger: &Ledger) {
    let fence = admitted(ledger).await;
    let name = &fence.platform;
    let pause = |minute| Pause { by: "arn:aws:iam::123456789012:user/ada".into(), at: minutes(minute) };
    let of = async || ledger.pause_of(&stored(ledger, name).await).await.unwrap();
    assert_eq!(of().await, None);
    ledger.set_pause_of_all(Some(&pause(1))).await.unwrap();
    assert_eq!((of().await, ledger.pause_of_all().await.unwrap()), (Some(pause(1)), Some(pause(1))));
    ledger.set_pause(name, Some(&pause(2))).await.unwrap().unwrap();
    assert_eq!(of().await, Some(pause(2)));
    ledger.set_pause_of_all(None).await.unwrap();
    assert_eq!((of().await, ledger.pause_of_all().await.unwrap()), (Some(pause(2)), None));
    ledger.set_pause(name, None).await.unwrap().unwrap();
    assert_eq!(of().await, None);
    assert_eq!(ledger.set_pause(&self::name(), Some(&pause(3))).await, Ok(None));

    let new = fresh();
    ledger.leave_waiting(&new, Waiting::new(Machine::Deploy, Some("v1".into()), minutes(3))).await.unwrap();
    assert_eq!(ledger.platform_of(&new.bound).await.unwrap(), Some(new.name.clone()), "what waits is bound already");
    assert!(
        ledger.platforms().await.unwrap().iter().any(|known| known.name == new.name && known.status == Status::New)
    );
    ledger.admit(deploy(stored(ledger, &new.name).await, minutes(4))).await.unwrap().unwrap();
    assert_eq!(stored(ledger, &new.name).await.status, Status::Deploying);
}

pub(super) async fn what_a_run_knew_is_found_again(ledger: &Ledger) {
    let fence = admitted(ledger).await;
    for (name, state) in [("vpc", State::Ready), ("nat", record(&fence, "nat").state)] {
        ledger.write(&fence, None, &Record { state, ..record(&fence, name) }).await.unwrap();
    }
    let answer = AwsAnswer { action: "ec2:CreateNatGateway".into(), code: Some("Busy".into()), request: None };
    let fault = Fault::new(FaultName::CreateFailed, "no").answered(answer);
    for now in [minutes(1), minutes(2)] {
        ledger.note_fault(fence.run, &fault, now).await.unwrap();
    }
    let found = ledger.diagnose(&fence.platform, fence.run, &stuck(), minutes(3)).await.unwrap().unwrap();
    let faults: Vec<_> = found.faults.iter().map(|noted| (noted.at, &noted.fault)).collect();
    assert_eq!(faults, [(minutes(1), &fault), (minutes(2), &fault)]);
    let open: Vec<_> = found.open.iter().map(|record| record.id.name()).collect();
    assert_eq!((open, found.events.len(), found.failure), (vec!["nat"], 2, stuck()), "what is ready tells nothing");
    ledger.note_diagnostics(&fence.platform, fence.run, "s3://b/k").await.unwrap();
    let run = ledger.run(&fence.platform, fence.run).await.unwrap().unwrap();
    assert_eq!(run.diagnostics.as_deref(), Some("s3://b/k"));
    assert_eq!(ledger.diagnose(&fence.platform, RunId::random(), &stuck(), minutes(3)).await, Ok(None));
}

/// A plan of the platform's next number that waits in an execution of its own.
async fn asked(ledger: &Ledger, name: &PlatformName, now: Timestamp) -> Pending {
    let platform = ledger.reserve_plan(stored(ledger, name).await).await.unwrap();
    let plan = platform.last_plan;
    let execution = format!("arn:aws:states:eu-west-1:123456789012:execution:deploy:{}", RunId::random());
    let pending = Pending { plan, version_id: None, execution, until: now + Request::LIMIT, decision: None };
    let head = PlanHead { number: plan, revision: 1, document: "plans/x.json".into(), resources: 7, at: now };
    let request = Request::new(plan, Trigger::Upload, vec!["Delete network/vpc".into()], now);
    ledger.ask(platform, pending.clone(), request, Some(head)).await.unwrap();
    pending
}

pub(super) async fn a_word_counts_for_the_plan_that_waits_and_no_other(ledger: &Ledger) {
    let fence = admitted(ledger).await;
    let name = &fence.platform;
    ledger.finish(name, fence.run, &succeeded(), minutes(1)).await.unwrap();
    let said = |approved| Decision { approved, by: "arn:aws:iam::123456789012:user/ada".into(), at: minutes(3) };
    let token: TaskToken = serde_json::from_value(json!("token")).unwrap();
    let wish = Waiting::new(Machine::Deploy, None, minutes(1));
    ledger.leave_waiting(&stored(ledger, name).await, wish).await.unwrap();

    let first = asked(ledger, name, minutes(2)).await;
    let platform = stored(ledger, name).await;
    assert_eq!((platform.approval.as_ref(), platform.waiting, platform.lease), (Some(&first), None, None));
    assert_eq!(ledger.platform_that_asked(&first.execution).await.unwrap().as_ref(), Some(name));
    assert_eq!(ledger.decide(name, first.plan, &said(true)).await, Ok(Decided::TooEarly));
    ledger.hold_token(name, first.plan, &token).await.unwrap();

    let second = asked(ledger, name, minutes(3)).await;
    ledger.hold_token(name, second.plan, &token).await.unwrap();
    assert_eq!(ledger.decide(name, first.plan, &said(true)).await, Ok(Decided::NotWaiting), "nobody saw the second");
    let (yes, no) = (said(true), said(false));
    let (one, two) = tokio::join!(ledger.decide(name, second.plan, &yes), ledger.decide(name, second.plan, &no));
    let counts = [&one, &two].iter().filter(|answer| matches!(answer, Ok(Decided::Tell(..)))).count();
    assert_eq!(counts, 1, "of two opposite words one counts: {one:?} {two:?}");
    let approved = stored(ledger, name).await.approval.unwrap().decision.unwrap().approved;
    let again = ledger.decide(name, second.plan, &said(approved)).await.unwrap();
    assert!(matches!(again, Decided::Tell(_, told) if told == token), "the same word again");
    assert_eq!(ledger.decide(name, second.plan, &said(!approved)).await, Ok(Decided::NotWaiting));

    ledger.close_request(name, first.plan).await.unwrap();
    assert!(stored(ledger, name).await.approval.is_some(), "the end of the first ends nothing");
    ledger.close_request_of(&second.execution).await.unwrap();
    assert_eq!(stored(ledger, name).await.approval, None);
    assert_eq!(ledger.decide(name, second.plan, &said(approved)).await, Ok(Decided::NotWaiting));
    assert_eq!(ledger.request(name, second.plan).await.unwrap().unwrap().reasons, ["Delete network/vpc"]);
    assert_eq!(ledger.platform_that_asked("arn:other").await, Ok(None));
}
