// Package cluster runs a Kubernetes control plane in this process: etcd, the API server, the controller manager, the
// scheduler, and kwok for the kubelets of all nodes.
//
// Its folder holds everything that outlives the process: data, keys, port. Starting it there again is a restart, with
// another version an upgrade or a roll-back. It listens on 127.0.0.1 only.
package cluster

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/util/compatibility"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Options say which control plane is wanted.
type Options struct {
	// Dir is its folder, absolute.
	Dir string
	// Version is the minor version that it behaves as.
	Version Minor
	// Port is that of the API server; 0 is the one that it had before, or any.
	Port int
	// ServiceCIDR is the range of service addresses.
	ServiceCIDR netip.Prefix
	// AuthenticationURL is where bearer tokens are reviewed.
	AuthenticationURL string
	// ServiceAccountIssuer is the `iss` of service account tokens.
	ServiceAccountIssuer string
}

// A Cluster is a control plane whose API server is ready.
type Cluster struct {
	// Endpoint is the address of the API server.
	Endpoint string
	// Authority is the certificate of who signed the endpoint's, PEM in base64.
	Authority string
	// Kubeconfig is the path of the administrator's.
	Kubeconfig string
	// Config is the administrator's too.
	Config *rest.Config
	// Failed tells why a part of the control plane ended by itself.
	Failed <-chan error

	etcd      *embed.Etcd
	apiServer <-chan struct{}
}

// Start answers when the API server is ready; the parts end with the context. The plugins take part in admission
// before all others.
func Start(ctx context.Context, o Options, plugins map[string]admission.Factory) (*Cluster, error) {
	if err := o.record(); err != nil {
		return nil, err
	}
	k, err := makeKeys(filepath.Join(o.Dir, "keys"), serverNames, []net.IP{net.IPv4(127, 0, 0, 1), firstAddress(o.ServiceCIDR)})
	if err != nil {
		return nil, err
	}
	listener, err := o.listen()
	if err != nil {
		return nil, err
	}
	etcd, etcdAddress, err := startEtcd(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("etcd: %w", err)
	}
	endpoint := "https://" + listener.Addr().String()
	kubeconfig := func(name string) string { return filepath.Join(o.Dir, name+".kubeconfig") }
	for _, name := range []string{admin, controllers, scheduler} {
		if err := writeKubeconfig(kubeconfig(name), endpoint, k, name); err != nil {
			return nil, err
		}
	}
	webhook, err := writeWebhook(o.Dir, o.AuthenticationURL)
	if err != nil {
		return nil, err
	}
	apiServer, err := newAPIServer(o, k, etcdAddress, webhook, listener, plugins)
	if err != nil {
		return nil, err
	}
	manager, err := newControllerManager(k, kubeconfig(controllers))
	if err != nil {
		return nil, err
	}
	scheduling, err := newScheduler(kubeconfig(scheduler))
	if err != nil {
		return nil, err
	}
	// Once, after all have read their flags; see newAPIServer.
	if err := compatibility.DefaultComponentGlobalsRegistry.Set(); err != nil {
		return nil, err
	}
	return start(ctx, kubeconfig(admin), etcd, apiServer, manager, scheduling)
}

func start(ctx context.Context, kubeconfig string, etcd *embed.Etcd, apiServer *apiServer, manager *controllerManager, scheduling *defaultScheduler) (*Cluster, error) {
	failed := make(chan error, 3)
	run := func(name string, part func(context.Context) error) <-chan struct{} {
		done := make(chan struct{})
		go func() {
			defer close(done)
			if err := part(ctx); ctx.Err() == nil {
				failed <- fmt.Errorf("%s ended: %w", name, errors.Join(err, errors.New("it was not asked to")))
			}
		}()
		return done
	}
	served := run("kube-apiserver", apiServer.run)
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	config.QPS, config.Burst = 200, 400
	cluster := &Cluster{
		Endpoint:   config.Host,
		Authority:  base64.StdEncoding.EncodeToString(config.CAData),
		Kubeconfig: kubeconfig,
		Config:     config,
		Failed:     failed,
		etcd:       etcd,
		apiServer:  served,
	}
	if err := cluster.wait(ctx); err != nil {
		return nil, err
	}
	run("kube-controller-manager", manager.run)
	run("kube-scheduler", scheduling.run)
	return cluster, startKubelets(ctx, kubeconfig)
}

// wait answers when /readyz does.
func (c *Cluster) wait(ctx context.Context) error {
	client, err := kubernetes.NewForConfig(c.Config)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for {
		_, err := client.RESTClient().Get().AbsPath("/readyz").DoRaw(ctx)
		if err == nil {
			return nil
		}
		select {
		case failure := <-c.Failed:
			return failure
		case <-ctx.Done():
			return fmt.Errorf("the API server did not become ready: %w", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Close ends what the end of the context has not ended: the API server gets a moment for its last answers, and etcd
// closes its files.
func (c *Cluster) Close() {
	select {
	case <-c.apiServer:
	case <-time.After(3 * time.Second):
	}
	c.etcd.Close()
}

var serverNames = []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"}

// record refuses a version that cannot follow the one that was here before, and else remembers it.
func (o Options) record() error {
	path := filepath.Join(o.Dir, "version")
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil {
		before, err := ParseMinor(strings.TrimSpace(string(text)))
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if err := o.Version.After(before); err != nil {
			return err
		}
	}
	return os.WriteFile(path, []byte(o.Version.String()+"\n"), 0o600)
}

// listen takes the port of before, so that the endpoint stays.
func (o Options) listen() (net.Listener, error) {
	path := filepath.Join(o.Dir, "port")
	port := o.Port
	if text, err := os.ReadFile(path); err == nil && port == 0 {
		if port, err = strconv.Atoi(strings.TrimSpace(string(text))); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("the API server's port: %w", err)
	}
	port = listener.Addr().(*net.TCPAddr).Port
	return listener, os.WriteFile(path, []byte(strconv.Itoa(port)+"\n"), 0o600)
}

// firstAddress is that of the service `kubernetes`.
func firstAddress(services netip.Prefix) net.IP {
	return services.Masked().Addr().Next().AsSlice()
}
