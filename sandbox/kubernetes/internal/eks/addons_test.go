package eks

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"landfall.dev/landfall-kubernetes/internal/wanted"
)

func rendered(t *testing.T, addon wanted.Addon) []*unstructured.Unstructured {
	t.Helper()
	list, err := (&Emulation{clusterDNS: tenthAddress(netip.MustParsePrefix("172.20.0.0/16"))}).render(addon)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func of[T any](t *testing.T, list []*unstructured.Unstructured, kind string) T {
	t.Helper()
	var object T
	for _, one := range list {
		if one.GetKind() == kind {
			if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(one.Object, &object, true); err != nil {
				t.Fatal(err)
			}
		}
	}
	return object
}

func TestEveryAddonCarriesItsVersionInItsImages(t *testing.T) {
	for name, kind := range addonKinds {
		list := rendered(t, wanted.Addon{Name: name, Version: "v1.2.3-eksbuild.4"})
		var pod corev1.PodSpec
		if kind.workload == "Deployment" {
			pod = of[appsv1.Deployment](t, list, "Deployment").Spec.Template.Spec
		} else {
			pod = of[appsv1.DaemonSet](t, list, "DaemonSet").Spec.Template.Spec
		}
		for _, container := range append(pod.InitContainers, pod.Containers...) {
			if !strings.HasSuffix(container.Image, ":v1.2.3-eksbuild.4") {
				t.Errorf("%s runs %s", name, container.Image)
			}
		}
	}
}

func TestTheClusterDNSHasTheTenthServiceAddress(t *testing.T) {
	service := of[corev1.Service](t, rendered(t, wanted.Addon{Name: "coredns", Version: "v1"}), "Service")
	if service.Name != "kube-dns" || service.Spec.ClusterIP != "172.20.0.10" {
		t.Errorf("it is %s at %s", service.Name, service.Spec.ClusterIP)
	}
}

func TestConfigurationValuesOfCoreDNSAreRespected(t *testing.T) {
	list := rendered(t, wanted.Addon{Name: "coredns", Version: "v1", Configuration: map[string]any{
		"computeType":  "Fargate",
		"corefile":     ".:53 {}",
		"nodeSelector": map[string]any{"pool": "core"},
		"podLabels":    map[string]any{"team": "platform"},
		"replicaCount": 3.0,
		"resources":    map[string]any{"requests": map[string]any{"cpu": "200m"}},
		"tolerations":  []any{map[string]any{"key": "core", "operator": "Exists"}},
	}})
	deployment := of[appsv1.Deployment](t, list, "Deployment")
	pod := deployment.Spec.Template
	if *deployment.Spec.Replicas != 3 || pod.Annotations[computeType] != "fargate" || pod.Labels["team"] != "platform" ||
		pod.Labels["k8s-app"] != "kube-dns" || pod.Spec.NodeSelector["pool"] != "core" || len(pod.Spec.Tolerations) != 1 ||
		pod.Spec.Tolerations[0].Key != "core" || pod.Spec.Containers[0].Resources.Requests.Cpu().String() != "200m" {
		t.Errorf("it became %+v", deployment.Spec)
	}
	if text := of[corev1.ConfigMap](t, list, "ConfigMap").Data["Corefile"]; text != ".:53 {}" {
		t.Errorf("the Corefile is %q", text)
	}
}

func TestCoreDNSStaysOffFargateUnlessItIsToldTo(t *testing.T) {
	deployment := of[appsv1.Deployment](t, rendered(t, wanted.Addon{Name: "coredns", Version: "v1"}), "Deployment")
	if found := deployment.Spec.Template.Annotations[computeType]; found != "ec2" {
		t.Errorf("its compute type is %q", found)
	}
}

func TestTheEnvironmentOfTheVPCCNIIsMerged(t *testing.T) {
	list := rendered(t, wanted.Addon{Name: "vpc-cni", Version: "v1", Configuration: map[string]any{
		"env": map[string]any{"ENABLE_PREFIX_DELEGATION": "true", "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG": "true"},
	}})
	environment := map[string]string{}
	for _, one := range of[appsv1.DaemonSet](t, list, "DaemonSet").Spec.Template.Spec.Containers[0].Env {
		if _, twice := environment[one.Name]; twice {
			t.Errorf("%s is set twice", one.Name)
		}
		environment[one.Name] = one.Value
	}
	if environment["ENABLE_PREFIX_DELEGATION"] != "true" || environment["AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG"] != "true" || environment["WARM_ENI_TARGET"] != "1" {
		t.Errorf("it is %v", environment)
	}
}

func TestAnAddonThatCannotBeMeantIsRefused(t *testing.T) {
	for _, addon := range []wanted.Addon{
		{Name: "unknown", Version: "v1"}, {Name: "coredns"}, {Name: "coredns", Version: "latest: yes"},
		{Name: "coredns", Version: "v1", Configuration: map[string]any{"replicas": 3}},
		{Name: "coredns", Version: "v1", Configuration: map[string]any{"computeType": "Lambda"}},
		{Name: "vpc-cni", Version: "v1", Configuration: map[string]any{"env": "A=b"}},
	} {
		if _, err := (&Emulation{}).render(addon); !errors.As(err, &Refused{}) {
			t.Errorf("%+v is answered by %v", addon, err)
		}
	}
}

func TestOnlyPodsOfTheNewestTemplateCountAsReady(t *testing.T) {
	for _, c := range []struct {
		counts        counts
		wanted, ready int32
	}{
		{counts{observed: true, desired: 2, up: 2, fresh: 2}, 2, 2},
		{counts{observed: true, desired: 2, up: 2, old: 1, fresh: 1}, 2, 1},
		{counts{observed: true, desired: 2, up: 2, old: 2}, 2, 0},
		{counts{observed: true, desired: 2, up: 1, fresh: 2}, 2, 1},
		{counts{observed: true}, 0, 0},
		{counts{observed: false, desired: 2, up: 2, fresh: 2}, 2, 0},
		{counts{observed: false}, 1, 0},
	} {
		if wanted, ready := c.counts.wanted(), c.counts.ready(); wanted != c.wanted || ready != c.ready {
			t.Errorf("%+v are %d of %d", c.counts, ready, wanted)
		}
	}
}
