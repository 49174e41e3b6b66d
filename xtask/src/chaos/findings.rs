//! What is wrong after a platform has lived and gone: leaks, stuck leases, double writers.

use ::sandbox::{Call, Sandbox};
use aws_sdk_cloudwatchlogs::types::LogGroup;
use domain::PlatformName;
use engine::Ledger as _;
use jiff::{SignedDuration, Timestamp};
use ledger::{Ledger, Platform, Run};

use crate::program::Done;

/// A call that arrived in time may take so long, and so may the clocks of two programs on one machine differ.
const MARGIN: SignedDuration = SignedDuration::from_secs(10);

/// Whoever looks at a sandbox and at a ledger.
pub(super) struct Onlooker<'a> {
    pub(super) sandbox: &'a Sandbox,
    pub(super) ledger: &'a Ledger,
}

impl Onlooker<'_> {
    /// All that is wrong with what a platform left behind.
    pub(super) async fn findings(&self, name: &PlatformName) -> Done<Vec<String>> {
        let mut found = Vec::new();
        found.extend(self.leaks(name).await?.into_iter().map(|leak| format!("left in AWS: {leak}")));
        let records = self.ledger.records(name).await?;
        found.extend(records.iter().map(|stored| format!("left in the ledger: {}", stored.record.edge())));
        found.extend(self.ledger.platform(name).await?.as_ref().and_then(stuck));
        let mut runs = self.ledger.runs(name, 100).await?;
        runs.sort_by_key(|run| run.started);
        let calls = self.sandbox.calls().into_iter().filter(|call| call.platform.as_deref() == Some(name.as_str()));
        let calls: Vec<Call> = calls.collect();
        found.extend(overlaps(&runs));
        found.extend(unheld(&runs, &calls));
        found.extend(twice_at_once(&calls));
        Ok(found)
    }

    /// What is there of the platform, service by service.
    async fn leaks(&self, name: &PlatformName) -> Done<Vec<String>> {
        let mut left = self.sandbox.tagged(name.as_str());
        let path = format!("/landfall/{}/{name}/", self.sandbox.variable("LANDFALL_INSTALLATION"));
        let logs = aws_sdk_cloudwatchlogs::Client::new(self.sandbox.config());
        for prefix in [path.clone(), format!("/aws/eks/{name}/")] {
            let groups = logs.describe_log_groups().log_group_name_prefix(prefix).send().await?;
            left.extend(groups.log_groups().iter().filter_map(LogGroup::log_group_name).map(str::to_owned));
        }
        let kms = aws_sdk_kms::Client::new(self.sandbox.config());
        let aliases = kms.list_aliases().into_paginator().items().send().collect::<Result<Vec<_>, _>>().await?;
        let of_platform = format!("alias{path}");
        let aliases = aliases.iter().filter_map(|alias| alias.alias_name());
        left.extend(aliases.filter(|alias| alias.starts_with(&of_platform)).map(str::to_owned));
        let iam = aws_sdk_iam::Client::new(self.sandbox.config());
        let roles = iam.list_roles().path_prefix(path).send().await?;
        left.extend(roles.roles().iter().map(|role| role.role_name().to_owned()));
        Ok(left)
    }
}

/// Whether somebody still holds the platform, or still waits for it.
fn stuck(platform: &Platform) -> Option<String> {
    let is_stuck = platform.lease.is_some() || platform.waiting.is_some();
    is_stuck.then(|| format!("stuck: lease {:?}, waiting {:?}", platform.lease, platform.waiting))
}

/// Neighbors in time of which the later began before the earlier ended.
fn overlaps(runs: &[Run]) -> Vec<String> {
    let pairs = runs.iter().zip(runs.iter().skip(1));
    pairs
        .filter(|(one, next)| one.ended.is_none_or(|ended| next.started < ended))
        .map(|(one, next)| format!("run {} began before run {} ended", next.id, one.id))
        .collect()
}

/// Changes while no run held the platform.
fn unheld(runs: &[Run], calls: &[Call]) -> Vec<String> {
    let held =
        |at: Timestamp| runs.iter().any(|run| run.started <= at && run.ended.is_none_or(|ended| at <= ended + MARGIN));
    let unheld = calls.iter().filter(|call| !held(call.began()));
    unheld.map(|call| format!("{}, when no run held the platform", told(call))).collect()
}

