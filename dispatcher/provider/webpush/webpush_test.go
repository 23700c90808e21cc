package webpush

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/providertest"
)

func TestRequest(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		change    func(*provider.Notification, *provider.Target)
		plaintext string
		headers   map[string]string
	}{
		{
			"plain", func(*provider.Notification, *provider.Target) {},
			`{"title":"Anna","body":"Lunch?","tag":"019a0000-0000-7000-8000-000000000001","data":{"payload":"{\"conversation\":\"anna\"}","offlinepush":{"version":1,"messageID":"019a0000-0000-7000-8000-000000000001","user":"u"}}}`,
			map[string]string{"TTL": "3600", "Urgency": "normal", "Topic": "t4iKnXKDJOMDSIIVZfoGLwy-I7tpVmn9"},
		},
		{
			"profile", func(n *provider.Notification, target *provider.Target) {
				n.Setting.WebPush = &config.WebPushSetting{Urgency: "VeryLow", Icon: "https://example.com/i.png", ClickURL: "https://example.com/chat?a=1&b=2"}
				n.Image, n.TTL, target.Badge = "https://example.com/p.jpg", 1<<62, new(int32(7))
			},
			`{"title":"Anna","body":"Lunch?","icon":"https://example.com/i.png","image":"https://example.com/p.jpg","tag":"019a0000-0000-7000-8000-000000000001","data":{"payload":"{\"conversation\":\"anna\"}","offlinepush":{"version":1,"messageID":"019a0000-0000-7000-8000-000000000001","user":"u"},"clickURL":"https://example.com/chat?a=1&b=2","badge":7}}`,
			map[string]string{"TTL": "2419200", "Urgency": "very-low", "Topic": "t4iKnXKDJOMDSIIVZfoGLwy-I7tpVmn9"},
		},
		{
			"urgent, nothing to show", func(n *provider.Notification, target *provider.Target) {
				*n = provider.Notification{MessageID: "m", TTL: -time.Hour, Urgent: true}
				n.Setting.WebPush = &config.WebPushSetting{Urgency: "Low"}
				target.UserHash = ""
			},
			`{"title":"","body":"","data":{"offlinepush":{"version":1,"messageID":"m"}}}`,
			map[string]string{"TTL": "0", "Urgency": "high", "Topic": ""},
		},
		{
			"just under a second", func(n *provider.Notification, _ *provider.Target) {
				*n = provider.Notification{Title: "<b>", MessageID: "m", TTL: 1999 * time.Millisecond}
				n.Setting.WebPush = &config.WebPushSetting{Urgency: "High"}
			},
			`{"title":"<b>","body":"","data":{"offlinepush":{"version":1,"messageID":"m","user":"u"}}}`,
			map[string]string{"TTL": "1", "Urgency": "high", "Topic": ""},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := &service{onPush: func(_ http.ResponseWriter, r *http.Request, plaintext string) bool {
				if diff := cmp.Diff(tt.plaintext, plaintext); diff != "" {
					t.Errorf("the service worker gets (-want +got):\n%s", diff)
				}
				got := map[string]string{"TTL": r.Header.Get("TTL"), "Urgency": r.Header.Get("Urgency"), "Topic": r.Header.Get("Topic")}
				if diff := cmp.Diff(tt.headers, got); diff != "" {
					t.Errorf("headers (-want +got):\n%s", diff)
				}
				if r.Header.Get("Content-Encoding") != "aes128gcm" || r.Header.Get("Content-Type") != "application/octet-stream" {
					t.Errorf("headers %v", r.Header)
				}
				return false
			}}
			p := start(t, s, providertest.Deps())
			n, target := providertest.Notification(), targets(1)[0]
			tt.change(&n, &target)
			if o := p.Send(t.Context(), n, []provider.Target{target})[0]; o.Class != message.Accepted || o.VendorMessageID != "id-1" {
				t.Errorf("got %+v", o)
			}
		})
	}
}

// tokensOf collects the VAPID tokens of the requests.
func tokensOf(seen *sync.Map, r *http.Request) (n int) {
	seen.Store(r.Header.Get("Authorization"), true)
	seen.Range(func(any, any) bool { n++; return true })
	return n
}

func TestTokensAreSignedOnceForAnOrigin(t *testing.T) {
	t.Parallel()
	var seen sync.Map
	var later atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	s := &service{now: now, onPush: func(_ http.ResponseWriter, r *http.Request, _ string) bool {
		tokensOf(&seen, r)
		return false
	}}
	deps := providertest.Deps()
	deps.Now = now
	p := start(t, s, deps)
	for i, wait := range []time.Duration{0, 10 * time.Hour, 90 * time.Minute, 48 * time.Hour, -72 * time.Hour} {
		later.Add(int64(wait))
		for _, o := range p.Send(t.Context(), providertest.Notification(), targets(20)) {
			if o.Class != message.Accepted {
				t.Fatalf("got %+v", o)
			}
		}
		n, want := 0, []int{1, 1, 2, 3, 4}[i]
		seen.Range(func(any, any) bool { n++; return true })
		if n != want {
			t.Errorf("after %s: %d tokens, want %d", wait, n, want)
		}
	}
}

