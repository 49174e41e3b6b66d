//! A ledger in memory with a life behind it: what the views are tested on. Ids and times are fixed.

use std::collections::BTreeMap;

use domain::{
    AccountId, AwsAnswer, Claim, Component, Epoch, Fault, FaultName, Generation, Kind, Locator, Operation,
    PlatformName, Record, Region, ResourceId, RunId, State, Target, Token,
};
use engine::{Fence, Ledger as _};
use facts::{Insight, Removal};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use ledger::{
    Admission, Approval, Diagnostics, Ending, Failure, Guards, Ledger, Listing, Machine, ObjectKey, OnFailure,
    OnManifestDelete, Orphan, Orphans, Pending, Platform, Report, Run, RunStatus, Status, Trigger,
};
use plan::cluster::{Upgrade, UpgradeStep, VersionChange};
use plan::{
    Action, ClusterFacts, Desired, Facts, FieldChange, Goal, KubernetesVersion, Plan, PlannedChange, Problem,
    SupportStatus,
};
use serde_json::json;

use crate::output::time::Clock;

/// 2026-11-21 12:00 UTC.
pub const NOW: Timestamp = Timestamp::constant(1_795_262_400, 0);

const FIRST: &str = "01KAJ0000000000000000FRST1";
const SECOND: &str = "01KAJ000000000000000SECND2";
const TEARDOWN: &str = "01KAJ00000000000000TEARDN3";

pub fn clock() -> Clock {
    Clock { now: NOW, zone: TimeZone::UTC }
}

pub fn name() -> PlatformName {
    PlatformName::parse("demo").unwrap()
}

fn target() -> Target {
    Target { account: AccountId::parse("123456789012").unwrap(), region: Region::parse("eu-west-1").unwrap() }
}

fn ago(seconds: i64) -> Timestamp {
    NOW - SignedDuration::from_secs(seconds)
}

/// A platform after its first deploy: protected, with a schedule.
pub fn platform() -> Platform {
    let bound = ObjectKey { bucket: "landfall-manifests".to_owned(), key: "manifests/demo.yaml".to_owned() };
    Platform {
        status: Status::Ready,
        revision: 1,
        version_id: Some("v1".to_owned()),
        plan: 1,
        last_plan: 1,
        last_good: 1,
        guards: Some(Guards {
            deletion_protection: true,
            on_manifest_delete: OnManifestDelete::Retain,
            approval: Approval::Destructive,
            on_failure: OnFailure::RollBack,
        }),
        next_due: Some(NOW + SignedDuration::from_hours(22)),
        ..Platform::new(name(), "landfall".to_owned(), bound, target(), ago(90_000))
    }
}

/// A second plan of that platform, which waits for approval.
pub fn pending() -> Pending {
    Pending {
        plan: 2,
        version_id: Some("v2".to_owned()),
        execution: "arn:aws:states:eu-west-1:123456789012:execution:landfall-deploy:two".to_owned(),
        until: NOW + SignedDuration::from_hours(23),
        decision: None,
    }
}

fn run_of(id: &str, machine: Machine, trigger: Trigger, started: Timestamp) -> Run {
    let execution = format!("arn:aws:states:eu-west-1:123456789012:execution:landfall-deploy:{id}");
    Run {
        id: RunId::parse(id).unwrap(),
        revision: 1,
        plan: 1,
        ..Run::new(name(), machine, trigger, execution, started)
    }
}

pub fn id(name: &str) -> ResourceId {
    ResourceId::new(Component::Network, name)
}

fn record(name: &str, kind: Kind, locator: Option<&str>, state: State) -> Record {
    Record {
        id: id(name),
        generation: Generation::FIRST,
        kind,
        schema: Record::SCHEMA,
        target: target(),
        locator: locator.map(|locator| Locator(locator.to_owned())),
        spec: json!({"tags": {"owner": "me"}}),
        needs: Vec::new(),
        state,
        outputs: locator.map(|locator| ("id".to_owned(), locator.to_owned())).into_iter().collect(),
        adopted: false,
        attempts: 1,
        confirmed: None,
        created: ago(86_400),
        updated: ago(86_390),
    }
}

pub fn operation(since: i64, reason: Option<&str>) -> Operation {
    Operation {
        run: RunId::parse(SECOND).unwrap(),
        epoch: Epoch(2),
        since: ago(since),
        reason: reason.map(ToOwned::to_owned),
    }
}

