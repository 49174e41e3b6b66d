//! How runs end, what waits for their end, and what is left of a platform after its last.

use super::*;

pub(super) async fn the_newest_wish_waits(ledger: &Ledger) {
    let fence = admitted(ledger).await;
    let busy = stored(ledger, &fence.platform).await;
    let first = Waiting::new(Machine::Deploy, Some("v2".into()), minutes(1));
    let second = Waiting::new(Machine::Deploy, Some("v3".into()), minutes(2));
    ledger.leave_waiting(&busy, first.clone()).await.unwrap();
    assert!(matches!(ledger.leave_waiting(&busy, second.clone()).await, Err(LedgerError::Raced(_))));
    ledger.leave_waiting(&stored(ledger, &busy.name).await, second.clone()).await.unwrap();
    ledger.clear_waiting(&busy.name, first.id).await.unwrap();
    assert_eq!(stored(ledger, &busy.name).await.waiting, Some(second), "the older wish takes nothing away");
    ledger.finish(&busy.name, fence.run, &succeeded(), minutes(3)).await.unwrap();
    ledger.admit(deploy(stored(ledger, &busy.name).await, minutes(4))).await.unwrap().unwrap();
    assert_eq!(stored(ledger, &busy.name).await.waiting, None, "a deploy reads what is newest");
}

pub(super) async fn the_next_step_waits_for_the_one_before(ledger: &Ledger) {
    let step = async |ending: &Ending| {
        let platform = stored(ledger, &admitted(ledger).await.platform).await;
        ledger.finish(&platform.name, platform.last_run.unwrap(), &succeeded(), minutes(1)).await.unwrap();
        let mut step = deploy(stored(ledger, &platform.name).await, minutes(2));
        step.run.next = Some("1.36".into());
        let fence = ledger.admit(step).await.unwrap().unwrap();
        ledger.finish(&fence.platform, fence.run, ending, minutes(3)).await.unwrap();
        stored(ledger, &fence.platform).await.waiting
    };
    assert!(step(&succeeded()).await.is_some_and(|waiting| waiting.machine == Machine::Deploy));
    assert_eq!(step(&failed(true)).await, None, "after a step that failed comes none");
}

pub(super) async fn settling_twice_is_settling_once(ledger: &Ledger) {
    let fence = admitted(ledger).await;
    ledger.enter_phase(&fence, "Converge", minutes(1)).await.unwrap();
    ledger.enter_phase(&fence, "Converge", minutes(2)).await.unwrap();
    ledger.enter_phase(&fence, "Verify", minutes(3)).await.unwrap();
    let first = ledger.finish(&fence.platform, fence.run, &succeeded(), minutes(5)).await.unwrap().unwrap();
    let platform = stored(ledger, &fence.platform).await;
    let again = ledger.finish(&fence.platform, fence.run, &failed(false), minutes(9)).await.unwrap().unwrap();
    assert_eq!(first, again);
    assert_eq!(stored(ledger, &fence.platform).await, platform);
    assert_eq!((platform.status, platform.last_good, platform.lease), (Status::Ready, 1, None));
    let phases: Vec<_> = first.phases.iter().map(|p| (p.name.as_str(), p.started, p.ended)).collect();
    let expected = [("Converge", minutes(1), Some(minutes(3))), ("Verify", minutes(3), Some(minutes(5)))];
    assert_eq!(phases, expected);
    assert!(!ledger.open_runs().await.unwrap().iter().any(|run| run.id == fence.run));
    assert_eq!(ledger.write(&fence, None, &record(&fence, "vpc")).await, Err(LedgerError::Fenced));
    assert_eq!(ledger.finish(&fence.platform, RunId::random(), &succeeded(), minutes(9)).await, Ok(None));
}

pub(super) async fn only_the_holder_releases(ledger: &Ledger) {
    let fence = admitted(ledger).await;
    let reaped = Ending { quarantined_until: Some(minutes(10)), ..failed(false) };
    ledger.finish(&fence.platform, fence.run, &reaped, minutes(1)).await.unwrap();
    let platform = stored(ledger, &fence.platform).await;
    assert_eq!((platform.status, platform.failed_plan), (Status::Failed, Some(1)));
    assert_eq!(ledger.admit(deploy(platform.clone(), minutes(9))).await, Ok(None), "the quarantine holds");
    let next = ledger.admit(deploy(platform, minutes(10))).await.unwrap().unwrap();
    assert!(next.epoch > fence.epoch);
    ledger.finish(&fence.platform, fence.run, &succeeded(), minutes(11)).await.unwrap();
    let lease = stored(ledger, &fence.platform).await.lease.unwrap();
    assert_eq!(lease.run, next.run, "the first run releases nothing");
    assert_eq!(ledger.fence(&fence.platform, fence.run, &stuck(), minutes(12)).await, Err(LedgerError::Fenced));
    let runs: Vec<RunId> = ledger.runs(&fence.platform, 5).await.unwrap().iter().map(|run| run.id).collect();
    assert_eq!(runs.len(), 2);
    assert_eq!(ledger.runs(&fence.platform, 1).await.unwrap().len(), 1);
}

pub(super) async fn an_unchanged_run_leaves_no_events(ledger: &Ledger) {
    let fence = admitted(ledger).await;
    ledger.enter_phase(&fence, "Converge", minutes(1)).await.unwrap();
    ledger.finish(&fence.platform, fence.run, &succeeded(), minutes(2)).await.unwrap();
    assert_eq!(ledger.events(fence.run).await.unwrap(), []);
}

