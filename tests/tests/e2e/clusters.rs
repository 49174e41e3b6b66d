//! Clusters: each way to have nodes from its first upload to its teardown, and what can go wrong with what EKS makes.

use std::collections::BTreeSet;

use aws_sdk_eks::types::{AddonStatus, ClusterStatus};
use aws_sdk_kms::types::KeyState;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Namespace, Node};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::Client;
use kube_core::params::ListParams;
use ledger::{Report, RunStatus, Status, Trigger};
use sandbox::{Effect, Rule};
use serde_json::{Value, json};

use crate::gate::kubernetes;
use crate::support::{User, World, alone, scenario, until};

const TWO_ZONES: &str = "network: {availabilityZones: 2}\n";

/// The parts of a manifest that all clusters have here, with more of `cluster`.
pub(crate) fn cluster(more: &str) -> String {
    let open = "  apiServer: {publicAccessCidrs: [203.0.113.7/32]}\n";
    format!("safety: {{deletionProtection: false}}\n{TWO_ZONES}cluster:\n{open}{more}")
}

async fn report(user: &User) -> Value {
    let run = user.runs().await.remove(0);
    let bucket = user.world.sandbox.variable("LANDFALL_STATE_BUCKET");
    let object = user.world.s3.get_object().bucket(bucket).key(Report::key(&user.name, run.id)).send().await.unwrap();
    serde_json::from_slice(&object.body.collect().await.unwrap().to_vec()).unwrap()
}

/// Takes the platform away, and looks at the proof.
pub(crate) async fn destroyed(user: &User) -> Value {
    let before = user.runs().await.len();
    user.world.start("LANDFALL_TEARDOWN_MACHINE", json!({"platform": user.name})).await;
    let run = user.run_after(before).await;
    assert_eq!(run.status, RunStatus::Succeeded, "{:?}", run.failure);
    assert_eq!(user.physical().await, Vec::<String>::new());
    assert_eq!(user.world.sandbox.tagged(user.name.as_str()), Vec::<String>::new());
    assert!(user.records().await.is_empty());
    let report = report(user).await;
    assert_eq!(report["left"], json!([]), "{report:#}");
    report
}

/// Starts the deploy of what is deployed already: what somebody changed by hand is changed back.
pub(crate) async fn mended(user: &User) {
    let before = user.runs().await.len();
    user.world.start("LANDFALL_DEPLOY_MACHINE", json!({"platform": user.name})).await;
    let run = user.run_after(before).await;
    assert_eq!((run.trigger, run.status), (Trigger::Manual, RunStatus::Succeeded), "{:?}", run.failure);
}

/// The minors of a control plane and of its node groups.
pub(crate) async fn minors(world: &World, name: &str) -> (String, Vec<String>) {
    let described = world.eks.describe_cluster().name(name).send().await.unwrap().cluster.unwrap();
    let groups = world.eks.list_nodegroups().cluster_name(name).send().await.unwrap().nodegroups.unwrap_or_default();
    let mut versions = Vec::new();
    for group in groups {
        let call = world.eks.describe_nodegroup().cluster_name(name).nodegroup_name(group);
        versions.extend(call.send().await.unwrap().nodegroup.unwrap().version);
    }
    (described.version.unwrap(), versions)
}

/// Two pods in a namespace of Fargate's, of which one has to serve at any time.
async fn run_on_fargate(kubernetes: &Client) {
    let of = |name: &str, rest: Value| json!({"metadata": {"name": name, "namespace": "apps"}, "spec": rest});
    let labels = json!({"app": "web"});
    let template =
        json!({"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": "example.com/web"}]}});
    let deployment = json!({"replicas": 2, "selector": {"matchLabels": labels}, "template": template});
    let budget = json!({"minAvailable": 1, "selector": {"matchLabels": labels}});
    let namespace: Namespace = serde_json::from_value(json!({"metadata": {"name": "apps"}})).unwrap();
    let deployment: Deployment = serde_json::from_value(of("web", deployment)).unwrap();
    let budget: PodDisruptionBudget = serde_json::from_value(of("web", budget)).unwrap();
    kubernetes.create(None, &namespace).await.unwrap();
    kubernetes.create(Some("apps"), &deployment).await.unwrap();
    kubernetes.create(Some("apps"), &budget).await.unwrap();
}

