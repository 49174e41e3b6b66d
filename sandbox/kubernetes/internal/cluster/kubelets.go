package cluster

import (
	"context"
	"log/slog"
	"os"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	nodestages "sigs.k8s.io/kwok/kustomize/stage/node/fast"
	heartbeat "sigs.k8s.io/kwok/kustomize/stage/node/heartbeat-with-lease"
	podstages "sigs.k8s.io/kwok/kustomize/stage/pod/fast"
	"sigs.k8s.io/kwok/pkg/apis/internalversion"
	"sigs.k8s.io/kwok/pkg/config"
	kwok "sigs.k8s.io/kwok/pkg/kwok/controllers"
	kwoklog "sigs.k8s.io/kwok/pkg/log"
	"sigs.k8s.io/kwok/pkg/utils/client"
)

// The addresses of pods that do not have their node's: none of a VPC, because nothing here knows the VPC.
const podCIDR = "100.64.0.0/16"

// startKubelets plays the kubelets of all nodes with kwok: nodes become Ready and keep their lease, pods that are bound
// turn Running, and those of a Job complete; deleted pods go.
func startKubelets(ctx context.Context, kubeconfig string) error {
	ctx = kwoklog.NewContext(ctx, kwoklog.NewLogger(os.Stderr, slog.LevelWarn))
	stages, err := kubeletStages()
	if err != nil {
		return err
	}
	clients, err := client.NewClientset("", kubeconfig)
	if err != nil {
		return err
	}
	restConfig, err := clients.ToRESTConfig()
	if err != nil {
		return err
	}
	dynamicClient, err := clients.ToDynamicClient()
	if err != nil {
		return err
	}
	mapper, err := clients.ToRESTMapper()
	if err != nil {
		return err
	}
	restClient, err := rest.RESTClientFor(restConfig)
	if err != nil {
		return err
	}
	typed, err := kubernetes.NewForConfig(restConfig)
	if err != nil {
		return err
	}
	controller, err := kwok.NewController(kwok.Config{
		Clock:                         clock.RealClock{},
		DynamicClient:                 dynamicClient,
		RESTClient:                    restClient,
		RESTMapper:                    mapper,
		ImpersonatingDynamicClient:    clients.ToImpersonatingDynamicClient(),
		ImpersonatingTypedClient:      clients.ToImpersonatingTypedClient(),
		TypedClient:                   typed,
		ManageAllNodes:                true,
		CIDR:                          podCIDR,
		LocalStages:                   stages,
		PodPlayStageParallelism:       4,
		NodePlayStageParallelism:      4,
		NodeLeaseDurationSeconds:      40,
		NodeLeaseParallelism:          4,
		PodsOnNodeSyncParallelism:     4,
		EnablePodsOnNodeSyncListPager: true,
		// The same after a restart, so that leases need not run out first.
		ID: "kwok",
	})
	if err != nil {
		return err
	}
	return controller.Start(ctx)
}

func kubeletStages() (map[internalversion.StageResourceRef][]*internalversion.Stage, error) {
	stages := map[internalversion.StageResourceRef][]*internalversion.Stage{}
	for _, text := range []string{
		nodestages.DefaultNodeInit, heartbeat.DefaultNodeHeartbeatWithLease,
		podstages.DefaultPodReady, podstages.DefaultPodComplete, podstages.DefaultPodDelete,
	} {
		stage, err := config.UnmarshalWithType[*internalversion.Stage](text)
		if err != nil {
			return nil, err
		}
		stages[stage.Spec.ResourceRef] = append(stages[stage.Spec.ResourceRef], stage)
	}
	return stages, nil
}
