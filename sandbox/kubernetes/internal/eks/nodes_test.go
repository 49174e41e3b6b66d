package eks

import (
	"errors"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"landfall.dev/landfall-kubernetes/internal/wanted"
)

func TestTheArchitectureFollowsFromTheInstanceType(t *testing.T) {
	for instanceType, expected := range map[string]string{
		"m7g.large": "arm64", "c6gn.xlarge": "arm64", "r8gd.2xlarge": "arm64", "im4gn.large": "arm64", "a1.medium": "arm64",
		"x2gd.metal": "arm64", "g5g.xlarge": "arm64", "m7i.large": "amd64", "m7i-flex.large": "amd64", "g4dn.xlarge": "amd64",
		"g6.xlarge": "amd64", "t3.micro": "amd64", "p5en.48xlarge": "amd64", "u-6tb1.metal": "amd64",
	} {
		if found := architecture(instanceType); found != expected {
			t.Errorf("%s is %s", instanceType, found)
		}
	}
}

func TestANodeHasTheAddressOfItsName(t *testing.T) {
	for name, expected := range map[string]string{
		"ip-10-0-1-23.eu-west-1.compute.internal":        "10.0.1.23",
		"fargate-ip-10-9-8-7.eu-west-1.compute.internal": "10.9.8.7",
		"ip-10-0-1-999.eu-west-1.compute.internal":       hashedAddress("ip-10-0-1-999.eu-west-1.compute.internal").String(),
		"i-0123456789abcdef0.eu-west-1.compute.internal": hashedAddress("i-0123456789abcdef0.eu-west-1.compute.internal").String(),
	} {
		if found := address(name).String(); found != expected {
			t.Errorf("%s has %s, not %s", name, found, expected)
		}
	}
}

func TestWhatTheAMIReservesIsNotAllocatable(t *testing.T) {
	node, err := nodeObject(wanted.Node{Name: "n", ProviderID: "p", CPU: "4", Memory: "16Gi", Pods: 58})
	if err != nil {
		t.Fatal(err)
	}
	cpu, memory := node.Status.Allocatable.Cpu(), node.Status.Allocatable.Memory()
	// 60 + 10 + 5 + 5 millicores; 255 + 11 * 58 MiB, and 100 for eviction.
	if cpu.MilliValue() != 3920 || memory.Value() != (16*1024-255-638-100)*mebibyte {
		t.Errorf("%s and %s are allocatable", cpu, memory)
	}
}

func TestANodeThatCannotBeMeantIsRefused(t *testing.T) {
	for _, node := range []wanted.Node{
		{ProviderID: "p", CPU: "1", Memory: "1Gi"}, {Name: "n", CPU: "1", Memory: "1Gi"},
		{Name: "n", ProviderID: "p", CPU: "two", Memory: "1Gi"}, {Name: "n", ProviderID: "p", CPU: "1", Memory: "lots"},
	} {
		if _, err := nodeObject(node); !errors.As(err, &Refused{}) {
			t.Errorf("%+v is answered by %v", node, err)
		}
	}
}

func TestAChangedNodeKeepsWhatOthersGaveIt(t *testing.T) {
	before := wanted.Node{Name: "n", Labels: map[string]string{"mine": "1", "gone": "1"}, Taints: []wanted.Taint{{Key: "gone", Effect: "NoSchedule"}}}
	after := wanted.Node{Name: "n", Labels: map[string]string{"mine": "2"}, Taints: []wanted.Taint{{Key: "mine", Value: "v", Effect: "NoExecute"}}}
	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"mine": "1", "gone": "1", "theirs": "1"}},
		Spec: corev1.NodeSpec{Taints: []corev1.Taint{
			{Key: "gone", Effect: corev1.TaintEffectNoSchedule}, {Key: "theirs", Effect: corev1.TaintEffectNoSchedule},
		}},
	}
	change(node, before, after)
	if _, is := node.Labels["gone"]; is || node.Labels["mine"] != "2" || node.Labels["theirs"] != "1" {
		t.Errorf("the labels are %v", node.Labels)
	}
	if taints := node.Spec.Taints; len(taints) != 2 || taints[0].Key != "theirs" || taints[1].ToString() != "mine=v:NoExecute" {
		t.Errorf("the taints are %v", taints)
	}
}
