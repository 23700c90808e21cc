package peer_test

import (
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/peer"
	"github.com/offlinepush/operator/dispatcher/simulator"
)

// call asks a server whose handler counts, with the client's configuration.
func call(t *testing.T, addr string, c *tls.Config) error {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: c, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+addr, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return err
}

func TestOnlyTheAppsKeyIsLetIn(t *testing.T) {
	t.Parallel()
	foreign, err := simulator.NewCertificates([]string{"localhost"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(foreign.Cert, foreign.Key)
	if err != nil {
		t.Fatal(err)
	}
	without := credential("k").Client()
	without.GetClientCertificate = nil
	old := credential("k").Client()
	old.MinVersion, old.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	stranger := credential("k").Client()
	stranger.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	tests := []struct {
		name   string
		client *tls.Config
		server peer.Credential
		ok     bool
	}{
		{"the app's key on both sides", credential("k").Client(), credential("k"), true},
		{"the client has another app's key", credential("x").Client(), credential("k"), false},
		{"no certificate", without, credential("k"), false},
		{"a certificate of another kind", stranger, credential("k"), false},
		{"TLS 1.2", old, credential("k"), false},
		{"no key at all", credential("k").Client(), peer.Credential{Key: func() config.Secret { return config.Secret{} }}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var served atomic.Int32
			addr := listen(t, tt.server, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served.Add(1) }))
			if err := call(t, addr, tt.client); (err == nil) != tt.ok || (served.Load() == 1) != tt.ok {
				t.Errorf("got %v with %d requests served, want ok %v", err, served.Load(), tt.ok)
			}
		})
	}
}

func TestAServerWithAnotherKeyIsNotTalkedTo(t *testing.T) {
	t.Parallel()
	careless := credential("x").Server()
	careless.VerifyConnection = nil // it would let anybody in
	addr := listenWith(t, careless, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it got a request") }))
	if err := call(t, addr, credential("k").Client()); err == nil || !strings.Contains(err.Error(), "the app's peer key") {
		t.Errorf("got %v", err)
	}
}

func TestTheKeyInForceCounts(t *testing.T) {
	t.Parallel()
	var letter atomic.Value
	letter.Store("k")
	changing := peer.Credential{Key: func() config.Secret { return secretOf(letter.Load().(string)) }}
	addr := listen(t, changing, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	if err := call(t, addr, changing.Client()); err != nil {
		t.Fatal(err)
	}
	letter.Store("n")
	if err := call(t, addr, changing.Client()); err != nil {
		t.Errorf("both sides have the new key: %v", err)
	}
	if err := call(t, addr, credential("k").Client()); err == nil {
		t.Error("the former key opens the door")
	}
}
