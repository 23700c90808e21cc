// Package database reads where a PostgreSQL database is from the entries of a
// Secret, as people, CloudNativePG and secret stores write it. It is pure, and
// none of its errors quotes what a Secret holds.
package database

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/url"
	"slices"
	"strings"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/condition"
	"github.com/offlinepush/operator/dispatcher/config"
)

// Modes of libpq that the text of this package names.
const (
	modeRequire    = "require"
	modeVerifyFull = "verify-full"
)

// sslModes are those of libpq.
func sslModes() []string {
	return []string{"disable", "allow", "prefer", modeRequire, "verify-ca", modeVerifyFull}
}

// Parse reads the entries of a Secret. Its errors are condition.Errors that name the entry and the cure; the caller says
// which Secret.
func Parse(entries map[string][]byte) (config.Postgres, error) {
	e := secret(entries)
	out := config.Postgres{
		CABundle:          e.text(pushv1.PostgresCAKey),
		ClientCertificate: e.text(pushv1.PostgresCertificateKey),
		ClientKey:         config.NewSecret(e.text(pushv1.PostgresPrivateKeyKey)),
	}
	if err := checkCertificates(out); err != nil {
		return config.Postgres{}, err
	}
	address, err := e.address()
	if err != nil {
		return config.Postgres{}, err
	}
	if err := e.encrypt(address); err != nil {
		return config.Postgres{}, err
	}
	out.URI = config.NewSecret(address.String())
	return out, nil
}

// secret are the entries of a Secret.
type secret map[string][]byte

func (e secret) text(key string) string { return string(e[key]) }

// address is the connection URI, or the one that the parts make.
func (e secret) address() (*url.URL, error) {
	if uri := e.text(pushv1.PostgresURIKey); uri != "" {
		return parseURI(uri)
	}
	return e.assemble()
}

// encrypt writes the mode of TLS into the URI: the URI's own, else the entry's, else the safest that works without more.
// The other parameters stay as they are written: libpq and net/url encode blanks differently.
func (e secret) encrypt(address *url.URL) error {
	mode, where := address.Query().Get(paramSSLMode), pushv1.PostgresURIKey
	own := mode != ""
	if !own {
		mode, where = e.text(pushv1.PostgresSSLModeKey), pushv1.PostgresSSLModeKey
	}
	if mode == "" {
		mode = modeRequire
		if e.text(pushv1.PostgresCAKey) != "" {
			mode = modeVerifyFull
		}
	}
	if !slices.Contains(sslModes(), mode) {
		return malformed("entry %s: sslmode must be one of %s", where, strings.Join(sslModes(), ", "))
	}
	if own {
		return nil
	}
	if address.RawQuery != "" {
		address.RawQuery += "&"
	}
	address.RawQuery += paramSSLMode + "=" + mode
	return nil
}

func checkCertificates(p config.Postgres) error {
	if p.CABundle != "" && !HoldsCertificates(p.CABundle) {
		return condition.Terminal(pushv1.ReasonCABundleMalformed, "entry %s must hold PEM certificates and nothing else", pushv1.PostgresCAKey)
	}
	const pair = pushv1.PostgresCertificateKey + " and " + pushv1.PostgresPrivateKeyKey
	if (p.ClientCertificate == "") != p.ClientKey.IsZero() {
		return condition.Waiting(pushv1.ReasonSecretKeyMissing, "entries %s must be there together, or neither", pair)
	}
	if p.ClientCertificate == "" {
		return nil
	}
	if _, err := tls.X509KeyPair([]byte(p.ClientCertificate), []byte(p.ClientKey.Reveal())); err != nil {
		return malformed("entries %s must be a PEM certificate and its PEM key", pair) // The error may quote the entries.
	}
	return nil
}

// HoldsCertificates reports whether every block of a text is a certificate, and there is one.
func HoldsCertificates(text string) bool {
	rest, count := []byte(text), 0
	for {
		block, after := pem.Decode(rest)
		if block == nil {
			return count > 0
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return false
		}
		rest, count = after, count+1
	}
}

func malformed(format string, arguments ...any) error {
	return condition.Terminal(pushv1.ReasonSecretMalformed, format, arguments...)
}

func missing(what string) error {
	return condition.Waiting(pushv1.ReasonSecretKeyMissing, "entry %s is missing: add it", what)
}