func TestARefusedTokenIsSignedOnceMore(t *testing.T) {
	t.Parallel()
	var seen sync.Map
	var calls atomic.Int64
	s := &service{onPush: func(w http.ResponseWriter, r *http.Request, _ string) bool {
		calls.Add(1)
		if tokensOf(&seen, r) > 1 {
			return false
		}
		refuse(w, http.StatusUnauthorized, 109, "Invalid VAPID expiry")
		return true
	}}
	p := start(t, s, providertest.Deps())
	if o := p.Send(t.Context(), providertest.Notification(), targets(1))[0]; o.Class != message.Accepted || calls.Load() != 2 {
		t.Errorf("got %+v after %d calls", o, calls.Load())
	}
	calls.Store(0)
	revoked := &service{Fake: providertest.Fake{Revoked: true}}
	o := start(t, revoked, providertest.Deps()).Send(t.Context(), providertest.Notification(), targets(1))[0]
	if o.Class != message.CredentialRejected || o.Code != "errno 109" {
		t.Errorf("a key that is refused: got %+v", o)
	}
}

// TestOneSubscriptionCannotCloseTheChannel has one that its push service refuses with the words for a bad token, while it
// takes the others.
func TestOneSubscriptionCannotCloseTheChannel(t *testing.T) {
	t.Parallel()
	var later atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	s := &service{now: now, onPush: func(w http.ResponseWriter, r *http.Request, _ string) bool {
		if !strings.HasSuffix(r.URL.Path, "good-1") {
			return false
		}
		refuse(w, http.StatusForbidden, 109, "Invalid Authentication")
		return true
	}}
	deps := providertest.Deps()
	deps.Now = now
	p := start(t, s, deps)
	for _, step := range []struct {
		wait time.Duration
		to   int
		want message.Class
	}{
		{0, 1, message.CredentialRejected},
		{0, 0, message.Accepted},
		{trusted - time.Minute, 1, message.Transient},
		{2 * time.Minute, 1, message.CredentialRejected},
	} {
		later.Add(int64(step.wait))
		o := p.Send(t.Context(), providertest.Notification(), targets(2)[step.to:step.to+1])[0]
		if o.Class != step.want || o.PhoneOnly != (o.Class == message.Transient) {
			t.Errorf("%+v: got %+v", step, o)
		}
	}
}

// TestAnyPushServiceVouchesForTheKey: an acceptance shows that the key is good, whichever host it came from.
func TestAnyPushServiceVouchesForTheKey(t *testing.T) {
	t.Parallel()
	h := hosts{known: map[string]host{}}
	now := time.Unix(1_800_000_000, 0)
	for i, step := range []struct {
		host        string
		class, want message.Class
		after       time.Duration
	}{
		{"a", message.AuthExpired, message.CredentialRejected, 0},
		{"b", message.Accepted, message.Accepted, 0},
		{"a", message.AuthExpired, message.Transient, trusted - 1},
		{"a", message.AuthExpired, message.CredentialRejected, 1},
	} {
		now = now.Add(step.after)
		o := message.Outcome{Class: step.class}
		h.settle(step.host, &o, now)
		if o.Class != step.want || o.PhoneOnly != (step.want == message.Transient) {
			t.Errorf("step %d: got %+v", i, o)
		}
	}
}

// TestAThrottlingHostIsLeftAlone: it is not called before its time is over.
func TestAThrottlingHostIsLeftAlone(t *testing.T) {
	t.Parallel()
	for asked, want := range map[string]time.Duration{"": firstWait, "120": 2 * time.Minute} {
		var later, calls atomic.Int64
		began := time.Now()
		now := func() time.Time { return began.Add(time.Duration(later.Load())) }
		s := &service{now: now, onPush: func(w http.ResponseWriter, _ *http.Request, _ string) bool {
			if calls.Add(1) > 1 {
				return false
			}
			if asked != "" {
				w.Header().Set("Retry-After", asked)
			}
			refuse(w, http.StatusTooManyRequests, 0, "slow down")
			return true
		}}
		deps := providertest.Deps()
		deps.Now = now
		p := start(t, s, deps)
		for i, step := range []struct {
			after time.Duration
			class message.Class
			wait  time.Duration
			calls int64
		}{
			{0, message.Throttled, want, 1},
			{want - time.Second, message.Throttled, time.Second, 1},
			{time.Second, message.Accepted, 0, 2},
			{0, message.Accepted, 0, 3},
		} {
			later.Add(int64(step.after))
			o := p.Send(t.Context(), providertest.Notification(), targets(1))[0]
			if o.Class != step.class || o.RetryAfter != step.wait || o.PhoneOnly != (o.Class == message.Throttled) || calls.Load() != step.calls {
				t.Errorf("Retry-After %q, step %d: got %+v after %d calls", asked, i, o, calls.Load())
			}
		}
	}
}