/// Waits until so many pods run on Fargate: the minors of their kubelets.
async fn kubelets(kubernetes: &Client, pods: usize) -> BTreeSet<String> {
    until(&format!("{pods} nodes of Fargate"), async || {
        let fargate = ListParams::default().labels("eks.amazonaws.com/compute-type=fargate");
        let nodes: Vec<Node> = kubernetes.list(None, &fargate).await.unwrap();
        let version = |node: &Node| Some(node.status.as_ref()?.node_info.as_ref()?.kubelet_version.clone());
        let minor = |version: String| version.split('.').take(2).collect::<Vec<_>>().join(".");
        (nodes.len() == pods).then(|| nodes.iter().filter_map(version).map(minor).collect())
    })
    .await
}

#[test]
fn a_cluster_on_fargate_with_a_given_key_comes_is_upgraded_with_its_pods_and_goes() {
    scenario(async |world| {
        let user = world.user("fargate");
        let ada = world.person("fargate-ada").await;
        world.permission_set("AdministratorAccess").await;
        let key = world.kms.create_key().send().await.unwrap().key_metadata.unwrap().key_id;
        world.kms.create_alias().alias_name("alias/given").target_key_id(&key).send().await.unwrap();
        let more = "  version: \"1.34\"\n  encryptionConfig: {keyArn: alias/given}\n  accessEntries:\n    admins: {permissionSet: AdministratorAccess, policies: [AmazonEKSClusterAdminPolicy]}\n    ada: {user: fargate-ada, policies: [AmazonEKSClusterAdminPolicy]}\ncompute:\n  fargateProfiles:\n    apps: {selectors: [{namespace: apps}]}\nserviceAccounts:\n  apps/api: {secretsPrefix: apps/}";
        user.deploy(&cluster(more)).await;
        let found = world.eks.describe_cluster().name("fargate").send().await.unwrap().cluster.unwrap();
        assert_eq!(found.status, Some(ClusterStatus::Active));
        assert!(found.encryption_config()[0].provider().unwrap().key_arn().unwrap().ends_with(&key));
        let dns = world.eks.describe_addon().cluster_name("fargate").addon_name("coredns").send().await.unwrap();
        assert_eq!(dns.addon.unwrap().status, Some(AddonStatus::Active));
        let nodes = ada.nodes("fargate").await;
        let on_fargate = |node: &Node| node.metadata.name.as_ref().is_some_and(|name| name.starts_with("fargate-ip-"));
        assert!(nodes.len() >= 2 && nodes.iter().all(on_fargate), "{nodes:#?}");

        let kubernetes = kubernetes(&user, &ada).await;
        run_on_fargate(&kubernetes).await;
        assert_eq!(kubelets(&kubernetes, 4).await, ["v1.34".to_owned()].into(), "two of CoreDNS, two of ours");
        // EKS takes no control plane to the next minor while pods on Fargate are behind.
        let changed = format!("tags: {{team: apps}}\n{}", cluster(&more.replace("1.34", "1.36")));
        let version = user.upload(&user.manifest(&changed)).await;
        assert_eq!(user.settled_at(&version).await.status, Status::Ready);
        assert_eq!(minors(world, "fargate").await.0, "1.36");
        assert_eq!(kubelets(&kubernetes, 4).await, ["v1.36".to_owned()].into());
        let web: Deployment = kubernetes.get(Some("apps"), "web").await.unwrap().unwrap();
        assert_eq!(web.metadata.generation, Some(1), "nobody changed it");

        // Back they cannot go first, as nodes do.
        user.deploy(&cluster(&more.replace("1.34", "1.35"))).await;
        assert_eq!(minors(world, "fargate").await.0, "1.35");
        assert_eq!(kubelets(&kubernetes, 4).await, ["v1.35".to_owned()].into());
        destroyed(&user).await;
        let left = world.kms.describe_key().key_id(&key).send().await.unwrap().key_metadata.unwrap();
        assert_eq!(left.key_state, Some(KeyState::Enabled), "what was given stays");
    });
}

