//go:build integration

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"landfall.dev/landfall-kubernetes/internal/wanted"
)

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
	l := &life{t: t, root: t, program: build(t), dir: t.TempDir(), tokens: authenticator(t)}
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
	step("what Fargate does not have is refused in its words", fargateRefuses)
	step("tokens are reviewed and access policies hold", tokensAndPolicies)
	step("another control plane in the same folder is refused", secondIsRefused)
	step("a version that is too far, or cannot be served, is refused", versionsAreRefused)
	step("an upgrade keeps endpoint, authority, objects and nodes", func(t *testing.T, l *life) { l.moves("1.35") })
	step("a second upgrade does too", func(t *testing.T, l *life) { l.moves("1.36") })
	step("going back one minor version does too", func(t *testing.T, l *life) { l.moves("1.35") })
	step("a node that is no longer listed goes with its pods", nodesGo)
	step("an add-on that is no longer listed goes", addonsGo)
	step("memory stays well under 1 GB", memory)
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

// life is that of one cluster, over several processes.
type life struct {
	// Of the step under way, and of the whole life.
	t, root      *testing.T
	program, dir string
	tokens       string

	command *exec.Cmd
	stdin   io.Closer
	ready   ready
	config  *rest.Config
	client  kubernetes.Interface
}

func (l *life) arguments(version string) []string {
	return []string{"serve", "--dir", l.dir, "--version", version, "--authentication-url", l.tokens,
		"--service-account-issuer", "https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE"}
}

func (l *life) start(version string) {
	l.t.Helper()
	began := time.Now()
	l.command = exec.Command(l.program, l.arguments(version)...)
	stdin, err := l.command.StdinPipe()
	must(l.t, err)
	l.stdin = stdin
	stdout, err := l.command.StdoutPipe()
	must(l.t, err)
	must(l.t, l.command.Start())
	process := l.command.Process
	l.root.Cleanup(func() { _ = process.Kill() })
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err != nil {
		l.t.Fatalf("%s was not ready: %v\n%s", version, err, l.log())
	}
	l.t.Logf("%s was ready after %s", version, time.Since(began).Round(100*time.Millisecond))
	must(l.t, json.Unmarshal(line, &l.ready))
	l.config, err = clientcmd.BuildConfigFromFlags("", l.ready.Kubeconfig)
	must(l.t, err)
	l.client = kubernetes.NewForConfigOrDie(l.config)
}

func (l *life) stop() {
	l.t.Helper()
	began := time.Now()
	must(l.t, l.stdin.Close())
	if err := l.command.Wait(); err != nil {
		l.t.Fatalf("it ended with %v\n%s", err, l.log())
	}
	l.t.Logf("it ended after %s", time.Since(began).Round(100*time.Millisecond))
}

func (l *life) refuses(version, why string) {
	l.t.Helper()
	command := exec.Command(l.program, l.arguments(version)...)
	stdin, err := command.StdinPipe()
	must(l.t, err)
	defer stdin.Close()
	said, err := command.CombinedOutput()
	if failed := (*exec.ExitError)(nil); !errors.As(err, &failed) {
		l.t.Fatalf("%s was not refused: %v", version, err)
	}
	if !strings.Contains(string(said)+l.log(), why) {
		l.t.Errorf("%s was refused by %q", version, said)
	}
}

// moves restarts the cluster with another version and looks whether all is there still.
func (l *life) moves(version string) {
	l.t.Helper()
	before := l.ready
	name := "before-" + strings.ReplaceAll(version, ".", "-")
	l.namespace(name)
	l.deploy(name, "keeps", 1, nil)
	l.runs(name, "keeps", 1, nil)
	l.stop()
	l.start(version)
	if l.ready.Endpoint != before.Endpoint || l.ready.CertificateAuthority != before.CertificateAuthority {
		l.t.Errorf("%+v became %+v", before, l.ready)
	}
	l.tells(strings.TrimPrefix(version, "1."))
	l.runs(name, "keeps", 1, nil)
	for _, one := range []string{tainted.Name, plain.Name} {
		node, err := l.client.CoreV1().Nodes().Get(l.t.Context(), one, metav1.GetOptions{})
		must(l.t, err)
		must(l.t, readyNode(node))
	}
	// Controllers and scheduler work too.
	l.deploy(name, "fresh", 1, nil)
	l.runs(name, "fresh", 1, nil)
}

func (l *life) tells(minor string) {
	l.t.Helper()
	version, err := l.client.Discovery().ServerVersion()
	must(l.t, err)
	if version.Minor != minor || !strings.HasPrefix(version.GitVersion, "v1."+minor+".") || !strings.Contains(version.GitVersion, "-eks-") {
		l.t.Errorf("the version is %+v", version)
	}
}

