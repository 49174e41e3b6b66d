package eks

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"landfall.dev/landfall-kubernetes/internal/wanted"
)

// The annotation of a Fargate node that names its only pod.
const podAnnotation = "sandbox.landfall.dev/pod"

// SetFargateProfiles sets the profiles for pods that come from now on. Pods of a profile that goes are deleted, as
// https://docs.aws.amazon.com/eks/latest/userguide/delete-fargate-profile.html says.
func (e *Emulation) SetFargateProfiles(ctx context.Context, profiles []wanted.FargateProfile) error {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	stays := map[string]bool{}
	for _, profile := range profiles {
		if profile.Name == "" || len(profile.Zones) == 0 {
			return refuse("a Fargate profile needs a name and the zones of its subnets")
		}
		stays[profile.Name] = true
	}
	// Before pods are deleted, so that none of those that replace them gets the profile that goes.
	e.profiles.Store(&profiles)
	for _, profile := range e.state.FargateProfiles {
		if stays[profile.Name] {
			continue
		}
		if err := e.deletePodsOf(ctx, profile.Name); err != nil {
			return err
		}
	}
	return e.keep(func(s *wanted.State) { s.FargateProfiles = profiles })
}

func (e *Emulation) deletePodsOf(ctx context.Context, profile string) error {
	of := labels.SelectorFromSet(labels.Set{profileLabel: profile}).String()
	pods, err := e.client.CoreV1().Pods("").List(ctx, metav1.ListOptions{LabelSelector: of})
	if err != nil {
		return err
	}
	for _, pod := range pods.Items {
		if err := e.deletePod(ctx, pod, gracePeriod(pod)); err != nil {
			return err
		}
	}
	return nil
}

func gracePeriod(pod corev1.Pod) int64 {
	if pod.Spec.TerminationGracePeriodSeconds == nil {
		return corev1.DefaultTerminationGracePeriodSeconds
	}
	return *pod.Spec.TerminationGracePeriodSeconds
}

// FargateNodes tells which nodes Fargate has now. A node keeps the kubelet that it came with, whatever becomes of the control
// plane: see https://docs.aws.amazon.com/eks/latest/userguide/update-cluster.html
func (e *Emulation) FargateNodes() ([]wanted.FargateNode, error) {
	nodes, err := e.informers.Core().V1().Nodes().Lister().List(labels.SelectorFromSet(labels.Set{computeType: "fargate"}))
	all := []wanted.FargateNode{}
	for _, node := range nodes {
		all = append(all, wanted.FargateNode{Name: node.Name, KubeletVersion: node.Status.NodeInfo.KubeletVersion})
	}
	slices.SortFunc(all, func(a, b wanted.FargateNode) int { return cmp.Compare(a.Name, b.Name) })
	return all, err
}

// scheduleFargate gives each of Fargate's pods a node of its own, and takes the nodes of pods that are gone.
func (e *Emulation) scheduleFargate(ctx context.Context) error {
	pods, err := e.informers.Core().V1().Pods().Lister().List(labels.Everything())
	if err != nil {
		return err
	}
	nodes, err := e.informers.Core().V1().Nodes().Lister().List(labels.SelectorFromSet(labels.Set{computeType: "fargate"}))
	if err != nil {
		return err
	}
	waiting, surplus := decide(pods, nodes)
	for _, name := range surplus {
		if err := e.client.CoreV1().Nodes().Delete(ctx, name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
			return err
		}
	}
	for _, pod := range waiting {
		if err := e.place(ctx, pod); err != nil {
			return fmt.Errorf("pod %s/%s: %w", pod.Namespace, pod.Name, err)
		}
	}
	return nil
}

// decide says which pods wait for a node, and which nodes have lost their pod.
func decide(pods []*corev1.Pod, nodes []*corev1.Node) (waiting []*corev1.Pod, surplus []string) {
	alive := map[types.UID]bool{}
	for _, pod := range pods {
		alive[pod.UID] = true
		if pod.Spec.SchedulerName == fargateScheduler && pod.Spec.NodeName == "" && pod.DeletionTimestamp == nil {
			waiting = append(waiting, pod)
		}
	}
	for _, node := range nodes {
		if pod, is := node.Annotations[podAnnotation]; is && !alive[types.UID(pod)] {
			surplus = append(surplus, node.Name)
		}
	}
	return waiting, surplus
}

