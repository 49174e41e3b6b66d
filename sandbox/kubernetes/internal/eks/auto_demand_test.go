package eks

import (
	"reflect"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"

	"landfall.dev/landfall-kubernetes/internal/wanted"
)

var critical = wanted.Taint{Key: "CriticalAddonsOnly", Effect: "NoSchedule"}

// Two pools of two types in one zone; the second one for what tolerates its taint.
func pools() []wanted.NodePool {
	types := []wanted.InstanceType{
		{Name: "c6a.large", CPU: "2", Memory: "4096Mi", Pods: 29}, {Name: "c6a.xlarge", CPU: "4", Memory: "8192Mi", Pods: 58},
	}
	pool := func(name string, taints ...wanted.Taint) wanted.NodePool {
		return wanted.NodePool{
			Name: name, Region: "eu-west-1", Zones: []string{"eu-west-1a"}, Taints: taints, InstanceTypes: types,
			Labels: map[string]string{computeType: "auto", "karpenter.sh/nodepool": name},
		}
	}
	return []wanted.NodePool{pool("general-purpose"), pool("system", critical)}
}

func pending(name, cpu string, change ...func(*corev1.Pod)) corev1.Pod {
	pod := corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "apps", Name: name, UID: types.UID(name), Labels: map[string]string{"app": "web"}},
		Spec: corev1.PodSpec{SchedulerName: corev1.DefaultSchedulerName, Containers: []corev1.Container{{
			Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu)}},
		}}},
		Status: corev1.PodStatus{Phase: corev1.PodPending, Conditions: []corev1.PodCondition{
			{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable},
		}},
	}
	for _, one := range change {
		one(&pod)
	}
	return pod
}

func on(node string) func(*corev1.Pod) {
	return func(pod *corev1.Pod) {
		pod.Spec.NodeName, pod.Status = node, corev1.PodStatus{Phase: corev1.PodRunning}
	}
}

func tolerant(pod *corev1.Pod) {
	pod.Spec.Tolerations = []corev1.Toleration{{Key: critical.Key, Operator: corev1.TolerationOpExists}}
}

func ofSet(pod *corev1.Pod) { pod.OwnerReferences = []metav1.OwnerReference{{Kind: "DaemonSet"}} }

func alone(pod *corev1.Pod) {
	others := &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}
	term := corev1.PodAffinityTerm{LabelSelector: others, TopologyKey: corev1.LabelHostname}
	terms := []corev1.PodAffinityTerm{term}
	pod.Spec.Affinity = &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{RequiredDuringSchedulingIgnoredDuringExecution: terms}}
}

func demanded(t *testing.T, pools []wanted.NodePool, pods []corev1.Pod, nodes []corev1.Node, sets ...appsv1.DaemonSet) wanted.Demand {
	client := fake.NewClientset()
	fits, err := newFitting(t.Context(), client, informers.NewSharedInformerFactory(client, 0))
	if err != nil {
		t.Fatal(err)
	}
	possible, err := candidates(pools)
	if err != nil {
		t.Fatal(err)
	}
	return newRoom(pods, nodes, sets).demand(t.Context(), fits, possible)
}

func claims(pool string, instances ...string) []wanted.Claim {
	all := []wanted.Claim{}
	for _, instance := range instances {
		all = append(all, wanted.Claim{Pool: pool, InstanceType: instance, Zone: "eu-west-1a"})
	}
	return all
}

func TestPodsThatFindNoNodeClaimTheFirstThatHoldsThem(t *testing.T) {
	agent := appsv1.DaemonSet{Spec: appsv1.DaemonSetSpec{Template: corev1.PodTemplateSpec{Spec: pending("", "200m").Spec}}}
	unseen := func(pod *corev1.Pod) { pod.Status.Conditions = nil }
	inSystem := func(pod *corev1.Pod) { pod.Spec.NodeSelector = map[string]string{"karpenter.sh/nodepool": "system"} }
	for _, c := range []struct {
		what     string
		pools    []wanted.NodePool
		pods     []corev1.Pod
		sets     []appsv1.DaemonSet
		expected []wanted.Claim
	}{
		{"one node for two that share it", pools(), []corev1.Pod{pending("a", "1"), pending("b", "500m")}, nil, claims("general-purpose", "c6a.large")},
		{"one for each that does not", pools(), []corev1.Pod{pending("a", "1", alone), pending("b", "500m", alone)}, nil, claims("general-purpose", "c6a.large", "c6a.large")},
		{"a larger one", pools(), []corev1.Pod{pending("a", "3")}, nil, claims("general-purpose", "c6a.xlarge")},
		{"one that holds daemons too", pools(), []corev1.Pod{pending("a", "1800m")}, []appsv1.DaemonSet{agent}, claims("general-purpose", "c6a.xlarge")},
		{"none is large enough", pools(), []corev1.Pod{pending("a", "5")}, nil, claims("")},
		{"not seen by the scheduler yet", pools(), []corev1.Pod{pending("a", "1", unseen)}, nil, claims("")},
		{"of a DaemonSet", pools(), []corev1.Pod{pending("a", "1", ofSet)}, nil, claims("")},
		{"critical, and anywhere", pools(), []corev1.Pod{pending("a", "1", tolerant)}, nil, claims("general-purpose", "c6a.large")},
		{"critical, for the system", pools(), []corev1.Pod{pending("a", "1", tolerant, inSystem)}, nil, claims("system", "c6a.large")},
		{"for the system, and not critical", pools(), []corev1.Pod{pending("a", "1", inSystem)}, nil, claims("")},
		{"critical, and no other pool", pools()[1:], []corev1.Pod{pending("a", "1", tolerant)}, nil, claims("system", "c6a.large")},
		{"not critical, and no other pool", pools()[1:], []corev1.Pod{pending("a", "1")}, nil, claims("")},
	} {
		if found := demanded(t, c.pools, c.pods, nil, c.sets...).Claims; !reflect.DeepEqual(found, c.expected) {
			t.Errorf("%s: %+v", c.what, found)
		}
	}
}

