package wanted

import (
	"path/filepath"
	"reflect"
	"testing"
)

func TestAStateIsReadAsItWasWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "wanted.json")
	nothing, err := Load(path)
	if err != nil || nothing.Registered == nil || len(nothing.Nodes) > 0 {
		t.Fatalf("without a file it is %+v, %v", nothing, err)
	}
	written := State{
		Nodes:           []Node{{Name: "n", ProviderID: "p", Labels: map[string]string{"a": "b"}, Taints: []Taint{{Key: "k"}}, Pods: 29}},
		FargateProfiles: []FargateProfile{{Name: "f", Zones: []string{"z"}, Selectors: []FargateSelector{{Namespace: "*"}}}},
		NodePools:       []NodePool{{Name: "system", Zones: []string{"z"}, InstanceTypes: []InstanceType{{Name: "c6g.large", Pods: 29}}}},
		Addons:          []Addon{{Name: "coredns", Version: "v1", Configuration: map[string]any{"replicaCount": 3.0}}},
		Access:          []Access{{Policy: "AmazonEKSViewPolicy", Namespace: "apps"}},
		Registered:      map[string]bool{"p": true},
	}
	if err := written.Save(path); err != nil {
		t.Fatal(err)
	}
	read, err := Load(path)
	if err != nil || !reflect.DeepEqual(read, written) {
		t.Errorf("%+v became %+v, %v", written, read, err)
	}
}