// place gives a pod a node, or says why it cannot have one.
func (e *Emulation) place(ctx context.Context, pod *corev1.Pod) error {
	profile, found := e.profile(pod.Labels[profileLabel])
	if !found {
		return nil
	}
	if problem := e.unsupported(ctx, pod); problem != "" {
		return e.reject(ctx, pod, "Pod not supported on Fargate: "+problem)
	}
	size, fits := sizeFor(pod)
	if !fits {
		return e.reject(ctx, pod, "Pod not supported on Fargate: it asks for more than the largest configuration has")
	}
	node := fargateNode(pod, profile, size, e.version)
	if _, err := e.client.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	patch := fmt.Appendf(nil, `{"metadata": {"annotations": {"CapacityProvisioned": %q}}}`, size)
	pods := e.client.CoreV1().Pods(pod.Namespace)
	if _, err := pods.Patch(ctx, pod.Name, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		return gone(err)
	}
	return gone(pods.Bind(ctx, &corev1.Binding{
		ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID},
		Target:     corev1.ObjectReference{Kind: "Node", Name: node.Name},
	}, metav1.CreateOptions{}))
}

// gone takes no offense at a pod that was deleted or bound meanwhile.
func gone(err error) error {
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil
	}
	return err
}

func (e *Emulation) profile(name string) (wanted.FargateProfile, bool) {
	for _, profile := range *e.profiles.Load() {
		if profile.Name == name {
			return profile, true
		}
	}
	return wanted.FargateProfile{}, false
}

// reject says in the pod's status and in an event, once, why it stays Pending.
func (e *Emulation) reject(ctx context.Context, pod *corev1.Pod, message string) error {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Message == message {
			return nil
		}
	}
	now := metav1.Now()
	next := pod.DeepCopy()
	next.Status.Conditions = []corev1.PodCondition{{
		Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable,
		Message: message, LastTransitionTime: now,
	}}
	if _, err := e.client.CoreV1().Pods(pod.Namespace).UpdateStatus(ctx, next, metav1.UpdateOptions{}); err != nil {
		return gone(err)
	}
	_, err := e.client.CoreV1().Events(pod.Namespace).Create(ctx, &corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{GenerateName: pod.Name + ".", Namespace: pod.Namespace},
		InvolvedObject: corev1.ObjectReference{APIVersion: "v1", Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID},
		Type:           corev1.EventTypeWarning,
		Reason:         "FailedScheduling",
		Message:        message,
		Source:         corev1.EventSource{Component: fargateScheduler},
		FirstTimestamp: now,
		LastTimestamp:  now,
		Count:          1,
	}, metav1.CreateOptions{})
	return err
}

// fargateNode is the node of one pod, with the labels and the taint of EKS.
func fargateNode(pod *corev1.Pod, profile wanted.FargateProfile, size fargateSize, version string) *corev1.Node {
	hash := fnv.New32a()
	hash.Write([]byte(pod.UID))
	zone := profile.Zones[int(hash.Sum32()%uint32(len(profile.Zones)))]
	ip := hashedAddress(string(pod.UID)).As4()
	name := fmt.Sprintf("fargate-ip-%d-%d-%d-%d.%s.compute.internal", ip[0], ip[1], ip[2], ip[3], cmp.Or(profile.Region, "eu-west-1"))
	all := labelsOf(wanted.Node{Name: name, Zone: zone, Region: profile.Region, Labels: map[string]string{computeType: "fargate"}})
	delete(all, corev1.LabelInstanceType)
	delete(all, corev1.LabelInstanceTypeStable)
	capacity := size.resources()
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: all, Annotations: map[string]string{podAnnotation: string(pod.UID)}},
		Spec: corev1.NodeSpec{
			ProviderID: fmt.Sprintf("aws:///%s/%s/%s", zone, pod.UID, name),
			Taints:     []corev1.Taint{{Key: computeType, Value: "fargate", Effect: corev1.TaintEffectNoSchedule}},
		},
		Status: corev1.NodeStatus{
			Capacity:    capacity,
			Allocatable: capacity,
			Addresses: []corev1.NodeAddress{
				{Type: corev1.NodeInternalIP, Address: address(name).String()},
				{Type: corev1.NodeInternalDNS, Address: name},
				{Type: corev1.NodeHostName, Address: name},
			},
			NodeInfo: nodeInfo(all[corev1.LabelArchStable], version),
		},
	}
}
