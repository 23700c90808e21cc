package harmonyos

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/providertest"
)

// start runs a fake Push Kit and a provider of it.
func start(t *testing.T, f *fake, deps provider.Deps) *Provider {
	t.Helper()
	f.t = t
	f.Treat = func(string) providertest.Treatment { return providertest.Deliver }
	s := httptest.NewTLSServer(f)
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

func TestDocs(t *testing.T) {
	t.Parallel()
	providertest.Docs(t, "../../../docs/vendors/harmonyos.md", Codes())
}

func TestAddress(t *testing.T) {
	t.Parallel()
	c := row(t)
	c.HarmonyOS.ProjectID = "" // known from the credential
	p, err := New(c, providertest.Deps())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if got := p.sender.URL; got != "https://push-api.cloud.huawei.com/v3/736430079244736/messages:send" {
		t.Errorf("pushes go to %s", got)
	}
	if _, err := Receipts(config.Channel{Name: "x"}, provider.Callback{}); err == nil {
		t.Error("receipts of a row of another vendor are taken")
	}
}

// TestSignsAgain: a JWT is used until it nears its end or is refused, and refused fresh only once.
func TestSignsAgain(t *testing.T) {
	t.Parallel()
	var (
		mu      sync.Mutex
		used    = map[string]bool{}
		refused = map[string]bool{}
		all     bool
	)
	f := &fake{onSend: func(w http.ResponseWriter, r *http.Request, _ request) bool {
		mu.Lock()
		defer mu.Unlock()
		bearer := r.Header.Get("Authorization")
		used[bearer] = true
		if refused[bearer] || all {
			w.WriteHeader(http.StatusUnauthorized)
			answer(w, "80200005", "Jwt token expired.")
			return true
		}
		return false
	}}
	p := start(t, f, providertest.Deps())
	send := func() (message.Outcome, int) {
		o := p.Send(t.Context(), providertest.Notification(), providertest.Targets(1))[0]
		mu.Lock()
		defer mu.Unlock()
		return o, len(used)
	}
	change := func(do func()) {
		mu.Lock()
		defer mu.Unlock()
		do()
	}
	for range 3 {
		if o, n := send(); o.Class != message.Accepted || n != 1 {
			t.Fatalf("got %+v with %d JWTs", o, n)
		}
	}
	change(func() { refused, used = used, map[string]bool{} })
	if o, n := send(); o.Class != message.Accepted || n != 2 {
		t.Errorf("after the end: got %+v with %d JWTs", o, n)
	}
	change(func() { all = true })
	if o, _ := send(); o.Class != message.CredentialRejected || o.Code != "80200005" {
		t.Errorf("a fresh one is refused: got %+v", o)
	}
}

// TestJWTEndsByTheClock: the signer's time is that of the provider, which may differ from the pod's.
func TestJWTEndsByTheClock(t *testing.T) {
	t.Parallel()
	a, err := parseAccount(account(t, nil), project)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 12, 31, 12, 0, 0, 0, time.UTC)
	token, o := signer{account: a, now: func() time.Time { return now }}.mint(t.Context())
	if o.Class != message.Accepted || !token.ExpiresAt.Equal(now.Add(55*time.Minute)) {
		t.Errorf("got %+v until %s", o, token.ExpiresAt)
	}
}

