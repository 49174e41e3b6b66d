package eks

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"text/template"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"landfall.dev/landfall-kubernetes/internal/wanted"
)

//go:embed manifests
var manifests embed.FS

// Where EKS keeps the images of its add-ons in eu-west-1, see
// https://docs.aws.amazon.com/eks/latest/userguide/add-ons-images.html
const registry = "602401143452.dkr.ecr.eu-west-1.amazonaws.com"

var addonVersion = regexp.MustCompile(`^v[0-9][0-9A-Za-z.-]*$`)

// SetAddons installs, updates and removes EKS add-ons. What has not changed is not applied again: EKS does not undo what
// somebody does to an add-on's objects either, until it is updated.
func (e *Emulation) SetAddons(ctx context.Context, addons []wanted.Addon) error {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	rendered := map[string][]*unstructured.Unstructured{}
	for _, addon := range addons {
		if rendered[addon.Name] != nil {
			return refuse("add-on %s is listed twice", addon.Name)
		}
		list, err := e.render(addon)
		if err != nil {
			return err
		}
		rendered[addon.Name] = list
	}
	before := map[string]wanted.Addon{}
	for _, addon := range e.state.Addons {
		before[addon.Name] = addon
		if rendered[addon.Name] != nil {
			continue
		}
		list, err := e.render(wanted.Addon{Name: addon.Name, Version: addon.Version})
		if err != nil {
			return err
		}
		if err := e.objects.delete(ctx, list); err != nil {
			return fmt.Errorf("add-on %s: %w", addon.Name, err)
		}
	}
	for _, addon := range addons {
		if known, was := before[addon.Name]; was && reflect.DeepEqual(known, addon) {
			continue
		}
		err := e.objects.apply(ctx, rendered[addon.Name])
		if apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) {
			return refuse("add-on %s: %v", addon.Name, err)
		}
		if err != nil {
			return fmt.Errorf("add-on %s: %w", addon.Name, err)
		}
	}
	return e.keep(func(s *wanted.State) { s.Addons = addons })
}

// render gives the objects of an add-on, configured.
func (e *Emulation) render(addon wanted.Addon) ([]*unstructured.Unstructured, error) {
	kind, known := addonKinds[addon.Name]
	if !known {
		return nil, refuse("there is no add-on %q; there are %v", addon.Name, slices.Sorted(maps.Keys(addonKinds)))
	}
	if !addonVersion.MatchString(addon.Version) {
		return nil, refuse("add-on %s: %q is not a version; one looks like v1.12.1-eksbuild.2", addon.Name, addon.Version)
	}
	manifest, err := template.New(addon.Name+".yaml").Option("missingkey=error").ParseFS(manifests, "manifests/"+addon.Name+".yaml")
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	values := map[string]string{"Version": addon.Version, "Registry": registry, "ClusterDNS": e.clusterDNS.String()}
	if err := manifest.Execute(&text, values); err != nil {
		return nil, err
	}
	list, err := read(text.Bytes())
	if err != nil {
		return nil, err
	}
	return list, kind.configure(list, addon)
}
