package fcm

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
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

func deliver(string) providertest.Treatment { return providertest.Deliver }

// start runs a fake Google and a provider of it.
func start(t *testing.T, g *google, deps provider.Deps) *Provider {
	t.Helper()
	g.t = t
	if g.Treat == nil {
		g.Treat = deliver
	}
	s := httptest.NewUnstartedServer(g)
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	c := row(t)
	c.Endpoint = providertest.Endpoint(s)
	p, err := New(c, deps)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func classes(outcomes []message.Outcome) map[message.Class]int {
	n := map[message.Class]int{}
	for _, o := range outcomes {
		n[o.Class]++
	}
	return n
}

func TestSendRefreshesOnce(t *testing.T) {
	t.Parallel()
	g := &google{}
	p := start(t, g, providertest.Deps())
	targets := providertest.Targets(50)
	if got := classes(p.Send(t.Context(), providertest.Notification(), targets)); got[message.Accepted] != 50 || g.minted.Load() != 1 {
		t.Fatalf("first: %v with %d tokens", got, g.minted.Load())
	}
	g.revoked.Store(accessToken+"1", true)
	var calls sync.WaitGroup
	for range 8 { // all find the token revoked at the same time
		calls.Go(func() {
			if got := classes(p.Send(t.Context(), providertest.Notification(), targets)); got[message.Accepted] != 50 {
				t.Errorf("after the revocation: %v", got)
			}
		})
	}
	calls.Wait()
	if got := g.minted.Load(); got != 2 {
		t.Errorf("%d tokens were minted, want 2", got)
	}
}

func TestSendGivesUpAfterOneRefresh(t *testing.T) {
	t.Parallel()
	var sends atomic.Int64
	g := &google{onSend: func(w http.ResponseWriter, _ *http.Request, _ request) bool {
		sends.Add(1)
		refuse(w, http.StatusUnauthorized, `{"status":"UNAUTHENTICATED","message":"no"}`)
		return true
	}}
	p := start(t, g, providertest.Deps())
	got := classes(p.Send(t.Context(), providertest.Notification(), providertest.Targets(3)))
	if diff := cmp.Diff(map[message.Class]int{message.AuthExpired: 3}, got); diff != "" || sends.Load() != 6 || g.minted.Load() != 2 {
		t.Errorf("%d requests, %d tokens (-want +got):\n%s", sends.Load(), g.minted.Load(), diff)
	}
}

func TestMismatch(t *testing.T) {
	t.Parallel()
	for code, proven := range map[string]message.Class{"SENDER_ID_MISMATCH": message.InvalidToken, "THIRD_PARTY_AUTH_ERROR": message.Rejected} {
		g := &google{onSend: func(w http.ResponseWriter, _ *http.Request, m request) bool {
			if strings.HasPrefix(m.Message.Token, "good") {
				return false
			}
			refuse(w, http.StatusForbidden, inner(withCode(code, "PERMISSION_DENIED", "no")))
			return true
		}}
		p := start(t, g, providertest.Deps())
		n, targets := providertest.Notification(), providertest.Targets(3) // two good ones, then one of another project or system
		if got := p.Send(t.Context(), n, targets[2:])[0]; got.Class != message.CredentialRejected {
			t.Errorf("%s before anything was delivered: got %+v", code, got)
		}
		if got := p.Send(t.Context(), n, targets)[2]; got.Class != proven {
			t.Errorf("%s beside a good one: got %+v", code, got)
		}
		if got := p.Send(t.Context(), n, targets[2:])[0]; got.Class != proven {
			t.Errorf("%s after a good one: got %+v", code, got)
		}
	}
}

func TestSendBoundsItsStreams(t *testing.T) {
	t.Parallel()
	var open, over atomic.Int64
	var once sync.Once
	full := make(chan struct{})
	g := &google{onSend: func(http.ResponseWriter, *http.Request, request) bool {
		n := open.Add(1)
		defer open.Add(-1)
		if n > maxStreams {
			over.Add(1)
		}
		if n == maxStreams {
			once.Do(func() { close(full) })
		}
		<-full // nobody leaves before the bound is reached
		return false
	}}
	p := start(t, g, providertest.Deps())
	got := classes(p.Send(t.Context(), providertest.Notification(), providertest.Targets(maxStreams*2)))
	if got[message.Accepted] != maxStreams*2 || over.Load() != 0 {
		t.Errorf("%v, %d requests over the bound of %d", got, over.Load(), maxStreams)
	}
}

func TestRejectsWithoutACall(t *testing.T) {
	t.Parallel()
	g := &google{onSend: func(http.ResponseWriter, *http.Request, request) bool {
		t.Error("a message over the limit was sent")
		return false
	}}
	p := start(t, g, providertest.Deps())
	n := providertest.Notification()
	n.Payload = strings.Repeat("x", maxContent)
	for _, o := range p.Send(t.Context(), n, providertest.Targets(2)) {
		if o.Class != message.Rejected || !strings.Contains(o.Detail, "FCM takes 4096; shorten the payload") {
			t.Errorf("got %+v", o)
		}
	}
}

func TestCompose(t *testing.T) {
	t.Parallel()
	about := `{"version":1,"messageID":"019a0000-0000-7000-8000-000000000001","user":"u"}`
	tests := []struct {
		name   string
		target string
		change func(*provider.Notification)
		want   string
	}{
		{"plain", "", func(*provider.Notification) {}, `{"token":"tok",
			"notification":{"title":"Anna","body":"Lunch?"},
			"data":{"payload":"{\"conversation\":\"anna\"}","offlinepush":%},
			"android":{"priority":"NORMAL","ttl":"3600s","notification":{"sound":"default","tag":"019a0000-0000-7000-8000-000000000001"}}}`},
		{"profile", "Token", func(n *provider.Notification) {
			n.Setting.FCM = &config.FCMSetting{MessageType: "Notification", Priority: "High", ChannelID: "im", Sound: "ring"}
			n.TTL = 1 << 62
		}, `{"token":"tok",
			"notification":{"title":"Anna","body":"Lunch?"},
			"data":{"payload":"{\"conversation\":\"anna\"}","offlinepush":%},
			"android":{"priority":"HIGH","ttl":"2419200s","notification":{"channel_id":"im","sound":"ring","tag":"019a0000-0000-7000-8000-000000000001"}}}`},
		{"data", "InstallationID", func(n *provider.Notification) {
			n.Setting.FCM = &config.FCMSetting{MessageType: "Data"}
			n.Urgent, n.TTL = true, 1999e6
		}, `{"fid":"tok",
			"data":{"title":"Anna","body":"Lunch?","payload":"{\"conversation\":\"anna\"}","offlinepush":%},
			"android":{"priority":"HIGH","ttl":"1s"}}`},
		{"picture", "", func(n *provider.Notification) { n.Image = "https://x.example/a.png" }, `{"token":"tok",
			"notification":{"title":"Anna","body":"Lunch?","image":"https://x.example/a.png"},
			"data":{"payload":"{\"conversation\":\"anna\"}","offlinepush":%},
			"android":{"priority":"NORMAL","ttl":"3600s","notification":{"sound":"default","image":"https://x.example/a.png",
				"tag":"019a0000-0000-7000-8000-000000000001"}}}`},
		{
			"nothing to show", "", func(n *provider.Notification) {
				*n = provider.Notification{MessageID: n.MessageID, Payload: "p", TTL: -time.Hour}
			},
			`{"token":"tok","data":{"title":"","body":"","payload":"p","offlinepush":%},"android":{"priority":"NORMAL","ttl":"0s"}}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n := providertest.Notification()
			tt.change(&n)
			b, err := compose(n, provider.Target{Token: "tok", UserHash: "u"}, tt.target)
			if err != nil {
				t.Fatal(err)
			}
			encoded, err := json.Marshal(b)
			if err != nil {
				t.Fatal(err)
			}
			quoted, err := json.Marshal(about)
			if err != nil {
				t.Fatal(err)
			}
			var got, want any
			if err := json.Unmarshal(encoded, &got); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(strings.Replace(tt.want, "%", string(quoted), 1)), &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestComposeBadge(t *testing.T) {
	t.Parallel()
	n := providertest.Notification()
	for _, badge := range []int32{0, 7} {
		b, err := compose(n, provider.Target{Token: "tok", Badge: &badge}, "")
		if err != nil || b.Android.Notification.Count == nil || *b.Android.Notification.Count != badge {
			t.Errorf("%d: got %+v, %v", badge, b.Android.Notification, err)
		}
	}
	n.Setting.FCM, n.Image = &config.FCMSetting{MessageType: "Data"}, "https://x.example/a.png"
	b, err := compose(n, provider.Target{Token: "tok", Badge: new(int32(7))}, "")
	if err != nil || b.Data["badge"] != "7" || b.Data["image"] != n.Image || b.Android.Notification != nil {
		t.Errorf("data: got %+v, %v", b, err)
	}
}

// TestComposeMeasuresEveryField fills a message to the limit, then adds to each field that a phone receives.
func TestComposeMeasuresEveryField(t *testing.T) {
	t.Parallel()
	n := provider.Notification{Title: "t", Content: "c", Image: "https://x.example/", ReplaceID: "r"}
	n.Setting.FCM = &config.FCMSetting{ChannelID: "im", Sound: "ring"}
	badge := int32(9)
	target := provider.Target{Token: "tok", Badge: &badge}
	b, err := compose(n, target, "")
	if err != nil {
		t.Fatal(err)
	}
	n.Payload = strings.Repeat("x", maxContent-b.size()-len("payload"))
	if _, err := compose(n, target, ""); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	full := n
	for name, longer := range map[string]func(){
		"title": func() { n.Title += "x" }, "content": func() { n.Content += "x" }, "image": func() { n.Image += "x" },
		"tag": func() { n.ReplaceID += "x" }, "badge": func() { badge = 10 },
	} {
		n = full
		longer()
		if _, err := compose(n, target, ""); err == nil {
			t.Errorf("%s: a byte over the limit is taken", name)
		}
		badge = 9
	}
}

func TestComposeMeasuresBytes(t *testing.T) {
	t.Parallel()
	n := provider.Notification{Content: "好", Payload: ""}
	b, err := compose(n, provider.Target{}, "")
	if err != nil {
		t.Fatal(err)
	}
	n.Payload = strings.Repeat("\"", maxContent-b.size()-len("payload")) // quotes double in JSON, not on the phone
	if _, err := compose(n, provider.Target{}, ""); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	n.Content += "x"
	if _, err := compose(n, provider.Target{}, ""); err == nil {
		t.Error("one byte over the limit is taken")
	}
}

// TestProbe has keys that Google takes and FCM does not.
func TestProbe(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status int
		body   string
		want   message.Class
	}{
		"dry run taken":   {200, `{"name":"projects/p/messages/fake_message_id"}`, message.Accepted},
		"phone unknown":   {404, withCode("UNREGISTERED", "NOT_FOUND", "x"), message.Accepted},
		"message refused": {400, `{"error":{"status":"INVALID_ARGUMENT","message":"x"}}`, message.Accepted},
		"no role":         {403, `{"error":{"status":"PERMISSION_DENIED","message":"x"}}`, message.CredentialRejected},
		"no project":      {404, `{"error":{"status":"NOT_FOUND","message":"x"}}`, message.CredentialRejected},
		"too fast":        {429, withCode("QUOTA_EXCEEDED", "RESOURCE_EXHAUSTED", "x"), message.Throttled},
		"down":            {503, `{"error":{"status":"UNAVAILABLE","message":"x"}}`, message.Transient},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, &google{onSend: func(w http.ResponseWriter, _ *http.Request, m request) bool {
				if !m.ValidateOnly {
					t.Errorf("the probe pushes: %+v", m)
				}
				w.WriteHeader(tt.status)
				_, _ = w.Write([]byte(tt.body))
				return true
			}}, providertest.Deps())
			if o := p.Probe(t.Context()); o.Class != tt.want {
				t.Errorf("got %+v", o)
			}
		})
	}
}
