package main

import (
	"strings"
	"testing"
)

func TestFlagsAreReadOrRefusedWithASentence(t *testing.T) {
	good := []string{"--dir", "d", "--version", "1.35", "--authentication-url", "http://127.0.0.1:1/"}
	o, err := parse(good)
	if err != nil || o.cluster.Version.String() != "1.35" || o.cluster.ServiceCIDR.String() != "172.20.0.0/16" || !strings.HasSuffix(o.cluster.Dir, "/d") {
		t.Errorf("it is read as %+v, %v", o, err)
	}
	for _, c := range []struct {
		flags []string
		says  string
	}{
		{good[:4], "are required"}, {append(good[:6:6], "--version", "1.20"), "can behave as"},
		{append(good[:6:6], "--service-cidr", "all"), "--service-cidr"}, {append(good[:6:6], "now"), `"now" is not a flag`},
	} {
		if _, err := parse(c.flags); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v is answered by %v", c.flags, err)
		}
	}
}
