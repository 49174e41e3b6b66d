package eks

import (
	"cmp"
	"context"
	"io"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/kubernetes/pkg/apis/core"

	"landfall.dev/landfall-kubernetes/internal/wanted"
)

const (
	fargatePlugin    = "EKSFargate"
	fargateScheduler = "fargate-scheduler"
	profileLabel     = "eks.amazonaws.com/fargate-profile"
	computeType      = "eks.amazonaws.com/compute-type"
)

// fargateAdmission hands pods to Fargate when they are created: EKS has a mutating webhook for this, see
// https://docs.aws.amazon.com/eks/latest/userguide/fargate.html
type fargateAdmission struct {
	*admission.Handler
	profiles func() []wanted.FargateProfile
}

func (e *Emulation) newFargateAdmission(io.Reader) (admission.Interface, error) {
	profiles := func() []wanted.FargateProfile { return *e.profiles.Load() }
	return &fargateAdmission{admission.NewHandler(admission.Create), profiles}, nil
}

var _ admission.MutationInterface = &fargateAdmission{}

// Admit marks the pods that a profile takes.
func (f *fargateAdmission) Admit(_ context.Context, a admission.Attributes, _ admission.ObjectInterfaces) error {
	if a.GetResource().GroupResource() != core.Resource("pods") || a.GetSubresource() != "" {
		return nil
	}
	pod, is := a.GetObject().(*core.Pod)
	if !is || !mayRunOnFargate(pod) {
		return nil
	}
	profile, found := profileFor(f.profiles(), a.GetNamespace(), pod.Labels)
	if !found {
		return nil
	}
	if pod.Labels == nil {
		pod.Labels = map[string]string{}
	}
	pod.Labels[profileLabel] = profile.Name
	pod.Spec.SchedulerName = fargateScheduler
	// https://docs.aws.amazon.com/eks/latest/userguide/fargate-pod-configuration.html says that they are evicted last.
	pod.Spec.PriorityClassName = "system-node-critical"
	pod.Spec.Priority = nil
	return nil
}

// mayRunOnFargate leaves out what another scheduler was asked for, what has a node, what a DaemonSet made, and what is
// annotated for EC2, as CoreDNS is unless it is told otherwise: see
// https://docs.aws.amazon.com/eks/latest/userguide/fargate-getting-started.html
func mayRunOnFargate(pod *core.Pod) bool {
	byDaemonSet := func(owner metav1.OwnerReference) bool { return owner.Kind == "DaemonSet" }
	scheduler := cmp.Or(pod.Spec.SchedulerName, corev1.DefaultSchedulerName)
	return pod.Spec.NodeName == "" && scheduler == corev1.DefaultSchedulerName &&
		pod.Annotations[computeType] != "ec2" && !slices.ContainsFunc(pod.OwnerReferences, byDaemonSet)
}

// profileFor finds the profile that takes a pod: that of its label, or else the first by name, see
// https://docs.aws.amazon.com/eks/latest/userguide/fargate-profile.html
func profileFor(profiles []wanted.FargateProfile, namespace string, labels map[string]string) (wanted.FargateProfile, bool) {
	sorted := slices.SortedFunc(slices.Values(profiles), func(a, b wanted.FargateProfile) int {
		return cmp.Compare(a.Name, b.Name)
	})
	for _, profile := range sorted {
		chosen, chooses := labels[profileLabel]
		if (!chooses || chosen == profile.Name) && slices.ContainsFunc(profile.Selectors, func(s wanted.FargateSelector) bool {
			return takes(s, namespace, labels)
		}) {
			return profile, true
		}
	}
	return wanted.FargateProfile{}, false
}

func takes(selector wanted.FargateSelector, namespace string, labels map[string]string) bool {
	if !matches(selector.Namespace, namespace) {
		return false
	}
	for key, value := range selector.Labels {
		if !hasLabel(labels, key, value) {
			return false
		}
	}
	return true
}

func hasLabel(labels map[string]string, key, value string) bool {
	for k, v := range labels {
		if matches(key, k) && matches(value, v) {
			return true
		}
	}
	return false
}
