package eks

import (
	"context"
	"errors"
	"time"

	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

// watch goes on in the background until the context ends: whenever pods or nodes change, it does what EKS would.
func (e *Emulation) watch(ctx context.Context) error {
	changed := make(chan struct{}, 1)
	wake := func(any) {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	handler := cache.ResourceEventHandlerFuncs{AddFunc: wake, UpdateFunc: func(_, after any) { wake(after) }, DeleteFunc: wake}
	pods, nodes := e.informers.Core().V1().Pods(), e.informers.Core().V1().Nodes()
	for _, informer := range []cache.SharedIndexInformer{pods.Informer(), nodes.Informer()} {
		if _, err := informer.AddEventHandler(handler); err != nil {
			return err
		}
	}
	e.informers.Start(ctx.Done())
	e.informers.WaitForCacheSync(ctx.Done())
	go func() {
		// Beside the events, now and then: for what failed, and for claims that are bound meanwhile.
		again := time.NewTicker(2 * time.Second)
		defer again.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-changed:
			case <-again.C:
			}
			if err := errors.Join(e.scheduleFargate(ctx), e.removeOrphans(ctx), e.drain(ctx)); err != nil && ctx.Err() == nil {
				klog.ErrorS(err, "EKS lags behind the cluster")
			}
		}
	}()
	return nil
}
