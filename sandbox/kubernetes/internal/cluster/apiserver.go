package cluster

import (
	"context"
	"net"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/apiserver/pkg/admission"
	cliflag "k8s.io/component-base/cli/flag"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"
)

// An apiServer is ready to run.
type apiServer struct {
	options *options.ServerRunOptions
	minor   Minor
}

// newAPIServer reads the flags, but starts nothing: the feature gates are those of the whole process, so all programs
// must have read theirs before the first one asks for a feature.
func newAPIServer(o Options, k keys, etcd, webhook string, listener net.Listener, plugins map[string]admission.Factory) (*apiServer, error) {
	s := options.NewServerRunOptions()
	issuer := strings.TrimSuffix(o.ServiceAccountIssuer, "/")
	err := parse(s.Flags(), []string{
		"--emulated-version=kube=" + o.Version.String(),
		"--etcd-servers=" + etcd,
		"--bind-address=127.0.0.1",
		"--advertise-address=127.0.0.1",
		// The endpoints of the service `kubernetes` may not be loopback addresses, so there are none.
		"--endpoint-reconciler-type=none",
		"--cert-dir=" + o.Dir,
		"--tls-cert-file=" + k.certificate(server),
		"--tls-private-key-file=" + k.key(server),
		"--client-ca-file=" + k.certificate(authority),
		"--service-cluster-ip-range=" + o.ServiceCIDR.String(),
		"--service-account-issuer=" + issuer,
		"--service-account-jwks-uri=" + issuer + "/keys",
		"--service-account-key-file=" + k.key(serviceAccounts),
		"--service-account-signing-key-file=" + k.key(serviceAccounts),
		"--api-audiences=https://kubernetes.default.svc",
		"--authentication-token-webhook-config-file=" + webhook,
		"--authentication-token-webhook-version=v1",
		// So that a changed access entry shows soon.
		"--authentication-token-webhook-cache-ttl=1s",
		"--authorization-mode=Node,RBAC",
		"--enable-admission-plugins=NodeRestriction",
		"--allow-privileged=true",
		"--profiling=false",
	})
	if err != nil {
		return nil, err
	}
	s.SecureServing.Listener = listener
	s.SecureServing.BindPort = listener.Addr().(*net.TCPAddr).Port
	admit(s, plugins)
	return &apiServer{options: s, minor: o.Version}, nil
}

// run serves until the context ends.
func (a *apiServer) run(ctx context.Context) error {
	completed, err := a.options.Complete(ctx)
	if err != nil {
		return err
	}
	if errs := completed.Validate(); len(errs) > 0 {
		return utilerrors.NewAggregate(errs)
	}
	config, err := app.NewConfig(completed)
	if err != nil {
		return err
	}
	// /version is answered by the aggregator, the first server of the chain.
	generic := &config.Aggregator.GenericConfig.Config
	generic.EffectiveVersion = served{generic.EffectiveVersion, a.minor}
	ready, err := config.Complete()
	if err != nil {
		return err
	}
	chain, err := app.CreateServerChain(ready)
	if err != nil {
		return err
	}
	prepared, err := chain.PrepareRun()
	if err != nil {
		return err
	}
	return prepared.Run(ctx)
}

// admit puts the plugins before all others, so that those see what these changed.
func admit(s *options.ServerRunOptions, plugins map[string]admission.Factory) {
	generic := s.Admission.GenericAdmission
	for name, factory := range plugins {
		generic.Plugins.Register(name, factory)
		// A copy: the list is a variable of the package.
		generic.RecommendedPluginOrder = slices.Insert(slices.Clone(generic.RecommendedPluginOrder), 0, name)
	}
}

// parse reads the arguments of a program as its command line would.
func parse(sets cliflag.NamedFlagSets, arguments []string) error {
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	for _, set := range sets.FlagSets {
		all.AddFlagSet(set)
	}
	return all.Parse(arguments)
}
