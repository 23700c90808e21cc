package interop

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/simulator"
	"github.com/offlinepush/operator/dispatcher/simulator/phone"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func simulated(t *testing.T) *simulator.Server {
	t.Helper()
	s, err := simulator.Start(simulator.Options{})
	must(t, err)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// client finds the simulator under every host name.
func client(t *testing.T, s *simulator.Server) *http.Client {
	t.Helper()
	c := s.HTTPClient()
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func installed(t *testing.T, s *simulator.Server, vendor, app string) phone.Phone {
	t.Helper()
	p, err := s.Client().CreatePhone(t.Context(), simulator.NewPhone{Vendor: vendor, App: app})
	must(t, err)
	return p
}

// arrival waits for the nth push on a phone.
func arrival(t *testing.T, s *simulator.Server, id string, n int64) phone.Arrival {
	t.Helper()
	list, err := s.Client().Notifications(t.Context(), id, n-1, time.Minute)
	must(t, err)
	if len(list) == 0 {
		t.Fatalf("push %d did not arrive", n)
	}
	return list[0]
}

// sent is a request on the wire.
type sent struct {
	Method, Host, Path string
	Header             http.Header
	Body               []byte
}

// json is the body as any JSON.
func (s sent) json(t *testing.T) any {
	t.Helper()
	var v any
	must(t, json.Unmarshal(s.Body, &v))
	return v
}

// wire is a server under the vendors' names that notes every request and passes it on.
type wire struct {
	*httptest.Server

	ca []byte

	mu   sync.Mutex
	sent []sent
}

// tap starts a wire to the simulator.
func tap(t *testing.T, s *simulator.Server, hosts ...string) *wire {
	t.Helper()
	u, err := url.Parse(s.URL)
	must(t, err)
	w := &wire{}
	proxy := &httputil.ReverseProxy{
		Transport: client(t, s).Transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(u)
			r.Out.Host = r.In.Host // the simulator tells vendors by it
		},
	}
	w.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(answer http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the client has gone
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		w.mu.Lock()
		w.sent = append(w.sent, sent{r.Method, r.Host, r.URL.Path, r.Header.Clone(), body})
		w.mu.Unlock()
		proxy.ServeHTTP(answer, r)
	}))
	made, err := simulator.NewCertificates(append(hosts, "127.0.0.1"), 1)
	must(t, err)
	pair, err := tls.X509KeyPair(made.Cert, made.Key)
	must(t, err)
	w.ca = made.CA
	w.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	w.EnableHTTP2 = true
	w.StartTLS()
	t.Cleanup(w.Close)
	return w
}

// client finds the wire under every host name.
func (w *wire) client(t *testing.T) *http.Client {
	t.Helper()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(w.ca)
	transport := &http.Transport{
		ForceAttemptHTTP2: true,
		TLSClientConfig:   &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, w.Listener.Addr().String())
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// endpoint leads a provider over the wire to a vendor.
func (w *wire) endpoint(vendor string) config.Endpoint {
	return config.Endpoint{URL: w.URL + "/" + vendor, CABundle: string(w.ca)}
}

// last is the latest request.
func (w *wire) last(t *testing.T) sent {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.sent) == 0 {
		t.Fatal("nothing was sent")
	}
	return w.sent[len(w.sent)-1]
}

// deps are those of a provider on one machine.
func deps() provider.Deps {
	return provider.Deps{Guard: provider.EndpointGuard{AllowLoopback: true}}
}

// notification is what both sides send.
func notification() provider.Notification {
	return provider.Notification{
		Title: "Anna", Content: "Lunch & more?", Payload: `{"conversation":"anna"}`,
		MessageID: "019a0000-0000-7000-8000-000000000001",
		DedupID:   "019a0000-0000-7000-8000-000000000001",
		ReplaceID: "019a0000-0000-7000-8000-000000000001",
		TTL:       time.Hour, Urgent: true, Image: "https://example.com/p.jpg",
	}
}

// claimsOf are the header and the claims of a JWT, which the simulator has checked.
func claimsOf(t *testing.T, signed string) map[string]any {
	t.Helper()
	claims := jwt.MapClaims{}
	token, _, err := jwt.NewParser().ParseUnverified(signed, claims)
	must(t, err)
	return map[string]any{"claims": map[string]any(claims), "header": token.Header}
}

// near compares times in seconds: what is compared was made one after the other.
func near(a, b float64) bool { return a-b < 60 && b-a < 60 }
