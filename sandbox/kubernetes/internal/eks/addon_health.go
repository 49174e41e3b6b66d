package eks

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"landfall.dev/landfall-kubernetes/internal/wanted"
)

// AddonHealth tells of each add-on how many pods it should have, and how many of this version are ready.
func (e *Emulation) AddonHealth(ctx context.Context) ([]wanted.AddonHealth, error) {
	e.mutex.Lock()
	addons := e.state.Addons
	e.mutex.Unlock()
	all := []wanted.AddonHealth{}
	for _, addon := range addons {
		kind := addonKinds[addon.Name]
		counted, selector, err := e.count(ctx, kind)
		health := wanted.AddonHealth{Name: addon.Name, Version: addon.Version, Desired: counted.wanted(), Ready: counted.ready()}
		if apierrors.IsNotFound(err) {
			// It should be there, so it counts as one that is missing.
			health.Desired, health.Reason = 1, fmt.Sprintf("%s %s is not there", kind.workload, kind.name)
			all = append(all, health)
			continue
		}
		if err != nil {
			return nil, err
		}
		if health.Ready < health.Desired {
			if health.Reason, err = e.whyNotReady(ctx, selector); err != nil {
				return nil, err
			}
		}
		all = append(all, health)
	}
	return all, nil
}

// counts are what a workload's status says.
type counts struct {
	observed                bool
	desired, up, old, fresh int32
}

// wanted is at least one as long as nobody has counted.
func (c counts) wanted() int32 {
	if !c.observed {
		return max(c.desired, 1)
	}
	return c.desired
}

// ready is how many pods of the newest template are ready at least: those of older ones may be any of those that are.
func (c counts) ready() int32 {
	if !c.observed {
		return 0
	}
	return min(max(c.up-c.old, 0), c.fresh, c.desired)
}

func (e *Emulation) count(ctx context.Context, kind addonKind) (counts, *metav1.LabelSelector, error) {
	if kind.workload == "Deployment" {
		found, err := e.client.AppsV1().Deployments(metav1.NamespaceSystem).Get(ctx, kind.name, metav1.GetOptions{})
		if err != nil {
			return counts{}, nil, err
		}
		s := found.Status
		return counts{s.ObservedGeneration >= found.Generation, *found.Spec.Replicas, s.ReadyReplicas,
			s.Replicas - s.UpdatedReplicas, s.UpdatedReplicas}, found.Spec.Selector, nil
	}
	found, err := e.client.AppsV1().DaemonSets(metav1.NamespaceSystem).Get(ctx, kind.name, metav1.GetOptions{})
	if err != nil {
		return counts{}, nil, err
	}
	s := found.Status
	return counts{s.ObservedGeneration >= found.Generation, s.DesiredNumberScheduled, s.NumberReady,
		s.CurrentNumberScheduled - s.UpdatedNumberScheduled, s.UpdatedNumberScheduled}, found.Spec.Selector, nil
}

// whyNotReady is what the first pod that is not ready tells.
func (e *Emulation) whyNotReady(ctx context.Context, selector *metav1.LabelSelector) (string, error) {
	of := metav1.FormatLabelSelector(selector)
	pods, err := e.client.CoreV1().Pods(metav1.NamespaceSystem).List(ctx, metav1.ListOptions{LabelSelector: of})
	if err != nil {
		return "", err
	}
	for _, pod := range pods.Items {
		for _, condition := range pod.Status.Conditions {
			if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse {
				return fmt.Sprintf("pod %s: %s", pod.Name, condition.Message), nil
			}
		}
	}
	return "its pods are being started", nil
}