func (l *life) put(what string, list any) {
	l.t.Helper()
	if status, text := l.tryPut(what, list); status != http.StatusNoContent {
		l.t.Fatalf("%s: %d %s", what, status, text)
	}
}

func (l *life) tryPut(what string, list any) (int, string) {
	l.t.Helper()
	body, err := json.Marshal(list)
	must(l.t, err)
	request, err := http.NewRequest(http.MethodPut, l.ready.Control+"/"+what, bytes.NewReader(body))
	must(l.t, err)
	answer, err := http.DefaultClient.Do(request)
	must(l.t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	must(l.t, err)
	return answer.StatusCode, string(text)
}

func (l *life) addons() map[string]wanted.AddonHealth {
	l.t.Helper()
	answer, err := http.Get(l.ready.Control + "/addons")
	must(l.t, err)
	defer answer.Body.Close()
	var list []wanted.AddonHealth
	must(l.t, json.NewDecoder(answer.Body).Decode(&list))
	all := map[string]wanted.AddonHealth{}
	for _, health := range list {
		all[health.Name] = health
	}
	return all
}

func (l *life) namespace(name string) {
	l.t.Helper()
	_, err := l.client.CoreV1().Namespaces().Create(l.t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	must(l.t, err)
}

func (l *life) deploy(namespace, name string, replicas int32, change func(*corev1.PodSpec)) {
	l.t.Helper()
	labels := map[string]string{"app": name}
	spec := corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "example.com/main"}}}
	if change != nil {
		change(&spec)
	}
	_, err := l.client.AppsV1().Deployments(namespace).Create(l.t.Context(), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: spec},
		},
	}, metav1.CreateOptions{})
	must(l.t, err)
}

// runs waits until so many pods run, and each is as it should be.
func (l *life) runs(namespace, app string, count int, check func(corev1.Pod) error) {
	l.t.Helper()
	l.eventually(fmt.Sprintf("%d pods of %s run", count, app), func(ctx context.Context) error {
		pods, err := l.client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: "app=" + app})
		if err != nil {
			return err
		}
		for _, pod := range pods.Items {
			if pod.Status.Phase != corev1.PodRunning {
				return fmt.Errorf("%s is %s: %+v", pod.Name, pod.Status.Phase, pod.Status.Conditions)
			}
			if check != nil {
				if err := check(pod); err != nil {
					return err
				}
			}
		}
		return expect(count, len(pods.Items))
	})
}

func (l *life) as(token string) kubernetes.Interface {
	config := rest.AnonymousClientConfig(l.config)
	config.BearerToken = token
	return kubernetes.NewForConfigOrDie(config)
}

func (l *life) eventually(what string, check func(context.Context) error) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), time.Minute)
	defer cancel()
	for {
		err := check(ctx)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			l.t.Fatalf("%s: not within a minute: %v", what, err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (l *life) log() string {
	text, _ := os.ReadFile(filepath.Join(l.dir, "kubernetes.log"))
	return string(text[max(0, len(text)-8000):])
}

// authenticator knows a viewer of `team-*` and an administrator.
func authenticator(t *testing.T) string {
	known := map[string]string{
		"viewer":        "eks-access-policy:AmazonEKSViewPolicy:team-*",
		"administrator": "eks-access-policy:AmazonEKSClusterAdminPolicy",
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var review authenticationv1.TokenReview
		if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if group, is := known[review.Spec.Token]; is {
			review.Status.Authenticated = true
			review.Status.User = authenticationv1.UserInfo{Username: review.Spec.Token, Groups: []string{group}}
		}
		_ = json.NewEncoder(w).Encode(review)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func build(t *testing.T) string {
	version, err := exec.Command("go", "list", "-m", "-f", "{{.Version}}", "k8s.io/kubernetes").Output()
	must(t, err)
	program := filepath.Join(t.TempDir(), "landfall-kubernetes")
	flags := "-s -w -X k8s.io/component-base/version.gitVersion=" + strings.TrimSpace(string(version))
	if said, err := exec.Command("go", "build", "-ldflags", flags, "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	return program
}

func readyNode(node *corev1.Node) error {
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue {
			return nil
		}
	}
	return fmt.Errorf("node %s has %+v", node.Name, node.Status.Conditions)
}

func expect(wanted, found int) error {
	if wanted != found {
		return fmt.Errorf("there are %d, not %d", found, wanted)
	}
	return nil
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
