//! Plans of clusters: the examples, the steps of an upgrade, and what cannot be planned.

use std::borrow::Cow;
use std::collections::BTreeSet;

use domain::{Component, Kind, ResourceId};
use insta::{assert_debug_snapshot, assert_snapshot};
use manifest::Manifest;
use plan::cluster::*;
use plan::{Action, Facts, Goal, Plan, Until, diff};
use serde::Deserialize;

use crate::changes::told;
use crate::support::{GIVEN, facts, given_facts, manifest_of, planned, records, running, shown, try_planned};

fn example(name: &str) -> Manifest {
    let path = format!("{}/../../examples/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    manifest::parse(&std::fs::read(path).unwrap()).unwrap_or_else(|problems| panic!("{name}: {problems}")).manifest
}

/// The cluster's part of a plan for people; the network has its own tests.
fn cluster_of(plan: &Plan) -> String {
    let whole = shown(plan);
    let begin = whole.find("cluster/").unwrap();
    whole[begin..].to_owned()
}

/// A cluster to which nobody objects, and further lines of the spec.
fn with(cluster: &str, more: &str) -> Manifest {
    manifest_of(&format!(
        "cluster: {{apiServer: {{publicAccessCidrs: [203.0.113.7/32]}}, \
         accessEntries: {{admins: {{role: deployer, policies: [AmazonEKSClusterAdminPolicy]}}}}{cluster}}}\n{more}"
    ))
}

fn id(name: &str) -> ResourceId {
    ResourceId::new(Component::Cluster, name)
}

fn spec<T: for<'a> Deserialize<'a>>(plan: &Plan, name: &str) -> T {
    let desired = plan.resources.get(&id(name)).unwrap_or_else(|| panic!("{:?}", plan.resources.keys()));
    T::deserialize(&desired.spec).unwrap()
}

#[test]
fn on_fargate_alone() {
    assert_snapshot!(cluster_of(&planned(&example("fargate"), &facts())));
}

#[test]
fn on_node_groups() {
    assert_snapshot!(cluster_of(&planned(&example("nodegroups"), &facts())));
}

#[test]
fn in_auto_mode() {
    assert_snapshot!(cluster_of(&planned(&example("auto-mode"), &facts())));
}

#[test]
fn reached_from_private_networks_alone() {
    let mut facts = facts();
    facts.zones = [
        ("use1-az1".into(), "us-east-1a".into()),
        ("use1-az2".into(), "us-east-1b".into()),
        ("use1-az4".into(), "us-east-1c".into()),
    ]
    .into();
    facts.cluster.as_mut().unwrap().key = Some("arn:aws:kms:us-east-1:111122223333:key/corp".to_owned());
    assert_snapshot!(shown(&planned(&example("private"), &facts)));
}

#[test]
fn a_network_alone_has_no_cluster() {
    let plan = planned(&manifest_of("tags: {owner: me}"), &facts());
    assert!(plan.resources.keys().all(|id| id.component() == Component::Network));
}

#[test]
fn nodes_that_are_all_tainted_let_coredns_in() {
    let compute = "compute: {managedNodeGroups: {core: {taints: [{key: a, value: b, effect: NoExecute}, {key: c, effect: NoSchedule}]}}}";
    let coredns: AddonSpec = spec(&planned(&with("", compute), &facts()), "addon-coredns");
    assert_eq!(
        coredns.configuration["tolerations"].as_array().unwrap()[2..],
        [
            serde_json::json!({"key": "a", "operator": "Equal", "value": "b", "effect": "NoExecute"}),
            serde_json::json!({"key": "c", "operator": "Exists", "effect": "NoSchedule"}),
        ]
    );
    // What the user says goes first, and leaves the rest.
    let pinned = ", addons: {coredns: {version: v9, configuration: {tolerations: [], replicaCount: 3}}}";
    let coredns: AddonSpec = spec(&planned(&with(pinned, compute), &facts()), "addon-coredns");
    assert_eq!(coredns.version, "v9");
    assert_eq!(coredns.configuration, serde_json::json!({"tolerations": [], "replicaCount": 3}));
}

/// By the place of the pods, not by what the cluster also has.
#[test]
fn a_role_comes_by_the_way_that_the_place_of_the_pods_allows() {
    let mixed = "compute: {managedNodeGroups: {core: {}}, fargateProfiles: {f: {selectors: [{namespace: 'on-*'}]}}}\n\
         serviceAccounts: {on-fargate/a: {secretsPrefix: a}, nodes/a: {secretsPrefix: a}, nodes/b: {secretsPrefix: a, mechanism: Irsa}}";
    let plan = planned(&with("", mixed), &facts());
    let by_pod_identity: Vec<_> =
        plan.resources.keys().filter(|id| id.name().starts_with("pod-identity")).map(ResourceId::name).collect();
    assert_eq!(by_pod_identity, ["pod-identity-nodes.a"]);
    let federated = |name: &str| {
        let role: plan::RoleSpec = spec(&plan, name);
        role.trust.to_string().contains("sts:AssumeRoleWithWebIdentity")
    };
    assert_eq!(
        ["on-fargate.a", "nodes.a", "nodes.b"].map(|name| federated(&format!("role-{name}"))),
        [true, false, true]
    );
}

/// The control plane takes ten minutes: what it waits for takes seconds.
#[test]
fn the_control_plane_waits_for_no_way_out() {
    for name in ["fargate", "nodegroups", "auto-mode"] {
        let plan = planned(&example(name), &facts());
        let mut all = BTreeSet::from([id("control-plane")]);
        let mut open = vec![id("control-plane")];
        while let Some(next) = open.pop() {
            let needs = plan.resources[&next].needs.iter().map(|need| need.resource.clone());
            open.extend(needs.filter(|need| all.insert(need.clone())));
        }
        let goals: BTreeSet<Goal> = all.iter().map(|id| plan.resources[id].goal).collect();
        assert_eq!(goals, BTreeSet::from([Goal::Foundation, Goal::ControlPlane]), "{name}: {all:?}");
    }
}

#[test]
fn the_gate_stands_beside_the_control_plane_and_runs_what_the_installation_has() {
    let manifest = with("", "compute: {managedNodeGroups: {core: {}}}");
    let plan = planned(&manifest, &facts());
    let (gate, control_plane): (FunctionSpec, ControlPlaneSpec) = (spec(&plan, "gate"), spec(&plan, "control-plane"));
    assert_eq!((gate.name.as_str(), gate.code.as_str()), ("main_demo_gate", "Z2F0ZQ=="));
    assert_eq!(gate.subnets, control_plane.subnets);
    assert_eq!(plan.resources[&id("gate")].goal, Goal::ControlPlane);
    let needed_by =
        |one: &ResourceId, other: &ResourceId| plan.resources[other].needs.iter().any(|need| need.resource == *one);
    assert!(plan.resources.keys().all(|other| !needed_by(&id("gate"), other)), "nothing waits for it");
    assert!(!needed_by(&id("control-plane"), &id("gate")));

    let mut newer = running(&control_plane.version, &plan);
    newer.cluster.as_mut().unwrap().gate_code = "bmV3".to_owned();
    let changes = diff(&planned(&manifest, &newer), &records(&plan));
    let told: Vec<_> = changes.iter().map(|change| (change.resource.name(), change.action)).collect();
    assert_eq!(told, [("gate", Action::Update)]);

    let mut older = facts();
    older.cluster.as_mut().unwrap().gate_code.clear();
    let problems = try_planned(&manifest, &older).unwrap_err();
    assert_eq!(problems.iter().map(|problem| problem.code.as_str()).collect::<Vec<_>>(), ["NoGate"]);
}

/// What the control plane runs, given what the manifest asks for, and where the next plan goes on to.
fn step(wanted: &str, current: &str) -> (Plan, Option<String>) {
    let before = planned(&with(&format!(", version: '{current}'"), ""), &facts());
    let plan = planned(&with(&format!(", version: '{wanted}'"), ""), &running(current, &before));
    let next = plan.next.clone();
    (plan, next)
}

#[test]
fn an_upgrade_goes_one_minor_at_a_time_with_the_nodes_last() {
    let (first, next) = step("1.36", "1.34");
    let (second, last) = step("1.36", "1.35");
    assert_eq!((next.as_deref(), last), (Some("1.36"), None));
    let before = planned(&with(", version: '1.34'", ""), &facts());
    assert_snapshot!(told(&diff(&first, &records(&before))));
    assert_eq!(spec::<ControlPlaneSpec>(&second, "control-plane").version, "1.36");
    // Nodes wait until their add-ons are as this plan wants them.
    let needs = &first.resources[&id("node-group-core")].needs;
    let current: Vec<_> =
        needs.iter().filter(|need| need.until == Until::Current).map(|need| need.resource.name()).collect();
    assert_eq!(current, ["addon-eks-pod-identity-agent", "addon-kube-proxy", "addon-vpc-cni"]);
}

/// No node may be newer than the control plane. A restored plan was made for the way up, so the way is found from where
/// things stand.
#[test]
fn the_way_back_has_the_control_plane_last() {
    let up = planned(&with(", version: '1.35'", ""), &facts());
    let mut facts = running("1.35", &up);
    facts.cluster.as_mut().unwrap().roll_back = Some("1.34".to_owned());
    let down = planned(&with(", version: '1.34'", ""), &facts);
    let there = records(&up);
    let back = down.facing(&there);
    assert_eq!(spec::<NodeGroupSpec>(&back, "node-group-core").version, plan::Ref::Known("1.34".to_owned()));
    let control_plane = &back.resources[&id("control-plane")];
    let earlier = control_plane.needs.iter().filter(|need| need.until == Until::Earlier);
    let earlier: Vec<&str> = earlier.map(|need| need.resource.name()).collect();
    assert_eq!(
        (control_plane.goal, earlier),
        (
            Goal::Compute,
            vec![
                "addon-coredns",
                "addon-eks-pod-identity-agent",
                "addon-kube-proxy",
                "addon-vpc-cni",
                "node-group-core"
            ]
        )
    );
    assert_snapshot!(told(&diff(&down, &there)));
    for other in [&up, &planned(&with(", version: '1.36'", ""), &facts)] {
        assert!(matches!(other.facing(&there), Cow::Borrowed(_)), "only the way back is another");
    }
    let services = ", version: '1.34', kubernetesNetworkConfig: {serviceIpv4Cidr: 172.30.0.0/16}";
    let other = planned(&with(services, ""), &facts);
    assert!(matches!(other.facing(&there), Cow::Borrowed(_)), "another control plane goes no way back");
}

#[test]
fn the_whole_way_of_an_upgrade_is_known_before_its_first_step() {
    let more = "compute: {managedNodeGroups: {core: {instanceTypes: [m7g.large]}}, \
                fargateProfiles: {jobs: {selectors: [{namespace: jobs}]}}}";
    let of = |version: &str, kept: &str| with(&format!(", version: '{version}'{kept}"), more);
    let before = planned(&of("1.34", ""), &facts());
    let way = |version: &str, kept: &str| {
        let manifest = of(version, kept);
        let plan = planned(&manifest, &running("1.34", &before));
        upgrade("main", &manifest, &plan, &records(&before)).unwrap()
    };
    assert_debug_snapshot!(way("1.36", ", addons: {kube-proxy: {version: v1.34.0-eksbuild.1}}").unwrap());
    let one = way("1.35", "").unwrap();
    assert_eq!(one.steps.iter().map(|step| step.version.as_str()).collect::<Vec<_>>(), ["1.35"]);
    assert!(one.risks.iter().any(|risk| risk.message.contains("to 1.34, for seven days")), "{:?}", one.risks);
    assert_eq!(way("1.34", ""), None);
    let mut back = running("1.34", &before);
    back.cluster.as_mut().unwrap().roll_back = Some("1.33".to_owned());
    let back = upgrade("main", &of("1.33", ""), &planned(&of("1.33", ""), &back), &records(&before)).unwrap().unwrap();
    assert_eq!((back.steps.len(), back.to.as_str()), (1, "1.33"));
    assert!(back.risks.iter().all(|risk| risk.code != "OneWay"), "{:?}", back.risks);
    // Before there is a control plane, nothing is upgraded.
    assert_eq!(upgrade("main", &of("1.36", ""), &planned(&of("1.36", ""), &facts()), &[]), Ok(None));
}

#[test]
fn a_cluster_without_changes_asks_for_nothing() {
    for name in ["fargate", "nodegroups", "auto-mode"] {
        let plan = planned(&example(name), &facts());
        let again = planned(&example(name), &running("1.35", &plan));
        assert_eq!(diff(&again, &records(&plan)), []);
    }
}

#[test]
fn a_zone_that_is_added_moves_no_control_plane() {
    let two = planned(&with("", "network: {availabilityZones: 2}"), &facts());
    let three = planned(&with("", "network: {availabilityZones: 3}"), &running("1.35", &two));
    let changes = diff(&three, &records(&two));
    let touched: Vec<_> = changes
        .iter()
        .filter(|change| change.resource.component() == Component::Cluster)
        .map(|change| (change.action, change.resource.name()))
        .collect();
    assert_eq!(touched, [(Action::Replace, "node-group-core"), (Action::Update, "addon-coredns")][..1]);
}

#[test]
fn what_eks_cannot_change_is_a_replacement_that_destroys() {
    let before = planned(&with("", "network: {availabilityZones: 3}"), &facts());
    let running = running("1.35", &before);
    let table = [
        ("a zone less", with("", "network: {availabilityZones: 2}"), "zones"),
        ("other services", with(", kubernetesNetworkConfig: {serviceIpv4Cidr: 10.100.0.0/16}", ""), "serviceIpv4Cidr"),
        ("another key", with(", encryptionConfig: {keyArn: alias/mine}", ""), "key"),
    ];
    for (name, manifest, field) in table {
        let mut facts = running.clone();
        facts.cluster.as_mut().unwrap().key = Some("arn:aws:kms:eu-west-1:111122223333:key/mine".to_owned());
        let changes = diff(&planned(&manifest, &facts), &records(&before));
        let change = changes.iter().find(|change| change.resource == id("control-plane")).unwrap();
        assert_eq!((change.action, change.destroys), (Action::Replace, true), "{name}");
        assert!(change.reasons.iter().any(|reason| reason.field == field), "{name}: {:?}", change.reasons);
    }
}

/// What changes of the cluster, given its lines before and after.
fn between(old: (&str, &str), new: (&str, &str)) -> String {
    let before = planned(&with(old.0, old.1), &facts());
    told(&diff(&planned(&with(new.0, new.1), &running("1.35", &before)), &records(&before)))
}

#[test]
fn changes_in_place_and_beside() {
    let groups = |fields: &str| format!("compute: {{managedNodeGroups: {{core: {{{fields}}}}}}}");
    let cases = [
        ("nothing", ("", ""), ("", "")),
        ("more nodes", ("", &*groups("minSize: 2")), ("", &*groups("minSize: 3"))),
        ("another type", ("", &*groups("instanceTypes: [m6i.large]")), ("", &*groups("instanceTypes: [m7g.large]"))),
        ("larger volumes", ("", &*groups("diskSize: 20")), ("", &*groups("diskSize: 40"))),
        ("all logs", ("", ""), (", logging: {types: [api, audit, authenticator, controllerManager, scheduler]}", "")),
        (
            "Auto Mode",
            ("", "compute: {managedNodeGroups: {core: {}}}"),
            ("", "compute: {managedNodeGroups: {core: {}}, autoMode: {}}"),
        ),
        (
            "other selectors",
            ("", "compute: {fargateProfiles: {f: {selectors: [{namespace: a}]}}}"),
            ("", "compute: {fargateProfiles: {f: {selectors: [{namespace: b}]}}}"),
        ),
        ("no protection", ("", ""), ("", "safety: {deletionProtection: false}")),
    ];
    let mut text = String::new();
    for (name, old, new) in cases {
        text.push_str(&format!("== {name}\n{}", between(old, new)));
    }
    assert_snapshot!(text);
}

#[test]
fn landfalls_own_access_goes_last() {
    let plan = planned(&example("nodegroups"), &facts());
    let gone: Vec<_> = diff(&Plan::empty(plan.target.clone()), &records(&plan));
    let place = |name: &str| gone.iter().position(|change| change.resource == id(name)).unwrap();
    let own = place("access-entry-landfall");
    for earlier in
        ["access-entry-role.deployer", "node-group-core", "node-group-apps", "addon-coredns", "addon-vpc-cni"]
    {
        assert!(place(earlier) < own, "{earlier}");
    }
    assert!(own < place("control-plane") && place("control-plane") < place("log-group-control-plane"));
    let network = |name: &str| ResourceId::new(Component::Network, name);
    let way_out = gone.iter().position(|change| change.resource == network("nat-euw1-az1")).unwrap();
    assert!(place("node-group-core") < way_out, "nodes reach AWS until they are gone");
}

#[test]
fn what_cannot_be_planned() {
    let facts = facts();
    let changed = |change: &dyn Fn(&mut plan::ClusterFacts)| {
        let mut facts = facts.clone();
        change(facts.cluster.as_mut().unwrap());
        facts
    };
    let down = changed(&|cluster| cluster.current = Some("1.36".to_owned()));
    let nobody = changed(&|cluster| cluster.principals.clear());
    let same = changed(&|cluster| cluster.role = cluster.principals["role/deployer"].clone());
    let new = changed(&|cluster| cluster.addons.clear());
    let network_only = Facts { cluster: None, ..facts.clone() };
    let groups = |fields: &str| with("", &format!("compute: {{managedNodeGroups: {{core: {{{fields}}}}}}}"));
    let overlapping = format!("network: {{{GIVEN}}}");
    let mut given = given_facts();
    given.given.as_mut().unwrap().cidrs = vec!["172.16.0.0/12".parse().unwrap()];
    let refused = changed(&|cluster| {
        cluster.current = Some("1.35".to_owned());
        cluster.refusals = vec!["Deprecated APIs removed in Kubernetes v1.36: in use".to_owned()];
    });
    let cases: [(&str, Manifest, &Facts); 13] = [
        ("an unknown minor", with(", version: '1.39'", ""), &facts),
        ("a minor in extended support", with(", version: '1.32'", ""), &facts),
        ("a minor below", with(", version: '1.34'", ""), &down),
        ("a minor that EKS refuses", with(", version: '1.36'", ""), &refused),
        ("an unknown principal", with("", ""), &nobody),
        ("Landfall's own role", with("", ""), &same),
        ("an unknown key", with(", encryptionConfig: {keyArn: alias/none}", ""), &facts),
        ("an unknown instance type", groups("instanceTypes: [m6i.large, x9.huge]"), &facts),
        ("two architectures", groups("instanceTypes: [m6i.large, m7g.large]"), &facts),
        ("a zone without a subnet", groups("availabilityZones: [eu-west-1f]"), &facts),
        ("no add-ons yet", with("", ""), &new),
        ("a given VPC where services are", with("", &overlapping), &given),
        ("facts without a cluster", with("", ""), &network_only),
    ];
    let mut text = String::new();
    for (name, manifest, facts) in cases {
        text.push_str(&format!("{name}\n"));
        for problem in try_planned(&manifest, facts).unwrap_err() {
            text.push_str(&format!("  {problem}\n"));
        }
    }
    assert_snapshot!(text);
}

#[test]
fn in_a_given_vpc_nodes_use_all_private_subnets() {
    let plan = planned(&with("", &format!("network: {{{GIVEN}}}")), &given_facts());
    let group: NodeGroupSpec = spec(&plan, "node-group-core");
    let control_plane: ControlPlaneSpec = spec(&plan, "control-plane");
    assert_eq!((group.subnets.len(), control_plane.zones), (2, vec!["euw1-az1".to_owned(), "euw1-az2".to_owned()]));
}

/// A roll-back may lead to one of these.
#[test]
fn a_plan_from_before_there_were_clusters_is_read() {
    let stored = serde_json::json!({
        "target": {"account": "111122223333", "region": "eu-west-1"},
        "facts": {"zones": {"euw1-az1": "eu-west-1a"}, "slots": {"euw1-az1": 0}, "given": null},
        "resources": {"network/role-flow-logs": {
            "kind": "FlowLogRole",
            "goal": "foundation",
            "spec": {
                "name": "r", "path": "/landfall/main/demo/", "permissionsBoundary": null, "logGroupArn": "arn", "tags": {},
            },
            "needs": [],
        }},
    });
    let plan: Plan = serde_json::from_value(stored).unwrap();
    assert_eq!((plan.facts.cluster, plan.next), (None, None));
    let role = plan.resources.values().next().unwrap();
    assert_eq!(role.kind, Kind::Role);
    assert_eq!(plan::RoleSpec::deserialize(&role.spec).unwrap().name, "r");
}
