package eks

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/controller/daemon"

	"landfall.dev/landfall-kubernetes/internal/wanted"
)

// The annotation that keeps a pod's node: https://karpenter.sh/docs/concepts/disruption/#pod-level-controls
const doNotDisrupt = "karpenter.sh/do-not-disrupt"

// Demand says which nodes of EKS Auto Mode are missing, and which nobody needs. It reads from the API server, not from what
// was heard of it: a node that was listed before it is asked is always counted, so that no pod brings two.
func (e *Emulation) Demand(ctx context.Context) (wanted.Demand, error) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	possible, err := candidates(e.state.NodePools)
	if err != nil {
		return wanted.Demand{}, err
	}
	pods, err := e.client.CoreV1().Pods("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return wanted.Demand{}, err
	}
	sets, err := e.client.AppsV1().DaemonSets("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return wanted.Demand{}, err
	}
	nodes, err := e.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return wanted.Demand{}, err
	}
	return newRoom(pods.Items, nodes.Items, sets.Items).demand(ctx, e.fits, possible), nil
}

// A room is a cluster with all that runs in it, and what would come to run.
type room struct {
	nodes   []*corev1.Node
	pods    []*corev1.Pod
	waiting []*corev1.Pod
	sets    []appsv1.DaemonSet
}

func newRoom(pods []corev1.Pod, nodes []corev1.Node, sets []appsv1.DaemonSet) *room {
	r := &room{sets: sets}
	there := map[string]bool{}
	for _, node := range nodes {
		there[node.Name] = true
		r.nodes = append(r.nodes, started(&node))
	}
	for _, pod := range pods {
		switch {
		case ended(&pod):
		case there[pod.Spec.NodeName]:
			r.pods = append(r.pods, &pod)
		case waits(&pod):
			r.waiting = append(r.waiting, &pod)
		}
	}
	slices.SortStableFunc(r.waiting, func(a, b *corev1.Pod) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
	})
	return r
}

// waits is a pod that the scheduler will place. A DaemonSet's pod is for a node that is there already.
func waits(pod *corev1.Pod) bool {
	return pod.Spec.NodeName == "" && pod.DeletionTimestamp == nil && len(pod.Spec.SchedulingGates) == 0 &&
		pod.Spec.SchedulerName == corev1.DefaultSchedulerName && !ofDaemonSet(pod)
}

// demand places the waiting pods, first where there is room, then on nodes that are claimed for them.
func (r *room) demand(ctx context.Context, fits *fitting, possible []candidate) wanted.Demand {
	demand := wanted.Demand{Claims: []wanted.Claim{}, Empty: []string{}, Held: []string{}}
	for _, pod := range r.waiting {
		if name, found := fits.among(ctx, pod, r.pods, r.nodes, r.names()); found {
			r.place(pod, name)
		} else if unschedulable(pod) {
			for _, candidate := range inTurn(possible, pod) {
				if r.grows(ctx, fits, candidate, pod, len(demand.Claims)) {
					demand.Claims = append(demand.Claims, candidate.claim)
					break
				}
			}
		}
	}
	used, held := map[string]bool{}, map[string]bool{}
	for _, pod := range r.pods {
		used[pod.Spec.NodeName] = used[pod.Spec.NodeName] || !ofDaemonSet(pod)
		held[pod.Spec.NodeName] = held[pod.Spec.NodeName] || pod.Annotations[doNotDisrupt] == "true"
	}
	for _, node := range r.nodes {
		if node.Labels[computeType] == "auto" && !used[node.Name] {
			demand.Empty = append(demand.Empty, node.Name)
		}
		if node.Labels[computeType] == "auto" && held[node.Name] {
			demand.Held = append(demand.Held, node.Name)
		}
	}
	return demand
}

// grows adds the node of a candidate, with the pods that DaemonSets would put on it, if the pod may run there.
func (r *room) grows(ctx context.Context, fits *fitting, candidate candidate, pod *corev1.Pod, number int) bool {
	node := candidate.node.DeepCopy()
	node.Name = fmt.Sprintf("claim-%d", number)
	node.Labels[corev1.LabelHostname] = node.Name
	larger := *r
	larger.nodes = append(slices.Clone(r.nodes), node)
	larger.pods = slices.Clone(r.pods)
	for _, set := range r.sets {
		if runs, _ := daemon.NodeShouldRunDaemonPod(klog.FromContext(ctx), node, &set); runs {
			larger.pods = append(larger.pods, daemon.NewPod(&set, node.Name))
		}
	}
	if _, found := fits.among(ctx, pod, larger.pods, larger.nodes, []string{node.Name}); !found {
		return false
	}
	*r = larger
	r.place(pod, node.Name)
	return true
}

func (r *room) place(pod *corev1.Pod, node string) {
	placed := pod.DeepCopy()
	placed.Spec.NodeName = node
	r.pods = append(r.pods, placed)
}

func (r *room) names() []string {
	var all []string
	for _, node := range r.nodes {
		all = append(all, node.Name)
	}
	return all
}

// started is a node of Auto Mode without the taints that go once it has started, as Karpenter sees one:
// https://karpenter.sh/docs/concepts/nodepools/#spectemplatespecstartuptaints
func started(node *corev1.Node) *corev1.Node {
	if node.Labels[computeType] != "auto" {
		return node
	}
	starting := []string{corev1.TaintNodeNotReady, corev1.TaintNodeUnreachable}
	node.Spec.Taints = slices.DeleteFunc(node.Spec.Taints, func(taint corev1.Taint) bool {
		return slices.Contains(starting, taint.Key)
	})
	return node
}

func ofDaemonSet(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.OwnerReferences, func(owner metav1.OwnerReference) bool { return owner.Kind == "DaemonSet" })
}

func ended(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

// unschedulable is a pod that the scheduler has found no node for.
func unschedulable(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(condition corev1.PodCondition) bool {
		return condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse &&
			condition.Reason == corev1.PodReasonUnschedulable
	})
}
