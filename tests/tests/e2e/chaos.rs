//! AWS misbehaves by chance, and many want something at once.

use std::collections::BTreeMap;
use std::process::Command;

use engine::Ledger as _;
use futures::future::join_all;
use ledger::Status;
use sandbox::Call;

use crate::support::{World, alone};

fn lives_leave_nothing(of: &str, seeds: &str) {
    let programs = std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().to_owned();
    let mut chaos = Command::new(programs.join("xtask"));
    chaos.args(["chaos", "--of", of, "--seeds", seeds, "--programs"]).arg(&programs);
    let output = chaos.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&[output.stdout, output.stderr].concat()));
}

#[test]
fn five_lives_of_networks_under_faults_leave_nothing() {
    lives_leave_nothing("network", "0..5");
}

#[test]
fn two_lives_of_clusters_under_faults_leave_nothing() {
    lives_leave_nothing("cluster", "0..2");
}

const SPEC: &str = "network: {availabilityZones: 2, flowLogs: {enabled: true}, vpcEndpoints: {additional: [xray]}}";

/// The calls of functions after that number, by service: all of them, and those that only ask whether something is done.
fn counted(world: &World, since: u64) -> (BTreeMap<String, usize>, usize) {
    let by_function = |call: &Call| call.caller.contains(":assumed-role/");
    let mut counts = BTreeMap::new();
    let mut conflicts = 0;
    for call in world.sandbox.calls_since(since).into_iter().filter(by_function) {
        *counts.entry(call.service.clone()).or_default() += 1;
        conflicts += usize::from(call.service == "dynamodb" && call.mutating && call.status == 400);
    }
    (counts, conflicts)
}

#[test]
#[ignore = "long: fifty platforms"]
fn fifty_platforms_at_once_cost_fifty_times_one_and_lose_no_update() {
    const MANY: usize = 50;
    alone(async |world| {
        let since = world.last_call();
        let one = world.user("alone");
        one.deploy(SPEC).await;
        let (single, _) = counted(world, since);

        let since = world.last_call();
        let users: Vec<_> = (0..MANY).map(|n| world.user(&format!("many-{n:02}"))).collect();
        join_all(users.iter().map(|user| user.deploy(SPEC))).await;
        let (all, conflicts) = counted(world, since);
        eprintln!("one: {single:?}; {MANY} at once: {all:?}, {conflicts} refused writes");
        for (service, count) in all {
            // Who waits longer asks more often; what it costs to ask must not grow with the number of platforms.
            let limit = MANY * single.get(&service).copied().unwrap_or(1) * 3 / 2;
            assert!(count <= limit, "{service}: {count} calls, more than {limit}");
        }
        let records = one.records().await.len();
        for user in &users {
            let platform = user.platform().await.unwrap();
            assert_eq!((platform.status, platform.lease, platform.waiting), (Status::Ready, None, None));
            assert_eq!(world.ledger.records(&user.name).await.unwrap().len(), records, "{}", user.name);
            assert_eq!(user.runs().await.len(), 1, "{}", user.name);
            let named: Vec<String> =
                user.records().await.into_values().filter_map(|record| Some(record.locator?.0)).collect();
            assert!(world.sandbox.tagged(user.name.as_str()).iter().all(|id| named.contains(id)), "{}", user.name);
        }
    });
}
