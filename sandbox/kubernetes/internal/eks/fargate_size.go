package eks

import (
	"fmt"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	resourcehelper "k8s.io/component-helpers/resource"
)

const gibibyte = 1 << 30

// fargateSize is a configuration that Fargate has.
type fargateSize struct {
	milliCPU int64
	// In halves of a GB.
	memory int64
}

// The memory that each number of processors can have, see
// https://docs.aws.amazon.com/eks/latest/userguide/fargate-pod-configuration.html
var fargateSizes = []struct{ milliCPU, least, most, step int64 }{
	{250, 1, 2, 1},
	{250, 4, 4, 1},
	{500, 2, 8, 2},
	{1000, 4, 16, 2},
	{2000, 8, 32, 2},
	{4000, 16, 60, 2},
	{8000, 32, 120, 8},
	{16000, 64, 240, 16},
}

// sizeFor is the smallest configuration that holds the pod's requests and 256 MB for the kubelet.
func sizeFor(pod *corev1.Pod) (fargateSize, bool) {
	requests := resourcehelper.PodRequests(pod, resourcehelper.PodResourcesOptions{})
	cpu := requests.Cpu().MilliValue()
	memory := requests.Memory().Value()
	if memory > 0 || cpu > 0 {
		memory += 256 * mebibyte
	}
	for _, size := range fargateSizes {
		for halves := size.least; cpu <= size.milliCPU && halves <= size.most; halves += size.step {
			if memory <= halves*gibibyte/2 {
				return fargateSize{size.milliCPU, halves}, true
			}
		}
	}
	return fargateSize{}, false
}

// String is the text of the annotation `CapacityProvisioned`: "0.25vCPU 0.5GB".
func (s fargateSize) String() string {
	number := func(value float64) string { return strconv.FormatFloat(value, 'f', -1, 64) }
	return fmt.Sprintf("%svCPU %sGB", number(float64(s.milliCPU)/1000), number(float64(s.memory)/2))
}

func (s fargateSize) resources() corev1.ResourceList {
	return corev1.ResourceList{
		corev1.ResourceCPU:              *resource.NewMilliQuantity(s.milliCPU, resource.DecimalSI),
		corev1.ResourceMemory:           *resource.NewQuantity(s.memory*gibibyte/2, resource.BinarySI),
		corev1.ResourcePods:             *resource.NewQuantity(1, resource.DecimalSI),
		corev1.ResourceEphemeralStorage: resource.MustParse("20Gi"),
	}
}
