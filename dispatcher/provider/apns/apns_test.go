package apns

import (
	"crypto/elliptic"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/providertest"
)

// clock is a time that tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Now()} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// timed runs a fake APNs and a provider whose clock a test moves; their connections do not look at it.
func timed(t *testing.T, a *apple) (*Provider, *clock) {
	t.Helper()
	c := newClock()
	a.now = c.now
	deps := providertest.Deps()
	deps.Now, deps.Tokens = c.now, &providertest.TokenStore{}
	return start(t, a, row(), deps), c
}

func sendOne(t *testing.T, p *Provider) message.Outcome {
	t.Helper()
	return p.Send(t.Context(), providertest.Notification(), providertest.Targets(1))[0]
}

func TestTheJWTIsRenewedInTime(t *testing.T) {
	t.Parallel()
	a := &apple{}
	p, c := timed(t, a)
	for _, want := range []struct {
		after time.Duration
		jwts  int
	}{{0, 1}, {20 * time.Minute, 1}, {24 * time.Minute, 1}, {5 * time.Minute, 2}, {44 * time.Minute, 2}, {5 * time.Minute, 3}} {
		c.add(want.after)
		if o := sendOne(t, p); o.Class != message.Accepted {
			t.Errorf("got %+v", o)
		}
		if got := a.seen(); got != want.jwts {
			t.Errorf("after another %s: %d JWTs, want %d", want.after, got, want.jwts)
		}
	}
}

func TestOneJWTForAllThatNeedIt(t *testing.T) {
	t.Parallel()
	a := &apple{}
	deps := providertest.Deps()
	deps.Tokens = &providertest.TokenStore{}
	p := start(t, a, row(), deps)
	other := row()
	other.Name, other.Endpoint = "other-row", config.Endpoint{URL: "https://localhost"}
	second, err := New(other, deps) // another row, or the same in another pod
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	var calls sync.WaitGroup
	for range 8 {
		calls.Go(func() {
			for _, o := range p.Send(t.Context(), providertest.Notification(), providertest.Targets(50)) {
				if o.Class != message.Accepted {
					t.Errorf("got %+v", o)
				}
			}
		})
	}
	calls.Wait()
	token, o := second.bearer.cache.Get(t.Context(), "")
	if a.seen() != 1 || o.Class != message.Accepted || token != a.jwts[0] {
		t.Errorf("%d JWTs; the other row has its own: %t", a.seen(), token != a.jwts[0])
	}
}

// TestOneJWTForAllProbes has a process without a store, which makes a provider for each probe.
func TestOneJWTForAllProbes(t *testing.T) {
	t.Parallel()
	key := newKey(elliptic.P256())
	c := row()
	c.APNs.PrivateKey = config.NewSecret(keyPEM(key))
	seen := map[string]bool{}
	for range 3 {
		p, err := New(c, providertest.Deps())
		if err != nil {
			t.Fatal(err)
		}
		token, o := p.bearer.cache.Get(t.Context(), "")
		if o.Class != message.Accepted {
			t.Errorf("got %+v", o)
		}
		seen[token] = true
		p.Close()
	}
	if len(seen) != 1 {
		t.Errorf("%d JWTs", len(seen))
	}
	var m memory
	old := provider.AccessToken{Value: config.NewSecret("old"), ExpiresAt: time.Unix(0, 0)}
	next := provider.AccessToken{Value: config.NewSecret("next"), ExpiresAt: time.Unix(7200, 0)}
	for name, token := range map[string]provider.AccessToken{"a": old, "b": old} {
		if ok, err := m.SwapToken(t.Context(), name, provider.AccessToken{}, token); !ok || err != nil {
			t.Errorf("got %t, %v", ok, err)
		}
	}
	if ok, _ := m.SwapToken(t.Context(), "a", next, next); ok {
		t.Error("a token that is not the previous one was replaced")
	}
	if ok, _ := m.SwapToken(t.Context(), "a", old, next); !ok || len(m.tokens) != 1 {
		t.Errorf("replaced: %t; %d tokens are kept", ok, len(m.tokens))
	}
}

