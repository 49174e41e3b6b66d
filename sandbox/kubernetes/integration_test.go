//go:build integration

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"landfall.dev/landfall-kubernetes/internal/wanted"
)

const computeType = "eks.amazonaws.com/compute-type"

var (
	tainted = wanted.Node{
		Name: "ip-10-0-1-23.eu-west-1.compute.internal", Zone: "eu-west-1a", Region: "eu-west-1",
		InstanceType: "m7g.large", ProviderID: "aws:///eu-west-1a/i-0000000000000000a",
		Labels: map[string]string{"eks.amazonaws.com/nodegroup": "core"},
		Taints: []wanted.Taint{{Key: "core", Value: "only", Effect: "NoSchedule"}},
		CPU:    "2", Memory: "8Gi", Pods: 29, KubeletVersion: "v1.34.1-eks-0000000",
	}
	plain = wanted.Node{
		Name: "ip-10-0-2-24.eu-west-1.compute.internal", Zone: "eu-west-1b", Region: "eu-west-1",
		InstanceType: "m7i.large", ProviderID: "aws:///eu-west-1b/i-0000000000000000b",
		CPU: "2", Memory: "8Gi", Pods: 29, KubeletVersion: "v1.34.1-eks-0000000",
	}
	onFargate = wanted.FargateProfile{
		Name: "serverless", Region: "eu-west-1", Zones: []string{"eu-west-1a", "eu-west-1b"},
		Selectors: []wanted.FargateSelector{{Namespace: "serverless-*"}},
	}
	coredns = wanted.Addon{Name: "coredns", Version: "v1.12.1-eksbuild.2", Configuration: map[string]any{
		"tolerations": []map[string]any{{"key": "core", "operator": "Exists"}},
	}}
)

// One cluster lives through all of it, in this order.
func TestAClusterOfEmulatedEKS(t *testing.T) {
	l := &life{t: t, root: t, program: build(t), dir: t.TempDir(), tokens: authenticator(t), served: map[string][]string{}}
	l.start("1.34")
	step := func(sentence string, check func(*testing.T, *life)) {
		if !t.Run(sentence, func(t *testing.T) { l.t = t; check(t, l) }) {
			t.Fatalf("the log is\n%s", l.log())
		}
		l.t = t
	}
	step("the API server tells the emulated version", func(t *testing.T, l *life) { l.tells("34") })
	step("nodes become ready with what EKS gives them", nodesBecomeReady)
	step("the pods of a Deployment run and go", podsRunAndGo)
	step("add-ons become healthy, or tell why not", addonsTellTheirHealth)
	step("a pod on Fargate gets a node of its own", fargateGivesNodes)
	step("CoreDNS runs on Fargate if it is told to, and leaves with the profile", corednsOnFargate)
	step("what Fargate does not have is refused in its words", fargateRefuses)
	step("tokens are reviewed and access policies hold", tokensAndPolicies)
	step("another control plane in the same folder is refused", secondIsRefused)
	step("a version that is too far, or cannot be served, is refused", versionsAreRefused)
	step("a pod on Fargate runs", fargateRuns)
	step("an upgrade keeps endpoint, authority, objects and nodes", func(t *testing.T, l *life) { l.moves("1.35") })
	step("a pod on Fargate keeps its kubelet over an upgrade, until it is evicted", fargateKeepsKubelets)
	step("a second upgrade does too", func(t *testing.T, l *life) { l.moves("1.36") })
	step("going back one minor version does too", func(t *testing.T, l *life) { l.moves("1.35") })
	step("each version serves its own APIs", servesItsOwn)
	step("a node that is no longer listed goes with its pods", nodesGo)
	step("an add-on that is no longer listed goes", addonsGo)
	step("pods of Auto Mode claim a node, and leave one that is about to go", autoModeClaims)
	step("memory stays well under 1 GB", memory)
}

