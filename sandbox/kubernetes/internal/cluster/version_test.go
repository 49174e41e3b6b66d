package cluster

import (
	"testing"

	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/apiserver/pkg/util/compatibility"
)

func TestExactlyTheVersionsThatTheAPIServerCanEmulateAreTaken(t *testing.T) {
	for minor := uint(28); minor < 42; minor++ {
		text := Minor(minor).String()
		effective := compatibility.DefaultBuildEffectiveVersion()
		effective.SetEmulationVersion(version.MustParse(text))
		servable := len(effective.Validate()) == 0
		if _, err := ParseMinor(text); (err == nil) != servable {
			t.Errorf("%s can be served: %t, but is answered by %v", text, servable, err)
		}
	}
}

func TestWhatIsNoMinorVersionIsRefused(t *testing.T) {
	for _, text := range []string{"", "1", "35", "v1.35", "1.35.0", "2.35", "1.-1", "1.latest"} {
		if minor, err := ParseMinor(text); err == nil {
			t.Errorf("%q was read as %s", text, minor)
		}
	}
}

func TestAControlPlaneMovesOneMinorVersionAtATime(t *testing.T) {
	for _, c := range []struct {
		before, after Minor
		may           bool
	}{{34, 34, true}, {34, 35, true}, {35, 34, true}, {34, 36, false}, {36, 34, false}} {
		if err := c.after.After(c.before); (err == nil) != c.may {
			t.Errorf("%s after %s: %v", c.after, c.before, err)
		}
	}
}

func TestTheVersionThatIsToldIsTheEmulatedOneInTheFormOfEKS(t *testing.T) {
	told := served{compatibility.DefaultBuildEffectiveVersion(), 35}.Info()
	if told.Major != "1" || told.Minor != "35" || told.GitVersion != "v1.35.0-eks-0000000" || told.EmulationMinor != "" {
		t.Errorf("it tells %+v", told)
	}
}
