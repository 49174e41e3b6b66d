package cluster

import (
	"fmt"
	"strconv"
	"strings"

	apimachineryversion "k8s.io/apimachinery/pkg/version"
	"k8s.io/component-base/compatibility"
	componentversion "k8s.io/component-base/version"
)

// OldestBehind says how many minor versions below its own the API server can behave as; `compatibility.Validate` of
// k8s.io/apiserver refuses what is older.
const oldestBehind = 3

// Minor is the minor version of Kubernetes 1 that a control plane behaves as.
type Minor uint

// ParseMinor reads "1.35". What this program cannot behave as is refused, with the versions that it can.
func ParseMinor(text string) (Minor, error) {
	digits, is := strings.CutPrefix(text, "1.")
	number, err := strconv.ParseUint(digits, 10, 16)
	if !is || err != nil {
		return 0, fmt.Errorf("%q is not a minor version of Kubernetes; one looks like %s", text, newest())
	}
	if minor := Minor(number); minor+oldestBehind >= newest() && minor <= newest() {
		return minor, nil
	}
	return 0, fmt.Errorf("version %s cannot be served: this is %s and can behave as %s to %s",
		text, componentversion.Get().GitVersion, newest()-oldestBehind, newest())
}

// String gives "1.35".
func (m Minor) String() string {
	return fmt.Sprintf("1.%d", uint(m))
}

// After refuses what no control plane survives: skipping a minor version, up or down.
func (m Minor) After(before Minor) error {
	if m > before+1 || before > m+1 {
		return fmt.Errorf("version %s cannot follow %s: a control plane moves one minor version at a time", m, before)
	}
	return nil
}

// GitVersion is what the API server tells, in the form of EKS: "v1.35.0-eks-0000000". Only of the newest version the
// patch is known, for that is the one that is linked.
func (m Minor) GitVersion() string {
	patch := "0"
	if linked, is := strings.CutPrefix(componentversion.Get().GitVersion, fmt.Sprintf("v%s.", m)); is {
		patch = linked
	}
	return fmt.Sprintf("v%s.%s-eks-0000000", m, patch)
}

func newest() Minor {
	number, err := strconv.ParseUint(strings.TrimPrefix(componentversion.DefaultKubeBinaryVersion, "1."), 10, 16)
	if err != nil {
		panic(err)
	}
	return Minor(number)
}

// served lets the API server tell the version that it behaves as, where it would tell its own and the emulated one
// beside it: clients of a real cluster of that version see nothing of emulation.
type served struct {
	compatibility.EffectiveVersion
	minor Minor
}

// Info is what /version answers.
func (s served) Info() *apimachineryversion.Info {
	info := s.EffectiveVersion.Info()
	info.Major, info.Minor, info.GitVersion = "1", strconv.FormatUint(uint64(s.minor), 10), s.minor.GitVersion()
	info.GitCommit, info.GitTreeState = "", "clean"
	info.EmulationMajor, info.EmulationMinor = "", ""
	info.MinCompatibilityMajor, info.MinCompatibilityMinor = "", ""
	return info
}
