package providertest

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// maxDetail is the longest detail of an outcome, in runes.
const maxDetail = 256

// Run runs the suite.
func Run(t *testing.T, v Vendor) {
	tests := map[string]func(*testing.T, Vendor){
		"keeps the order of the targets":           testOrder,
		"sends nothing to nobody":                  testEmpty,
		"ends with its context":                    testCancel,
		"is safe for concurrent use":               testConcurrent,
		"closes its connections":                   testClose,
		"survives answers without the shape":       testMalformed,
		"follows no redirect":                      testRedirect,
		"says when the vendor is out of reach":     testUnreachable,
		"keeps off addresses that no vendor has":   testGuard,
		"trusts only the roots it was given":       testUntrusted,
		"probes the credential and sends nothing":  testProbe,
		"keeps deliveries of a refused credential": testRevoked,
		"shows no credential and no token":         testRedaction,
		"quotes no credential and no token":        testTranscript,
		"takes no row of another vendor":           testForeignRow,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, v)
		})
	}
}

// mixed delivers to good tokens only.
func mixed() Fake {
	return Fake{Treat: func(token string) Treatment {
		if strings.HasPrefix(token, "good") {
			return Deliver
		}
		return RefuseToken
	}}
}

func testOrder(t *testing.T, v Vendor) {
	for _, n := range []int{1, 2, 3, 100, 0} {
		p, s := v.start(t, v.Serve(mixed()))
		if n == 0 {
			n = p.MaxTargets()
		}
		targets := v.targets(n)
		outcomes := p.Send(t.Context(), Notification(), targets)
		checkMixed(t, targets, outcomes)
		calls := v.Calls
		if calls == nil {
			calls = p.Requests
		}
		if got, want := s.requests(), calls(n); got != want {
			t.Errorf("%d targets: %d requests, want %d", n, got, want)
		}
	}
}

func checkMixed(t *testing.T, targets []provider.Target, outcomes []message.Outcome) {
	t.Helper()
	if len(outcomes) != len(targets) {
		t.Fatalf("%d outcomes for %d targets", len(outcomes), len(targets))
	}
	for i, o := range outcomes {
		want := message.Accepted
		if strings.Contains(targets[i].Token, "dead-token") {
			want = message.InvalidToken
		}
		if o.Class != want || o.HTTPStatus == 0 {
			t.Fatalf("target %d of %d: got %+v, want %s", i, len(targets), o, want)
		}
		if want == message.Accepted && o.VendorMessageID == "" {
			t.Fatalf("target %d: accepted without the vendor's message id", i)
		}
	}
}

func testEmpty(t *testing.T, v Vendor) {
	p, s := v.start(t, v.Serve(all(Deliver)))
	if o := p.Send(t.Context(), Notification(), nil); len(o) != 0 || s.requests() != 0 {
		t.Errorf("got %d outcomes and %d requests", len(o), s.requests())
	}
}

func testCancel(t *testing.T, v Vendor) {
	reached := make(chan struct{})
	var once sync.Once
	p, _ := v.start(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		once.Do(func() { close(reached) })
		<-r.Context().Done()
	}))
	ctx, cancel := context.WithCancel(t.Context())
	go func() { // ends with the server's first request, which Send makes
		<-reached
		cancel()
	}()
	for _, try := range []string{"during the call", "before the call"} {
		for i, o := range p.Send(ctx, Notification(), v.targets(5)) {
			if o.Class != message.Transient || o.HTTPStatus != 0 {
				t.Errorf("cancelled %s: target %d: got %+v", try, i, o)
			}
		}
	}
	if o := p.Probe(ctx); !v.LocalProbe && o.Class != message.Transient {
		t.Errorf("cancelled probe: got %+v", o)
	}
}

func testConcurrent(t *testing.T, v Vendor) {
	p, _ := v.start(t, v.Serve(mixed()))
	var calls sync.WaitGroup
	for range 16 {
		calls.Go(func() {
			targets := v.targets(20)
			checkMixed(t, targets, p.Send(t.Context(), Notification(), targets))
			if o := p.Probe(t.Context()); o.Class != message.Accepted {
				t.Errorf("probe: got %+v", o)
			}
		})
	}
	calls.Wait()
}

func testClose(t *testing.T, v Vendor) {
	p, s := v.start(t, v.Serve(all(Deliver)))
	p.Send(t.Context(), Notification(), v.targets(5))
	p.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	// One that was dialed in vain is idle only when its handshake has ended, which may be after Close.
	for !s.endedWithin(ctx, 100*time.Millisecond) {
		if ctx.Err() != nil {
			t.Fatal("connections stay open")
		}
		p.Close()
	}
}

func testMalformed(t *testing.T, v Vendor) {
	good := v.Serve(all(Deliver))
	bodies := map[string]string{
		"empty": "", "html": "<html>busy</html>", "null": "null", "list": "[]", "object": "{}", "cut": `{"code":`,
		"huge": `{"reason":"` + strings.Repeat("x", 1<<20) + `"}`,
	}
	for name, body := range bodies {
		for _, status := range []int{200, 204, 400, 401, 403, 404, 429, 500, 503} {
			p, _ := v.start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if v.grants(r) {
					good.ServeHTTP(w, r)
					return
				}
				w.WriteHeader(status)
				_, _ = fmt.Fprint(w, body)
			}))
			o := p.Send(t.Context(), Notification(), v.targets(1))[0]
			if o.HTTPStatus != status || utf8.RuneCountInString(o.Detail) > maxDetail {
				t.Errorf("%d with %s body: got %+v", status, name, o)
			}
			if want, ok := v.Bare[status]; ok {
				if o.Class != want {
					t.Errorf("%d with %s body: got %+v, want %s", status, name, o, want)
				}
				continue
			}
			switch o.Class {
			case message.Accepted, message.InvalidToken, message.Rejected, message.QuotaExhausted:
				t.Errorf("%d with %s body: got %+v", status, name, o)
			case message.Transient, message.Unknown, message.Throttled, message.CredentialRejected, message.AuthExpired:
			}
		}
	}
}