func TestTestMessagesGoToTenPhones(t *testing.T) {
	t.Parallel()
	var sizes []int
	f := &fake{onSend: func(_ http.ResponseWriter, _ *http.Request, m request) bool {
		sizes = append(sizes, len(m.Target.Token))
		if !m.Options.TestMessage {
			t.Error("is no test message")
		}
		return false
	}}
	p := start(t, f, providertest.Deps())
	n := providertest.Notification()
	n.Setting.HarmonyOS = &config.HarmonyOSSetting{Test: true}
	for _, o := range p.Send(t.Context(), n, providertest.Targets(25)) {
		if o.Class != message.Accepted {
			t.Errorf("got %+v", o)
		}
	}
	if diff := cmp.Diff([]int{10, 10, 5}, sizes); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCompose(t *testing.T) {
	t.Parallel()
	const (
		envelope = `"{\"version\":1,\"messageID\":\"019a0000-0000-7000-8000-000000000001\",\"user\":\"u\"}"`
		own      = `{"offlinepush":` + envelope + `,"payload":"{\"conversation\":\"anna\"}"}`
		rest     = `,"target":{"token":["tok"]},"pushOptions":{"ttl":3600,"biTag":"019a0000-0000-7000-8000-000000000001","receiptId":"RCP1"}}`
	)
	extra, err := json.Marshal(`{"body":"Lunch?","offlinepush":` + envelope + `,"payload":"{\"conversation\":\"anna\"}","title":"Anna"}`)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		setting *config.HarmonyOSSetting
		change  func(*provider.Notification)
		kind    string
		want    string
		note    string
	}{
		{"plain", nil, nil, "0", `{"payload":{"notification":{"title":"Anna","body":"Lunch?",
			"clickAction":{"actionType":0,"data":` + own + `},"foregroundShow":true,"notifyId":@PLACE@}}` + rest, ""},
		{
			"profile", &config.HarmonyOSSetting{
				PushType: "Notification", Test: true, Category: "IM", Sound: "ring.mp3",
				ClickAction: config.ClickAction{Type: config.OpenPage, URI: "app://chat"},
			},
			func(n *provider.Notification) {
				n.Image, n.BadgeIncrement, n.TTL = "https://example.com/a.png", 120, 1<<62
			}, "0", `{"payload":{"notification":{"category":"IM","title":"Anna","body":"Lunch?",
				"clickAction":{"actionType":1,"uri":"app://chat","data":` + own + `},"badge":{"addNum":99},"foregroundShow":true,
				"notifyId":@PLACE@,"image":"https://example.com/a.png","sound":"ring.mp3"}},"target":{"token":["tok"]},
				"pushOptions":{"ttl":1296000,"biTag":"019a0000-0000-7000-8000-000000000001","testMessage":true,"receiptId":"RCP1"}}`, "",
		},
		{
			"web page", &config.HarmonyOSSetting{ClickAction: config.ClickAction{Type: config.OpenURL, URI: "https://example.com"}}, nil,
			"0", `{"payload":{"notification":{"title":"Anna","body":"Lunch?",
				"clickAction":{"actionType":0,"data":` + own + `},"foregroundShow":true,"notifyId":@PLACE@}}` + rest,
			"a tap opens the app: HarmonyOS opens no web page",
		},
		{"background", &config.HarmonyOSSetting{PushType: "Background"}, nil, "6", `{"payload":{"extraData":` + string(extra) + `}` + rest, ""},
		{"call", &config.HarmonyOSSetting{PushType: "VoIP"}, nil, "10", `{"payload":{"extraData":` + string(extra) + `}` + rest, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n := providertest.Notification()
			n.Setting.HarmonyOS = tt.setting
			if tt.change != nil {
				tt.change(&n)
			}
			m, err := compose(n, "RCP1", []provider.Target{{Token: "tok", UserHash: "u"}})
			if err != nil {
				t.Fatal(err)
			}
			if got := m.Header.Get("push-type"); got != tt.kind || m.Note != tt.note {
				t.Errorf("push-type %q, note %q", got, m.Note)
			}
			place, _ := json.Marshal(provider.PlaceID(n))
			checkJSON(t, m.Body([]string{"tok"}), strings.Replace(tt.want, "@PLACE@", string(place), 1))
		})
	}
}

func checkJSON(t *testing.T, v any, wantJSON string) {
	t.Helper()
	encoded, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var got, want any
	if err := json.Unmarshal(encoded, &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(wantJSON), &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestComposeRejects(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*provider.Notification){
		"title and content: Huawei shows no push without both": func(n *provider.Notification) { n.Title = "" },
		"Huawei takes 4096; shorten the payload":               func(n *provider.Notification) { n.Payload = strings.Repeat("x", 4096) },
	} {
		n := providertest.Notification()
		change(&n)
		p := start(t, &fake{}, providertest.Deps())
		for _, o := range p.Send(t.Context(), n, providertest.Targets(2)) {
			if o.Class != message.Rejected || !strings.Contains(o.Detail, want) {
				t.Errorf("got %+v, want %q", o, want)
			}
		}
	}
}