func TestANodeCountsAsSoonAsItIsThereAndIsEmptyWithoutPodsOfItsOwn(t *testing.T) {
	possible, err := candidates(pools())
	if err != nil {
		t.Fatal(err)
	}
	node := *possible[0].node
	starting := *node.DeepCopy()
	starting.Spec.Taints = append(starting.Spec.Taints, corev1.Taint{Key: corev1.TaintNodeNotReady, Effect: corev1.TaintEffectNoSchedule})
	going := *node.DeepCopy()
	going.Spec.Taints = append(going.Spec.Taints, corev1.Taint{Key: disrupted, Effect: corev1.TaintEffectNoSchedule})
	kept := func(pod *corev1.Pod) { pod.Annotations = map[string]string{doNotDisrupt: "true"} }
	done := func(pod *corev1.Pod) { pod.Status.Phase = corev1.PodSucceeded }
	one, none := []string{node.Name}, []string{}
	for _, c := range []struct {
		what        string
		node        corev1.Node
		pods        []corev1.Pod
		claimed     []wanted.Claim
		empty, held []string
	}{
		{"it is just starting", starting, []corev1.Pod{pending("a", "1")}, claims(""), none, none},
		{"it is about to go", going, []corev1.Pod{pending("a", "1")}, claims("general-purpose", "c6a.large"), one, none},
		{"a pod runs", node, []corev1.Pod{pending("a", "1", on(node.Name))}, claims(""), none, none},
		{"only daemons run", node, []corev1.Pod{pending("a", "1", ofSet, on(node.Name))}, claims(""), one, none},
		{"a pod is done", node, []corev1.Pod{pending("a", "1", on(node.Name), done)}, claims(""), one, none},
		{"a pod stays", node, []corev1.Pod{pending("a", "1", on(node.Name), kept)}, claims(""), none, one},
	} {
		found := demanded(t, pools(), c.pods, []corev1.Node{c.node})
		if expected := (wanted.Demand{Claims: c.claimed, Empty: c.empty, Held: c.held}); !reflect.DeepEqual(found, expected) {
			t.Errorf("%s: %+v", c.what, found)
		}
	}
}

func TestOnlyWhatRunsOnANodeThatIsAboutToGoLeavesIt(t *testing.T) {
	going := corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "going"}, Spec: corev1.NodeSpec{Taints: []corev1.Taint{{Key: disrupted}}}}
	stays := corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "stays"}}
	pods := []corev1.Pod{pending("a", "1", on("going")), pending("b", "1", on("stays")), pending("c", "1", on("going"), ofSet), pending("d", "1")}
	var all []*corev1.Pod
	for _, pod := range pods {
		all = append(all, &pod)
	}
	if found := leaving(all, []*corev1.Node{&going, &stays}); len(found) != 1 || found[0].Name != "a" {
		t.Errorf("%+v", found)
	}
}

func TestNodesComeInAllZones(t *testing.T) {
	pool := pools()[0]
	pool.Zones = []string{"eu-west-1a", "eu-west-1b"}
	possible, err := candidates([]wanted.NodePool{pool})
	if err != nil {
		t.Fatal(err)
	}
	zones := map[string]bool{}
	for _, name := range []string{"a", "b", "c", "d"} {
		pod := pending(name, "1")
		turned := inTurn(possible, &pod)
		zones[turned[0].claim.Zone] = true
		if len(turned) != len(possible) || turned[0].claim.InstanceType != "c6a.large" || turned[2].claim.InstanceType != "c6a.xlarge" {
			t.Errorf("%+v", turned)
		}
	}
	if len(zones) != 2 {
		t.Errorf("only %v", zones)
	}
}
