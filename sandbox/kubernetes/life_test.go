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
	"reflect"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"landfall.dev/landfall-kubernetes/internal/wanted"
)

// life is that of one cluster, over several processes.
type life struct {
	// Of the step under way, and of the whole life.
	t, root      *testing.T
	program, dir string
	tokens       string
	version      string
	// What each version serves, by its name.
	served map[string][]string

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
	l.version = version
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
	name := strings.ReplaceAll(fmt.Sprintf("%s-to-%s", l.version, version), ".", "-")
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
	lists, err := l.client.Discovery().ServerPreferredResources()
	must(l.t, err)
	for _, list := range lists {
		for _, resource := range list.APIResources {
			l.served[l.version] = append(l.served[l.version], list.GroupVersion+"/"+resource.Name)
		}
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

func (l *life) get(what string, list any) {
	l.t.Helper()
	answer, err := http.Get(l.ready.Control + "/" + what)
	must(l.t, err)
	defer answer.Body.Close()
	must(l.t, json.NewDecoder(answer.Body).Decode(list))
}

func (l *life) fargateNodes() (list []wanted.FargateNode) {
	l.t.Helper()
	l.get("fargate-nodes", &list)
	return list
}

// hasKubelet says whether the node of a pod has a kubelet of that version.
func (l *life) hasKubelet(version string) func(corev1.Pod) error {
	return func(pod corev1.Pod) error {
		node, err := l.client.CoreV1().Nodes().Get(l.t.Context(), pod.Spec.NodeName, metav1.GetOptions{})
		if err == nil && !strings.HasPrefix(node.Status.NodeInfo.KubeletVersion, version) {
			err = fmt.Errorf("the kubelet of %s is %s", pod.Name, node.Status.NodeInfo.KubeletVersion)
		}
		return err
	}
}

func (l *life) addons() map[string]wanted.AddonHealth {
	l.t.Helper()
	var list []wanted.AddonHealth
	l.get("addons", &list)
	all := map[string]wanted.AddonHealth{}
	for _, health := range list {
		all[health.Name] = health
	}
	return all
}

// demands waits until the pods mean this for the nodes of Auto Mode.
func (l *life) demands(expected wanted.Demand) {
	l.t.Helper()
	l.eventually(fmt.Sprintf("%+v is demanded", expected), func(context.Context) error {
		answer, err := http.Get(l.ready.Control + "/demand")
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		var found wanted.Demand
		if err := json.NewDecoder(answer.Body).Decode(&found); err != nil {
			return err
		}
		if !reflect.DeepEqual(found, expected) {
			return fmt.Errorf("it is %+v", found)
		}
		return nil
	})
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
