//! Who is told, how often, and what happens when a message cannot be sent.

use super::*;

#[tokio::test]
async fn one_message_per_run_whoever_tells_first() {
    let ledger = Scene::default().settled(Restore::Empty, true).await;
    let shared = Shared::default();
    let alert = alert(&ledger, &shared);
    let mut redeploy = event("redeploy-failed");
    redeploy["detail"]["executionArn"] = EXECUTION.replace("-deploy:", "-redeploy:").into();
    for payload in [failed("QuotaExceeded", QUOTA), failed("QuotaExceeded", QUOTA), event("execution-failed"), redeploy]
    {
        tell(&alert, &payload).await.unwrap();
    }
    assert_eq!(shared.lock().unwrap().sent.len(), 1);
}

#[tokio::test]
async fn what_ended_as_it_should_is_not_told() {
    let (ledger, fence) = Scene::default().running().await;
    let shared = Shared::default();
    let alert = alert(&ledger, &shared);
    for name in ["LostLease", "Cancelled", "Superseded"] {
        assert!(!tell(&alert, &failed(name, "")).await.unwrap().sent, "{name}");
    }
    ledger.cancel(&fence.platform).await.unwrap();
    assert!(!tell(&alert, &event("execution-aborted")).await.unwrap().sent);
    assert!(shared.lock().unwrap().sent.is_empty());
}

#[tokio::test]
async fn a_message_that_could_not_be_sent_is_tried_again() {
    let (ledger, shared) = (Ledger::memory(), Shared::default());
    let alert = alert(&ledger, &shared);
    shared.lock().unwrap().missing.push("landfall-alerts");
    assert!(tell(&alert, &sample("nothing-started")).await.is_err());
    shared.lock().unwrap().missing.clear();
    assert!(tell(&alert, &sample("nothing-started")).await.unwrap().sent);
}

#[tokio::test]
async fn the_topic_of_the_manifest_gets_it_too_and_its_absence_loses_nothing() {
    for (missing, expected) in [(None, vec!["oncall", "landfall-alerts"]), (Some("oncall"), vec!["landfall-alerts"])] {
        let ledger = Ledger::memory();
        let platform = Platform { alert_topic: Some("oncall".into()), ..Scene::default().platform() };
        let run = Run::new(platform.name.clone(), Machine::Deploy, Trigger::Upload, EXECUTION.into(), platform.created);
        let mut payload = failed("QuotaExceeded", QUOTA);
        payload["run"] = run.id.to_string().into();
        ledger.admit(Admission { platform, revision: None, plan: None, run }).await.unwrap();
        let shared = Shared::default();
        shared.lock().unwrap().missing.extend(missing);
        assert!(tell(&alert(&ledger, &shared), &payload).await.unwrap().sent);
        let topics = shared.lock().unwrap();
        let sent: Vec<_> = topics.sent.iter().map(|(topic, ..)| topic.rsplit(':').next().unwrap()).collect();
        assert_eq!(sent, expected);
        let note = "The topic arn:aws:sns:eu-west-1:********9012:oncall, which the manifest names, did not take";
        assert_eq!(topics.sent.last().unwrap().2.contains(note), missing.is_some());
    }
}

#[tokio::test]
async fn an_input_of_another_shape_is_refused() {
    let fault = tell(&alert(&Ledger::memory(), &Shared::default()), &json!({"reason": "Failed"})).await.unwrap_err();
    assert_eq!(fault.name, FaultName::InvalidInput);
}