func TestARefusedJWT(t *testing.T) {
	t.Parallel()
	expired := func(first *string) func(http.ResponseWriter, *http.Request, string, string) bool {
		return func(w http.ResponseWriter, _ *http.Request, _, jwt string) bool {
			if *first == "" {
				*first = jwt
			}
			if jwt == *first {
				refuse(w, http.StatusForbidden, "ExpiredProviderToken")
			}
			return jwt == *first
		}
	}
	t.Run("young: the clock is wrong", func(t *testing.T) {
		t.Parallel()
		a := &apple{onPush: expired(new(string))}
		p, _ := timed(t, a)
		for range 2 {
			if o := sendOne(t, p); o.Class != message.CredentialRejected || o.Code != "ExpiredProviderToken" {
				t.Errorf("got %+v", o)
			}
		}
		if a.seen() != 1 {
			t.Errorf("%d JWTs within 20 minutes", a.seen())
		}
	})
	t.Run("old enough: a new one", func(t *testing.T) {
		t.Parallel()
		first := ""
		a := &apple{}
		p, c := timed(t, a)
		sendOne(t, p)
		c.add(21 * time.Minute)
		a.onPush = expired(&first)
		if o := sendOne(t, p); o.Class != message.Accepted || a.seen() != 2 {
			t.Errorf("got %+v after %d JWTs", o, a.seen())
		}
	})
}

// TestAJWTThatCameTooEarly is what another server with the same key causes.
func TestAJWTThatCameTooEarly(t *testing.T) {
	t.Parallel()
	first := ""
	a := &apple{onPush: func(w http.ResponseWriter, _ *http.Request, _, jwt string) bool {
		if first == "" {
			first = jwt
		}
		if jwt != first {
			refuse(w, http.StatusTooManyRequests, "TooManyProviderTokenUpdates")
		}
		return jwt != first
	}}
	p, c := timed(t, a)
	for _, wait := range []time.Duration{0, 49 * time.Minute, 9 * time.Minute} { // the second one is made at the 49th minute
		c.add(wait)
		if o := sendOne(t, p); o.Class != message.Accepted {
			t.Errorf("after another %s: got %+v", wait, o)
		}
	}
	c.add(2 * time.Minute) // the first one is an hour old
	for range 2 {
		o := sendOne(t, p)
		if o.Class != message.Throttled || o.Code != "TooManyProviderTokenUpdates" || o.RetryAfter < time.Minute {
			t.Errorf("got %+v", o)
		}
	}
	distinct := map[string]bool{}
	for _, jwt := range a.jwts {
		distinct[jwt] = true
	}
	if len(distinct) != 2 {
		t.Errorf("%d JWTs were made, want 2", len(distinct))
	}
}

func TestCertificate(t *testing.T) {
	t.Parallel()
	c := row()
	c.APNs.TeamID, c.APNs.KeyID = "", ""
	c.APNs.Certificate, c.APNs.PrivateKey = certify(t, bundleID, nil)
	a := &apple{}
	p := start(t, a, c, providertest.Deps())
	if o := sendOne(t, p); o.Class != message.Accepted || len(a.last.TLS.PeerCertificates) != 1 {
		t.Errorf("got %+v with %d certificates", o, len(a.last.TLS.PeerCertificates))
	}
	if o := p.Probe(t.Context()); o.Class != message.Accepted {
		t.Errorf("probe: got %+v", o)
	}
	if left := time.Until(p.CredentialExpires()); left < 23*time.Hour || left > 24*time.Hour {
		t.Errorf("runs out in %s", left)
	}
	if got := start(t, &apple{}, row(), providertest.Deps()).CredentialExpires(); !got.IsZero() {
		t.Errorf("a key runs out at %s", got)
	}
}