/// Attempts at one resource of which the later was begun before the earlier had an end: two functions that both took it
/// to be theirs to make, or one that did not wait for absence.
fn twice_at_once(calls: &[Call]) -> Vec<String> {
    let creates: Vec<_> = calls.iter().filter_map(|call| Some((call, call.attempt.as_ref()?))).collect();
    let mut found = Vec::new();
    for (index, (one, attempt)) in creates.iter().enumerate() {
        for (other, again) in &creates[index + 1..] {
            let same = attempt.resource == again.resource && attempt.token != again.token;
            if same && one.began() < other.at && other.began() < one.at {
                found.push(format!("{} and {}: two attempts at {} at once", told(one), told(other), again.resource));
            }
        }
    }
    found
}

fn told(call: &Call) -> String {
    format!("{}:{} at {} by {}", call.service, call.action, call.at, call.caller)
}

#[cfg(test)]
mod tests {
    use ::sandbox::{Attempt, Options};
    use aws_sdk_ec2::types::{ResourceType, Tag, TagSpecification};
    use domain::{Claim, Component, Generation, Kind, Outputs, Record, ResourceId, State, Target, Token};
    use ledger::{Admission, Ending, Lease, Machine, ObjectKey, RunStatus, Trigger, Waiting};
    use serde_json::json;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn platform() -> Platform {
        let bound = ObjectKey { bucket: "b".into(), key: "manifests/demo.yaml".into() };
        let target = Target { account: "123456789012".parse().unwrap(), region: "eu-west-1".parse().unwrap() };
        Platform::new("demo".parse().unwrap(), "landfall".into(), bound, target, at(0))
    }

    fn run(started: i64, ended: Option<i64>) -> Run {
        let name = "demo".parse().unwrap();
        let run = Run::new(name, Machine::Deploy, Trigger::Upload, format!("arn:{started}"), at(started));
        Run { ended: ended.map(at), ..run }
    }

    /// A create that arrived in one second and was answered in another.
    fn create(attempt: (&str, &str), arrived: i64, answered: i64) -> Call {
        Call {
            number: 1,
            at: at(answered),
            service: "ec2".into(),
            action: "CreateSubnet".into(),
            region: "eu-west-1".into(),
            caller: "a function".into(),
            mutating: true,
            platform: Some("demo".into()),
            attempt: Some(Attempt { resource: attempt.0.into(), token: attempt.1.into() }),
            status: 200,
            milliseconds: u64::try_from(answered - arrived).unwrap() * 1000,
        }
    }

    #[test]
    fn a_lease_or_a_wish_that_stays_is_found() {
        let run = run(1, None);
        let lease = Lease { run: run.id, execution: run.execution, since: at(1) };
        let waiting = Waiting::new(Machine::Deploy, None, at(1));
        assert_eq!(stuck(&platform()), None);
        assert!(stuck(&Platform { lease: Some(lease), ..platform() }).is_some());
        assert!(stuck(&Platform { waiting: Some(waiting), ..platform() }).is_some());
    }

    #[test]
    fn runs_that_overlap_are_found() {
        assert_eq!(overlaps(&[run(1, Some(5)), run(5, Some(9)), run(12, None)]), Vec::<String>::new());
        assert_eq!(overlaps(&[run(1, Some(5)), run(4, Some(9))]).len(), 1);
        assert_eq!(overlaps(&[run(1, None), run(20, Some(30))]).len(), 1, "the first never ended");
    }

    #[test]
    fn changes_while_nobody_holds_the_platform_are_found() {
        let runs = [run(10, Some(20)), run(60, None)];
        let call = |arrived| create(("network/vpc#1", "a"), arrived, arrived + 1);
        assert_eq!(unheld(&runs, &[call(10), call(20), call(29), call(99)]), Vec::<String>::new());
        for outside in [9, 31, 59] {
            assert_eq!(unheld(&runs, &[call(outside)]).len(), 1, "{outside}");
        }
    }

    #[test]
    fn two_attempts_at_one_resource_at_once_are_found() {
        let (first, second) = (("network/vpc#1", "a"), ("network/vpc#1", "b"));
        assert_eq!(twice_at_once(&[create(first, 1, 9), create(second, 3, 4)]).len(), 1);
        assert_eq!(twice_at_once(&[create(second, 3, 12), create(first, 1, 9)]).len(), 1);
        for harmless in [
            [create(first, 1, 9), create(second, 9, 12)],
            // The same attempt again, and another making.
            [create(first, 1, 9), create(first, 3, 4)],
            [create(first, 1, 9), create(("network/vpc#2", "b"), 3, 4)],
        ] {
            assert_eq!(twice_at_once(&harmless), Vec::<String>::new());
        }
    }

