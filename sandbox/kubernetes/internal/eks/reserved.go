package eks

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

const mebibyte = 1 << 20

// allocatable is what is left for pods, after what the AMIs of EKS reserve; see
// https://awslabs.github.io/amazon-eks-ami/nodeadm/ and `--kube-reserved` in
// https://karpenter.sh/docs/concepts/nodeclasses/
func allocatable(capacity corev1.ResourceList) corev1.ResourceList {
	cpu, memory, pods := capacity.Cpu().MilliValue(), capacity.Memory().Value(), capacity.Pods().Value()
	// 100 MiB stay free before pods are evicted.
	reserved := (255 + 11*pods + 100) * mebibyte
	left := capacity.DeepCopy()
	left[corev1.ResourceCPU] = *resource.NewMilliQuantity(cpu-reservedCPU(cpu), resource.DecimalSI)
	left[corev1.ResourceMemory] = *resource.NewQuantity(max(memory-reserved, 0), resource.BinarySI)
	left[corev1.ResourceEphemeralStorage] = resource.MustParse("18Gi")
	return left
}

// reservedCPU is 6 % of the first core, 1 % of the second, 0.5 % of the next two, and 0.25 % of all others.
func reservedCPU(cpu int64) int64 {
	reserved := 0.0
	for core := int64(0); core*1000 < cpu; core++ {
		switch {
		case core == 0:
			reserved += 60
		case core == 1:
			reserved += 10
		case core < 4:
			reserved += 5
		default:
			reserved += 2.5
		}
	}
	return int64(reserved)
}
