package apns

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/providertest"
)

const (
	bundleID = "io.example.chat"
	teamID   = "TEAM000001"
	keyID    = "KEY0000001"
)

func newKey(curve elliptic.Curve) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

func keyPEM(key *ecdsa.PrivateKey) string {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// theKey is the one that the fake knows.
var theKey = sync.OnceValue(func() *ecdsa.PrivateKey { return newKey(elliptic.P256()) })

func row() config.Channel {
	return config.Channel{
		Name: "apns", Vendor: "APNs", AppType: 1,
		APNs: &config.APNsChannel{
			BundleID: bundleID, Environment: "Production", TeamID: teamID, KeyID: keyID,
			PrivateKey: config.NewSecret(keyPEM(theKey())),
		},
	}
}

// certify makes a certificate of Apple's kind for a topic; change may make it another.
func certify(t *testing.T, topic string, change func(*x509.Certificate)) (certificate, key config.Secret) {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject: pkix.Name{
			CommonName: "Apple Push Services: " + topic,
			ExtraNames: []pkix.AttributeTypeAndValue{{Type: uidAttribute, Value: topic}},
		},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour).Truncate(time.Second),
	}
	if change != nil {
		change(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &theKey().PublicKey, theKey())
	if err != nil {
		t.Fatal(err)
	}
	return config.NewSecret(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))), config.NewSecret(keyPEM(theKey()))
}

// apple is a fake of APNs.
type apple struct {
	t *testing.T
	providertest.Fake
	now func() time.Time // nil: the process's clock
	// onPush sees every push that is authorized, if set.
	onPush func(w http.ResponseWriter, r *http.Request, token, jwt string) (done bool)

	mu   sync.Mutex
	jwts []string
	last *http.Request
	body []byte
}

func (a *apple) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	token, ok := strings.CutPrefix(r.URL.Path, "/3/device/")
	if !ok || r.Method != http.MethodPost || r.ProtoMajor != 2 {
		a.t.Errorf("%s %s %s", r.Proto, r.Method, r.URL.Path)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil || !json.Valid(body) || bytes.HasSuffix(body, []byte("\n")) {
		a.t.Errorf("body %q: %v", body, err)
	}
	value := a.authorized(r)
	a.note(r, body, value)
	switch {
	case a.Revoked:
		refuse(w, http.StatusForbidden, "InvalidProviderToken")
	case a.onPush != nil && a.onPush(w, r, token, value):
	case token == strings.Repeat("0", 64):
		refuse(w, http.StatusBadRequest, "BadDeviceToken")
	default:
		a.treat(w, r, token)
	}
}

func (a *apple) treat(w http.ResponseWriter, r *http.Request, token string) {
	switch a.Treat(token) {
	case providertest.Deliver:
		w.Header().Set("apns-id", r.Header.Get("apns-id"))
	case providertest.RefuseToken:
		w.WriteHeader(http.StatusGone)
		_, _ = io.WriteString(w, `{"reason":"Unregistered","timestamp":1700000000123}`)
	case providertest.Fail:
		refuse(w, http.StatusServiceUnavailable, "ServiceUnavailable")
	case providertest.Echo:
		refuse(w, http.StatusBadRequest, "cannot take "+r.Header.Get("Authorization")+" for "+token)
	}
}

// authorized checks the JWT as Apple's documents describe it and returns it; a certificate needs none.
func (a *apple) authorized(r *http.Request) string {
	if len(r.TLS.PeerCertificates) > 0 {
		if r.Header.Get("Authorization") != "" {
			a.t.Error("a certificate and a JWT")
		}
		return ""
	}
	value, ok := strings.CutPrefix(r.Header.Get("Authorization"), "bearer ")
	claims := jwt.MapClaims{}
	parsed, err := jwt.ParseWithClaims(value, claims, func(*jwt.Token) (any, error) { return &theKey().PublicKey, nil },
		jwt.WithValidMethods([]string{"ES256"}), jwt.WithIssuedAt(), jwt.WithTimeFunc(provider.Deps{Now: a.now}.Clock()))
	if !ok || err != nil || len(parsed.Header) != 2 || parsed.Header["kid"] != keyID || len(claims) != 2 || claims["iss"] != teamID {
		a.t.Errorf("JWT: %t, %v, header %v, claims %v", ok, err, parsed.Header, claims)
	}
	return value
}

func (a *apple) note(r *http.Request, body []byte, value string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last, a.body = r, body
	if len(a.jwts) == 0 || a.jwts[len(a.jwts)-1] != value {
		a.jwts = append(a.jwts, value)
	}
}

// seen is how many times the JWT changed.
func (a *apple) seen() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.jwts)
}

func refuse(w http.ResponseWriter, status int, reason string) {
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"reason":%q}`, reason)
}

// start runs a fake APNs and a provider of it.
func start(t *testing.T, a *apple, c config.Channel, deps provider.Deps) *Provider {
	t.Helper()
	a.t = t
	if a.Treat == nil {
		a.Treat = func(string) providertest.Treatment { return providertest.Deliver }
	}
	s := httptest.NewUnstartedServer(a)
	s.EnableHTTP2 = true
	s.TLS = &tls.Config{ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12}
	s.StartTLS()
	t.Cleanup(s.Close)
	c.Endpoint = providertest.Endpoint(s)
	p, err := New(c, deps)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func TestSuite(t *testing.T) {
	t.Parallel()
	providertest.Run(t, providertest.Vendor{
		Row:     row(),
		New:     func(c config.Channel, d provider.Deps) (provider.Provider, error) { return New(c, d) },
		Serve:   func(f providertest.Fake) http.Handler { return &apple{t: t, Fake: f} },
		Secrets: []string{keyPEM(theKey()), keyPEM(theKey())[60:100], "eyJhbGciOiJFUzI1NiIs"},
	})
}
