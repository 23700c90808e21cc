package postgrestest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// Certificates are PEM: the authority of a server, and a client certificate of
// the superuser from it.
type Certificates struct{ CA, Client, ClientKey string }

type certificates struct {
	Certificates
	server string
}

// newCertificates makes an authority and what it signs for a server at the address.
func newCertificates(host string) (made certificates, serverKey string, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return made, "", err
	}
	authority := certificate("test authority")
	authority.IsCA, authority.KeyUsage = true, x509.KeyUsageCertSign
	raw, err := x509.CreateCertificate(rand.Reader, authority, authority, key.Public(), key)
	if err != nil {
		return made, "", err
	}
	made.CA = toPEM("CERTIFICATE", raw)

	server := certificate(host)
	server.IPAddresses = []net.IP{net.ParseIP(host)}
	if made.server, serverKey, err = sign(server, authority, key); err != nil {
		return made, "", err
	}
	made.Client, made.ClientKey, err = sign(certificate(Superuser), authority, key)
	return made, serverKey, err
}

func certificate(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber:          big.NewInt(time.Now().UnixNano()),
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(24 * time.Hour),
		BasicConstraintsValid: true,
	}
}

func sign(template, parent *x509.Certificate, by *ecdsa.PrivateKey) (cert, key string, err error) {
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", err
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, own.Public(), by)
	if err != nil {
		return "", "", fmt.Errorf("the certificate of %s: %w", template.Subject.CommonName, err)
	}
	rawKey, err := x509.MarshalPKCS8PrivateKey(own)
	if err != nil {
		return "", "", err
	}
	return toPEM("CERTIFICATE", raw), toPEM("PRIVATE KEY", rawKey), nil
}

func toPEM(kind string, raw []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw}))
}
