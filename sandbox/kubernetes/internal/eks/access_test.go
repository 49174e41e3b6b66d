package eks

import (
	"reflect"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/kubernetes/plugin/pkg/auth/authorizer/rbac"

	"landfall.dev/landfall-kubernetes/internal/wanted"
)

func TestAPolicyHoldsInTheNamespacesThatItsScopeFits(t *testing.T) {
	now := metav1.Now()
	var namespaces []corev1.Namespace
	for _, name := range []string{"apps", "dev-a", "dev-b"} {
		namespaces = append(namespaces, corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
	}
	namespaces = append(namespaces, corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "dev-ends", DeletionTimestamp: &now}})
	found := bindingsFor([]wanted.Access{
		{Policy: "AmazonEKSClusterAdminPolicy"}, {Policy: "AmazonEKSEditPolicy", Namespace: "dev-*"},
		{Policy: "AmazonEKSEditPolicy", Namespace: "dev-a"}, {Policy: "AmazonEKSEditPolicy", Namespace: "dev-a"},
		{Policy: "AmazonEKSViewPolicy", Namespace: "not-yet"},
	}, namespaces)
	expected := map[place][]string{
		{"dev-a", "AmazonEKSEditPolicy"}: {"eks-access-policy:AmazonEKSEditPolicy:dev-*", "eks-access-policy:AmazonEKSEditPolicy:dev-a"},
		{"dev-b", "AmazonEKSEditPolicy"}: {"eks-access-policy:AmazonEKSEditPolicy:dev-*"},
	}
	if !reflect.DeepEqual(found, expected) {
		t.Errorf("the bindings are %v", found)
	}
}

func TestPoliciesAllowWhatTheirTablesSay(t *testing.T) {
	for _, c := range []struct{ verb, group, resource, may string }{
		{"list", "", "pods", "ClusterAdmin Admin Edit View AdminView"},
		{"create", "apps", "deployments", "ClusterAdmin Admin Edit"},
		{"get", "", "secrets", "ClusterAdmin Admin Edit AdminView"},
		{"create", "rbac.authorization.k8s.io", "rolebindings", "ClusterAdmin Admin"},
		{"list", "", "nodes", "ClusterAdmin AdminView"},
		{"create", "", "namespaces", "ClusterAdmin"},
		{"delete", "karpenter.sh", "nodepools", "ClusterAdmin"},
	} {
		var may string
		for _, name := range []string{"ClusterAdmin", "Admin", "Edit", "View", "AdminView"} {
			attributes := authorizer.AttributesRecord{
				User: &user.DefaultInfo{}, Verb: c.verb, APIGroup: c.group, Resource: c.resource, ResourceRequest: true,
			}
			if rbac.RulesAllow(attributes, policies["AmazonEKS"+name+"Policy"]...) {
				may += " " + name
			}
		}
		if may != " "+c.may {
			t.Errorf("%s %s/%s may%s, not %s", c.verb, c.group, c.resource, may, c.may)
		}
	}
}
