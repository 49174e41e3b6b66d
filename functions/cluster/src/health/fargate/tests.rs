use serde_json::{Value, json};

use super::super::samples::{fargate_node, of, on_fargate, runs, unscheduled};
use super::*;

const SINCE: &str = "2026-11-21T10:00:00Z";

/// The pods whose names begin with `old` run on 1.34, those with `next` on 1.36, the others on 1.35, as the control plane.
fn behind(pods: &[Value]) -> Behind {
    let name = |pod: &Value| pod["metadata"]["name"].as_str().unwrap().to_owned();
    let kubelet = |name: &str| match name {
        name if name.starts_with("old") => "v1.34.7-eks-1",
        name if name.starts_with("next") => "v1.36.0-eks-1",
        _ => "v1.35.4-eks-1",
    };
    let node = |pod: &Value| of(fargate_node(&name(pod), kubelet(&name(pod))));
    let nodes: Vec<Node> = pods.iter().map(node).collect();
    let pods: Vec<Pod> = pods.iter().cloned().map(of).collect();
    Behind::of("1.35", &nodes, &pods, SINCE.parse().unwrap())
}

fn leaving(mut pod: Value) -> Value {
    pod["metadata"]["deletionTimestamp"] = json!(SINCE);
    pod
}

fn made_since(mut pod: Value) -> Value {
    pod["metadata"]["creationTimestamp"] = json!(SINCE);
    pod
}

#[test]
fn one_pod_of_a_controller_goes_at_a_time_and_only_while_its_others_are_ready() {
    let web = |name: &str, ready: bool| on_fargate(name, Some("web"), runs(ready));
    let other = on_fargate("old-other", Some("other"), runs(true));
    let waits_for = "apps/old-1 waits for new-2, which finds no node: Unschedulable: 0/2 nodes are available";
    for (pods, next, waiting) in [
        (vec![web("new-1", true), web("new-2", false)], vec![], vec![]),
        (vec![web("old-2", true), web("old-1", true)], vec!["old-1"], vec![]),
        (vec![web("old-1", true), web("old-2", true), other], vec!["old-other", "old-1"], vec![]),
        (vec![web("next-1", true), web("new-2", true)], vec!["next-1"], vec![]),
        (vec![leaving(web("old-1", true)), web("old-2", true)], vec![], vec!["apps/old-2 waits until old-1 is gone"]),
        (vec![web("old-1", true), on_fargate("new-2", Some("web"), unscheduled())], vec![], vec![waits_for]),
        // What serves nobody is the first, and waits for nobody.
        (vec![web("old-1", true), web("old-2", false), web("new-3", false)], vec!["old-2"], vec![]),
        (
            vec![made_since(web("old-1", true))],
            vec![],
            vec!["apps/old-1 has started anew, and Fargate gave it this kubelet again"],
        ),
    ] {
        let found = behind(&pods);
        let names: Vec<&str> = found.next.iter().map(name).collect();
        assert_eq!((names, found.waiting), (next, waiting.iter().map(ToString::to_string).collect()), "{pods:?}");
    }
}

#[test]
fn what_nobody_would_make_again_stays_and_what_is_over_does_not_matter() {
    let over = |phase: &str| json!({"phase": phase});
    let found = behind(&[
        on_fargate("old-bare", None, runs(true)),
        on_fargate("new-bare", None, runs(true)),
        leaving(on_fargate("old-going", None, runs(true))),
        on_fargate("old-done", None, over("Succeeded")),
        on_fargate("old-job", Some("job"), over("Failed")),
    ]);
    assert_eq!(found.stay, ["apps/old-bare"]);
    assert_eq!((found.next, found.waiting), (vec![], vec![]));
    assert_eq!((found.all, found.going), (vec![], None));
}

#[test]
fn a_pod_that_goes_is_waited_for_until_its_time_is_up() {
    let found = behind(&[leaving(on_fargate("old-1", Some("web"), runs(true)))]);
    assert_eq!((found.next, found.all), (vec![], vec!["apps/old-1 (1.34)".to_owned()]));
    assert_eq!(found.going, Some(SINCE.parse().unwrap()));
}

#[test]
fn the_first_of_those_that_lag_are_named() {
    let many: Vec<Value> =
        (1..=7).map(|number| on_fargate(&format!("old-{number}"), Some("web"), runs(true))).collect();
    let told = |count: usize| behind(&many[..count]).lacking("1.35");
    assert_eq!(told(0), Vec::<String>::new());
    assert_eq!(told(1), ["1 pod on Fargate does not run 1.35 yet: apps/old-1 (1.34)"]);
    assert_eq!(told(2), ["2 pods on Fargate do not run 1.35 yet: apps/old-1 (1.34), apps/old-2 (1.34)"]);
    assert!(told(7)[0].ends_with("apps/old-5 (1.34) and 2 more"), "{:?}", told(7));
}

#[test]
fn who_may_not_go_keeps_nobody_from_a_turn() {
    let pods: Vec<Pod> = (0..25).map(|number| of(on_fargate(&format!("old-{number}"), None, runs(true)))).collect();
    let mut had: std::collections::BTreeSet<String> = std::collections::BTreeSet::new();
    for look in 0..10 {
        let turn = in_turn(pods.clone(), Timestamp::from_second(1_800_000_000 + 7 * look).unwrap());
        assert_eq!(turn.len(), AT_ONCE);
        had.extend(turn.iter().map(|pod| name(pod).to_owned()));
    }
    assert_eq!(had.len(), pods.len());
}

#[test]
fn what_controllers_made_since_is_progress() {
    let since: Timestamp = SINCE.parse().unwrap();
    let found = behind(&[
        on_fargate("new-1", Some("web"), runs(true)),
        made_since(on_fargate("new-2", Some("web"), unscheduled())),
        made_since(on_fargate("old-3", Some("web"), runs(true))),
        made_since(on_fargate("new-bare", None, runs(true))),
    ]);
    assert_eq!(found.moved, [since]);
}
