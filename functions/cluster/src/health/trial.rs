//! A pod that comes and goes: the proof that pods can.

use std::collections::BTreeMap;

use domain::{Fault, FaultName};
use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use plan::cluster::Taint;
use serde::Deserialize;
use serde_json::{Value, json};

use super::judge::{self, Trial};

/// The pod's name: one in a cluster, whatever is asked how often.
const NAME: &str = "landfall-verify";
/// The label by which a pod is known to be of this run.
const RUN: &str = "landfall.dev/run";
/// An image that EKS has in every region, for every architecture.
/// <https://docs.aws.amazon.com/eks/latest/userguide/add-ons-images.html>
const IMAGE: &str = "eks/pause:3.5";
/// After how many seconds it ends by itself, if nobody comes to take it away.
const DEADLINE: u32 = 300;
/// The image's own user.
const USER: u32 = 65535;

/// Where the pod comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The namespace.
    pub(super) namespace: String,
    /// The labels by which Fargate takes it.
    pub(super) labels: BTreeMap<String, String>,
    /// The taints of the nodes.
    pub(super) taints: Vec<Taint>,
}

/// Makes the pod, looks at it, or takes it away: what comes next. Answers what it still waits for.
pub(super) async fn step(client: &Client, place: &Place, registry: &str, run: &str) -> Result<Option<String>, Fault> {
    let namespace = Some(place.namespace.as_str());
    let which = format!("the test pod {}/{NAME}", place.namespace);
    let found: Option<Pod> = client.get(namespace, NAME).await?;
    Ok(match judge::trial(found.as_ref(), (RUN, run)) {
        Trial::Missing => {
            client.create(namespace, &pod(place, registry, run)?).await?;
            Some(format!("{which} was just made"))
        }
        Trial::Stale => {
            client.delete::<Pod>(namespace, NAME).await?;
            Some(format!("{which} of before is going"))
        }
        Trial::Failed(why) => {
            client.delete::<Pod>(namespace, NAME).await?;
            Some(format!("{which} {why}, and is made anew"))
        }
        Trial::Runs => {
            client.delete::<Pod>(namespace, NAME).await?;
            None
        }
        Trial::Waits(why) => Some(format!("{which} {why}")),
    })
}

/// Takes the pod away from these namespaces, wherever it may be. That it could not is only logged: something else is about to
/// be told, and the pod ends by itself.
pub(super) async fn clear(client: &Client, namespaces: impl IntoIterator<Item = String>) {
    for namespace in namespaces {
        if let Err(fault) = client.delete::<Pod>(Some(&namespace), NAME).await {
            tracing::warn!(%fault, namespace, "the test pod could not be deleted");
        }
    }
}

/// As small as can be, under the profile `Restricted` of the pod security standards.
/// <https://kubernetes.io/docs/concepts/security/pod-security-standards/>
fn pod(place: &Place, registry: &str, run: &str) -> Result<Pod, Fault> {
    let mut labels = place.labels.clone();
    labels.insert(RUN.to_owned(), run.to_owned());
    let little = json!({"cpu": "10m", "memory": "16Mi"});
    let pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": NAME, "namespace": place.namespace, "labels": labels},
        "spec": {
            "containers": [{
                "name": "pause",
                "image": format!("{registry}/{IMAGE}"),
                "resources": {"requests": little, "limits": little},
                "securityContext": {
                    "allowPrivilegeEscalation": false,
                    "capabilities": {"drop": ["ALL"]},
                    "readOnlyRootFilesystem": true,
                },
            }],
            "securityContext": {
                "runAsNonRoot": true,
                "runAsUser": USER,
                "runAsGroup": USER,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "activeDeadlineSeconds": DEADLINE,
            "automountServiceAccountToken": false,
            "enableServiceLinks": false,
            "nodeSelector": {"kubernetes.io/os": "linux"},
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 1,
            "tolerations": place.taints.iter().map(toleration).collect::<Vec<_>>(),
        },
    });
    Pod::deserialize(pod).map_err(|error| Fault::new(FaultName::Internal, format!("the test pod is none: {error}")))
}

/// EKS names the effects in another way than Kubernetes.
fn toleration(taint: &Taint) -> Value {
    let effect = match taint.effect.as_str() {
        "NO_EXECUTE" => "NoExecute",
        "PREFER_NO_SCHEDULE" => "PreferNoSchedule",
        _ => "NoSchedule",
    };
    json!({"key": taint.key, "operator": "Exists", "effect": effect})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pod_tolerates_what_is_planned_and_is_restricted() {
        let taint = |key: &str, effect: &str| Taint { key: key.into(), value: Some("x".into()), effect: effect.into() };
        let place = Place {
            namespace: "apps".into(),
            labels: BTreeMap::from([("place".into(), "fargate".into())]),
            taints: vec![taint("a", "NO_SCHEDULE"), taint("b", "NO_EXECUTE")],
        };
        let pod = pod(&place, "602401143452.dkr.ecr.eu-west-1.amazonaws.com", "run-1").unwrap();
        let written = serde_json::to_value(&pod).unwrap();
        assert_eq!(written["metadata"]["labels"], json!({"place": "fargate", "landfall.dev/run": "run-1"}));
        assert_eq!(
            written["spec"]["tolerations"],
            json!([
                {"key": "a", "operator": "Exists", "effect": "NoSchedule"},
                {"key": "b", "operator": "Exists", "effect": "NoExecute"},
            ])
        );
        let container = &written["spec"]["containers"][0];
        assert_eq!(container["image"], "602401143452.dkr.ecr.eu-west-1.amazonaws.com/eks/pause:3.5");
        assert_eq!(container["securityContext"]["capabilities"]["drop"], json!(["ALL"]));
        assert_eq!(written["spec"]["securityContext"]["runAsNonRoot"], true);
        assert_eq!(written["spec"]["activeDeadlineSeconds"], DEADLINE);
    }
}
