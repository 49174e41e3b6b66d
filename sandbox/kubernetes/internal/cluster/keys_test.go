package cluster

import (
	"crypto/x509"
	"net"
	"os"
	"testing"
)

func TestKeysAreMadeOnceAndKept(t *testing.T) {
	dir := t.TempDir()
	first, second := contents(t, dir), contents(t, dir)
	if len(first) != 11 {
		t.Errorf("there are %d files", len(first))
	}
	for name, text := range first {
		if second[name] != text {
			t.Errorf("%s changed", name)
		}
	}
}

func TestTheAuthoritySignsTheEndpointAndTheAdministrator(t *testing.T) {
	dir := t.TempDir()
	contents(t, dir)
	k := keys{dir}
	root := parsed(t, k.certificate(authority))
	roots := x509.NewCertPool()
	roots.AddCert(root)
	endpoint := parsed(t, k.certificate(server))
	if _, err := endpoint.Verify(x509.VerifyOptions{Roots: roots, DNSName: "127.0.0.1"}); err != nil {
		t.Error(err)
	}
	client := parsed(t, k.certificate(admin))
	if _, err := client.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
		t.Error(err)
	}
	if groups := client.Subject.Organization; len(groups) != 1 || groups[0] != "system:masters" {
		t.Errorf("the administrator is of %v", groups)
	}
}

func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	if _, err := makeKeys(dir, serverNames, []net.IP{net.IPv4(127, 0, 0, 1)}); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		text, err := os.ReadFile(dir + "/" + entry.Name())
		if err != nil {
			t.Fatal(err)
		}
		files[entry.Name()] = string(text)
	}
	return files
}

func parsed(t *testing.T, path string) *x509.Certificate {
	t.Helper()
	der, err := readBlock(path)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}
