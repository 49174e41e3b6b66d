// Landfall-kubernetes is the Kubernetes of one emulated EKS cluster, in one process; see README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"

	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/klog/v2"
	kubectlcommand "k8s.io/kubectl/pkg/cmd"
)

func main() {
	if err := run(os.Args[1:]); err != nil && !errors.Is(err, context.Canceled) {
		klog.Flush()
		fmt.Fprintln(os.Stderr, "landfall-kubernetes:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) > 0 && arguments[0] == "kubectl" {
		return kubectl(arguments[1:])
	}
	if len(arguments) == 0 || arguments[0] != "serve" {
		return errors.New("the commands are `serve` and `kubectl`; `landfall-kubernetes serve --help` tells its flags")
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

// kubectl is the real one, of the version of the API server, for whoever has none.
func kubectl(arguments []string) error {
	command := kubectlcommand.NewDefaultKubectlCommandWithArgs(kubectlcommand.KubectlOptions{
		Arguments:   append([]string{"kubectl"}, arguments...),
		ConfigFlags: genericclioptions.NewConfigFlags(true),
		IOStreams:   genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr},
	})
	command.SetArgs(arguments)
	return command.Execute()
}
