package eks

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// The taint of a node of EKS Auto Mode that is about to go: https://karpenter.sh/docs/concepts/disruption/#control-flow
const disrupted = "karpenter.sh/disrupted"

// drain evicts the pods of the nodes that are about to go, as far as disruption budgets let it. Those that they keep are
// evicted when it comes by again.
func (e *Emulation) drain(ctx context.Context) error {
	pods, err := e.informers.Core().V1().Pods().Lister().List(labels.Everything())
	if err != nil {
		return err
	}
	nodes, err := e.informers.Core().V1().Nodes().Lister().List(labels.SelectorFromSet(labels.Set{computeType: "auto"}))
	if err != nil {
		return err
	}
	for _, pod := range leaving(pods, nodes) {
		err := e.client.CoreV1().Pods(pod.Namespace).EvictV1(ctx, &policyv1.Eviction{
			ObjectMeta:    metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name},
			DeleteOptions: &metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(pod.UID))},
		})
		if err := gone(err); err != nil && !apierrors.IsTooManyRequests(err) {
			return err
		}
	}
	return nil
}

// leaving are the pods that are to go before their node can.
func leaving(pods []*corev1.Pod, nodes []*corev1.Node) []*corev1.Pod {
	going := map[string]bool{}
	for _, node := range nodes {
		for _, taint := range node.Spec.Taints {
			going[node.Name] = going[node.Name] || taint.Key == disrupted
		}
	}
	var all []*corev1.Pod
	for _, pod := range pods {
		if going[pod.Spec.NodeName] && pod.DeletionTimestamp == nil && !ofDaemonSet(pod) && !ended(pod) {
			all = append(all, pod)
		}
	}
	return all
}