const NODES: &str = "
  version: \"1.34\"
  logging: {types: [api, audit], retentionDays: 30}
  accessEntries:
    admins: {permissionSet: AdministratorAccess, policies: [AmazonEKSClusterAdminPolicy]}
    deployer: {role: deployer, policies: [AmazonEKSEditPolicy], namespaces: [apps], groups: [deployers]}
    alice: {user: alice, policies: [AmazonEKSAdminViewPolicy]}
  addons: {coredns: {configuration: {tolerations: [{key: CriticalAddonsOnly, operator: Exists}]}}}
compute:
  managedNodeGroups:
    core: {instanceTypes: [m7g.large], minSize: 2, maxSize: 3, taints: [{key: CriticalAddonsOnly, effect: NoSchedule}]}
    apps: {amiFamily: AL2023, instanceTypes: [m6i.large], minSize: 0, maxSize: 4, diskSize: 40}
serviceAccounts:
  apps/api: {policies: [AmazonS3ReadOnlyAccess], secretsPrefix: apps/}";

#[test]
fn a_cluster_of_nodes_is_changed_mended_upgraded_and_taken_away() {
    scenario(async |world| {
        let user = world.user("nodes");
        world.permission_set("AdministratorAccess").await;
        world.role("deployer").await;
        let alice = world.person("alice").await;
        let boundary = world.iam.create_policy().policy_name("nodes-boundary").policy_document(
            json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
                .to_string(),
        );
        boundary.send().await.unwrap();
        user.deploy(&format!(
            "permissionsBoundary: nodes-boundary\ntags: {{team: one, gone: soon}}\n{}",
            cluster(NODES)
        ))
        .await;
        assert_eq!(minors(world, "nodes").await, ("1.34".into(), vec!["1.34".into(); 2]));
        assert_eq!(alice.nodes("nodes").await.len(), 2, "the group `apps` begins with none");

        let changed = NODES
            .replace("types: [api, audit], retentionDays: 30", "types: [authenticator], retentionDays: 60")
            .replace("AmazonEKSEditPolicy], namespaces: [apps], groups: [deployers]", "AmazonEKSAdminViewPolicy], groups: [people]")
            .replace("coredns: {configuration: {", "coredns: {configuration: {replicaCount: 3, ")
            .replace("minSize: 0, maxSize: 4, diskSize: 40", "minSize: 1, maxSize: 5, diskSize: 50, labels: {place: apps}")
            .replace("AmazonS3ReadOnlyAccess", "AmazonSQSReadOnlyAccess")
            .replace("secretsPrefix: apps/", "policy: {Version: \"2012-10-17\", Statement: [{Effect: Allow, Action: \"sqs:SendMessage\", Resource: \"*\"}]}");
        user.deploy(&format!("tags: {{team: two}}\n{}", cluster(&changed))).await;
        let described = world.eks.describe_access_entry().cluster_name("nodes");
        let deployer = described.principal_arn("arn:aws:iam::111122223333:role/deployer").send().await.unwrap();
        assert_eq!(deployer.access_entry.unwrap().kubernetes_groups(), ["people"]);

        by_hand(world, &user).await;
        mended(&user).await;
        let role = user.records().await["role-apps.api"].outputs["name"].clone();
        let trust = world.iam.get_role().role_name(role).send().await.unwrap().role.unwrap();
        assert!(trust.assume_role_policy_document.unwrap().contains("pods.eks.amazonaws.com"));
        assert_ne!(trust.description.as_deref(), Some("by hand"));

        let before = user.runs().await.len();
        let climbs = format!("permissionsBoundary: nodes-boundary\n{}", cluster(&changed.replace("1.34", "1.36")));
        let version = user.upload(&user.manifest(&climbs)).await;
        user.run_after(before + 1).await;
        let platform = user.settled_at(&version).await;
        assert_eq!((platform.status, user.runs().await.len()), (Status::Ready, before + 2), "one run for each minor");
        assert_eq!(minors(world, "nodes").await, ("1.36".into(), vec!["1.36".into(); 2]));
        let report = destroyed(&user).await;
        assert_eq!(report["scheduled"].as_array().map(Vec::len), Some(1), "the key goes as scheduled: {report:#}");
    });
}