func autoModeClaims(t *testing.T, l *life) {
	auto := map[string]string{computeType: "auto", "karpenter.sh/nodepool": "general-purpose"}
	// What the steps before have left is not meant for these nodes.
	own := wanted.Taint{Key: "auto", Effect: "NoSchedule"}
	large := wanted.InstanceType{Name: "c6a.large", CPU: "2", Memory: "4096Mi", Pods: 29}
	l.put("node-pools", []wanted.NodePool{{
		Name: "general-purpose", Region: "eu-west-1", Zones: []string{"eu-west-1a"}, Labels: auto, Taints: []wanted.Taint{own},
		InstanceTypes: []wanted.InstanceType{large},
	}})
	l.deploy("default", "on-auto", 1, func(spec *corev1.PodSpec) {
		spec.Tolerations = []corev1.Toleration{{Key: own.Key, Operator: corev1.TolerationOpExists}}
	})
	claims := []wanted.Claim{{Pool: "general-purpose", InstanceType: "c6a.large", Zone: "eu-west-1a"}}
	l.demands(wanted.Demand{Claims: claims, Empty: []string{}, Held: []string{}})
	node := func(name string, taints ...wanted.Taint) wanted.Node {
		return wanted.Node{
			Name: name, Zone: "eu-west-1a", Region: "eu-west-1", InstanceType: "c6a.large", ProviderID: "aws:///eu-west-1a/" + name,
			Address: "10.0.1.77", Labels: auto, Taints: append(taints, own), CPU: "2", Memory: "4096Mi", Pods: 29, KubeletVersion: "v1.35.4-eks-0000000",
		}
	}
	nothing := wanted.Demand{Claims: []wanted.Claim{}, Empty: []string{}, Held: []string{}}
	l.put("nodes", []wanted.Node{node("i-1")})
	// Before the node is ready, and before the scheduler has tried again.
	l.demands(nothing)
	on := func(name string) func(corev1.Pod) error {
		return func(pod corev1.Pod) error {
			if pod.Spec.NodeName != name {
				return fmt.Errorf("%s is on %s", pod.Name, pod.Spec.NodeName)
			}
			return nil
		}
	}
	l.runs("default", "on-auto", 1, on("i-1"))
	found, err := l.client.CoreV1().Nodes().Get(t.Context(), "i-1", metav1.GetOptions{})
	must(t, err)
	if found.Status.Addresses[0].Address != "10.0.1.77" {
		t.Errorf("it has %+v", found.Status.Addresses)
	}

	leaves := wanted.Taint{Key: "karpenter.sh/disrupted", Effect: "NoSchedule"}
	l.put("nodes", []wanted.Node{node("i-1", leaves), node("i-2")})
	l.runs("default", "on-auto", 1, on("i-2"))
	l.demands(wanted.Demand{Claims: []wanted.Claim{}, Empty: []string{"i-1"}, Held: []string{}})
	must(t, l.client.AppsV1().Deployments("default").Delete(t.Context(), "on-auto", metav1.DeleteOptions{}))
	l.demands(wanted.Demand{Claims: []wanted.Claim{}, Empty: []string{"i-1", "i-2"}, Held: []string{}})
	l.put("nodes", []wanted.Node{})
}

func nodesBecomeReady(t *testing.T, l *life) {
	l.put("nodes", []wanted.Node{tainted, plain})
	for _, name := range []string{tainted.Name, plain.Name} {
		l.eventually(name+" is ready", func(ctx context.Context) error {
			node, err := l.client.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
			if err != nil {
				return err
			}
			return readyNode(node)
		})
	}
	node, err := l.client.CoreV1().Nodes().Get(t.Context(), tainted.Name, metav1.GetOptions{})
	must(t, err)
	for label, value := range map[string]string{
		corev1.LabelArchStable: "arm64", corev1.LabelTopologyZone: "eu-west-1a", corev1.LabelInstanceTypeStable: "m7g.large",
		"eks.amazonaws.com/nodegroup": "core",
	} {
		if node.Labels[label] != value {
			t.Errorf("label %s is %q", label, node.Labels[label])
		}
	}
	core := corev1.Taint{Key: "core", Value: "only", Effect: corev1.TaintEffectNoSchedule}
	if node.Spec.ProviderID != tainted.ProviderID || !slices.Contains(node.Spec.Taints, core) ||
		node.Status.NodeInfo.KubeletVersion != tainted.KubeletVersion {
		t.Errorf("the node is %+v", node)
	}
}

