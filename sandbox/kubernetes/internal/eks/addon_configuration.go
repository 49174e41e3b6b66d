package eks

import (
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"landfall.dev/landfall-kubernetes/internal/wanted"
)

// addonKind is what differs between the add-ons, beside their manifests.
type addonKind struct {
	workload, name string
	settings       map[string]setting
}

// A setting changes the objects of an add-on by one of its configuration values.
type setting func(list []*unstructured.Unstructured, workload map[string]any, value any) error

// The values that `aws eks describe-addon-configuration` names, see
// https://aws.amazon.com/blogs/containers/amazon-eks-add-ons-advanced-configuration/
var addonKinds = map[string]addonKind{
	"coredns": {"Deployment", "coredns", with(scheduling, map[string]setting{
		"replicaCount":              at("spec", "replicas"),
		"topologySpreadConstraints": at("spec", "template", "spec", "topologySpreadConstraints"),
		"computeType":               setComputeType,
		"corefile":                  setCorefile,
		"autoScaling":               without,
		"podDisruptionBudget":       without,
	})},
	"kube-proxy": {"DaemonSet", "kube-proxy", with(scheduling, map[string]setting{
		"mode": without,
		"ipvs": without,
	})},
	"vpc-cni": {"DaemonSet", "aws-node", with(scheduling, map[string]setting{
		"env":                 setEnvironment,
		"enableNetworkPolicy": without,
		"eniConfig":           without,
		"init":                without,
		"nodeAgent":           without,
	})},
	"eks-pod-identity-agent": {"DaemonSet", "eks-pod-identity-agent", with(scheduling, map[string]setting{
		"agent":             without,
		"init":              without,
		"priorityClassName": at("spec", "template", "spec", "priorityClassName"),
	})},
}

// scheduling are the settings that all have.
var scheduling = map[string]setting{
	"affinity":       at("spec", "template", "spec", "affinity"),
	"nodeSelector":   at("spec", "template", "spec", "nodeSelector"),
	"tolerations":    at("spec", "template", "spec", "tolerations"),
	"podAnnotations": into("spec", "template", "metadata", "annotations"),
	"podLabels":      into("spec", "template", "metadata", "labels"),
	"resources": func(_ []*unstructured.Unstructured, workload map[string]any, value any) error {
		return onContainer(workload, func(container map[string]any) error {
			container["resources"] = value
			return nil
		})
	},
}

func (k addonKind) configure(list []*unstructured.Unstructured, addon wanted.Addon) error {
	at := slices.IndexFunc(list, func(o *unstructured.Unstructured) bool { return o.GetKind() == k.workload })
	for _, key := range slices.Sorted(maps.Keys(addon.Configuration)) {
		set, known := k.settings[key]
		if !known {
			return refuse("add-on %s has no configuration value %q; it has %v", addon.Name, key, slices.Sorted(maps.Keys(k.settings)))
		}
		if err := set(list, list[at].Object, addon.Configuration[key]); err != nil {
			return refuse("add-on %s: %s: %v", addon.Name, key, err)
		}
	}
	return nil
}

func with(all ...map[string]setting) map[string]setting {
	settings := map[string]setting{}
	for _, some := range all {
		maps.Copy(settings, some)
	}
	return settings
}

// without is a setting that nothing shows here.
func without([]*unstructured.Unstructured, map[string]any, any) error { return nil }

func at(path ...string) setting {
	return func(_ []*unstructured.Unstructured, workload map[string]any, value any) error {
		return unstructured.SetNestedField(workload, value, path...)
	}
}

func into(path ...string) setting {
	return func(_ []*unstructured.Unstructured, workload map[string]any, value any) error {
		values, is := value.(map[string]any)
		if !is {
			return refuse("it is not an object")
		}
		for key, value := range values {
			if err := unstructured.SetNestedField(workload, value, append(slices.Clone(path), key)...); err != nil {
				return err
			}
		}
		return nil
	}
}

// CoreDNS is kept from Fargate by an annotation, unless it is told to run there.
func setComputeType(_ []*unstructured.Unstructured, workload map[string]any, value any) error {
	text, _ := value.(string)
	if kind := strings.ToLower(text); kind == "fargate" || kind == "ec2" {
		return unstructured.SetNestedField(workload, kind, "spec", "template", "metadata", "annotations", computeType)
	}
	return refuse("%v is neither Fargate nor EC2", value)
}

func setCorefile(list []*unstructured.Unstructured, _ map[string]any, value any) error {
	for _, object := range list {
		if object.GetKind() == "ConfigMap" {
			return unstructured.SetNestedField(object.Object, value, "data", "Corefile")
		}
	}
	return nil
}

func setEnvironment(_ []*unstructured.Unstructured, workload map[string]any, value any) error {
	values, is := value.(map[string]any)
	if !is {
		return refuse("it is not an object")
	}
	return onContainer(workload, func(container map[string]any) error {
		list, _ := container["env"].([]any)
		for _, name := range slices.Sorted(maps.Keys(values)) {
			list = slices.DeleteFunc(list, func(one any) bool { return one.(map[string]any)["name"] == name })
			list = append(list, map[string]any{"name": name, "value": values[name]})
		}
		container["env"] = list
		return nil
	})
}

// onContainer changes the workload's first container, which is the one that the settings are about.
func onContainer(workload map[string]any, change func(map[string]any) error) error {
	path := []string{"spec", "template", "spec", "containers"}
	containers, _, err := unstructured.NestedSlice(workload, path...)
	if err != nil {
		return err
	}
	if err := change(containers[0].(map[string]any)); err != nil {
		return err
	}
	return unstructured.SetNestedSlice(workload, containers, path...)
}
