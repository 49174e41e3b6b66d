//! Kubernetes minors: what speaks against one, what becomes of one that fails on the way, and the way back.

use ledger::RunStatus;
use sandbox::{DeprecatedApi, Effect, Rule};

use crate::clusters::{cluster, destroyed, minors};
use crate::support::{User, World, alone};

/// A cluster of that minor with two groups of nodes.
fn at(minor: &str) -> String {
    let group = "{instanceTypes: [m7g.large], minSize: 1, maxSize: 2}";
    cluster(&format!("  version: \"{minor}\"\ncompute:\n  managedNodeGroups: {{apps: {group}, core: {group}}}"))
}

/// Everything runs that minor.
async fn runs_all(world: &World, minor: &str) {
    assert_eq!(minors(world, "minors").await, (minor.to_owned(), vec![minor.to_owned(); 2]));
}

/// The updates of versions that EKS took up since that call, in order.
fn updates(user: &User, since: u64) -> Vec<String> {
    let calls = user.world.sandbox.calls_since(since).into_iter();
    let of_versions = ["UpdateClusterVersion", "UpdateNodegroupVersion", "UpdateAddon"];
    let taken = calls.filter(|call| {
        call.status == 200
            && of_versions.contains(&call.action.as_str())
            && call.platform.as_deref() == Some(user.name.as_str())
    });
    taken.map(|call| call.action).collect()
}

/// Deploys while EKS refuses each kind of update at first, as it does while another is under way that nobody here knows of.
async fn deployed_though_busy(user: &User, spec: &str) {
    let sandbox = &user.world.sandbox;
    let updates = [
        "UpdateAddon",
        "UpdateClusterConfig",
        "UpdateClusterVersion",
        "UpdateNodegroupConfig",
        "UpdateNodegroupVersion",
    ];
    let busy = Effect::Fail { status: 409, code: "ResourceInUseException".into(), message: "another update".into() };
    for action in updates {
        sandbox.script(Rule::new("eks", action, busy.clone()).times(2).about(user.name.as_str()));
    }
    let before = sandbox.faults().len();
    user.deploy(spec).await;
    sandbox.clear_rules();
    let mut refused: Vec<String> = sandbox.faults_since(before).into_iter().map(|rule| rule.action).collect();
    refused.sort();
    assert_eq!(refused, updates.map(|action| [action; 2]).concat());
}

#[test]
fn a_minor_is_refused_fails_and_goes_back() {
    alone(async |world| {
        let user = world.user("minors");
        user.deploy(&at("1.34")).await;

        world.sandbox.deprecated_api(
            "minors",
            Some(DeprecatedApi {
                usage: "/apis/old.example/v1beta1/things".into(),
                replaced_with: "/apis/old.example/v1/things".into(),
                stop_serving_version: "1.35".into(),
                client: "old-operator/v0.1".into(),
            }),
        );
        user.upload(&user.manifest(&at("1.35"))).await;
        let (_, cause) = user.refusal().await;
        assert!(cause.contains("/apis/old.example/v1beta1/things") && cause.contains("old-operator/v0.1"), "{cause}");
        runs_all(world, "1.34").await;
        let insists = |spec: String| format!("acknowledge: [UpgradeRefused]\n{spec}");

        // One group comes along and another does not: what did has to go back, and the new one has to go.
        let last = Effect::FailLater { code: "PodEvictionFailure".into(), message: "so it was scripted".into() };
        world
            .sandbox
            .script(Rule::new("eks", "UpdateNodegroupVersion", last).times(1).about("minors/node-groups/apps"));
        let since = world.last_call();
        let more = at("1.35").replace("{apps:", "{batch: {instanceTypes: [m7g.large], minSize: 1, maxSize: 1}, apps:");
        let run = user.apply(&insists(more)).await;
        world.sandbox.clear_rules();
        assert_eq!((run.status, run.restored), (RunStatus::Failed, true), "{:?}", run.failure);
        let message = run.failure.unwrap().message;
        assert!(message.contains("node-group-apps") && message.contains("so it was scripted"), "{message}");
        runs_all(world, "1.34").await;
        let done = updates(&user, since);
        let of_cluster: Vec<usize> = (0..done.len()).filter(|at| done[*at] == "UpdateClusterVersion").collect();
        let of_nodes: Vec<usize> = (0..done.len()).filter(|at| done[*at] == "UpdateNodegroupVersion").collect();
        assert_eq!((of_cluster.len(), of_nodes.len()), (2, 3), "{done:?}");
        assert!(of_cluster[0] < of_nodes[0], "up, the control plane goes first: {done:?}");
        assert!(of_nodes[2] < of_cluster[1] && of_cluster[1] == done.len() - 1, "down, it goes last: {done:?}");

        let more = at("1.35").replace("compute:", "  logging: {types: [api]}\ncompute:").replacen(
            "minSize: 1",
            "minSize: 2",
            1,
        );
        deployed_though_busy(&user, &insists(more)).await;
        runs_all(world, "1.35").await;
        world.sandbox.deprecated_api("minors", None);
        user.deploy(&at("1.34")).await;
        runs_all(world, "1.34").await;
        destroyed(&user).await;
    });
}
