package simulator

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

const (
	caFile       = "ca.crt"
	certFile     = "tls.crt"
	keyFile      = "tls.key"
	memoryDays   = 30
	serialBits   = 120
	clockMargin  = time.Hour
	dayInHours   = 24
	publicMode   = 0o644
	privateMode  = 0o600
	maxDays      = 36500
	blockCert    = "CERTIFICATE"
	blockKey     = "PRIVATE KEY"
	organization = "Offline Push vendor simulator"
)

// Certificates are a CA and a certificate of its, in PEM. The CA's key is not kept.
type Certificates struct {
	CA, Cert, Key []byte
}

// NewCertificates makes a CA and a certificate for the hosts, which may be names and addresses.
func NewCertificates(hosts []string, days int) (Certificates, error) {
	if days < 1 || days > maxDays {
		return Certificates{}, fmt.Errorf("days: is %d, must be from 1 to %d", days, maxDays)
	}
	life := time.Duration(days) * dayInHours * time.Hour
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Certificates{}, err
	}
	ca := template("CA", life)
	ca.IsCA, ca.BasicConstraintsValid, ca.KeyUsage = true, true, x509.KeyUsageCertSign
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, &caKey.PublicKey, caKey)
	if err != nil {
		return Certificates{}, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Certificates{}, err
	}
	leaf := template("vendorsim", life)
	leaf.KeyUsage, leaf.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			leaf.IPAddresses = append(leaf.IPAddresses, ip)
			continue
		}
		leaf.DNSNames = append(leaf.DNSNames, host)
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, &key.PublicKey, caKey)
	if err != nil {
		return Certificates{}, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return Certificates{}, err
	}
	return Certificates{CA: encode(blockCert, caDER), Cert: encode(blockCert, der), Key: encode(blockKey, keyDER)}, nil
}

func template(name string, life time.Duration) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), serialBits)) // never fails
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name, Organization: []string{organization}},
		NotBefore:    now.Add(-clockMargin), NotAfter: now.Add(life),
	}
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// Write stores the certificates in a directory, which it makes, for Options.TLSDir.
func (c Certificates) Write(dir string) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	for _, file := range []struct {
		name    string
		content []byte
		mode    os.FileMode
	}{{caFile, c.CA, publicMode}, {certFile, c.Cert, publicMode}, {keyFile, c.Key, privateMode}} {
		if err := os.WriteFile(filepath.Join(dir, file.name), file.content, file.mode); err != nil {
			return err
		}
	}
	return nil
}

// loadTLS reads the directory. Without one it makes certificates for the loopback interface and the vendors' hosts.
func loadTLS(dir string, hosts []string) (tls.Certificate, []byte, error) {
	if dir == "" {
		made, err := NewCertificates(append(hosts, "localhost", "127.0.0.1", "::1"), memoryDays)
		if err != nil {
			return tls.Certificate{}, nil, err
		}
		pair, err := tls.X509KeyPair(made.Cert, made.Key)
		return pair, made.CA, err
	}
	ca, err := os.ReadFile(filepath.Join(dir, caFile))
	if err != nil {
		return tls.Certificate{}, nil, fmt.Errorf("tls directory: %w; make it with: vendorsim certs --dir %s", err, dir)
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, certFile), filepath.Join(dir, keyFile))
	if err != nil {
		return tls.Certificate{}, nil, fmt.Errorf("tls directory: %w; make it with: vendorsim certs --dir %s", err, dir)
	}
	return pair, ca, nil
}
