package eks

import (
	"reflect"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/kubernetes/pkg/apis/core"

	"landfall.dev/landfall-kubernetes/internal/wanted"
)

func profile(name, namespace string, labels map[string]string) wanted.FargateProfile {
	return wanted.FargateProfile{Name: name, Selectors: []wanted.FargateSelector{{Namespace: namespace, Labels: labels}}}
}

func TestTheFirstProfileByNameTakesAPodUnlessItsLabelChooses(t *testing.T) {
	profiles := []wanted.FargateProfile{
		profile("late", "apps", nil), profile("early", "ap*", nil), profile("labelled", "other", map[string]string{"run": "fargate*"}),
	}
	for _, c := range []struct {
		namespace string
		labels    map[string]string
		expected  string
	}{
		{"apps", nil, "early"}, {"apps", map[string]string{profileLabel: "late"}, "late"},
		{"apps", map[string]string{profileLabel: "labelled"}, ""}, {"other", nil, ""},
		{"other", map[string]string{"run": "fargate-spot"}, "labelled"}, {"none", nil, ""},
	} {
		if found, _ := profileFor(profiles, c.namespace, c.labels); found.Name != c.expected {
			t.Errorf("%s %v is taken by %q", c.namespace, c.labels, found.Name)
		}
	}
}

func TestOnlyPodsThatFargateMayHaveAreMarked(t *testing.T) {
	zero := int32(0)
	plugin := &fargateAdmission{admission.NewHandler(admission.Create), func() []wanted.FargateProfile {
		return []wanted.FargateProfile{profile("p", "apps", nil)}
	}}
	for name, c := range map[string]struct {
		pod   core.Pod
		taken bool
	}{
		"a pod":               {core.Pod{Spec: core.PodSpec{SchedulerName: "default-scheduler", Priority: &zero}}, true},
		"one with a node":     {core.Pod{Spec: core.PodSpec{NodeName: "n"}}, false},
		"one with a schedule": {core.Pod{Spec: core.PodSpec{SchedulerName: "mine"}}, false},
		"one of a DaemonSet":  {core.Pod{ObjectMeta: metav1.ObjectMeta{OwnerReferences: []metav1.OwnerReference{{Kind: "DaemonSet"}}}}, false},
		"one for EC2":         {core.Pod{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{computeType: "ec2"}}}, false},
	} {
		pod := c.pod
		attributes := admission.NewAttributesRecord(&pod, nil, core.Kind("Pod").WithVersion("v1"), "apps", "n",
			core.Resource("pods").WithVersion("v1"), "", admission.Create, nil, false, nil)
		if err := plugin.Admit(t.Context(), attributes, nil); err != nil {
			t.Fatal(err)
		}
		taken := pod.Spec.SchedulerName == fargateScheduler && pod.Labels[profileLabel] == "p" && pod.Spec.Priority == nil
		if taken != c.taken {
			t.Errorf("%s became %+v", name, pod)
		}
	}
}

func TestPodsWaitUntilTheyHaveANodeAndNodesGoWithTheirPods(t *testing.T) {
	now := metav1.Now()
	pod := func(uid, scheduler, node string, deleted *metav1.Time) *corev1.Pod {
		return &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: uid, DeletionTimestamp: deleted},
			Spec:       corev1.PodSpec{SchedulerName: scheduler, NodeName: node},
		}
	}
	waits, runs := pod("waits", fargateScheduler, "", nil), pod("runs", fargateScheduler, "node-of-runs", nil)
	waits.UID, runs.UID = "waits", "runs"
	node := func(name, pod string) *corev1.Node {
		return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{podAnnotation: pod}}}
	}
	waiting, surplus := decide(
		[]*corev1.Pod{waits, runs, pod("other", "default-scheduler", "", nil), pod("ends", fargateScheduler, "", &now)},
		[]*corev1.Node{node("node-of-runs", "runs"), node("node-of-waits", "waits"), node("node-of-none", "none"), {}},
	)
	if !reflect.DeepEqual(waiting, []*corev1.Pod{waits}) || !reflect.DeepEqual(surplus, []string{"node-of-none"}) {
		t.Errorf("waiting are %v, surplus is %v", waiting, surplus)
	}
}

func TestAPodGetsTheSmallestConfigurationThatHoldsIt(t *testing.T) {
	for _, c := range []struct{ cpu, memory, expected string }{
		{"0", "0", "0.25vCPU 0.5GB"}, {"250m", "256Mi", "0.25vCPU 0.5GB"}, {"250m", "512Mi", "0.25vCPU 1GB"},
		{"100m", "1500Mi", "0.25vCPU 2GB"}, {"300m", "1Gi", "0.5vCPU 2GB"}, {"1", "1Gi", "1vCPU 2GB"}, {"1", "7900Mi", "1vCPU 8GB"},
		{"1", "7950Mi", "2vCPU 9GB"},
		{"16", "100Gi", "16vCPU 104GB"}, {"17", "1Gi", ""}, {"1", "121Gi", ""},
	} {
		requests := corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(c.cpu), corev1.ResourceMemory: resource.MustParse(c.memory)}
		pod := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Resources: corev1.ResourceRequirements{Requests: requests}}}}}
		size, fits := sizeFor(pod)
		if found := size.String(); fits != (c.expected != "") || fits && found != c.expected {
			t.Errorf("%s and %s get %s", c.cpu, c.memory, found)
		}
	}
}

func TestWhatFargateDoesNotHaveIsNamedAsItsSchedulerDoes(t *testing.T) {
	yes := true
	problems := unsupportedFields(&corev1.PodSpec{
		HostNetwork:    true,
		InitContainers: []corev1.Container{{SecurityContext: &corev1.SecurityContext{Privileged: &yes}}},
		Containers:     []corev1.Container{{Ports: []corev1.ContainerPort{{HostPort: 80}}}},
	})
	expected := []string{
		"fields not supported: HostNetwork", "invalid SecurityContext fields: Privileged", "port contains HostIP or HostPort",
	}
	if !reflect.DeepEqual(problems, expected) {
		t.Errorf("the problems are %v", problems)
	}
	if problems := unsupportedFields(&corev1.PodSpec{Containers: []corev1.Container{{Ports: []corev1.ContainerPort{{ContainerPort: 80}}}}}); problems != nil {
		t.Errorf("a plain pod has %v", problems)
	}
}
