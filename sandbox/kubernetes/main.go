// Landfall-kubernetes is the Kubernetes of one emulated EKS cluster, in one process; see README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"

	"k8s.io/klog/v2"
)

func main() {
	if err := run(os.Args[1:]); err != nil && !errors.Is(err, context.Canceled) {
		klog.Flush()
		fmt.Fprintln(os.Stderr, "landfall-kubernetes:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) == 0 || arguments[0] != "serve" {
		return errors.New("the only command is `serve`; `landfall-kubernetes serve --help` tells its flags")
	}
	o, err := parse(arguments[1:])
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	return serve(o)
}
