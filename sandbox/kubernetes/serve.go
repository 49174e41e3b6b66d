package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"landfall.dev/landfall-kubernetes/internal/cluster"
	"landfall.dev/landfall-kubernetes/internal/control"
	"landfall.dev/landfall-kubernetes/internal/eks"
)

// ready is what whoever started this needs to know.
type ready struct {
	Endpoint             string `json:"endpoint"`
	CertificateAuthority string `json:"certificateAuthority"`
	Control              string `json:"control"`
	Kubeconfig           string `json:"kubeconfig"`
	Version              string `json:"version"`
}

// serve runs until standard input closes or a signal comes.
func serve(o options) error {
	dir := o.cluster.Dir
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	lock, err := take(dir)
	if err != nil {
		return err
	}
	defer lock.Close()
	announcement := filepath.Join(dir, "ready.json")
	if err := os.RemoveAll(announcement); err != nil {
		return err
	}
	ctx, cancel := lifetime()
	defer cancel()
	if err := logInto(filepath.Join(dir, "kubernetes.log")); err != nil {
		return err
	}
	emulation, err := eks.New(filepath.Join(dir, "wanted.json"))
	if err != nil {
		return err
	}
	running, err := cluster.Start(ctx, o.cluster, emulation.AdmissionPlugins())
	if err != nil {
		return err
	}
	defer running.Close()
	defer cancel()
	if err := emulation.Start(ctx, running.Config, o.cluster); err != nil {
		return err
	}
	address, err := control.Serve(ctx, o.controlPort, emulation)
	if err != nil {
		return err
	}
	if err := announce(announcement, ready{
		Endpoint:             running.Endpoint,
		CertificateAuthority: running.Authority,
		Control:              address,
		Kubeconfig:           running.Kubeconfig,
		Version:              o.cluster.Version.GitVersion(),
	}); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-running.Failed:
		return err
	}
}

// lifetime ends with the parent, which holds the other end of standard input, or by a signal.
func lifetime() (context.Context, context.CancelFunc) {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go func() {
		// However the reading ends, nobody is there any more.
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	return ctx, cancel
}

// take waits for a process that is just ending in this folder, but not for one that stays.
func take(dir string) (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for range 100 {
		if err = unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); !errors.Is(err, unix.EWOULDBLOCK) {
			return lock, err
		}
		time.Sleep(100 * time.Millisecond)
	}
	return nil, errors.Join(fmt.Errorf("another control plane runs in %s", dir), lock.Close())
}

// logInto sends everything that is written to standard error into a file, panics too.
func logInto(path string) error {
	log, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	return unix.Dup2(int(log.Fd()), 2)
}

// announce writes the file at once, so that it is never read half, and then the same line to standard output.
func announce(path string, r ready) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	text = append(text, '\n')
	if err := os.WriteFile(path+".draft", text, 0o600); err != nil {
		return err
	}
	if err := os.Rename(path+".draft", path); err != nil {
		return err
	}
	_, err = os.Stdout.Write(text)
	return err
}
