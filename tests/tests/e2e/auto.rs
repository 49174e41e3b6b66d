//! Auto Mode: nodes come for pods that find none, move to another minor, and go with their pods or their cluster.

use aws_sdk_ec2::types::{Filter, Instance};
use k8s_openapi::api::core::v1::Node;
use ledger::Status;

use crate::clusters::{cluster, destroyed, minors};
use crate::support::{Person, World, scenario, until};

const WEB: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: public.ecr.aws/nginx/nginx:stable
          resources: {requests: {cpu: 500m, memory: 512Mi}}
"#;

fn at(minor: &str) -> String {
    cluster(&format!(
        "  version: \"{minor}\"\n  \
         accessEntries: {{ada: {{user: auto-ada, policies: [AmazonEKSClusterAdminPolicy]}}}}\n\
         compute: {{autoMode: {{nodePools: [general-purpose, system]}}}}"
    ))
}

/// Types a command of `kubectl` that must do what it is asked.
async fn does(person: &Person, arguments: &[&str], input: &str) {
    let done = person.kubectl("auto", arguments, input).await;
    assert!(done.status.success(), "{arguments:?}: {done:?}");
}

async fn runs(person: &Person) {
    does(person, &["rollout", "status", "deployment/web", "--timeout=120s"], "").await;
}

/// The instances that EKS has running for the cluster.
async fn instances(world: &World) -> Vec<Instance> {
    let filter = |name: &str, value: &str| Filter::builder().name(name).values(value).build();
    let call = world.ec2.describe_instances().filters(filter("tag:eks:eks-cluster-name", "auto"));
    let found = call.filters(filter("instance-state-name", "running")).send().await.unwrap();
    found.reservations.unwrap_or_default().into_iter().flat_map(|one| one.instances.unwrap_or_default()).collect()
}

fn kubelet(node: &Node) -> &str {
    let info = node.status.as_ref().and_then(|status| status.node_info.as_ref());
    info.map_or("", |info| info.kubelet_version.as_str())
}

fn is_ready(node: &Node) -> bool {
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions.into_iter().flatten().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

#[test]
fn a_cluster_in_auto_mode_comes_and_goes() {
    scenario(async |world| {
        let user = world.user("auto");
        let ada = world.person("auto-ada").await;
        user.deploy(&at("1.34")).await;
        let found = world.eks.describe_cluster().name("auto").send().await.unwrap().cluster.unwrap();
        assert_eq!(found.compute_config().unwrap().enabled(), Some(true));
        assert_eq!(ada.nodes("auto").await, [], "nothing that nobody needs");

        does(&ada, &["apply", "--filename", "-"], WEB).await;
        runs(&ada).await;
        let node = ada.nodes("auto").await.remove(0);
        assert!(is_ready(&node) && kubelet(&node).starts_with("v1.34."), "{node:#?}");
        let labels = node.metadata.labels.unwrap();
        assert_eq!(labels["eks.amazonaws.com/compute-type"], "auto");
        assert_eq!(labels["karpenter.sh/nodepool"], "general-purpose");
        let instance = instances(world).await.remove(0);
        assert_eq!(instance.instance_id, node.metadata.name);
        assert_eq!(instance.operator().unwrap().principal(), Some("eks.amazonaws.com"));
        assert_eq!(instance.vpc_id.as_ref(), user.vpcs().await[0].vpc_id.as_ref());

        // Nobody asks for it any more, and then somebody does.
        does(&ada, &["scale", "deployment/web", "--replicas=0"], "").await;
        until("the end of an empty node", async || instances(world).await.is_empty().then_some(())).await;
        does(&ada, &["scale", "deployment/web", "--replicas=1"], "").await;
        runs(&ada).await;

        // One line, two minors: the nodes follow each.
        let version = user.upload(&user.manifest(&at("1.36"))).await;
        assert_eq!(user.settled_at(&version).await.status, Status::Ready);
        assert_eq!(minors(world, "auto").await.0, "1.36");
        let replaced = async || {
            let nodes = ada.nodes("auto").await;
            let all = nodes.len() == 1 && nodes.iter().all(|node| kubelet(node).starts_with("v1.36."));
            (all && is_ready(&nodes[0])).then_some(())
        };
        until("a node of the new minor in place of the old one", replaced).await;
        runs(&ada).await;

        assert_eq!(instances(world).await.len(), 1, "a node is there until the end");
        destroyed(&user).await;
        assert_eq!(instances(world).await, []);
    });
}