func podsRunAndGo(t *testing.T, l *life) {
	l.deploy("default", "web", 3, nil)
	l.runs("default", "web", 3, func(pod corev1.Pod) error {
		if pod.Spec.NodeName != plain.Name {
			return fmt.Errorf("%s is on %s", pod.Name, pod.Spec.NodeName)
		}
		return nil
	})
	must(t, l.client.AppsV1().Deployments("default").Delete(t.Context(), "web", metav1.DeleteOptions{}))
	l.runs("default", "web", 0, nil)
}

func addonsTellTheirHealth(t *testing.T, l *life) {
	impossible := coredns
	impossible.Configuration = map[string]any{"nodeSelector": map[string]any{"nowhere": "true"}}
	l.put("addons", []wanted.Addon{impossible})
	l.eventually("coredns says that no node matches", func(context.Context) error {
		health := l.addons()["coredns"]
		if health.Desired != 2 || health.Ready != 0 || !strings.Contains(health.Reason, "didn't match Pod's node affinity/selector") {
			return fmt.Errorf("health is %+v", health)
		}
		return nil
	})
	l.put("addons", []wanted.Addon{
		coredns, {Name: "kube-proxy", Version: "v1.34.0-eksbuild.2"}, {Name: "vpc-cni", Version: "v1.20.4-eksbuild.1"},
		{Name: "eks-pod-identity-agent", Version: "v1.3.8-eksbuild.2"},
	})
	l.eventually("all are healthy", func(context.Context) error {
		for name, health := range l.addons() {
			if health.Desired != 2 || health.Ready != 2 || health.Reason != "" {
				return fmt.Errorf("health of %s is %+v", name, health)
			}
		}
		return nil
	})
	service, err := l.client.CoreV1().Services("kube-system").Get(t.Context(), "kube-dns", metav1.GetOptions{})
	must(t, err)
	if service.Spec.ClusterIP != "172.20.0.10" {
		t.Errorf("kube-dns has %s", service.Spec.ClusterIP)
	}
	if status, text := l.tryPut("addons", []wanted.Addon{{Name: "coredns", Version: "v1", Configuration: map[string]any{"replicas": 3}}}); status != http.StatusBadRequest {
		t.Errorf("an unknown value was answered by %d %s", status, text)
	}
}

func fargateGivesNodes(t *testing.T, l *life) {
	l.put("fargate-profiles", []wanted.FargateProfile{onFargate})
	l.namespace("serverless-one")
	l.deploy("serverless-one", "lonely", 2, nil)
	nodes := map[string]bool{}
	l.runs("serverless-one", "lonely", 2, func(pod corev1.Pod) error {
		if pod.Labels["eks.amazonaws.com/fargate-profile"] != "serverless" || pod.Spec.SchedulerName != "fargate-scheduler" {
			return fmt.Errorf("the pod is %+v", pod.ObjectMeta)
		}
		nodes[pod.Spec.NodeName] = true
		return nil
	})
	if len(nodes) != 2 {
		t.Fatalf("two pods share %v", nodes)
	}
	for name := range nodes {
		node, err := l.client.CoreV1().Nodes().Get(t.Context(), name, metav1.GetOptions{})
		must(t, err)
		if !strings.HasPrefix(name, "fargate-ip-10-") || node.Labels["eks.amazonaws.com/compute-type"] != "fargate" ||
			node.Spec.Taints[0].ToString() != "eks.amazonaws.com/compute-type=fargate:NoSchedule" {
			t.Errorf("the node is %+v", node)
		}
		on, err := l.client.CoreV1().Pods("").List(t.Context(), metav1.ListOptions{FieldSelector: "spec.nodeName=" + name})
		must(t, err)
		if len(on.Items) != 1 {
			t.Errorf("%s runs %d pods", name, len(on.Items))
		}
	}
	must(t, l.client.AppsV1().Deployments("serverless-one").Delete(t.Context(), "lonely", metav1.DeleteOptions{}))
	l.eventually("its nodes go with it", func(ctx context.Context) error {
		list, err := l.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{LabelSelector: "eks.amazonaws.com/compute-type=fargate"})
		return errors.Join(err, expect(0, len(list.Items)))
	})
}

