package webpush

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/providertest"
)

func pemOf(t *testing.T, kind string, der []byte, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func TestParseKeys(t *testing.T) {
	t.Parallel()
	key, _, err := parseKeys(asPrivate, "")
	if err != nil {
		t.Fatal(err)
	}
	other, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalECPrivateKey(key)
	sec1 := pemOf(t, "EC PRIVATE KEY", der, err)
	der, err = x509.MarshalPKCS8PrivateKey(key)
	pkcs8 := pemOf(t, "PRIVATE KEY", der, err)
	der, err = x509.MarshalPKCS8PrivateKey(other)
	p384 := pemOf(t, "PRIVATE KEY", der, err)
	der, err = x509.MarshalPKIXPublicKey(&key.PublicKey)
	public := pemOf(t, "PUBLIC KEY", der, err)
	parameters := "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
	tests := []struct{ name, private, public, want string }{
		{"base64url", asPrivate, asPublic, ""},
		{"padded, with a newline", asPrivate + "=\n", asPublic + "=", ""},
		{"SEC 1", sec1, asPublic, ""},
		{"as openssl ecparam writes it", parameters + sec1, asPublic, ""},
		{"PKCS 8", pkcs8, "", ""},
		{"empty", " \n", "", "vapidPrivateKey: is empty"},
		{"not base64", "not a key!", "", "vapidPrivateKey: is neither"},
		{"the public key", asPublic, "", "vapidPrivateKey: is not a private key"},
		{"too short", asPrivate[:20], "", "vapidPrivateKey: is not a private key"},
		{"zero", encode(make([]byte, 32)), "", "vapidPrivateKey: is not a private key"},
		{"another curve", p384, "", "vapidPrivateKey: holds no unencrypted"},
		{"PEM of the public key", public, "", "vapidPrivateKey: holds no unencrypted"},
		{"broken PEM", "-----BEGIN PRIVATE KEY-----\nMII", "", "vapidPrivateKey: holds no unencrypted"},
		{"public key not base64", asPrivate, "!", "webPush.publicKey: is not base64url"},
		{"public key of another pair", asPrivate, uaPublic, "webPush.publicKey: is not the public key of vapidPrivateKey"},
	}
	for _, tt := range tests {
		_, _, err := parseKeys(tt.private, tt.public)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
		if err != nil && (strings.Contains(err.Error(), asPrivate[:8]) || strings.Contains(err.Error(), "MII")) {
			t.Errorf("%s: the error quotes the key: %v", tt.name, err)
		}
		if e, ok := errors.AsType[*provider.MismatchError](err); ok != (tt.public == uaPublic) || ok && e.Field != "webPush.publicKey" {
			t.Errorf("%s: got %#v", tt.name, err)
		}
	}
	for _, private := range []string{asPrivate, sec1, pkcs8} {
		if _, got, err := parseKeys(private, ""); got != asPublic || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
	}
}

func TestSubject(t *testing.T) {
	t.Parallel()
	for subject, want := range map[string]bool{
		"mailto:push@example.com": true, "https://example.com/contact": true,
		"": false, "push@example.com": false, "mailto:": false, "mailto:push@localhost": false, "mailto:Push <push@example.com>": false,
		"https://localhost/": false, "http://example.com/": false, "https:": false,
	} {
		c := row()
		c.WebPush.Subject = subject
		p, err := New(c, providertest.Deps())
		if want != (err == nil) || err != nil && !strings.Contains(err.Error(), "webPush.subject") {
			t.Errorf("%q: got %v", subject, err)
		}
		if p != nil {
			p.Close()
		}
	}
	c := row()
	c.WebPush.PublicKey = uaPublic
	_, err := New(c, providertest.Deps())
	if _, ok := errors.AsType[*provider.MismatchError](err); !ok {
		t.Errorf("got %v", err)
	}
}