/// What somebody changes behind the platform's back.
async fn by_hand(world: &World, user: &User) {
    let records = user.records().await;
    let role = &records["role-apps.api"].outputs["name"];
    let nobody = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"}]});
    let trust = world.iam.update_assume_role_policy().role_name(role).policy_document(nobody.to_string());
    trust.send().await.unwrap();
    world.iam.update_role_description().role_name(role).description("by hand").send().await.unwrap();
    let key = &records["key"].outputs["id"];
    world.kms.update_key_description().key_id(key).description("by hand").send().await.unwrap();
    let association = world.eks.list_pod_identity_associations().cluster_name("nodes").namespace("apps");
    let association = association.send().await.unwrap().associations.unwrap().remove(0).association_id.unwrap();
    let update = world.eks.update_pod_identity_association().cluster_name("nodes").association_id(association);
    update.role_arn("arn:aws:iam::111122223333:role/deployer").send().await.unwrap();
}

#[test]
fn a_branch_that_fails_waits_for_its_siblings_and_fails_the_run() {
    alone(async |world| {
        let user = world.user("branch");
        world.sandbox.script(Rule::fail("kms", "CreateKey", "LimitExceededException", "No more keys.").about("branch"));
        let run = user.apply(&cluster("")).await;
        world.sandbox.clear_rules();
        let failure = run.failure.as_ref().unwrap();
        assert_eq!(
            (run.status, failure.name.as_str(), run.restored),
            (RunStatus::Failed, "QuotaExceeded", true),
            "{failure:?}"
        );
        assert!(failure.message.contains("cluster/key"), "{failure:?}");
        assert_eq!(user.physical().await, Vec::<String>::new());
        assert!(user.records().await.is_empty());
    });
}

/// The fault of a first deploy in which what this action began ends badly, and that nothing is left of it.
async fn fails_later(world: &'static World, name: &str, action: &str, code: &str, more: &str) -> (String, String) {
    let user = world.user(name);
    let effect = Effect::FailLater { code: code.into(), message: "so it was scripted".into() };
    world.sandbox.script(Rule::new("eks", action, effect).about(name));
    let run = user.apply(&cluster(more)).await;
    world.sandbox.clear_rules();
    assert_eq!((run.status, run.restored), (RunStatus::Failed, true), "{run:#?}");
    assert_eq!(user.physical().await, Vec::<String>::new());
    assert_eq!(world.sandbox.tagged(name), Vec::<String>::new());
    assert!(user.records().await.is_empty());
    let failure = run.failure.unwrap();
    (failure.name, failure.message)
}

#[test]
fn what_eks_gives_up_on_is_named_and_undone() {
    alone(async |world| {
        let (fault, message) = fails_later(world, "plane", "CreateCluster", "InternalFailure", "").await;
        assert_eq!(fault, "CreateFailed", "{message}");
        assert!(message.contains("cluster/control-plane") && message.contains("so it was scripted"), "{message}");
        let (fault, message) = fails_later(world, "sick", "CreateNodegroup", "AsgInstanceLaunchFailures", "").await;
        assert_eq!(fault, "CreateFailed", "{message}");
        assert!(message.contains("AsgInstanceLaunchFailures"), "{message}");
        let (fault, message) = fails_later(world, "weak", "CreateAddon", "InsufficientNumberOfReplicas", "").await;
        assert_eq!(fault, "Unhealthy", "{message}");
        assert!(message.contains("InsufficientNumberOfReplicas"), "{message}");
    });
}

#[test]
fn what_aws_does_not_have_is_told_before_anything_is_made() {
    scenario(async |world| {
        let user = world.user("wrong");
        let more = "  version: \"1.12\"\n  accessEntries: {nobody: {role: nobody-has-it, policies: [AmazonEKSViewPolicy]}}\ncompute:\n  managedNodeGroups: {core: {instanceTypes: [m7g.vast], minSize: 1, maxSize: 1}}";
        user.upload(&user.manifest(&cluster(more))).await;
        let (error, cause) = user.refusal().await;
        assert_eq!(error, "UnusableNetwork", "{cause}");
        for told in ["m7g.vast", "nobody-has-it", "1.12"] {
            assert!(cause.contains(told), "{told}: {cause}");
        }
        assert_eq!(user.physical().await, Vec::<String>::new());
    });
}
