package eks

import (
	"context"
	"maps"
	"reflect"
	"slices"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"landfall.dev/landfall-kubernetes/internal/wanted"
)

// EKS keeps policies in an authorizer of its own; here they are objects of RBAC, under names and groups with this
// prefix. The authenticator gives these groups to whoever is associated with the policy.
const policyPrefix = "eks-access-policy:"

// The label of the bindings that are made here; its value is the policy.
const policyLabel = "sandbox.landfall.dev/access-policy"

// SetAccess grants policies in namespaces. For the whole cluster they are granted to their group always.
func (e *Emulation) SetAccess(ctx context.Context, access []wanted.Access) error {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	for _, one := range access {
		if _, known := policies[one.Policy]; !known {
			return refuse("there is no access policy %q; there are %v", one.Policy, slices.Sorted(maps.Keys(policies)))
		}
	}
	if err := e.bind(ctx, access); err != nil {
		return err
	}
	return e.keep(func(s *wanted.State) { s.Access = access })
}

// applyPolicies makes the roles, and binds those that hold for the whole cluster.
func (e *Emulation) applyPolicies(ctx context.Context) error {
	roles, bindings := e.client.RbacV1().ClusterRoles(), e.client.RbacV1().ClusterRoleBindings()
	for policy, rules := range policies {
		name := policyPrefix + policy
		role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: name}, Rules: rules}
		if _, err := roles.Create(ctx, role, metav1.CreateOptions{}); apierrors.IsAlreadyExists(err) {
			if _, err := roles.Update(ctx, role, metav1.UpdateOptions{}); err != nil {
				return err
			}
		} else if err != nil {
			return err
		}
		binding := &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name},
			Subjects:   groups([]string{name}),
		}
		if _, err := bindings.Create(ctx, binding, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
			return err
		}
	}
	return nil
}

// watchNamespaces grants what is wanted in namespaces that come later, too.
func (e *Emulation) watchNamespaces(ctx context.Context) error {
	informer := e.informers.Core().V1().Namespaces().Informer()
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: func(any) {
		e.mutex.Lock()
		defer e.mutex.Unlock()
		if err := e.bind(ctx, e.state.Access); err != nil && ctx.Err() == nil {
			klog.ErrorS(err, "Access policies are not bound")
		}
	}})
	return err
}

// bind makes the bindings of all namespaces what they should be.
func (e *Emulation) bind(ctx context.Context, access []wanted.Access) error {
	namespaces, err := e.client.CoreV1().Namespaces().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	found, err := e.client.RbacV1().RoleBindings("").List(ctx, metav1.ListOptions{LabelSelector: policyLabel})
	if err != nil {
		return err
	}
	needed := bindingsFor(access, namespaces.Items)
	for _, binding := range found.Items {
		place := place{binding.Namespace, binding.Labels[policyLabel]}
		client := e.client.RbacV1().RoleBindings(place.namespace)
		if subjects, is := needed[place]; !is {
			err = client.Delete(ctx, binding.Name, metav1.DeleteOptions{})
		} else if !reflect.DeepEqual(groups(subjects), binding.Subjects) {
			binding.Subjects = groups(subjects)
			_, err = client.Update(ctx, &binding, metav1.UpdateOptions{})
		}
		if err != nil && !apierrors.IsNotFound(err) {
			return err
		}
		delete(needed, place)
	}
	for place, subjects := range needed {
		name := policyPrefix + place.policy
		binding := &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{policyLabel: place.policy}},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name},
			Subjects:   groups(subjects),
		}
		if _, err := e.client.RbacV1().RoleBindings(place.namespace).Create(ctx, binding, metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	return nil
}

type place struct{ namespace, policy string }

// bindingsFor says which groups hold which policy in which namespace.
func bindingsFor(access []wanted.Access, namespaces []corev1.Namespace) map[place][]string {
	needed := map[place][]string{}
	for _, one := range access {
		for _, namespace := range namespaces {
			if one.Namespace == "" || namespace.DeletionTimestamp != nil || !matches(one.Namespace, namespace.Name) {
				continue
			}
			where := place{namespace.Name, one.Policy}
			group := policyPrefix + one.Policy + ":" + one.Namespace
			if !slices.Contains(needed[where], group) {
				needed[where] = append(needed[where], group)
			}
		}
	}
	for _, subjects := range needed {
		slices.Sort(subjects)
	}
	return needed
}

func groups(names []string) []rbacv1.Subject {
	var subjects []rbacv1.Subject
	for _, name := range names {
		subjects = append(subjects, rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: name})
	}
	return subjects
}
