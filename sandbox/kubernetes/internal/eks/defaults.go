package eks

import (
	"context"
	_ "embed"
)

// What EKS puts into every cluster, as far as something here asks for it.
//
//go:embed manifests/defaults.yaml
var defaults []byte

func (e *Emulation) applyDefaults(ctx context.Context) error {
	list, err := read(defaults)
	if err != nil {
		return err
	}
	return e.objects.apply(ctx, list)
}
