package eks

import (
	"context"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// unsupported says, in the words of Fargate's scheduler, what of a pod Fargate does not have; empty if nothing. See the
// considerations of https://docs.aws.amazon.com/eks/latest/userguide/fargate.html
func (e *Emulation) unsupported(ctx context.Context, pod *corev1.Pod) string {
	problems := unsupportedFields(&pod.Spec)
	var volumes []string
	for _, volume := range pod.Spec.Volumes {
		if problem := e.unsupportedVolume(ctx, pod.Namespace, volume); problem != "" {
			volumes = append(volumes, volume.Name+" "+problem)
		}
	}
	if len(volumes) > 0 {
		problems = append(problems, "volumes not supported: "+strings.Join(volumes, ", "))
	}
	return strings.Join(problems, ", ")
}

func unsupportedFields(spec *corev1.PodSpec) (problems []string) {
	containers := slices.Concat(spec.InitContainers, spec.Containers)
	if spec.HostNetwork {
		problems = append(problems, "fields not supported: HostNetwork")
	}
	if slices.ContainsFunc(containers, func(c corev1.Container) bool {
		return c.SecurityContext != nil && c.SecurityContext.Privileged != nil && *c.SecurityContext.Privileged
	}) {
		problems = append(problems, "invalid SecurityContext fields: Privileged")
	}
	if slices.ContainsFunc(containers, func(c corev1.Container) bool {
		return slices.ContainsFunc(c.Ports, func(p corev1.ContainerPort) bool { return p.HostIP != "" || p.HostPort != 0 })
	}) {
		problems = append(problems, "port contains HostIP or HostPort")
	}
	return problems
}

// Of claims, only bound ones of EFS can be mounted.
func (e *Emulation) unsupportedVolume(ctx context.Context, namespace string, volume corev1.Volume) string {
	switch {
	case volume.ConfigMap != nil, volume.Secret != nil, volume.EmptyDir != nil, volume.DownwardAPI != nil,
		volume.Projected != nil, volume.NFS != nil:
		return ""
	case volume.PersistentVolumeClaim == nil:
		return "is of an unsupported volume Type"
	}
	name := volume.PersistentVolumeClaim.ClaimName
	claim, err := e.client.CoreV1().PersistentVolumeClaims(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil || claim.Spec.VolumeName == "" {
		return "not supported because: PVC " + name + " not bound"
	}
	bound, err := e.client.CoreV1().PersistentVolumes().Get(ctx, claim.Spec.VolumeName, metav1.GetOptions{})
	if err != nil || bound.Spec.CSI == nil || bound.Spec.CSI.Driver != "efs.csi.aws.com" {
		return "is of an unsupported volume Type"
	}
	return ""
}
