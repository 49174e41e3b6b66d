//! What waits for approval, and what comes of it.

use super::*;

/// A record of the VPC as the first plan wants it, so that a change of its block is seen to destroy it.
async fn with_a_vpc(world: &World, answer: &Answer) {
    let fence = world.admit.ledger.holder(answer.platform.as_ref().unwrap()).await.unwrap().unwrap();
    let platform = world.platform().await;
    let plan = world.admit.plans.load(&platform, platform.plan).await.unwrap();
    let (id, vpc) = plan.resources.iter().find(|(_, desired)| desired.kind == domain::Kind::Vpc).unwrap();
    let record = domain::Record {
        id: id.clone(),
        generation: domain::Generation::FIRST,
        kind: vpc.kind,
        schema: domain::Record::SCHEMA,
        target: platform.target.clone(),
        locator: None,
        spec: vpc.spec.clone(),
        needs: Vec::new(),
        state: domain::State::Ready,
        outputs: domain::Outputs::from([("id".to_owned(), "vpc-1".to_owned())]),
        adopted: false,
        attempts: 1,
        confirmed: None,
        created: now(),
        updated: now(),
    };
    world.admit.ledger.write(&fence, None, &record).await.unwrap();
}

/// A platform whose VPC is there, under these guards, so that another block destroys it.
pub(super) async fn guarded(safety: &str) -> World {
    let world = World::new();
    let first = world.upload(&format!("network: {{cidr: 10.1.0.0/16}}\n{safety}")).await.unwrap();
    with_a_vpc(&world, &first).await;
    world.settle(&first, RunStatus::Succeeded).await;
    world
}

pub(super) const MOVE: &str = "network: {cidr: 10.2.0.0/16}";

pub(super) fn execution(name: &str) -> String {
    format!("arn:aws:states:eu-west-1:123456789012:execution:deploy:{name}")
}

impl World {
    /// Uploads a manifest and admits its event in the execution of that name.
    pub(super) async fn upload_in(&self, name: &str, lines: &str) -> Result<Answer, Fault> {
        self.bucket.put(KEY, manifest("demo", "eu-west-1", lines));
        self.again(name).await
    }

    /// The same execution asks again.
    pub(super) async fn again(&self, name: &str) -> Result<Answer, Fault> {
        self.ask_as(&execution(name), Machine::Deploy, created(KEY)).await
    }

    pub(super) async fn say(&self, plan: PlanNumber, approved: bool) -> Decided {
        let token = serde_json::from_value(json!("token")).unwrap();
        let name = "demo".parse().unwrap();
        self.admit.ledger.hold_token(&name, plan, &token).await.unwrap();
        let decision = Decision { approved, by: "arn:aws:iam::123456789012:user/ada".into(), at: now() };
        self.admit.ledger.decide(&name, plan, &decision).await.unwrap()
    }

    pub(super) async fn waits(&self) -> Option<PlanNumber> {
        self.platform().await.approval.map(|pending| pending.plan)
    }
}

#[tokio::test]
async fn what_destroys_waits_for_approval_and_is_judged_by_the_revision_before() {
    let world = guarded("").await;
    let asked = world.upload_in("one", &format!("{MOVE}\nsafety: {{approval: Never}}")).await.unwrap();
    assert_eq!((asked.outcome, asked.plan, asked.run), (Outcome::ApprovalRequired, Some(2), None), "{asked:?}");
    assert!(asked.message.contains("Replace network/vpc because of cidr"), "{asked:?}");
    assert!(asked.message.contains("Loosen safety.approval: Destructive -> Never"), "{asked:?}");
    let platform = world.platform().await;
    assert_eq!(
        (platform.revision, platform.plan, platform.lease),
        (1, 1, None),
        "nothing is accepted and nothing held"
    );
    assert_eq!(world.again("one").await.unwrap(), asked, "a lost answer asks nothing twice");
    let other = world.ask(Machine::Deploy, by_hand("Retry")).await.unwrap();
    assert_eq!(other.outcome, Outcome::Ignored, "{}", other.message);

    assert!(matches!(world.say(2, true).await, Decided::Tell(..)));
    let answer = world.again("one").await.unwrap();
    assert_eq!((answer.outcome, answer.plan), (Outcome::Admitted, Some(2)));
    let platform = world.platform().await;
    assert_eq!((platform.revision, platform.plan, platform.approval), (2, 2, None));
    let run = world.admit.ledger.run(&platform.name, answer.run.unwrap()).await.unwrap().unwrap();
    assert!(run.approval.is_some_and(|said| said.by.ends_with("user/ada")));
    world.settle(&answer, RunStatus::Failed).await;
    let retried = world.ask(Machine::Deploy, by_hand("Retry")).await.unwrap();
    assert_eq!((retried.outcome, retried.plan), (Outcome::Admitted, Some(2)), "what was approved is not asked again");
    assert!(world.stopped.lock().unwrap().is_empty());
}

