package provider

import (
	"crypto/tls"
	"encoding/pem"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/offlinepush/operator/dispatcher/config"
)

// http2Server is a server of HTTP/2 that counts its connections, and the endpoint that leads to it.
func http2Server(t *testing.T, h http.HandlerFunc) (s *httptest.Server, e config.Endpoint, conns *atomic.Int64) {
	t.Helper()
	conns = new(atomic.Int64)
	s = httptest.NewUnstartedServer(h)
	s.EnableHTTP2 = true
	s.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			conns.Add(1)
		}
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s, endpointOf(s), conns
}

func endpointOf(s *httptest.Server) config.Endpoint {
	bundle := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	return config.Endpoint{URL: s.URL, CABundle: string(bundle)}
}

func newClient(t *testing.T, e config.Endpoint, deps Deps, options ...Option) *http.Client {
	t.Helper()
	deps.Guard.AllowLoopback = true
	client, err := NewClient(e, deps, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	return client
}

// burst makes calls at the same time.
func burst(t *testing.T, client *http.Client, url string) {
	t.Helper()
	var calls sync.WaitGroup
	defer calls.Wait()
	for range 200 {
		calls.Go(func() {
			if err := call(t, client, url); err != nil {
				t.Error(err)
			}
		})
	}
}

// until makes calls until one succeeds, which takes as long as the client needs to see the end of a connection.
func until(t *testing.T, client *http.Client, url string) {
	t.Helper()
	for call(t, client, url) != nil {
		if t.Context().Err() != nil {
			t.Fatal("makes no new connection")
		}
	}
}

// TestHTTP2OnlyKeepsOneConnection starts with a burst, which finds no connection, and goes on after the vendor closed it.
func TestHTTP2OnlyKeepsOneConnection(t *testing.T) {
	t.Parallel()
	s, e, conns := http2Server(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			t.Errorf("speaks %s", r.Proto)
		}
	})
	client := newClient(t, e, Deps{}, HTTP2Only())
	burst(t, client, s.URL)
	if got := conns.Load(); got != 1 {
		t.Fatalf("%d connections, want 1", got)
	}
	s.CloseClientConnections()
	until(t, client, s.URL)
	before := conns.Load()
	burst(t, client, s.URL)
	if got := conns.Load(); got != before {
		t.Errorf("%d connections, want %d", got, before)
	}
}

// TestHTTP2OnlyWaitsForAStream has a server like APNs, which allows one stream until it knows the caller.
func TestHTTP2OnlyWaitsForAStream(t *testing.T) {
	t.Parallel()
	var conns atomic.Int64
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.EnableHTTP2 = true
	s.Config.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: 1}
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			conns.Add(1)
		}
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	burst(t, newClient(t, endpointOf(s), Deps{}, HTTP2Only()), s.URL)
	if got := conns.Load(); got > maxLasting {
		t.Errorf("%d connections", got)
	}
}

// TestHTTP2OnlyLeavesAConnectionThatSaidGoodbye has a call open on it meanwhile.
func TestHTTP2OnlyLeavesAConnectionThatSaidGoodbye(t *testing.T) {
	t.Parallel()
	open, end := make(chan struct{}), make(chan struct{})
	s, e, conns := http2Server(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/slow":
			close(open)
			<-end
		case "/goodbye":
			w.Header().Set("Connection", "close")
		}
	})
	client := newClient(t, e, Deps{}, HTTP2Only())
	if err := call(t, client, s.URL); err != nil {
		t.Fatal(err)
	}
	var slow sync.WaitGroup
	slow.Go(func() {
		if err := call(t, client, s.URL+"/slow"); err != nil {
			t.Errorf("the open call: %v", err)
		}
	})
	<-open
	if err := call(t, client, s.URL+"/goodbye"); err != nil {
		t.Error(err)
	}
	for conns.Load() == 1 {
		until(t, client, s.URL)
	}
	close(end)
	slow.Wait()
}

func TestHTTP2OnlyRefusesOtherServers(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetHTTP1(true)
	s.StartTLS()
	s.TLS.NextProtos = nil // negotiates nothing
	t.Cleanup(s.Close)
	client := newClient(t, endpointOf(s), Deps{}, HTTP2Only())
	if err := call(t, client, s.URL); !errors.Is(err, errNotHTTP2) {
		t.Errorf("got %v", err)
	}
}

func TestASilencedHTTP2OnlyClientSendsNothing(t *testing.T) {
	t.Parallel()
	var requests atomic.Int64
	s, e, conns := http2Server(t, func(http.ResponseWriter, *http.Request) { requests.Add(1) })
	p := &permit{}
	client := newClient(t, e, Deps{Alive: p.alive}, HTTP2Only())
	if err := call(t, client, s.URL); err != nil {
		t.Fatal(err)
	}
	p.set(errSilent)
	for range 2 { // over the connection that is open, and over a new one
		if err := call(t, client, s.URL); !errors.Is(err, errSilent) {
			t.Errorf("got %v", err)
		}
	}
	if n, c := requests.Load(), conns.Load(); n != 1 || c != 1 {
		t.Errorf("the vendor saw %d requests and %d connections, want one", n, c)
	}
	p.set(nil)
	if err := call(t, client, s.URL); err != nil {
		t.Error("silent though it may speak again:", err)
	}
}

func TestClientCertificate(t *testing.T) {
	t.Parallel()
	shown := make(chan int, 1)
	s, e, _ := http2Server(t, func(_ http.ResponseWriter, r *http.Request) { shown <- len(r.TLS.PeerCertificates) })
	for want, options := range [][]Option{nil, {ClientCertificate(s.TLS.Certificates[0])}} {
		if err := call(t, newClient(t, e, Deps{}, options...), s.URL); err != nil {
			t.Fatal(err)
		}
		if got := <-shown; got != want {
			t.Errorf("shows %d certificates, want %d", got, want)
		}
	}
}
