package cluster

import (
	"errors"
	"net/url"
	"path/filepath"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
)

// startEtcd starts a member that is a cluster of its own, and answers when it serves.
func startEtcd(dir string) (*embed.Etcd, string, error) {
	anyPort := []url.URL{{Scheme: "http", Host: "127.0.0.1:0"}}
	config := embed.NewConfig()
	config.Dir = filepath.Join(dir, "etcd")
	config.ListenClientUrls, config.AdvertiseClientUrls = anyPort, anyPort
	config.ListenPeerUrls, config.AdvertisePeerUrls = anyPort, anyPort
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	// The gateway for HTTP would look for the port that was asked for, not the one that was found.
	config.EnableGRPCGateway = false
	config.LogLevel = "warn"
	config.LogOutputs = []string{embed.StdErrLogOutput}
	config.WarningUnaryRequestDuration = embed.DefaultWarningUnaryRequestDuration
	// What is written outlives this process, however it ends; only a crash of the machine loses it.
	config.UnsafeNoFsync = true
	etcd, err := embed.StartEtcd(config)
	if err != nil {
		return nil, "", err
	}
	select {
	case <-etcd.Server.ReadyNotify():
		return etcd, "http://" + etcd.Clients[0].Addr().String(), nil
	case err := <-etcd.Err():
		return nil, "", err
	case <-time.After(time.Minute):
		etcd.Close()
		return nil, "", errors.New("etcd was not ready within a minute")
	}
}
