// Package wanted holds what a cluster is told to hold, in complete lists, and keeps it in a file over restarts.
package wanted

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
)

// A Node is what the kubelet of one instance registers.
type Node struct {
	Name           string            `json:"name"`
	Zone           string            `json:"zone"`
	Region         string            `json:"region"`
	InstanceType   string            `json:"instanceType"`
	ProviderID     string            `json:"providerId"`
	Address        string            `json:"address"`
	Labels         map[string]string `json:"labels"`
	Taints         []Taint           `json:"taints"`
	CPU            string            `json:"cpu"`
	Memory         string            `json:"memory"`
	Pods           int64             `json:"pods"`
	KubeletVersion string            `json:"kubeletVersion"`
}

// A Taint of a node.
type Taint struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Effect string `json:"effect"`
}

// A FargateProfile that is ACTIVE.
type FargateProfile struct {
	Name      string            `json:"name"`
	Selectors []FargateSelector `json:"selectors"`
	Region    string            `json:"region"`
	Zones     []string          `json:"zones"`
}

// A FargateSelector takes the pods of a namespace that have all its labels.
type FargateSelector struct {
	Namespace string            `json:"namespace"`
	Labels    map[string]string `json:"labels"`
}

// An Addon is an EKS add-on that is installed.
type Addon struct {
	Name          string         `json:"name"`
	Version       string         `json:"version"`
	Configuration map[string]any `json:"configuration"`
}

// AddonHealth is how an add-on fares.
type AddonHealth struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Desired int32  `json:"desired"`
	Ready   int32  `json:"ready"`
	Reason  string `json:"reason"`
}

// FargateNode is the node of one pod on Fargate.
type FargateNode struct {
	Name           string `json:"name"`
	KubeletVersion string `json:"kubeletVersion"`
}

// A NodePool of EKS Auto Mode: the nodes that its pods may bring, those first that are taken first.
type NodePool struct {
	Name           string            `json:"name"`
	Region         string            `json:"region"`
	Zones          []string          `json:"zones"`
	Labels         map[string]string `json:"labels"`
	Taints         []Taint           `json:"taints"`
	InstanceTypes  []InstanceType    `json:"instanceTypes"`
	KubeletVersion string            `json:"kubeletVersion"`
}

// An InstanceType that a pool's nodes may have.
type InstanceType struct {
	Name   string            `json:"name"`
	Labels map[string]string `json:"labels"`
	CPU    string            `json:"cpu"`
	Memory string            `json:"memory"`
	Pods   int64             `json:"pods"`
}

// Demand is what the pods of the moment mean for the nodes of EKS Auto Mode.
type Demand struct {
	// Claims are the nodes that are missing.
	Claims []Claim `json:"claims"`
	// Empty are the nodes with no pods but those of DaemonSets, and none that is about to come.
	Empty []string `json:"empty"`
	// Held are the nodes with a pod that nobody may move.
	Held []string `json:"held"`
}

// A Claim is for one node.
type Claim struct {
	Pool         string `json:"pool"`
	InstanceType string `json:"instanceType"`
	Zone         string `json:"zone"`
}

// Access is an access policy in one scope: a namespace, which may hold `*`, or without one the cluster.
type Access struct {
	Policy    string `json:"policy"`
	Namespace string `json:"namespace,omitempty"`
}

// State is all that is wanted.
type State struct {
	Nodes           []Node           `json:"nodes"`
	FargateProfiles []FargateProfile `json:"fargateProfiles"`
	NodePools       []NodePool       `json:"nodePools"`
	Addons          []Addon          `json:"addons"`
	Access          []Access         `json:"access"`
	// Registered are the provider ids of the nodes that have registered. A kubelet registers once: a node that somebody
	// deletes stays away.
	Registered map[string]bool `json:"registered"`
}

// Load reads the file; an empty state if there is none.
func Load(path string) (State, error) {
	state := State{Registered: map[string]bool{}}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return state, nil
	}
	if err != nil {
		return state, err
	}
	return state, json.Unmarshal(text, &state)
}

// Save writes the file at once, so that it is never read half.
func (s State) Save(path string) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".draft", text, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".draft", path)
}