func corednsOnFargate(_ *testing.T, l *life) {
	system := onFargate
	system.Name, system.Selectors = "system", []wanted.FargateSelector{{Namespace: "kube-system", Labels: map[string]string{"k8s-app": "kube-dns"}}}
	there := coredns
	there.Configuration = map[string]any{"computeType": "Fargate", "tolerations": coredns.Configuration["tolerations"]}
	serverless := func(expected int) func(context.Context) error {
		return func(ctx context.Context) error {
			if health := l.addons()["coredns"]; health.Ready != 2 {
				return fmt.Errorf("health is %+v", health)
			}
			list, err := l.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{LabelSelector: "eks.amazonaws.com/compute-type=fargate"})
			return errors.Join(err, expect(expected, len(list.Items)))
		}
	}
	l.put("fargate-profiles", []wanted.FargateProfile{onFargate, system})
	l.put("addons", []wanted.Addon{there})
	l.eventually("both pods have nodes of Fargate", serverless(2))
	l.put("fargate-profiles", []wanted.FargateProfile{onFargate})
	l.eventually("both pods are elsewhere", serverless(0))
}

func fargateRefuses(t *testing.T, l *life) {
	l.deploy("serverless-one", "host", 1, func(spec *corev1.PodSpec) { spec.HostNetwork = true })
	l.eventually("the pod says why it waits", func(ctx context.Context) error {
		pods, err := l.client.CoreV1().Pods("serverless-one").List(ctx, metav1.ListOptions{LabelSelector: "app=host"})
		if err != nil || len(pods.Items) != 1 || len(pods.Items[0].Status.Conditions) != 1 {
			return fmt.Errorf("%v, %w", pods, err)
		}
		const words = "Pod not supported on Fargate: fields not supported: HostNetwork"
		if condition := pods.Items[0].Status.Conditions[0]; condition.Message != words {
			return fmt.Errorf("it says %+v", condition)
		}
		return nil
	})
	must(t, l.client.AppsV1().Deployments("serverless-one").Delete(t.Context(), "host", metav1.DeleteOptions{}))
}

func fargateRuns(_ *testing.T, l *life) {
	l.deploy("serverless-one", "stays", 1, nil)
	l.runs("serverless-one", "stays", 1, l.hasKubelet("v1.34."))
}

func fargateKeepsKubelets(t *testing.T, l *life) {
	var old corev1.Pod
	l.runs("serverless-one", "stays", 1, func(pod corev1.Pod) error {
		old = pod
		return l.hasKubelet("v1.34.")(pod)
	})
	eviction := &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: old.Name, Namespace: old.Namespace}}
	must(t, l.client.PolicyV1().Evictions(old.Namespace).Evict(t.Context(), eviction))
	l.runs("serverless-one", "stays", 1, l.hasKubelet("v1.35."))
	l.eventually("only the new node is told", func(ctx context.Context) error {
		_, err := l.client.CoreV1().Nodes().Get(ctx, old.Spec.NodeName, metav1.GetOptions{})
		nodes := l.fargateNodes()
		if !apierrors.IsNotFound(err) || len(nodes) != 1 || !strings.HasPrefix(nodes[0].KubeletVersion, "v1.35.") {
			return fmt.Errorf("there are %v, %w", nodes, err)
		}
		return nil
	})
	must(t, l.client.AppsV1().Deployments("serverless-one").Delete(t.Context(), "stays", metav1.DeleteOptions{}))
	l.runs("serverless-one", "stays", 0, nil)
}

