// Package eks does inside of a cluster what EKS does there: nodes register and go, Fargate runs pods, Auto Mode finds out
// which nodes are missing, add-ons are installed, access policies are granted.
//
// Everything is told in complete lists, one change at a time. What a list no longer names goes away. A list is kept only
// when all of it has been done; one that failed may be told again.
package eks

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"

	"k8s.io/apiserver/pkg/admission"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"

	"landfall.dev/landfall-kubernetes/internal/cluster"
	"landfall.dev/landfall-kubernetes/internal/wanted"
)

// Emulation is the EKS of one cluster.
type Emulation struct {
	path     string
	mutex    sync.Mutex
	state    wanted.State
	profiles atomic.Pointer[[]wanted.FargateProfile]

	client     kubernetes.Interface
	objects    objects
	clusterDNS netip.Addr
	version    string
	informers  informers.SharedInformerFactory
	fits       *fitting
}

// New reads what was wanted before.
func New(path string) (*Emulation, error) {
	state, err := wanted.Load(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	e := &Emulation{path: path, state: state}
	e.profiles.Store(&state.FargateProfiles)
	return e, nil
}

// AdmissionPlugins are those that EKS adds to the API server.
func (e *Emulation) AdmissionPlugins() map[string]admission.Factory {
	return map[string]admission.Factory{fargatePlugin: e.newFargateAdmission}
}

// Start applies what EKS puts into every cluster, and what was wanted before; then it goes on in the background until
// the context ends.
func (e *Emulation) Start(ctx context.Context, config *rest.Config, o cluster.Options) error {
	var err error
	if e.client, err = kubernetes.NewForConfig(config); err != nil {
		return err
	}
	if e.objects.client, err = dynamic.NewForConfig(config); err != nil {
		return err
	}
	e.objects.mapper = restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(e.client.Discovery()))
	e.clusterDNS = tenthAddress(o.ServiceCIDR)
	e.version = o.Version.GitVersion()
	e.informers = informers.NewSharedInformerFactory(e.client, 0)
	if e.fits, err = newFitting(ctx, e.client, e.informers); err != nil {
		return err
	}
	if err := e.applyDefaults(ctx); err != nil {
		return err
	}
	if err := e.applyPolicies(ctx); err != nil {
		return err
	}
	if err := e.SetNodes(ctx, e.state.Nodes); err != nil {
		return err
	}
	if err := e.watchNamespaces(ctx); err != nil {
		return err
	}
	return e.watch(ctx)
}

// keep changes the state, of which only a complete change is written.
func (e *Emulation) keep(change func(*wanted.State)) error {
	next := e.state
	change(&next)
	if err := next.Save(e.path); err != nil {
		return err
	}
	e.state = next
	return nil
}

// tenthAddress is that of the cluster's DNS, as kubelets on EKS know it.
func tenthAddress(services netip.Prefix) netip.Addr {
	address := services.Masked().Addr()
	for range 10 {
		address = address.Next()
	}
	return address
}

// Refused is the error of a list that cannot be meant.
type Refused struct{ Reason string }

// Error gives the reason.
func (r Refused) Error() string { return r.Reason }

func refuse(format string, values ...any) error {
	return Refused{fmt.Sprintf(format, values...)}
}