    async fn tagged_vpc(sandbox: &Sandbox) -> String {
        let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
        let tags = TagSpecification::builder().resource_type(ResourceType::Vpc).tags(tag("landfall:platform", "demo"));
        let tags = tags.tags(tag("landfall:resource", "network/vpc")).tags(tag("landfall:generation", "1"));
        let tags = tags.tags(tag("landfall:attempt", "01ARZ3NDEKTSV4RRFFQ69G5FAV")).build();
        let ec2 = aws_sdk_ec2::Client::new(sandbox.config());
        let made = ec2.create_vpc().cidr_block("10.0.0.0/16").tag_specifications(tags).send().await.unwrap();
        made.vpc.unwrap().vpc_id.unwrap()
    }

    /// Breaks one rule after the other in a real sandbox, and mends it again.
    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_left_is_found_in_every_service_and_in_the_ledger() {
        let dir = tempfile::tempdir().unwrap();
        let programs = std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().to_owned();
        let options = Options { dir: dir.path().to_owned(), scale: 1.0 / 60.0, functions: Some(programs) };
        let sandbox = Sandbox::up(&options).await.unwrap();
        let (ledger, name, now) = (Ledger::memory(), platform().name, Timestamp::now());
        let onlooker = Onlooker { sandbox: &sandbox, ledger: &ledger };
        let findings = async || onlooker.findings(&name).await.unwrap();
        assert_eq!(findings().await, Vec::<String>::new());

        let vpc = tagged_vpc(&sandbox).await;
        let found = findings().await;
        assert!(found.contains(&format!("left in AWS: {vpc}")), "{found:?}");
        assert!(found.iter().any(|found| found.contains("CreateVpc") && found.contains("no run held")), "{found:?}");
        let call = sandbox.calls().into_iter().find(|call| call.action == "CreateVpc").unwrap();
        assert_eq!(call.attempt.unwrap().resource, "network/vpc#1");
        aws_sdk_ec2::Client::new(sandbox.config()).delete_vpc().vpc_id(vpc).send().await.unwrap();
        sandbox.reset();
        assert_eq!(findings().await, Vec::<String>::new());

        let logs = aws_sdk_cloudwatchlogs::Client::new(sandbox.config());
        let groups = ["/aws/eks/demo/cluster", "/landfall/landfall/demo/flow-logs"];
        for group in groups {
            logs.create_log_group().log_group_name(group).send().await.unwrap();
        }
        let kms = aws_sdk_kms::Client::new(sandbox.config());
        let key = kms.create_key().send().await.unwrap().key_metadata.unwrap().key_id;
        let alias = "alias/landfall/landfall/demo/eks";
        kms.create_alias().alias_name(alias).target_key_id(key).send().await.unwrap();
        let iam = aws_sdk_iam::Client::new(sandbox.config());
        let trust = json!({"Version": "2012-10-17", "Statement": []}).to_string();
        let role = iam.create_role().role_name("left").path("/landfall/landfall/demo/");
        role.assume_role_policy_document(trust).send().await.unwrap();
        let mut found = findings().await;
        found.sort();
        let left = [groups[0], groups[1], alias, "left"];
        assert_eq!(found, left.map(|left| format!("left in AWS: {left}")));
        for group in groups {
            logs.delete_log_group().log_group_name(group).send().await.unwrap();
        }
        kms.delete_alias().alias_name(alias).send().await.unwrap();
        iam.delete_role().role_name("left").send().await.unwrap();

        let run = Run::new(name.clone(), Machine::Deploy, Trigger::Upload, "arn".into(), now);
        let id = run.id;
        let admission = Admission { platform: platform(), revision: None, plan: None, run };
        let fence = ledger.admit(admission).await.unwrap().unwrap();
        assert!(matches!(&findings().await[..], [stuck] if stuck.starts_with("stuck: lease Some")));
        ledger.write(&fence, None, &record(&fence.run)).await.unwrap();
        let ending = Ending { status: RunStatus::Failed, failure: None, restored: false, quarantined_until: None };
        ledger.finish(&name, id, &ending, now).await.unwrap();
        assert_eq!(findings().await, ["left in the ledger: network/vpc#1"]);
    }

    fn record(run: &domain::RunId) -> Record {
        Record {
            id: ResourceId::new(Component::Network, "vpc"),
            generation: Generation::FIRST,
            kind: Kind::Vpc,
            schema: Record::SCHEMA,
            target: platform().target,
            locator: None,
            spec: json!({}),
            needs: Vec::new(),
            state: State::Creating(Claim { run: *run, token: Token::random(), at: at(0) }),
            outputs: Outputs::new(),
            adopted: false,
            attempts: 1,
            confirmed: None,
            created: at(0),
            updated: at(0),
        }
    }
}
