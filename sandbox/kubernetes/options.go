package main

import (
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"path/filepath"

	"landfall.dev/landfall-kubernetes/internal/cluster"
)

// options are those of `serve`.
type options struct {
	cluster     cluster.Options
	controlPort int
}

func parse(arguments []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	dir := flags.String("dir", "", "folder of data, keys and log; required")
	version := flags.String("version", "", "minor version of Kubernetes to behave as, like 1.35; required")
	services := flags.String("service-cidr", "172.20.0.0/16", "range of service addresses")
	flags.IntVar(&o.cluster.Port, "port", 0, "port of the API server; 0 is the one of before, or any")
	flags.IntVar(&o.controlPort, "control-port", 0, "port of the control API; 0 is any")
	flags.StringVar(&o.cluster.AuthenticationURL, "authentication-url", "", "where TokenReviews are posted; required")
	flags.StringVar(&o.cluster.ServiceAccountIssuer, "service-account-issuer", "https://kubernetes.default.svc",
		"the issuer of service account tokens")
	if err := flags.Parse(arguments); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("%q is not a flag", flags.Arg(0))
	}
	if *dir == "" || *version == "" || o.cluster.AuthenticationURL == "" {
		return o, errors.New("--dir, --version and --authentication-url are required")
	}
	var err error
	if o.cluster.Dir, err = filepath.Abs(*dir); err != nil {
		return o, err
	}
	if o.cluster.Version, err = cluster.ParseMinor(*version); err != nil {
		return o, err
	}
	if o.cluster.ServiceCIDR, err = netip.ParsePrefix(*services); err != nil {
		return o, fmt.Errorf("--service-cidr: %w", err)
	}
	return o, nil
}
