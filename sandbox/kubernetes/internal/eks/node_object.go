package eks

import (
	"cmp"
	"hash/fnv"
	"maps"
	"net/netip"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"landfall.dev/landfall-kubernetes/internal/wanted"
)

// nodeObject is what the kubelet of the instance registers.
func nodeObject(n wanted.Node) (*corev1.Node, error) {
	if n.Name == "" || n.ProviderID == "" {
		return nil, refuse("a node needs a name and a provider id")
	}
	cpu, err := resource.ParseQuantity(n.CPU)
	if err != nil {
		return nil, refuse("node %s: cpu %q: %v", n.Name, n.CPU, err)
	}
	memory, err := resource.ParseQuantity(n.Memory)
	if err != nil {
		return nil, refuse("node %s: memory %q: %v", n.Name, n.Memory, err)
	}
	all := labelsOf(n)
	capacity := corev1.ResourceList{
		corev1.ResourceCPU:              cpu,
		corev1.ResourceMemory:           memory,
		corev1.ResourcePods:             *resource.NewQuantity(n.Pods, resource.DecimalSI),
		corev1.ResourceEphemeralStorage: resource.MustParse("20Gi"),
	}
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: n.Name, Labels: all},
		Spec:       corev1.NodeSpec{ProviderID: n.ProviderID, Taints: taints(n.Taints)},
		Status: corev1.NodeStatus{
			Capacity:    capacity,
			Allocatable: allocatable(capacity),
			Addresses: []corev1.NodeAddress{
				{Type: corev1.NodeInternalIP, Address: cmp.Or(n.Address, address(n.Name).String())},
				{Type: corev1.NodeInternalDNS, Address: n.Name},
				{Type: corev1.NodeHostName, Address: n.Name},
			},
			NodeInfo: nodeInfo(all[corev1.LabelArchStable], n.KubeletVersion),
		},
	}, nil
}

func nodeInfo(architecture, kubelet string) corev1.NodeSystemInfo {
	return corev1.NodeSystemInfo{
		Architecture:            architecture,
		OperatingSystem:         "linux",
		KubeletVersion:          kubelet,
		KubeProxyVersion:        kubelet,
		ContainerRuntimeVersion: "kwok://0.8.0",
		OSImage:                 "Landfall sandbox",
		KernelVersion:           "none",
	}
}

// labelsOf are those that the kubelet and the cloud's controllers give to a node, under those of the list.
func labelsOf(n wanted.Node) map[string]string {
	all := map[string]string{
		corev1.LabelArchStable:              architecture(n.InstanceType),
		corev1.LabelHostname:                n.Name,
		corev1.LabelInstanceType:            n.InstanceType,
		corev1.LabelInstanceTypeStable:      n.InstanceType,
		corev1.LabelOSStable:                "linux",
		corev1.LabelTopologyRegion:          n.Region,
		corev1.LabelTopologyZone:            n.Zone,
		corev1.LabelFailureDomainBetaRegion: n.Region,
		corev1.LabelFailureDomainBetaZone:   n.Zone,
		"beta.kubernetes.io/os":             "linux",
	}
	maps.Copy(all, n.Labels)
	all["beta.kubernetes.io/arch"] = all[corev1.LabelArchStable]
	return all
}

func taints(list []wanted.Taint) []corev1.Taint {
	var all []corev1.Taint
	for _, taint := range list {
		all = append(all, corev1.Taint{Key: taint.Key, Value: taint.Value, Effect: corev1.TaintEffect(taint.Effect)})
	}
	return all
}

// Graviton has a `g` among the attributes behind the generation; the first one was `a1`. See
// https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html
var graviton = regexp.MustCompile(`^(a1|[a-z]+[0-9]+[a-z]*g[a-z]*)[.-]`)

func architecture(instanceType string) string {
	if graviton.MatchString(instanceType) {
		return "arm64"
	}
	return "amd64"
}

// The private DNS name of an instance has its address: ip-10-0-1-23.eu-west-1.compute.internal.
var privateName = regexp.MustCompile(`^(?:fargate-)?ip-(\d+)-(\d+)-(\d+)-(\d+)\.`)

// address is that of the node's name; a name without one stands for an address of its own.
func address(name string) netip.Addr {
	if parts := privateName.FindStringSubmatch(name); parts != nil {
		if address, err := netip.ParseAddr(strings.Join(parts[1:], ".")); err == nil {
			return address
		}
	}
	return hashedAddress(name)
}

// hashedAddress is one of 10.0.0.0/8, always the same for the same text.
func hashedAddress(text string) netip.Addr {
	hash := fnv.New32a()
	hash.Write([]byte(text))
	sum := hash.Sum32()
	return netip.AddrFrom4([4]byte{10, byte(sum >> 16), byte(sum >> 8), byte(sum)})
}
