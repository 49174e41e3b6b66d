package eks

import "testing"

func TestAPatternStandsForAnyTextOrOneCharacter(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		fits          bool
	}{
		{"apps", "apps", true}, {"apps", "app", false}, {"app", "apps", false}, {"*", "", true}, {"*", "apps", true},
		{"dev-*", "dev-", true}, {"dev-*", "dev-a", true}, {"dev-*", "prod-a", false}, {"*-a", "dev-a", true},
		{"d?v", "dev", true}, {"d?v", "dv", false}, {"a*b*c", "axxbyyc", true}, {"a*b*c", "axxc", false}, {"", "", true},
	} {
		if matches(c.pattern, c.text) != c.fits {
			t.Errorf("%q and %q: not %t", c.pattern, c.text, c.fits)
		}
	}
}
