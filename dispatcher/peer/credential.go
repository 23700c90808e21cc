package peer

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
)

// keyInfo separates this use of the peer key from any other (RFC 5869).
const keyInfo = "offlinepush peer certificate v1"

// errForeign says that the other side holds another key than this app's.
var errForeign = errors.New("the other side does not hold the app's peer key")

// Credential proves that a process belongs to the app: both sides present a
// certificate of the one key that they derive from keys.peer, and accept no other.
type Credential struct {
	// Key gives keys.peer of the configuration in force; it is asked for every connection.
	Key func() config.Secret
}

// Server is the configuration of the side that listens.
func (c Credential) Server() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{"h2", "http/1.1"}, SessionTicketsDisabled: true,
		GetCertificate:   func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.certificate() },
		ClientAuth:       tls.RequireAnyClientCert,
		VerifyConnection: c.verify,
	}
}

// Client is the configuration of the side that calls.
func (c Credential) Client() *tls.Config {
	return &tls.Config{
		MinVersion:           tls.VersionTLS13,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return c.certificate() },
		InsecureSkipVerify:   true, //nolint:gosec // VerifyConnection pins the key; names and dates say nothing more
		VerifyConnection:     c.verify,
	}
}

// verify accepts the app's own key only. That the other side has its private
// half, the handshake has proved.
func (c Credential) verify(state tls.ConnectionState) error {
	own, err := c.key()
	if err != nil {
		return err
	}
	if len(state.PeerCertificates) == 0 || !own.Public().(ed25519.PublicKey).Equal(state.PeerCertificates[0].PublicKey) {
		return errForeign
	}
	return nil
}

func (c Credential) key() (ed25519.PrivateKey, error) {
	raw, err := base64.StdEncoding.DecodeString(c.Key().Reveal())
	if err != nil || len(raw) != 32 {
		return nil, errors.New("keys.peer: must be 32 bytes in base64")
	}
	seed, err := hkdf.Key(sha256.New, raw, nil, keyInfo, ed25519.SeedSize)
	if err != nil {
		return nil, fmt.Errorf("keys.peer: %w", err)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// certificate is signed by its own key. It never expires, so that a wrong clock
// parts no one.
func (c Credential) certificate() (*tls.Certificate, error) {
	key, err := c.key()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "offlinepush peer"},
		NotBefore: time.Unix(0, 0), NotAfter: time.Date(9999, time.December, 31, 23, 59, 59, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("making the peer certificate: %w", err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
