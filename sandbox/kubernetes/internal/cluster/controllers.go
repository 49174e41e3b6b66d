package cluster

import (
	"context"

	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	controllermanageroptions "k8s.io/kubernetes/cmd/kube-controller-manager/app/options"
	kubescheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubescheduleroptions "k8s.io/kubernetes/cmd/kube-scheduler/app/options"
)

// The only copy of a controller needs no election, and serves nobody.
var alone = []string{"--leader-elect=false", "--secure-port=0", "--profiling=false", "--kube-api-qps=200", "--kube-api-burst=400"}

type controllerManager struct {
	options *controllermanageroptions.KubeControllerManagerOptions
}

func newControllerManager(k keys, kubeconfig string) (*controllerManager, error) {
	s, err := controllermanageroptions.NewKubeControllerManagerOptions()
	if err != nil {
		return nil, err
	}
	flags := s.Flags(controllermanager.KnownControllers(), controllermanager.ControllersDisabledByDefault(), controllermanager.ControllerAliases())
	s.ParsedFlags = &flags
	return &controllerManager{s}, parse(flags, append([]string{
		"--kubeconfig=" + kubeconfig,
		"--root-ca-file=" + k.certificate(authority),
		"--service-account-private-key-file=" + k.key(serviceAccounts),
		"--use-service-account-credentials=true",
	}, alone...))
}

func (c *controllerManager) run(ctx context.Context) error {
	config, err := c.options.Config(ctx, controllermanager.KnownControllers(), controllermanager.ControllersDisabledByDefault(), controllermanager.ControllerAliases())
	if err != nil {
		return err
	}
	return controllermanager.Run(ctx, config.Complete())
}

type defaultScheduler struct {
	options *kubescheduleroptions.Options
}

func newScheduler(kubeconfig string) (*defaultScheduler, error) {
	s := kubescheduleroptions.NewOptions()
	return &defaultScheduler{s}, parse(*s.Flags, append([]string{"--kubeconfig=" + kubeconfig}, alone...))
}

func (d *defaultScheduler) run(ctx context.Context) error {
	config, scheduler, err := kubescheduler.Setup(ctx, d.options)
	if err != nil {
		return err
	}
	return kubescheduler.Run(ctx, config, scheduler)
}
