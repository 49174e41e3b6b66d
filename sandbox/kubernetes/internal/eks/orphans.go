package eks

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// removeOrphans deletes the pods whose node is gone. Kubernetes does that too, but only after most of a minute, which
// nobody scales as AWS's durations are; see
// https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-garbage-collection
func (e *Emulation) removeOrphans(ctx context.Context) error {
	pods, err := e.informers.Core().V1().Pods().Lister().List(labels.Everything())
	if err != nil {
		return err
	}
	nodes, err := e.informers.Core().V1().Nodes().Lister().List(labels.Everything())
	if err != nil {
		return err
	}
	for _, pod := range orphans(pods, nodes) {
		// The pod may have been seen before its node was.
		_, err := e.client.CoreV1().Nodes().Get(ctx, pod.Spec.NodeName, metav1.GetOptions{})
		if err == nil {
			continue
		}
		if !apierrors.IsNotFound(err) {
			return err
		}
		if err := e.deletePod(ctx, *pod, 0); err != nil {
			return err
		}
	}
	return nil
}

func orphans(pods []*corev1.Pod, nodes []*corev1.Node) []*corev1.Pod {
	there := map[string]bool{"": true}
	for _, node := range nodes {
		there[node.Name] = true
	}
	var alone []*corev1.Pod
	for _, pod := range pods {
		if !there[pod.Spec.NodeName] {
			alone = append(alone, pod)
		}
	}
	return alone
}