func TestProbe(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status int
		reason string
		want   message.Class
	}{
		"the good answer":  {400, "BadDeviceToken", message.Accepted},
		"also good":        {410, "Unregistered", message.Accepted},
		"revoked":          {403, "InvalidProviderToken", message.CredentialRejected},
		"another app's":    {400, "TopicDisallowed", message.CredentialRejected},
		"limited":          {403, "BadEnvironmentKeyIdInToken", message.CredentialRejected},
		"limited, in logs": {403, "BadEnvironmentKeyInToken", message.CredentialRejected},
		"too many":         {429, "TooManyProviderTokenUpdates", message.Throttled},
		"down":             {503, "ServiceUnavailable", message.Transient},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := &apple{onPush: func(w http.ResponseWriter, r *http.Request, token, _ string) bool {
				if token != nobody || r.Header.Get("apns-push-type") != "background" || r.Header.Get("apns-expiration") != "0" {
					t.Errorf("the probe pushes to %q: %v", token, r.Header)
				}
				refuse(w, tt.status, tt.reason)
				return true
			}}
			if o := start(t, a, row(), providertest.Deps()).Probe(t.Context()); o.Class != tt.want {
				t.Errorf("got %+v", o)
			}
		})
	}
}

func TestATokenOfAnotherApp(t *testing.T) {
	t.Parallel()
	a := &apple{onPush: func(w http.ResponseWriter, _ *http.Request, token, _ string) bool {
		if token[:4] == "dead" {
			refuse(w, http.StatusBadRequest, "DeviceTokenNotForTopic")
		}
		return token[:4] == "dead"
	}}
	p := start(t, a, row(), providertest.Deps())
	n, targets := providertest.Notification(), providertest.Targets(3) // two good ones, then one of another app
	if got := p.Send(t.Context(), n, targets[2:])[0]; got.Class != message.CredentialRejected {
		t.Errorf("before anything was delivered: got %+v", got)
	}
	if got := p.Send(t.Context(), n, targets)[2]; got.Class != message.InvalidToken {
		t.Errorf("beside a good one: got %+v", got)
	}
}

// TestACredentialThatIsNotForCalls holds back no alerts.
func TestACredentialThatIsNotForCalls(t *testing.T) {
	t.Parallel()
	for _, reason := range []string{"TopicDisallowed", "BadTopic"} {
		a := &apple{onPush: func(w http.ResponseWriter, _ *http.Request, _, _ string) bool {
			refuse(w, http.StatusBadRequest, reason)
			return true
		}}
		p := start(t, a, row(), providertest.Deps())
		n, targets := providertest.Notification(), providertest.Targets(1)
		if o := p.Send(t.Context(), n, targets)[0]; o.Class != message.CredentialRejected || o.Detail != reason {
			t.Errorf("an alert: got %+v", o)
		}
		n.Setting.APNs = &config.APNsSetting{PushType: "VoIP"}
		want := message.Outcome{
			Class: message.Rejected, HTTPStatus: 400, Code: reason,
			Detail: reason + ": the certificate or key is not for calls (topic io.example.chat.voip)",
		}
		if diff := cmp.Diff(want, p.Send(t.Context(), n, targets)[0]); diff != "" {
			t.Errorf("a call (-want +got):\n%s", diff)
		}
	}
}

func TestNewChecksTheRow(t *testing.T) {
	t.Parallel()
	c := row()
	c.APNs.Environment = "Test"
	if _, err := New(c, providertest.Deps()); err == nil || err.Error() != `channel apns: apns.environment: is "Test", must be Production or Sandbox` {
		t.Errorf("got %v", err)
	}
	for environment, want := range map[string]string{"Production": "https://api.push.apple.com/3/device/", "Sandbox": "https://api.sandbox.push.apple.com/3/device/"} {
		c.APNs.Environment = environment
		p, err := New(c, provider.Deps{})
		if err != nil || p.url != want {
			t.Errorf("%s: got %v", environment, err)
		}
	}
}

func TestToken(t *testing.T) {
	t.Parallel()
	hex := "00FC13ADFF785122B4AD28809A3420982341241421348097878E577C991DE8F0"
	if got, err := Token(hex); err != nil || got != "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0" {
		t.Errorf("got %q, %v", got, err)
	}
	for _, bad := range []string{"", hex[1:], hex + hex + hex + hex, hex[:63] + "g", "<" + hex + ">", hex[:32] + " " + hex[32:]} {
		if got, err := Token(bad); err == nil {
			t.Errorf("%q is taken as %q", bad, got)
		}
	}
}
