package eks

import (
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/latest"
	"k8s.io/kubernetes/pkg/scheduler/backend/cache"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/names"
	"k8s.io/kubernetes/pkg/scheduler/framework/runtime"
	"k8s.io/kubernetes/pkg/scheduler/metrics"
)

// What of kube-scheduler says whether a pod may run on a node; without the last two there is no framework.
var filters = []string{
	names.NodeUnschedulable, names.NodeName, names.TaintToleration, names.NodeAffinity, names.NodePorts, names.NodeResourcesFit,
	names.VolumeRestrictions, names.VolumeBinding, names.VolumeZone, names.PodTopologySpread, names.InterPodAffinity,
	names.PrioritySort, names.DefaultBinder,
}

// fitting asks kube-scheduler's own plugins where a pod fits, in a cluster that need not be there. So what EKS Auto Mode
// expects and what the scheduler then does are the same. It is used by one at a time.
type fitting struct {
	framework framework.Framework
	lister    *lister
}

// lister shows the plugins the cluster of the present question.
type lister struct{ fwk.SharedLister }

// newFitting needs informers that are not started yet.
func newFitting(ctx context.Context, client kubernetes.Interface, shared informers.SharedInformerFactory) (*fitting, error) {
	metrics.Register()
	defaults, err := latest.Default()
	if err != nil {
		return nil, err
	}
	profile := defaults.Profiles[0]
	profile.Plugins = &config.Plugins{}
	for _, name := range filters {
		profile.Plugins.MultiPoint.Enabled = append(profile.Plugins.MultiPoint.Enabled, config.Plugin{Name: name})
	}
	profile.PluginConfig = slices.DeleteFunc(slices.Clone(profile.PluginConfig), func(c config.PluginConfig) bool {
		return !slices.Contains(filters, c.Name)
	})
	view := &lister{cache.NewEmptySnapshot()}
	made, err := runtime.NewFramework(ctx, plugins.NewInTreeRegistry(), &profile,
		runtime.WithClientSet(client), runtime.WithInformerFactory(shared), runtime.WithSnapshotSharedLister(view))
	return &fitting{made, view}, err
}

// among is the first of the named nodes on which the pod may run beside the pods that are there.
func (f *fitting) among(ctx context.Context, pod *corev1.Pod, pods []*corev1.Pod, nodes []*corev1.Node, names []string) (string, bool) {
	f.lister.SharedLister = cache.NewSnapshot(pods, nodes)
	state := framework.NewCycleState()
	only, status, _ := f.framework.RunPreFilterPlugins(ctx, state, pod)
	if !status.IsSuccess() {
		return "", false
	}
	for _, name := range names {
		if !only.AllNodes() && !only.NodeNames.Has(name) {
			continue
		}
		node, err := f.lister.NodeInfos().Get(name)
		if err == nil && f.framework.RunFilterPlugins(ctx, state, pod, node).IsSuccess() {
			return name, true
		}
	}
	return "", false
}
