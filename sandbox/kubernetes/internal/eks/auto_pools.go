package eks

import (
	"context"
	"fmt"
	"hash/fnv"

	corev1 "k8s.io/api/core/v1"

	"landfall.dev/landfall-kubernetes/internal/wanted"
)

// SetNodePools sets the pools of EKS Auto Mode. What it means for nodes says Demand.
func (e *Emulation) SetNodePools(_ context.Context, pools []wanted.NodePool) error {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	if _, err := candidates(pools); err != nil {
		return err
	}
	return e.keep(func(s *wanted.State) { s.NodePools = pools })
}

// A candidate is a node as it would be if it were claimed.
type candidate struct {
	claim wanted.Claim
	node  *corev1.Node
}

// candidates are all that the pools could bring: pool by pool, type by type, zone by zone.
func candidates(pools []wanted.NodePool) ([]candidate, error) {
	var all []candidate
	for _, pool := range pools {
		for _, instance := range pool.InstanceTypes {
			for _, zone := range pool.Zones {
				claim := wanted.Claim{Pool: pool.Name, InstanceType: instance.Name, Zone: zone}
				node, err := nodeObject(nodeOf(pool, instance, claim))
				if err != nil {
					return nil, err
				}
				all = append(all, candidate{claim, node})
			}
		}
	}
	return all, nil
}

func nodeOf(pool wanted.NodePool, instance wanted.InstanceType, claim wanted.Claim) wanted.Node {
	labels := map[string]string{}
	for _, some := range []map[string]string{pool.Labels, instance.Labels} {
		for key, value := range some {
			labels[key] = value
		}
	}
	name := fmt.Sprintf("%s-%s-%s", claim.Pool, claim.InstanceType, claim.Zone)
	return wanted.Node{
		Name: name, ProviderID: name, Zone: claim.Zone, Region: pool.Region, InstanceType: instance.Name,
		Labels: labels, Taints: pool.Taints, CPU: instance.CPU, Memory: instance.Memory, Pods: instance.Pods,
		KubeletVersion: pool.KubeletVersion,
	}
}

// inTurn puts another zone first for another pod, so that nodes come in all of them. Pools and types keep their order.
func inTurn(all []candidate, pod *corev1.Pod) []candidate {
	hash := fnv.New32a()
	hash.Write([]byte(pod.UID))
	var turned []candidate
	for first := 0; first < len(all); {
		next := first
		for next < len(all) && all[next].claim.Pool == all[first].claim.Pool && all[next].claim.InstanceType == all[first].claim.InstanceType {
			next++
		}
		zones := all[first:next]
		for at := range zones {
			turned = append(turned, zones[(at+int(hash.Sum32()))%len(zones)])
		}
		first = next
	}
	return turned
}