func testRedirect(t *testing.T, v Vendor) {
	good := v.Serve(all(Deliver))
	p, s := v.start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if v.grants(r) {
			good.ServeHTTP(w, r)
			return
		}
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	}))
	if o := p.Send(t.Context(), Notification(), v.targets(1))[0]; o.Class == message.Accepted || s.requests() != 1 {
		t.Errorf("got %+v after %d requests", o, s.requests())
	}
}

func testUnreachable(t *testing.T, v Vendor) {
	p, s := v.start(t, v.Serve(all(Deliver)))
	s.Close()
	v.checkUnanswered(t, p, "connection refused")
}

func testGuard(t *testing.T, v Vendor) {
	s := v.serve(t, v.Serve(all(Deliver)))
	deps := Deps()
	deps.Guard.AllowLoopback = false
	v.checkUnanswered(t, v.provider(t, Endpoint(s.Server), deps), provider.ErrForbiddenAddress.Error())
}

func testUntrusted(t *testing.T, v Vendor) {
	s := v.serve(t, v.Serve(all(Deliver)))
	e := Endpoint(s.Server)
	e.CABundle = ""
	v.checkUnanswered(t, v.provider(t, e, Deps()), "certificate")
	row := v.Row
	row.Endpoint = config.Endpoint{CABundle: "not PEM"}
	if _, err := v.New(row, Deps()); err == nil || !strings.Contains(err.Error(), "endpoint.caBundle") {
		t.Errorf("got %v, want an error about endpoint.caBundle", err)
	}
}

// checkUnanswered expects a transient outcome with words and without an address of the request.
func (v Vendor) checkUnanswered(t *testing.T, p provider.Provider, words string) {
	t.Helper()
	outcomes := p.Send(t.Context(), Notification(), v.targets(3))
	if !v.LocalProbe {
		outcomes = append(outcomes, p.Probe(t.Context()))
	}
	for _, o := range outcomes {
		if o.Class != message.Transient || !strings.Contains(o.Detail, words) || strings.Contains(o.Detail, "https://") {
			t.Errorf("got %+v, want Transient with %q", o, words)
		}
	}
}

func testProbe(t *testing.T, v Vendor) {
	p, s := v.start(t, v.Serve(Fake{Treat: func(token string) Treatment {
		t.Errorf("the probe pushed to %q", token)
		return Deliver
	}}))
	// The status tells a vendor's own word from a check that asked nobody.
	if o := p.Probe(t.Context()); o.Class != message.Accepted || (o.HTTPStatus == 0) != v.LocalProbe ||
		v.LocalProbe && (o.Detail == "" || s.requests() > 0) {
		t.Errorf("good credential: got %+v after %d requests", o, s.requests())
	}
	if v.LocalProbe {
		return
	}
	fake := all(Deliver)
	fake.Revoked = true
	p, _ = v.start(t, v.Serve(fake))
	if o := p.Probe(t.Context()); o.Class != message.CredentialRejected || o.Code == "" || o.Detail == "" {
		t.Errorf("revoked credential: got %+v", o)
	}
}

func testRevoked(t *testing.T, v Vendor) {
	fake := all(Deliver)
	fake.Revoked = true
	p, _ := v.start(t, v.Serve(fake))
	for _, o := range p.Send(t.Context(), Notification(), v.targets(3)) {
		if o.Class != message.CredentialRejected || o.Code == "" || o.Detail == "" {
			t.Errorf("got %+v", o)
		}
	}
}

func testRedaction(t *testing.T, v Vendor) {
	var logs buffer
	deps := Deps()
	deps.Log = slog.New(slog.NewJSONHandler(&logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	deps.Tokens = brokenStore{}
	var shown strings.Builder
	targets := v.targets(3)
	for _, how := range []Treatment{Echo, Fail, RefuseToken, Deliver} {
		for _, revoked := range []bool{false, true} {
			fake := all(how)
			fake.Revoked = revoked
			s := v.serve(t, v.Serve(fake))
			p := v.provider(t, Endpoint(s.Server), deps)
			fmt.Fprintf(&shown, "%+v %+v\n", p.Send(t.Context(), Notification(), targets), p.Probe(t.Context()))
		}
	}
	if !strings.Contains(shown.String(), "<redacted>") {
		t.Error("the fake server echoed nothing, so this test proves nothing")
	}
	text := shown.String() + logs.String() + fmt.Sprintf("%+v %#v", v.Row, v.Row)
	hidden := v.Secrets
	for _, target := range targets {
		hidden = append(hidden, target.Token)
	}
	for _, h := range hidden {
		if strings.Contains(text, h) {
			t.Errorf("shows %q in %s", h, text)
		}
	}
}

func testForeignRow(t *testing.T, v Vendor) {
	row := config.Channel{Name: v.Row.Name, Vendor: v.Row.Vendor, AppType: v.Row.AppType}
	if _, err := v.New(row, Deps()); err == nil || !strings.Contains(err.Error(), "must be set for vendor") {
		t.Errorf("got %v", err)
	}
}