/// The records of a cluster that works: its control plane, who may use it, its add-ons, and the group before its API.
pub fn cluster_records() -> Vec<Record> {
    let record = |name: &str, kind: Kind, locator: &str, spec: serde_json::Value| Record {
        id: ResourceId::new(Component::Cluster, name),
        spec,
        ..record(name, kind, Some(locator), State::Ready)
    };
    let arn = "arn:aws:eks:eu-west-1:123456789012:cluster/demo";
    let spec = json!({
        "name": "demo", "version": "1.34", "role": "arn:aws:iam::123456789012:role/control-plane", "vpc": "vpc-0a1b2c3d",
        "subnets": ["subnet-0a1b2c3d"], "zones": ["euw1-az1"], "securityGroups": ["sg-0a1b2c3d"],
        "publicAccessCidrs": ["203.0.113.7/32"], "serviceIpv4Cidr": "172.20.0.0/16",
        "key": "arn:aws:kms:eu-west-1:123456789012:key/1", "logging": ["audit"], "supportType": "STANDARD",
        "deletionProtection": true, "autoMode": null, "tags": {},
    });
    let mut control_plane = record("control-plane", Kind::ControlPlane, "demo", spec);
    control_plane.outputs = [
        ("name", "demo"),
        ("arn", arn),
        ("version", "1.34"),
        ("endpoint", "https://0A1B2C3D.gr7.eu-west-1.eks.amazonaws.com"),
        ("certificateAuthority", "LS0tLS1CRUdJTg=="),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    let entry = |name: &str, principal: &str| {
        let spec = json!({"cluster": "demo", "principal": principal, "groups": [], "policies": [], "tags": {}});
        record(&format!("access-entry-{name}"), Kind::AccessEntry, name, spec)
    };
    let addon = |name: &str, version: &str| {
        let spec = json!({
            "cluster": "demo", "name": name, "version": version, "configuration": null, "roles": {}, "tags": {},
        });
        record(&format!("addon-{name}"), Kind::Addon, name, spec)
    };
    let group = json!({
        "vpc": "vpc-0a1b2c3d", "name": "landfall-demo-api-server", "description": "Clients of the Kubernetes API",
        "ingress": [{"port": 443, "from": "10.200.0.0/16"}, {"port": 443, "from": {"group": "sg-0a1b2c3e"}}], "tags": {},
    });
    vec![
        Record {
            spec: group,
            ..self::record("security-group-api-server", Kind::SecurityGroup, Some("sg-0a1b2c3d"), State::Ready)
        },
        control_plane,
        entry("landfall", "arn:aws:iam::123456789012:role/landfall/landfall/landfall-cluster"),
        entry("role.deployer", "arn:aws:iam::123456789012:role/teams/deployer"),
        entry("user.ada", "arn:aws:iam::123456789012:user/ada"),
        addon("coredns", "v1.12.3-eksbuild.1"),
        addon("kube-proxy", "v1.34.1-eksbuild.2"),
    ]
}

/// What EKS offers, as a plan knew it.
pub fn cluster_facts() -> ClusterFacts {
    let version = |version: &str, standard: Date, extended: Date| KubernetesVersion {
        version: version.to_owned(),
        status: SupportStatus::StandardSupport,
        end_of_standard_support: Some(standard),
        end_of_extended_support: Some(extended),
    };
    ClusterFacts {
        versions: vec![version("1.34", Date::constant(2026, 12, 2), Date::constant(2027, 12, 2))],
        ..ClusterFacts::default()
    }
}

/// An upgrade by two minors.
pub fn upgrade() -> Upgrade {
    let change = |from: &str, to: &str| VersionChange { from: Some(from.to_owned()), to: to.to_owned() };
    let step = |version: &str, addons: &[(&str, VersionChange)]| UpgradeStep {
        version: version.to_owned(),
        addons: addons.iter().map(|(name, change)| ((*name).to_owned(), change.clone())).collect(),
        node_groups: vec![ResourceId::new(Component::Cluster, "node-group-core")],
    };
    let first = change("v1.34.1-eksbuild.2", "v1.35.0-eksbuild.2");
    let second = change("v1.35.0-eksbuild.2", "v1.36.0-eksbuild.2");
    let risk: Problem = serde_json::from_value(json!({
        "code": "OneWay",
        "path": "spec.cluster.version",
        "message": "EKS goes back one minor, to 1.35, for seven days, and then no more",
        "fix": "try it on a platform of its own first",
    }))
    .unwrap();
    Upgrade {
        from: "1.34".to_owned(),
        to: "1.36".to_owned(),
        steps: vec![step("1.35", &[("kube-proxy", first)]), step("1.36", &[("kube-proxy", second)])],
        risks: vec![risk],
    }
}

/// What EKS has against it.
pub fn insights() -> Vec<Insight> {
    let removal = Removal {
        api: "/apis/example.k8s.io/v1beta1/things".to_owned(),
        removed_in: "1.36".to_owned(),
        replaced_with: "/apis/example.k8s.io/v1/things".to_owned(),
        clients: vec!["old-operator/v0.1".to_owned()],
    };
    let insight = |name: &str, refuses, reason: &str, removals| Insight {
        name: name.to_owned(),
        version: "1.36".to_owned(),
        refuses,
        reason: reason.to_owned(),
        recommendation: "Update the add-ons".to_owned(),
        removals,
    };
    vec![
        insight("Deprecated APIs removed in Kubernetes v1.36", true, "Deprecated API usage detected", vec![removal]),
        insight("EKS add-on version compatibility", false, "Add-ons coredns are not compatible", Vec::new()),
    ]
}

/// A network half way through its second deploy.
fn records() -> Vec<Record> {
    let claim = Claim { run: RunId::parse(SECOND).unwrap(), token: Token::random(), at: ago(4) };
    let vpc = record("vpc", Kind::Vpc, Some("vpc-0a1b2c3d"), State::Ready);
    let mut subnet = record("private-1", Kind::Subnet, Some("subnet-0a1b2c3d"), State::Ready);
    subnet.needs = vec![vpc.edge()];
    subnet.spec = json!({"vpc": "vpc-0a1b2c3d", "zone": "euw1-az1", "cidr": "10.40.0.0/20", "tags": {"owner": "me"}});
    let mut nat = record(
        "nat-2",
        Kind::NatGateway,
        Some("nat-0a1b2c3d"),
        State::Pending(operation(64, Some("AWS says pending"))),
    );
    nat.generation = Generation(2);
    nat.needs = vec![subnet.edge()];
    let address = record("address-3", Kind::ElasticIp, None, State::Creating(claim));
    vec![vpc, subnet, nat, address]
}

/// The plan of that deploy: one resource that nobody has begun.
pub fn wanted() -> Plan {
    let desired = Desired { kind: Kind::NatGateway, goal: Goal::Egress, spec: json!({}), needs: Vec::new() };
    let resources = BTreeMap::from([(id("nat-3"), desired)]);
    Plan { target: target(), facts: Facts::default(), resources, next: None }
}

async fn admit(ledger: &Ledger, platform: Platform, run: Run) -> Fence {
    ledger.admit(Admission { platform, revision: None, plan: None, run }).await.unwrap().unwrap()
}

async fn current(ledger: &Ledger) -> Platform {
    ledger.platform(&name()).await.unwrap().unwrap()
}

async fn first_deploy(ledger: &Ledger) {
    let fence = admit(ledger, platform(), run_of(FIRST, Machine::Deploy, Trigger::Upload, ago(86_400))).await;
    ledger.enter_phase(&fence, "Create and update: foundation", ago(86_400)).await.unwrap();
    ledger.enter_phase(&fence, "Create and update: egress", ago(86_392)).await.unwrap();
    ledger.enter_phase(&fence, "Verify", ago(86_260)).await.unwrap();
    let well = Ending { status: RunStatus::Succeeded, failure: None, restored: false, quarantined_until: None };
    ledger.finish(&name(), fence.run, &well, ago(86_250)).await.unwrap();
}

/// A second deploy is under way.
pub async fn under_way() -> (Ledger, RunId) {
    let ledger = Ledger::memory();
    let run = under_way_in(&ledger).await;
    (ledger, run)
}

/// The same in an empty ledger that is there.
pub async fn under_way_in(ledger: &Ledger) -> RunId {
    first_deploy(ledger).await;
    let mut run = run_of(SECOND, Machine::Deploy, Trigger::Upload, ago(72));
    (run.revision, run.plan) = (2, 2);
    let platform = Platform { revision: 2, plan: 2, last_plan: 2, ..current(ledger).await };
    let fence = admit(ledger, platform, run).await;
    ledger.enter_phase(&fence, "Create and update: foundation", ago(72)).await.unwrap();
    ledger.enter_phase(&fence, "Create and update: egress", ago(64)).await.unwrap();
    for record in records() {
        ledger.write(&fence, None, &record).await.unwrap();
    }
    fence.run
}

/// The second deploy did what it was for.
pub async fn deployed() -> (Ledger, RunId) {
    let (ledger, run) = under_way().await;
    let well = Ending { status: RunStatus::Succeeded, failure: None, restored: false, quarantined_until: None };
    ledger.finish(&name(), run, &well, ago(40)).await.unwrap();
    (ledger, run)
}

/// The second deploy failed, and was undone or left.
pub async fn failed(restored: bool) -> (Ledger, RunId) {
    let (ledger, run) = under_way().await;
    let failure = Failure {
        name: "CreateFailed".to_owned(),
        message: "network/nat-2: AWS gave up on the NAT gateway nat-0a1b2c3d: the address is in use.".to_owned(),
    };
    ledger.note_diagnostics(&name(), run, "s3://landfall-state/diagnostics/demo/run.json").await.unwrap();
    let badly = Ending { status: RunStatus::Failed, failure: Some(failure), restored, quarantined_until: None };
    ledger.finish(&name(), run, &badly, ago(5)).await.unwrap();
    (ledger, run)
}

/// What the second deploy knew when AWS refused it something.
pub async fn diagnostics() -> Diagnostics {
    let (ledger, run) = under_way().await;
    let answer = |code: Option<&str>, request: Option<&str>| AwsAnswer {
        action: "ec2:AllocateAddress".to_owned(),
        code: code.map(ToOwned::to_owned),
        request: request.map(ToOwned::to_owned),
    };
    let lost =
        Fault::new(FaultName::ConnectionLost, "ec2:AllocateAddress: no answer in time").answered(answer(None, None));
    let refused = Fault::new(FaultName::QuotaExceeded, "ec2:AllocateAddress answered AddressLimitExceeded: too many")
        .about(&id("address-3"))
        .answered(answer(Some("AddressLimitExceeded"), Some("59dbff89-35bd-4eac-99ed-be587EXAMPLE")));
    for (fault, seconds) in [(lost, 50), (refused, 40)] {
        ledger.note_fault(run, &fault, ago(seconds)).await.unwrap();
    }
    let failure = Failure { name: "QuotaExceeded".to_owned(), message: "network/address-3: too many".to_owned() };
    ledger.diagnose(&name(), run, &failure, ago(39)).await.unwrap().unwrap()
}

/// A teardown is under way after a deploy.
pub async fn tearing_down() -> (Ledger, RunId) {
    let (ledger, _) = deployed().await;
    let mut run = run_of(TEARDOWN, Machine::Teardown, Trigger::Destroy, ago(30));
    run.plan = 0;
    let fence = admit(&ledger, current(&ledger).await, run).await;
    ledger.enter_phase(&fence, "Prune", ago(29)).await.unwrap();
    (ledger, fence.run)
}

/// What a revision would change.
pub fn changes() -> Vec<PlannedChange> {
    let tags = FieldChange { field: "tags".to_owned(), old: json!({"owner": "me"}), new: json!({"owner": "you"}) };
    let change =
        |action, name, kind, reasons| PlannedChange { action, resource: id(name), kind, reasons, destroys: false };
    vec![
        change(Action::Create, "nat-3", Kind::NatGateway, Vec::new()),
        change(Action::Update, "vpc", Kind::Vpc, vec![tags]),
    ]
}

/// The proof of a teardown.
pub fn report() -> Report {
    let listing = |what: &str, by: &str| Listing { what: what.to_owned(), by: by.to_owned(), found: 0 };
    Report {
        platform: name(),
        run: RunId::parse(TEARDOWN).unwrap(),
        at: NOW,
        listings: vec![
            listing("VPCs", "the tag landfall:platform = demo"),
            listing("roles", "the path /landfall/landfall/demo/"),
        ],
        left: Vec::new(),
        scheduled: Vec::new(),
    }
}

/// An answer of the function teardown: one orphan with an age, one without.
pub fn orphans() -> Orphans {
    let orphan = |what: &str, locator: &str, created, reason: &str, command: &str| Orphan {
        what: what.to_owned(),
        locator: locator.to_owned(),
        platform: Some("demo".to_owned()),
        created,
        reason: reason.to_owned(),
        command: command.to_owned(),
    };
    let tag = "found by the tag landfall:installation = landfall";
    Orphans {
        installation: "landfall".to_owned(),
        at: NOW,
        total: 2,
        orphans: vec![
            orphan(
                "NAT gateway",
                "nat-0abc",
                Some(ago(200_000)),
                tag,
                "aws ec2 delete-nat-gateway --nat-gateway-id nat-0abc",
            ),
            orphan("security group", "sg-0abc", None, tag, "aws ec2 delete-security-group --group-id sg-0abc"),
        ],
    }
}