func tokensAndPolicies(t *testing.T, l *life) {
	l.put("access", []wanted.Access{{Policy: "AmazonEKSViewPolicy", Namespace: "team-*"}, {Policy: "AmazonEKSClusterAdminPolicy"}})
	l.namespace("team-a")
	viewer, stranger, administrator := l.as("viewer"), l.as("stranger"), l.as("administrator")
	if _, err := stranger.CoreV1().Pods("team-a").List(t.Context(), metav1.ListOptions{}); !apierrors.IsUnauthorized(err) {
		t.Errorf("a stranger got %v", err)
	}
	if _, err := administrator.CoreV1().Secrets("").List(t.Context(), metav1.ListOptions{}); err != nil {
		t.Errorf("an administrator got %v", err)
	}
	l.eventually("a viewer reads in a namespace that came later", func(ctx context.Context) error {
		_, err := viewer.CoreV1().Pods("team-a").List(ctx, metav1.ListOptions{})
		return err
	})
	if _, err := viewer.CoreV1().Secrets("team-a").List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("a viewer of secrets got %v", err)
	}
	if _, err := viewer.CoreV1().Pods("default").List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("a viewer got %v elsewhere", err)
	}
	l.put("access", []wanted.Access{})
	l.eventually("it ends with the association", func(ctx context.Context) error {
		if _, err := viewer.CoreV1().Pods("team-a").List(ctx, metav1.ListOptions{}); !apierrors.IsForbidden(err) {
			return fmt.Errorf("got %w", err)
		}
		return nil
	})
}

func secondIsRefused(_ *testing.T, l *life) {
	l.refuses("1.34", "another control plane runs in")
}

func versionsAreRefused(_ *testing.T, l *life) {
	l.stop()
	l.refuses("1.36", "a control plane moves one minor version at a time")
	l.refuses("1.32", "can behave as 1.33 to 1.36")
	l.refuses("1.37", "can behave as 1.33 to 1.36")
	l.start("1.34")
}

func servesItsOwn(t *testing.T, l *life) {
	slices.Sort(l.served["1.34"])
	newer := slices.DeleteFunc(slices.Clone(l.served["1.36"]), func(one string) bool {
		_, older := slices.BinarySearch(l.served["1.34"], one)
		return older
	})
	t.Logf("1.36 has, and 1.34 has not, %v", newer)
	// Stable since 1.36: https://kubernetes.io/docs/reference/access-authn-authz/mutating-admission-policy/
	if !slices.Contains(newer, "admissionregistration.k8s.io/v1/mutatingadmissionpolicies") {
		t.Errorf("1.34 serves %v", l.served["1.34"])
	}
}

func nodesGo(t *testing.T, l *life) {
	l.deploy("default", "web", 1, nil)
	l.runs("default", "web", 1, nil)
	l.put("nodes", []wanted.Node{tainted})
	l.eventually("nothing is left on it", func(ctx context.Context) error {
		_, err := l.client.CoreV1().Nodes().Get(ctx, plain.Name, metav1.GetOptions{})
		if !apierrors.IsNotFound(err) {
			return fmt.Errorf("the node: %w", err)
		}
		on, err := l.client.CoreV1().Pods("").List(ctx, metav1.ListOptions{FieldSelector: "spec.nodeName=" + plain.Name})
		return errors.Join(err, expect(0, len(on.Items)))
	})
	must(t, l.client.CoreV1().Nodes().Delete(t.Context(), tainted.Name, metav1.DeleteOptions{}))
	l.put("nodes", []wanted.Node{tainted})
	if _, err := l.client.CoreV1().Nodes().Get(t.Context(), tainted.Name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("a deleted node came back: %v", err)
	}
}

func addonsGo(t *testing.T, l *life) {
	l.put("addons", []wanted.Addon{})
	l.eventually("no object of them is left", func(ctx context.Context) error {
		deployments, err := l.client.AppsV1().Deployments("kube-system").List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		sets, err := l.client.AppsV1().DaemonSets("kube-system").List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		pods, err := l.client.CoreV1().Pods("kube-system").List(ctx, metav1.ListOptions{})
		return errors.Join(err, expect(0, len(deployments.Items)+len(sets.Items)+len(pods.Items)))
	})
}

func memory(t *testing.T, l *life) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", l.command.Process.Pid))
	if err != nil {
		t.Skip("this system does not tell")
	}
	var kilobytes int
	_, err = fmt.Sscanf(regexp.MustCompile(`VmHWM:\s+\d+`).FindString(string(status)), "VmHWM: %d", &kilobytes)
	must(t, err)
	t.Logf("at most %d MB were resident", kilobytes/1024)
	if kilobytes > 800*1024 {
		t.Errorf("%d MB are too much", kilobytes/1024)
	}
}
