package eks

import (
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"
)

// policies are the rules of the access policies, each row of the tables of
// https://docs.aws.amazon.com/eks/latest/userguide/access-policy-permissions.html
var policies = map[string][]rbacv1.PolicyRule{
	"AmazonEKSClusterAdminPolicy": {
		{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"*"}},
		{NonResourceURLs: []string{"*"}, Verbs: []string{"*"}},
	},
	"AmazonEKSAdminViewPolicy": {rule("*", reading, "*")},
	"AmazonEKSAdminPolicy":     slices.Concat(viewRules, editRules, adminRules),
	"AmazonEKSEditPolicy":      slices.Concat(viewRules, editRules),
	"AmazonEKSViewPolicy":      viewRules,
}

var (
	reading = []string{"get", "list", "watch"}
	writing = []string{"create", "delete", "deletecollection", "patch", "update"}

	viewRules = []rbacv1.PolicyRule{
		rule("apps", reading, "controllerrevisions", "daemonsets", "daemonsets/status", "deployments", "deployments/scale",
			"deployments/status", "replicasets", "replicasets/scale", "replicasets/status", "statefulsets",
			"statefulsets/scale", "statefulsets/status"),
		rule("autoscaling", reading, "horizontalpodautoscalers", "horizontalpodautoscalers/status"),
		rule("batch", reading, "cronjobs", "cronjobs/status", "jobs", "jobs/status"),
		rule("discovery.k8s.io", reading, "endpointslices"),
		rule("extensions", reading, "daemonsets", "daemonsets/status", "deployments", "deployments/scale",
			"deployments/status", "ingresses", "ingresses/status", "networkpolicies", "replicasets",
			"replicasets/scale", "replicasets/status", "replicationcontrollers/scale"),
		rule("networking.k8s.io", reading, "ingresses", "ingresses/status", "networkpolicies"),
		rule("policy", reading, "poddisruptionbudgets", "poddisruptionbudgets/status"),
		rule("", reading, "configmaps", "endpoints", "persistentvolumeclaims", "persistentvolumeclaims/status", "pods",
			"replicationcontrollers", "replicationcontrollers/scale", "serviceaccounts", "services",
			"services/status"),
		rule("", reading, "bindings", "events", "limitranges", "namespaces/status", "pods/log", "pods/status",
			"replicationcontrollers/status", "resourcequotas", "resourcequotas/status"),
		rule("", reading, "namespaces"),
	}
	editRules = []rbacv1.PolicyRule{
		rule("apps", writing, "daemonsets", "deployments", "deployments/rollback", "deployments/scale", "replicasets",
			"replicasets/scale", "statefulsets", "statefulsets/scale"),
		rule("autoscaling", writing, "horizontalpodautoscalers"),
		rule("batch", writing, "cronjobs", "jobs"),
		rule("extensions", writing, "daemonsets", "deployments", "deployments/rollback", "deployments/scale",
			"ingresses", "networkpolicies", "replicasets", "replicasets/scale", "replicationcontrollers/scale"),
		rule("networking.k8s.io", writing, "ingresses", "networkpolicies"),
		rule("policy", writing, "poddisruptionbudgets"),
		rule("", reading, "pods/attach", "pods/exec", "pods/portforward", "pods/proxy", "secrets", "services/proxy"),
		rule("", writing, "configmaps", "events", "persistentvolumeclaims", "replicationcontrollers",
			"replicationcontrollers/scale", "secrets", "serviceaccounts", "services", "services/proxy"),
		rule("", writing, "pods", "pods/attach", "pods/exec", "pods/portforward", "pods/proxy"),
		rule("", []string{"impersonate"}, "serviceaccounts"),
	}
	adminRules = []rbacv1.PolicyRule{
		rule("authorization.k8s.io", []string{"create"}, "localsubjectaccessreviews"),
		rule("rbac.authorization.k8s.io", slices.Concat(reading, writing), "rolebindings", "roles"),
	}
)

func rule(group string, verbs []string, resources ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{APIGroups: []string{group}, Resources: resources, Verbs: verbs}
}