#[tokio::test]
async fn nothing_asks_where_no_guard_does() {
    let world = guarded("safety: {approval: Never}").await;
    assert_eq!(world.upload(MOVE).await.unwrap().outcome, Outcome::Admitted);
    let world = guarded("").await;
    assert_eq!(world.upload("network: {cidr: 10.1.0.0/16}\ntags: {a: b}").await.unwrap().outcome, Outcome::Admitted);
    let world = guarded("safety: {approval: Always}").await;
    let same = world.upload("network: {cidr: 10.1.0.0/16}\nsafety: {approval: Always, onFailure: Stop}").await.unwrap();
    assert_eq!(same.outcome, Outcome::Admitted, "no resource changes, and onFailure guards nothing");
    world.settle(&same, RunStatus::Succeeded).await;
    let tagged = world.upload("network: {cidr: 10.1.0.0/16}\nsafety: {approval: Always}\ntags: {a: b}").await.unwrap();
    assert_eq!(tagged.outcome, Outcome::ApprovalRequired);
}

#[tokio::test]
async fn a_looser_guard_alone_waits_for_approval() {
    let world = guarded("").await;
    let loose = "network: {cidr: 10.1.0.0/16}\nsafety: {deletionProtection: false}";
    let asked = world.upload_in("one", loose).await.unwrap();
    assert_eq!(asked.outcome, Outcome::ApprovalRequired, "{asked:?}");
    assert!(world.platform().await.is_protected(now()));
    world.say(asked.plan.unwrap(), true).await;
    let answer = world.again("one").await.unwrap();
    assert_eq!((answer.outcome, answer.plan), (Outcome::Admitted, asked.plan));
    assert!(!world.platform().await.is_protected(now()));
}

#[tokio::test]
async fn a_newer_upload_takes_the_place_of_the_plan_that_waits() {
    let world = guarded("").await;
    world.upload_in("one", MOVE).await.unwrap();
    let newer = world.upload_in("two", "network: {cidr: 10.3.0.0/16}").await.unwrap();
    assert_eq!((newer.outcome, newer.plan), (Outcome::ApprovalRequired, Some(3)));
    assert_eq!(*world.stopped.lock().unwrap(), [format!("{} Superseded", execution("one"))]);
    assert_eq!(world.say(2, true).await, Decided::NotWaiting);
    assert_eq!(world.again("one").await.unwrap_err().name, FaultName::Superseded);
    let back = world.upload_in("three", "network: {cidr: 10.1.0.0/16}\ntags: {a: b}").await.unwrap();
    assert_eq!(back.outcome, Outcome::Admitted);
    assert_eq!(world.waits().await, None);
    assert_eq!(world.stopped.lock().unwrap()[1..], [format!("{} Superseded", execution("two"))]);
}

#[tokio::test]
async fn an_approved_plan_that_is_no_longer_the_plan_is_asked_again() {
    let world = guarded("").await;
    let first = world.upload_in("one", MOVE).await.unwrap();
    world.say(first.plan.unwrap(), true).await;
    // Uploaded in between; its own event is late.
    world.bucket.put(KEY, manifest("demo", "eu-west-1", "network: {cidr: 10.3.0.0/16}"));
    let again = world.again("one").await.unwrap();
    assert_eq!((again.outcome, again.plan), (Outcome::ApprovalRequired, Some(3)));
    assert_eq!(world.platform().await.revision, 1);
}

#[tokio::test]
async fn the_schedule_keeps_up_what_is_there_while_a_plan_waits() {
    let world = guarded("").await;
    let asked = world.upload_in("one", MOVE).await.unwrap();
    let scheduled = world.ask(Machine::Deploy, by_hand("Schedule")).await.unwrap();
    assert_eq!((scheduled.outcome, scheduled.plan), (Outcome::Admitted, Some(1)));
    world.say(asked.plan.unwrap(), true).await;
    assert_eq!(world.again("one").await.unwrap().outcome, Outcome::Waiting, "what is approved waits for the run");
    world.settle(&scheduled, RunStatus::Succeeded).await;
    let answer = world.ask(Machine::Deploy, by_hand("Waiting")).await.unwrap();
    assert_eq!((answer.outcome, answer.plan), (Outcome::Admitted, asked.plan));
    assert_eq!(world.waits().await, None);
}

#[tokio::test]
async fn what_was_rejected_or_has_expired_is_asked_anew() {
    let world = guarded("").await;
    let asked = world.upload_in("one", MOVE).await.unwrap();
    world.say(asked.plan.unwrap(), false).await;
    let anew = world.ask(Machine::Deploy, by_hand("Retry")).await.unwrap();
    assert_eq!((anew.outcome, anew.plan), (Outcome::ApprovalRequired, Some(3)));
    let invocation = Invocation { deadline: Instant::now(), now: now() + ledger::Request::LIMIT };
    let input = Input { machine: Machine::Deploy, execution: execution("late"), event: by_hand("Retry") };
    let late = world.admit.handle(input, invocation).await.unwrap();
    assert_eq!((late.outcome, late.plan), (Outcome::ApprovalRequired, Some(4)));
}

#[tokio::test]
async fn a_teardown_takes_the_place_of_a_plan_that_waits() {
    let world = guarded("safety: {deletionProtection: false}").await;
    world.upload_in("one", &format!("{MOVE}\nsafety: {{deletionProtection: false}}")).await.unwrap();
    let answer = world.ask(Machine::Teardown, json!({"platform": "demo"})).await.unwrap();
    assert_eq!(answer.outcome, Outcome::Admitted);
    assert_eq!(world.waits().await, None);
    assert_eq!(*world.stopped.lock().unwrap(), [format!("{} Superseded", execution("one"))]);
}
