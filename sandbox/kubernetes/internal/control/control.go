// Package control serves the control API: complete lists of what the cluster should hold, in JSON, on 127.0.0.1.
package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"

	"k8s.io/klog/v2"

	"landfall.dev/landfall-kubernetes/internal/eks"
	"landfall.dev/landfall-kubernetes/internal/wanted"
)

// Serve answers with its address when it listens; 0 is any port. It ends with the context.
func Serve(ctx context.Context, port int, e *eks.Emulation) (string, error) {
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return "", fmt.Errorf("the port of the control API: %w", err)
	}
	server := &http.Server{Handler: Handler(e)}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			klog.ErrorS(err, "The control API ended")
		}
	}()
	return "http://" + listener.Addr().String(), nil
}

// Handler is the API.
func Handler(e *eks.Emulation) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("ok\n"))
	})
	mux.HandleFunc("PUT /nodes", put(e.SetNodes))
	mux.HandleFunc("PUT /fargate-profiles", put(e.SetFargateProfiles))
	mux.HandleFunc("PUT /addons", put(e.SetAddons))
	mux.HandleFunc("PUT /access", put(e.SetAccess))
	mux.HandleFunc("PUT /node-pools", put(e.SetNodePools))
	mux.HandleFunc("GET /addons", get(e.AddonHealth))
	mux.HandleFunc("GET /demand", get(e.Demand))
	mux.HandleFunc("GET /fargate-nodes", get(func(context.Context) ([]wanted.FargateNode, error) { return e.FargateNodes() }))
	return mux
}

// get writes what it is told.
func get[T any](ask func(context.Context) (T, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		answer, err := ask(r.Context())
		if err != nil {
			fail(w, err)
			return
		}
		w.Header().Set("content-type", "application/json")
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			klog.ErrorS(err, "An answer was not sent")
		}
	}
}

// put reads a list strictly: a field that nobody knows is a mistake of the caller.
func put[T any](set func(context.Context, []T) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		decoder := json.NewDecoder(r.Body)
		decoder.DisallowUnknownFields()
		list := []T{}
		if err := decoder.Decode(&list); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		// What has begun is not given up because the caller does.
		if err := set(context.WithoutCancel(r.Context()), list); err != nil {
			fail(w, err)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}
}

func fail(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	if refused := (eks.Refused{}); errors.As(err, &refused) {
		status = http.StatusBadRequest
	}
	http.Error(w, err.Error(), status)
}