func TestOneForeignSubscriptionDoesNotBlameTheKey(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	s := &service{onPush: func(w http.ResponseWriter, r *http.Request, _ string) bool {
		if strings.HasSuffix(r.URL.Path, "good-1") {
			calls.Add(1)
			refuse(w, http.StatusUnauthorized, 109, "VAPID public key mismatch")
			return true
		}
		return false
	}}
	got := start(t, s, providertest.Deps()).Send(t.Context(), providertest.Notification(), targets(3))
	if got[0].Class != message.Accepted || got[1].Class != message.InvalidToken || got[2].Class != message.Accepted || calls.Load() != 1 {
		t.Errorf("got %+v after %d calls", got, calls.Load())
	}
}

func TestRefusedWithoutACall(t *testing.T) {
	t.Parallel()
	s := &service{onPush: func(http.ResponseWriter, *http.Request, string) bool {
		t.Error("was sent")
		return false
	}}
	p := start(t, s, providertest.Deps())
	long := providertest.Notification()
	long.Payload = strings.Repeat("x", maxPlaintext)
	elsewhere := strings.Replace(token("x"), pushHost, "push.attacker.example", 1)
	tests := map[string]struct {
		n     provider.Notification
		token string
		class message.Class
		words string
	}{
		"no subscription": {providertest.Notification(), "fcm-token:APA91b", message.InvalidToken, "token: is not the JSON of a PushSubscription"},
		"another host":    {providertest.Notification(), elsewhere, message.Rejected, "host push.attacker.example of the subscription is not in webPush.allowedHosts"},
		"too long":        {long, token("x"), message.Rejected, "Web Push takes 3993; shorten the payload"},
	}
	for name, tt := range tests {
		o := p.Send(t.Context(), tt.n, []provider.Target{{Token: tt.token}})[0]
		if o.Class != tt.class || !strings.Contains(o.Detail, tt.words) || o.HTTPStatus != 0 {
			t.Errorf("%s: got %+v", name, o)
		}
	}
}

// TestSubscriptionsLeadToPublicAddressesOnly has an allowed host that resolves to the cluster's own network.
func TestSubscriptionsLeadToPublicAddressesOnly(t *testing.T) {
	t.Parallel()
	for url, forbidden := range map[string]bool{"": true, "https://192.0.2.1": false} {
		c := row()
		c.Endpoint.URL = url
		c.WebPush.AllowedHosts = []string{"192.168.255.254"}
		p, err := New(c, provider.Deps{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Close)
		foreign := p.client.Transport.(*http.Transport).DialContext
		ctx, cancel := context.WithCancel(t.Context())
		if !forbidden { // Nobody is there.
			time.AfterFunc(50*time.Millisecond, cancel)
		}
		_, err = foreign(ctx, "tcp", "192.168.255.254:443")
		cancel()
		if got := err != nil && strings.Contains(err.Error(), provider.ErrForbiddenAddress.Error()); got != forbidden {
			t.Errorf("endpoint %q: got %v", url, err)
		}
	}
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	h := hosts{known: map[string]host{}}
	now := time.Unix(1_800_000_000, 0)
	settle := func(class message.Class, after, asked time.Duration) time.Duration {
		now = now.Add(after)
		o := message.Outcome{Class: class, RetryAfter: asked}
		h.settle("host", &o, now)
		if o.PhoneOnly != (class == message.Throttled) {
			t.Errorf("%s concerns the phone only: %t", class, o.PhoneOnly)
		}
		return o.RetryAfter
	}
	for i, step := range []struct {
		class              message.Class
		after, asked, want time.Duration
	}{
		{message.Throttled, 0, 0, 30 * time.Second},
		{message.Throttled, 10 * time.Second, 0, 20 * time.Second}, // of a request that was open
		{message.Throttled, 20 * time.Second, 0, time.Minute},
		{message.Throttled, time.Minute, 5 * time.Second, 5 * time.Second},
		{message.Throttled, time.Second, 0, 4 * time.Second}, // of a request that was open
		{message.Throttled, time.Minute, 0, 2 * time.Minute},
		{message.Transient, time.Hour, 0, 0},
		{message.Throttled, time.Hour, 0, 4 * time.Minute},
		{message.Throttled, time.Hour, 0, 8 * time.Minute},
		{message.Throttled, time.Hour, 0, 16 * time.Minute},
		{message.Throttled, time.Hour, 0, 30 * time.Minute},
		{message.Throttled, time.Hour, 0, 30 * time.Minute},
		{message.Throttled, time.Hour, 5 * time.Hour, 5 * time.Hour},
		{message.Throttled, time.Minute, 0, 29 * time.Minute}, // another subscription may try sooner
		{message.Accepted, time.Second, 0, 0},
		{message.Throttled, 0, 0, 30 * time.Second},
	} {
		if got := settle(step.class, step.after, step.asked); got != step.want {
			t.Errorf("step %d: got %s, want %s", i, got, step.want)
		}
	}
}
