// Package providertest is the one suite that every provider passes, against a
// fake server that its vendor's test brings. It is imported by tests only.
package providertest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// TokenPath is where the fake server of a vendor with a token exchange of its own address grants access tokens.
const TokenPath = "/token"

// Treatment is what a fake server does with a push to a token.
type Treatment int

// The treatments.
const (
	Deliver     Treatment = iota // takes it
	RefuseToken                  // says that the token is dead
	Fail                         // fails for a while
	Echo                         // refuses it and quotes the whole request, credential included
)

// Fake says how a vendor's fake server behaves.
type Fake struct {
	Treat func(token string) Treatment
	// Revoked refuses the credential.
	Revoked bool
}

// Vendor is what the suite needs to know of a vendor.
type Vendor struct {
	// Row has a credential and no endpoint.
	Row config.Channel
	New func(config.Channel, provider.Deps) (provider.Provider, error)
	// Serve makes the vendor's server.
	Serve func(Fake) http.Handler
	// Secrets are texts that must show nowhere.
	Secrets []string
	// TokenPath is where Serve grants access tokens if that is a path of the vendor's one address; empty means TokenPath.
	TokenPath string
	// Calls is how many requests a Send to that many targets makes; nil means what Requests says. It differs where the
	// vendor's rate does not count requests.
	Calls func(targets int) int
	// Token makes a token in the vendor's form of a name, which is what Fake.Treat sees; nil means that the name is the token.
	Token func(name string) string
	// Bare is what a status says without a body, for vendors whose answers may have none; nil means that it proves nothing.
	Bare map[int]message.Class
	// LocalProbe says that there is nobody to prove the credential to: a probe makes no request.
	LocalProbe bool
}

// targets are Targets with tokens in the vendor's form.
func (v Vendor) targets(n int) []provider.Target {
	targets := Targets(n)
	for i := range targets {
		if v.Token != nil {
			targets[i].Token = v.Token(targets[i].Token)
		}
	}
	return targets
}

// grants tells whether the request is the token exchange.
func (v Vendor) grants(r *http.Request) bool {
	return r.URL.Path == cmp.Or(v.TokenPath, TokenPath)
}

// server is a running fake.
type server struct {
	*httptest.Server

	mu    sync.Mutex
	sends int
	conns map[net.Conn]bool
	none  chan struct{} // gets a value when the last connection closes
}

// serve runs a handler with TLS, HTTP/2 included.
func (v Vendor) serve(t *testing.T, h http.Handler) *server {
	t.Helper()
	s := &server{conns: map[net.Conn]bool{}, none: make(chan struct{}, 1)}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !v.grants(r) {
			s.mu.Lock()
			s.sends++
			s.mu.Unlock()
		}
		h.ServeHTTP(w, r)
	}))
	s.EnableHTTP2 = true
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.Config.ConnState = s.track
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func (s *server) track(c net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch state {
	case http.StateNew:
		s.conns[c] = true
	case http.StateClosed, http.StateHijacked:
		delete(s.conns, c)
		if len(s.conns) == 0 {
			select {
			case s.none <- struct{}{}:
			default:
			}
		}
	case http.StateActive, http.StateIdle:
	}
}

func (s *server) requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sends
}

// endedWithin is ended for a part of the time.
func (s *server) endedWithin(ctx context.Context, part time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, part)
	defer cancel()
	return s.ended(ctx)
}

// ended reports whether every connection was closed before ctx ended.
func (s *server) ended(ctx context.Context) bool {
	for {
		s.mu.Lock()
		open := len(s.conns)
		s.mu.Unlock()
		if open == 0 {
			return true
		}
		select {
		case <-s.none:
		case <-ctx.Done():
			return false
		}
	}
}

// Endpoint leads to a test server and trusts it.
func Endpoint(s *httptest.Server) config.Endpoint {
	bundle := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	return config.Endpoint{URL: s.URL, AuthURL: s.URL + TokenPath, CABundle: string(bundle)}
}

// Deps are the surroundings of a provider on one machine.
func Deps() provider.Deps {
	return provider.Deps{
		Guard: provider.EndpointGuard{AllowLoopback: true},
		Log:   slog.New(slog.DiscardHandler),
	}
}

// start makes a provider of v that talks to a handler.
func (v Vendor) start(t *testing.T, h http.Handler) (provider.Provider, *server) {
	t.Helper()
	s := v.serve(t, h)
	return v.provider(t, Endpoint(s.Server), Deps()), s
}

func (v Vendor) provider(t *testing.T, e config.Endpoint, deps provider.Deps) provider.Provider {
	t.Helper()
	row := v.Row
	row.Endpoint = e
	p, err := v.New(row, deps)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// Notification is an ordinary push.
func Notification() provider.Notification {
	return provider.Notification{
		Title: "Anna", Content: "Lunch?", Payload: `{"conversation":"anna"}`,
		MessageID: "019a0000-0000-7000-8000-000000000001",
		DedupID:   "019a0000-0000-7000-8000-000000000001",
		ReplaceID: "019a0000-0000-7000-8000-000000000001",
		TTL:       time.Hour,
	}
}

// Targets are n phones of one user, of which every third has a dead token.
func Targets(n int) []provider.Target {
	targets := make([]provider.Target, n)
	for i := range targets {
		kind := "good"
		if i%3 == 2 {
			kind = "dead"
		}
		targets[i] = provider.Target{Token: fmt.Sprintf("%s-token-%04d", kind, i), UserHash: "0123456789abcdef0123456789abcdef"}
	}
	return targets
}

// all treats every token the same.
func all(how Treatment) Fake {
	return Fake{Treat: func(string) Treatment { return how }}
}

// buffer is a log that tests read.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

// String returns what was logged.
func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// brokenStore fails every call.
type brokenStore struct{}

var errBroken = errors.New("the store is down")

// LoadToken implements provider.TokenStore.
func (brokenStore) LoadToken(context.Context, string) (provider.AccessToken, bool, error) {
	return provider.AccessToken{}, false, errBroken
}

// SwapToken implements provider.TokenStore.
func (brokenStore) SwapToken(context.Context, string, provider.AccessToken, provider.AccessToken) (bool, error) {
	return false, errBroken
}