pub(super) async fn a_failed_run_goes_back_once(ledger: &Ledger) {
    let first = admitted(ledger).await;
    let fenced = ledger.fence(&first.platform, first.run, &stuck(), minutes(1)).await.unwrap();
    assert_eq!((fenced.restore, fenced.plan), (Restore::Empty, 0), "no deploy has succeeded yet");
    let again = ledger.fence(&first.platform, first.run, &stuck(), minutes(2)).await.unwrap();
    assert_eq!(again, fenced);
    ledger.finish(&first.platform, first.run, &failed(true), minutes(3)).await.unwrap();
    assert_eq!(stored(ledger, &first.platform).await.status, Status::RolledBack);

    let good = ledger.admit(deploy(stored(ledger, &first.platform).await, minutes(4))).await.unwrap().unwrap();
    ledger.finish(&first.platform, good.run, &succeeded(), minutes(5)).await.unwrap();
    let bad = ledger.admit(deploy(stored(ledger, &first.platform).await, minutes(6))).await.unwrap().unwrap();
    let fenced = ledger.fence(&first.platform, bad.run, &stuck(), minutes(7)).await.unwrap();
    assert_eq!((fenced.restore, fenced.plan), (Restore::LastGood, 2));
    ledger.finish(&first.platform, bad.run, &failed(false), minutes(8)).await.unwrap();

    let mut stopping = deploy(stored(ledger, &first.platform).await, minutes(9));
    stopping.platform.guards = Some(guards(OnFailure::Stop));
    let stopping = ledger.admit(stopping).await.unwrap().unwrap();
    let fenced = ledger.fence(&first.platform, stopping.run, &stuck(), minutes(10)).await.unwrap();
    assert_eq!(fenced.restore, Restore::None);
}

pub(super) async fn a_cancelled_run_writes_nothing_and_ends_as_cancelled(ledger: &Ledger) {
    let fence = admitted(ledger).await;
    let run = ledger.cancel(&fence.platform).await.unwrap().unwrap();
    assert!(run.cancelled);
    assert_eq!(ledger.write(&fence, None, &record(&fence, "vpc")).await, Err(LedgerError::Fenced));
    assert_eq!(ledger.fence(&fence.platform, fence.run, &stuck(), minutes(1)).await, Err(LedgerError::Fenced));
    let twice = ledger.revoke(&fence.platform, fence.run, &Revoked::Failed(stuck())).await.unwrap().unwrap();
    assert_eq!(twice, run, "who came first decides");
    assert!(stored(ledger, &fence.platform).await.lease.is_some(), "the lease stays until the run is settled");
    let ended = ledger.finish(&fence.platform, fence.run, &failed(false), minutes(2)).await.unwrap().unwrap();
    assert_eq!(ended.status, RunStatus::Cancelled);
    assert_eq!(ledger.cancel(&fence.platform).await, Ok(None));
}

pub(super) async fn a_platform_that_is_gone_is_born_again(ledger: &Ledger) {
    let fence = admitted(ledger).await;
    let now = minutes(1);
    ledger.finish(&fence.platform, fence.run, &succeeded(), now).await.unwrap();
    let living = stored(ledger, &fence.platform).await;
    assert!(living.is_protected(now));
    let unprotected = ledger.unprotect(&living.name, minutes(60)).await.unwrap().unwrap();
    assert!(!unprotected.is_protected(now) && unprotected.is_protected(minutes(60)));

    let run = Run::new(living.name.clone(), Machine::Teardown, Trigger::Destroy, format!("arn:x:{}", name()), now);
    let admission = Admission { platform: unprotected, revision: None, plan: None, run };
    let teardown = ledger.admit(admission).await.unwrap().unwrap();
    ledger.finish(&living.name, teardown.run, &succeeded(), minutes(2)).await.unwrap();
    let gone = stored(ledger, &living.name).await;
    assert_eq!((gone.status, gone.last_good, gone.version_id.clone()), (Status::Gone, 0, None));
    assert_eq!(ledger.platform_of(&living.bound).await.unwrap(), None, "the object is free");
    assert!(!ledger.platforms().await.unwrap().iter().any(|platform| platform.name == living.name));
    let wish = Waiting::new(Machine::Deploy, None, minutes(3));
    ledger.leave_waiting(&gone, wish.clone()).await.unwrap();
    assert!(ledger.platforms().await.unwrap().iter().any(|platform| platform.name == living.name), "it waits");
    ledger.clear_waiting(&living.name, wish.id).await.unwrap();
    assert!(!ledger.platforms().await.unwrap().iter().any(|platform| platform.name == living.name));
    let gone = stored(ledger, &living.name).await;
    assert_eq!(ledger.runs(&living.name, 9).await.unwrap().len(), 2, "the history stays");
    assert_eq!(ledger.unprotect(&living.name, minutes(60)).await, Ok(None));

    let other = ObjectKey { bucket: "manifests".into(), key: format!("manifests/other-{}.yaml", living.name) };
    let reborn = gone.reborn(other.clone(), target(), minutes(3));
    assert_ne!(reborn.incarnation, living.incarnation);
    let next = ledger.admit(deploy(reborn, minutes(3))).await.unwrap().unwrap();
    assert!(next.epoch > teardown.epoch);
    let platform = stored(ledger, &living.name).await;
    assert_eq!((platform.revision, platform.plan), (2, 2), "numbers go on");
    assert_eq!(ledger.platform_of(&other).await.unwrap(), Some(living.name));
}

pub(super) async fn an_alert_is_marked_once(ledger: &Ledger) {
    let execution = name().to_string();
    assert!(ledger.mark_alerted(&execution, start()).await.unwrap());
    assert!(!ledger.mark_alerted(&execution, minutes(1)).await.unwrap());
    ledger.unmark_alerted(&execution).await.unwrap();
    assert!(ledger.mark_alerted(&execution, minutes(2)).await.unwrap());
}
