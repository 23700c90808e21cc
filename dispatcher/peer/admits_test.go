package peer_test

import (
	"crypto/tls"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/offlinepush/operator/dispatcher/peer"
)

// good is a good request for every path of the peer port.
func good() map[string]string {
	return map[string]string{
		"/v1/fence":    `{"changes":[{"device":1,"epoch":2}],"reason":"rebound"}`,
		"/v1/hints":    `{"all":true}`,
		"/v1/replaced": `{"sessions":[{"device":1,"number":2}]}`,
	}
}

// post sends the body with the bearer credential, when there is one, and gives the status; 0 when no answer came.
func post(t *testing.T, url, body, bearer string, c *tls.Config) int {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: c.Clone(), ForceAttemptHTTP2: true} // which writes to it
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body) // The status says it all.
	return resp.StatusCode
}

// TestEveryPathNeedsThePeerKey sends good requests with everything but the app's certificate, also with the credentials of other ports.
func TestEveryPathNeedsThePeerKey(t *testing.T) {
	t.Parallel()
	anonymous := credential("k").Client()
	anonymous.GetClientCertificate = nil
	tests := []struct {
		name, scheme, bearer string
		client               *tls.Config
		status               int // 0: no answer, because the handshake failed
	}{
		{"the app's certificate", "https", "", credential("k").Client(), http.StatusOK},
		{"nothing", "https", "", anonymous, 0},
		{"a server key", "https", "0123456789abcdef", anonymous, 0},
		{"the peer key as bearer token", "https", secretOf("k").Reveal(), anonymous, 0},
		{"the certificate of the report key", "https", "", credential("r").Client(), 0},
		{"no TLS", "http", secretOf("k").Reveal(), nil, http.StatusBadRequest},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			heard := newTold()
			addr := listen(t, credential("k"), peer.Handler(peer.HandlerDeps{
				Sessions: heard, Calls: heard, Incarnation: func() int64 { return 1 }, Log: slog.New(slog.DiscardHandler),
			}))
			for path, body := range good() {
				if got := post(t, tt.scheme+"://"+addr+path, body, tt.bearer, tt.client); got != tt.status {
					t.Errorf("%s: got %d, want %d", path, got, tt.status)
				}
			}
			heard.mu.Lock()
			defer heard.mu.Unlock()
			done := []bool{heard.quiesced > 0, len(heard.kicked) > 0, heard.all > 0, len(heard.replaced) > 0}
			for i, happened := range done {
				if happened != (tt.status == http.StatusOK) {
					t.Errorf("effect %d: got %v with status %d", i, happened, tt.status)
				}
			}
		})
	}
}
