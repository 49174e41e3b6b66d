package eks

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/util/retry"

	"landfall.dev/landfall-kubernetes/internal/wanted"
)

// SetNodes registers the nodes that are new, gives changed labels and taints to those that are there, and removes those
// whose instance is no more, as the node lifecycle controller of AWS does.
func (e *Emulation) SetNodes(ctx context.Context, nodes []wanted.Node) error {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	objects := map[string]*corev1.Node{}
	for _, node := range nodes {
		object, err := nodeObject(node)
		if err != nil {
			return err
		}
		if objects[node.Name] != nil {
			return refuse("node %s is listed twice", node.Name)
		}
		objects[node.Name] = object
	}
	before := map[string]wanted.Node{}
	for _, node := range e.state.Nodes {
		before[node.Name] = node
		if object := objects[node.Name]; object == nil || object.Spec.ProviderID != node.ProviderID {
			if err := e.removeNode(ctx, node.Name); err != nil {
				return err
			}
		}
	}
	registered := map[string]bool{}
	for _, node := range nodes {
		known, was := before[node.Name]
		var err error
		if !e.state.Registered[node.ProviderID] {
			err = e.register(ctx, objects[node.Name])
		} else if was && !reflect.DeepEqual(known, node) {
			err = e.updateNode(ctx, known, node)
		}
		if err != nil {
			return fmt.Errorf("node %s: %w", node.Name, err)
		}
		registered[node.ProviderID] = true
	}
	return e.keep(func(s *wanted.State) { s.Nodes, s.Registered = nodes, registered })
}

func (e *Emulation) register(ctx context.Context, node *corev1.Node) error {
	_, err := e.client.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{})
	switch {
	case apierrors.IsInvalid(err):
		return refuse("%v", err)
	case apierrors.IsAlreadyExists(err):
		// Registered just before this process ended, which then could not write it down.
		return nil
	}
	return err
}

// updateNode changes what the list says, and nothing that others gave to the node.
func (e *Emulation) updateNode(ctx context.Context, before, after wanted.Node) error {
	return retry.RetryOnConflict(retry.DefaultRetry, func() error {
		node, err := e.client.CoreV1().Nodes().Get(ctx, after.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		if err != nil {
			return err
		}
		change(node, before, after)
		_, err = e.client.CoreV1().Nodes().Update(ctx, node, metav1.UpdateOptions{})
		return err
	})
}

// removeNode removes a node with its pods. Kubernetes would let them be for most of a minute, which nobody scales.
func (e *Emulation) removeNode(ctx context.Context, name string) error {
	err := e.client.CoreV1().Nodes().Delete(ctx, name, metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	on := fields.OneTermEqualSelector("spec.nodeName", name).String()
	pods, err := e.client.CoreV1().Pods("").List(ctx, metav1.ListOptions{FieldSelector: on})
	if err != nil {
		return err
	}
	for _, pod := range pods.Items {
		if err := e.deletePod(ctx, pod, 0); err != nil {
			return err
		}
	}
	return nil
}

func (e *Emulation) deletePod(ctx context.Context, pod corev1.Pod, grace int64) error {
	options := metav1.DeleteOptions{GracePeriodSeconds: &grace, Preconditions: metav1.NewUIDPreconditions(string(pod.UID))}
	err := e.client.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, options)
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil
	}
	return err
}

// change gives a node the labels and taints of the list, and takes those that only the list before had.
func change(node *corev1.Node, before, after wanted.Node) {
	maps.DeleteFunc(node.Labels, func(key, _ string) bool {
		_, was := before.Labels[key]
		return was
	})
	maps.Copy(node.Labels, labelsOf(after))
	old := taints(before.Taints)
	node.Spec.Taints = slices.DeleteFunc(node.Spec.Taints, func(taint corev1.Taint) bool {
		return slices.ContainsFunc(old, func(other corev1.Taint) bool { return taint.MatchTaint(&other) })
	})
	node.Spec.Taints = append(node.Spec.Taints, taints(after.Taints)...)
}
