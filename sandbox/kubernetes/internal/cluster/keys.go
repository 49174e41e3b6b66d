package cluster

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// A sandbox does not live this long, so nothing is ever renewed.
const lifetime = 10 * 365 * 24 * time.Hour

// keys are the certificates and keys of one control plane, each a file that is made once and kept: whoever trusts the
// authority, or holds a service account's token, still does after an upgrade.
type keys struct {
	dir string
}

// Files of the folder.
const (
	authority       = "ca"
	server          = "server"
	admin           = "admin"
	controllers     = "controller-manager"
	scheduler       = "scheduler"
	serviceAccounts = "service-accounts"
)

func makeKeys(dir string, names []string, addresses []net.IP) (keys, error) {
	k := keys{dir: dir}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return k, err
	}
	if err := k.makeAuthority(); err != nil {
		return k, err
	}
	if err := k.makeServiceAccountKey(); err != nil {
		return k, err
	}
	return k, errors.Join(
		k.sign(server, x509.Certificate{
			Subject:     pkix.Name{CommonName: "kube-apiserver"},
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
			DNSNames:    names,
			IPAddresses: addresses,
		}),
		k.signClient(admin, "landfall-sandbox", "system:masters"),
		k.signClient(controllers, "system:kube-controller-manager"),
		k.signClient(scheduler, "system:kube-scheduler"),
	)
}

func (k keys) certificate(name string) string { return filepath.Join(k.dir, name+".crt") }
func (k keys) key(name string) string         { return filepath.Join(k.dir, name+".key") }

func (k keys) has(name string) bool {
	_, err := os.Stat(k.key(name))
	return !errors.Is(err, fs.ErrNotExist)
}

func (k keys) makeAuthority() error {
	if k.has(authority) {
		return nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template, err := complete(x509.Certificate{
		Subject:               pkix.Name{CommonName: "kubernetes"},
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
		IsCA:                  true,
	})
	if err != nil {
		return err
	}
	return k.write(authority, &template, &template, key, key)
}

// RSA, because the verifiers of OIDC tokens that AWS documents take RS256.
func (k keys) makeServiceAccountKey() error {
	if k.has(serviceAccounts) {
		return nil
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	return writeKey(k.key(serviceAccounts), key)
}

func (k keys) signClient(name, user string, groups ...string) error {
	return k.sign(name, x509.Certificate{
		Subject:     pkix.Name{CommonName: user, Organization: groups},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
}

func (k keys) sign(name string, wanted x509.Certificate) error {
	if k.has(name) {
		return nil
	}
	parent, signer, err := k.readAuthority()
	if err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	wanted.KeyUsage = x509.KeyUsageDigitalSignature
	template, err := complete(wanted)
	if err != nil {
		return err
	}
	return k.write(name, &template, parent, key, signer)
}

func (k keys) readAuthority() (*x509.Certificate, crypto.Signer, error) {
	certificate, err := readBlock(k.certificate(authority))
	if err != nil {
		return nil, nil, err
	}
	parent, err := x509.ParseCertificate(certificate)
	if err != nil {
		return nil, nil, err
	}
	der, err := readBlock(k.key(authority))
	if err != nil {
		return nil, nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, nil, err
	}
	return parent, key.(crypto.Signer), nil
}

// The key last: where it is, the certificate is too.
func (k keys) write(name string, template, parent *x509.Certificate, key, signer crypto.Signer) error {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return err
	}
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile(k.certificate(name), block, 0o600); err != nil {
		return err
	}
	return writeKey(k.key(name), key)
}

func complete(template x509.Certificate) (x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	template.SerialNumber = serial
	template.NotBefore = time.Now().Add(-time.Hour)
	template.NotAfter = time.Now().Add(lifetime)
	return template, err
}

func writeKey(path string, key crypto.Signer) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
}

func readBlock(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s is not PEM", path)
	}
	return block.Bytes, nil
}
