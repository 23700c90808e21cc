package provider

import (
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
)

var errSilent = errors.New("the lease ran out")

// permit is an Alive that a test takes away and gives back.
type permit struct {
	mu  sync.Mutex
	err error
}

func (p *permit) alive() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

func (p *permit) set(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = err
}

// vendorOf is a server that counts its requests and connections, and a client of it.
func vendorOf(t *testing.T, http2 bool, deps Deps) (client *http.Client, url string, requests, conns *atomic.Int64) {
	t.Helper()
	requests, conns = new(atomic.Int64), new(atomic.Int64)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		_, _ = io.WriteString(w, "ok")
	}))
	s.EnableHTTP2 = http2
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			conns.Add(1)
		}
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	bundle := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	deps.Guard.AllowLoopback = true
	client, err := NewClient(config.Endpoint{CABundle: string(bundle)}, deps)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	return client, s.URL, requests, conns
}

func call(t *testing.T, client *http.Client, url string) error {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Do(client, req)
	return err
}

func TestASilencedClientSendsNothing(t *testing.T) {
	t.Parallel()
	for name, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &permit{}
			client, url, requests, conns := vendorOf(t, http2, Deps{Alive: p.alive})
			if err := call(t, client, url); err != nil {
				t.Fatal(err)
			}
			p.set(errSilent)
			for range 2 { // over the connection that is open, and over a new one
				if err := call(t, client, url); !errors.Is(err, errSilent) {
					t.Errorf("got %v", err)
				}
			}
			if n, c := requests.Load(), conns.Load(); n != 1 || c != 1 {
				t.Errorf("the vendor saw %d requests and %d connections, want one", n, c)
			}
			p.set(nil)
			if err := call(t, client, url); err != nil {
				t.Error("silent though it may speak again:", err)
			}
			if n := requests.Load(); n != 2 {
				t.Errorf("the vendor saw %d requests, want 2", n)
			}
		})
	}
}

func TestAClientWithoutAliveSpeaksForEver(t *testing.T) {
	t.Parallel()
	client, url, requests, _ := vendorOf(t, true, Deps{})
	if err := call(t, client, url); err != nil || requests.Load() != 1 {
		t.Errorf("got %v, %d requests", err, requests.Load())
	}
}

// TestAProcessThatSleptThroughItsLeaseWritesNothing stops a call between two
// writes for longer than the lease, as SIGSTOP does, and lets it go on.
func TestAProcessThatSleptThroughItsLeaseWritesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ours, vendors := net.Pipe()
		until := time.Now().Add(12 * time.Second)
		c := &conn{Conn: ours, alive: func() error {
			if !time.Now().Before(until) {
				return errSilent
			}
			return nil
		}}
		got := make(chan string, 1)
		go func() {
			b, _ := io.ReadAll(vendors)
			got <- string(b)
		}()
		if _, err := io.WriteString(c, "head"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute) // virtual
		if _, err := io.WriteString(c, "body"); !errors.Is(err, errSilent) {
			t.Errorf("got %v", err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if b := <-got; b != "head" {
			t.Errorf("the vendor got %q", b)
		}
	})
}

func TestTheCertificateIsCheckedByTheStoresTime(t *testing.T) {
	t.Parallel()
	client, url, _, _ := vendorOf(t, true, Deps{Now: func() time.Time { return time.Now().AddDate(200, 0, 0) }})
	if err := call(t, client, url); err == nil {
		t.Error("a certificate that is over long ago was taken")
	}
}

func TestClock(t *testing.T) {
	t.Parallel()
	fixed := time.Unix(1000, 0)
	if got := (Deps{Now: func() time.Time { return fixed }}).Clock()(); !got.Equal(fixed) {
		t.Errorf("got %s", got)
	}
	if got := time.Since(Deps{}.Clock()()); got < 0 || got > time.Hour {
		t.Errorf("is %s behind", got)
	}
}
