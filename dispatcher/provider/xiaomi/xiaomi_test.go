package xiaomi

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/providertest"
)

// start runs a fake and a provider of it.
func start(t *testing.T, onSend func(http.ResponseWriter, *http.Request, []string) bool) *Provider {
	t.Helper()
	deliver := providertest.Fake{Treat: func(string) providertest.Treatment { return providertest.Deliver }}
	s := httptest.NewTLSServer(&fake{t: t, Fake: deliver, onSend: onSend})
	t.Cleanup(s.Close)
	c := row()
	c.Endpoint = providertest.Endpoint(s)
	p, err := New(c, providertest.Deps())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func classes(outcomes []message.Outcome) (all []message.Class) {
	for _, o := range outcomes {
		all = append(all, o.Class)
	}
	return all
}

// TestBlameIsSettledAlone has requests that blame their tokens as a whole.
func TestBlameIsSettledAlone(t *testing.T) {
	t.Parallel()
	for _, code := range invalidCodes() {
		t.Run(code[0], func(t *testing.T) {
			t.Parallel()
			var requests atomic.Int64
			p := start(t, func(w http.ResponseWriter, _ *http.Request, tokens []string) bool {
				requests.Add(1)
				if len(tokens) == 1 && strings.HasPrefix(tokens[0], "good") {
					return false
				}
				answer(w, `{"result":"error","code":`+code[0]+`,"reason":"send failed"}`)
				return true
			})
			got := classes(p.Send(t.Context(), providertest.Notification(), providertest.Targets(4)))
			want := []message.Class{message.Accepted, message.Accepted, message.InvalidToken, message.Accepted}
			if diff := cmp.Diff(want, got); diff != "" || requests.Load() != 5 {
				t.Errorf("%d requests (-want +got):\n%s", requests.Load(), diff)
			}
			got = classes(p.Send(t.Context(), providertest.Notification(), providertest.Targets(3)[2:]))
			if diff := cmp.Diff([]message.Class{message.InvalidToken}, got); diff != "" || requests.Load() != 6 {
				t.Errorf("single: %d requests (-want +got):\n%s", requests.Load(), diff)
			}
		})
	}
}

// TestBlameEndsWithTheChannel has a vendor that is too busy for single requests.
func TestBlameEndsWithTheChannel(t *testing.T) {
	t.Parallel()
	var requests atomic.Int64
	p := start(t, func(w http.ResponseWriter, _ *http.Request, tokens []string) bool {
		requests.Add(1)
		code := 200002
		if len(tokens) > 1 {
			code = 20301
		}
		answer(w, fmt.Sprintf(`{"result":"error","code":%d}`, code))
		return true
	})
	outcomes := p.Send(t.Context(), providertest.Notification(), providertest.Targets(maxTargets))
	for i, o := range outcomes {
		if o.Class != message.Throttled {
			t.Fatalf("target %d: got %+v", i, o)
		}
	}
	if n := requests.Load(); n > 1+2*16 {
		t.Errorf("%d requests after the vendor asked to be left alone", n)
	}
}

func TestForgedTokensNameNoOtherPhone(t *testing.T) {
	t.Parallel()
	p := start(t, func(_ http.ResponseWriter, _ *http.Request, tokens []string) bool {
		if diff := cmp.Diff([]string{"mine", "with+/="}, tokens); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		return false
	})
	targets := []provider.Target{{Token: "mine"}, {Token: "x,victim"}, {Token: ""}, {Token: "a b"}, {Token: "号"}, {Token: "with+/="}}
	got := classes(p.Send(t.Context(), providertest.Notification(), targets))
	dead := message.InvalidToken
	if diff := cmp.Diff([]message.Class{message.Accepted, dead, dead, dead, dead, message.Accepted}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	got = classes(p.Send(t.Context(), providertest.Notification(), targets[1:2]))
	if diff := cmp.Diff([]message.Class{dead}, got); diff != "" {
		t.Errorf("only forged ones (-want +got):\n%s", diff)
	}
}

func TestRejectsWithoutACall(t *testing.T) {
	t.Parallel()
	p := start(t, func(http.ResponseWriter, *http.Request, []string) bool {
		t.Error("a push that Xiaomi refuses was sent")
		return false
	})
	n := providertest.Notification()
	n.Title = " "
	for _, o := range p.Send(t.Context(), n, providertest.Targets(2)) {
		if o.Class != message.Rejected || !strings.Contains(o.Detail, "give both") {
			t.Errorf("got %+v", o)
		}
	}
}

func TestSendSaysWhatItCut(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	n := providertest.Notification()
	n.Title, n.Content = strings.Repeat("好", 60), strings.Repeat("x", 128)
	o := p.Send(t.Context(), n, providertest.Targets(1))[0]
	if o.Class != message.Accepted || o.Detail != "title cut from 60 to 49 characters; content cut from 128 to 127 characters" {
		t.Errorf("got %+v", o)
	}
}

func TestEnvelopeNamesTheCommonUserOnly(t *testing.T) {
	t.Parallel()
	var about atomic.Value
	p := start(t, func(_ http.ResponseWriter, r *http.Request, _ []string) bool {
		about.Store(r.PostFormValue("extra.offlinepush"))
		return false
	})
	n := provider.Notification{Title: "t", Content: "c", MessageID: "m"}
	for want, users := range map[string][]string{
		`{"version":1,"messageID":"m","user":"u"}`: {"u", "u"},
		`{"version":1,"messageID":"m"}`:            {"u", "v"},
	} {
		p.Send(t.Context(), n, []provider.Target{{Token: "a", UserHash: users[0]}, {Token: "b", UserHash: users[1]}})
		if got := about.Load(); got != want {
			t.Errorf("users %v: got %s, want %s", users, got, want)
		}
	}
}

func TestRegions(t *testing.T) {
	t.Parallel()
	hosts := map[string]string{
		"China":  "https://api.xmpush.xiaomi.com",
		"Russia": "https://ru-api.xmpush.global.xiaomi.com",
		"India":  "https://idmb-api.xmpush.global.xiaomi.com",
		"Europe": "https://fr-api.xmpush.global.xiaomi.com",
		"Global": "https://sgp-api.xmpush.global.xiaomi.com",
	}
	for region, host := range hosts {
		c := row()
		c.Xiaomi.Region, c.Xiaomi.Path = region, "/v4/message/regid"
		p, err := New(c, providertest.Deps())
		if err != nil || p.base != host || p.path != "/v4/message/regid" {
			t.Errorf("%s: got %+v, %v", region, p, err)
		}
		c.Endpoint.URL = "https://sim.example/xiaomi/"
		if p, err = New(c, providertest.Deps()); err != nil || p.base != "https://sim.example/xiaomi" {
			t.Errorf("%s with an endpoint: got %+v, %v", region, p, err)
		}
	}
	c := row()
	c.Xiaomi.Region = "Mars"
	if _, err := New(c, providertest.Deps()); err == nil || !strings.Contains(err.Error(), `xiaomi.region: is "Mars", must be China, Russia`) {
		t.Errorf("got %v", err)
	}
	c.Xiaomi.AppSecret = config.NewSecret("x\n")
	if _, err := New(c, providertest.Deps()); err == nil || !strings.Contains(err.Error(), "appSecret: begins or ends") {
		t.Errorf("got %v", err)
	}
}

func TestCheckCredential(t *testing.T) {
	t.Parallel()
	if err := checkCredential([]byte(appSecret)); err != nil {
		t.Error(err)
	}
	if err := checkCredential(nil); err == nil || err.Error() != "appSecret: is empty; copy the AppSecret from Xiaomi's console" {
		t.Errorf("got %v", err)
	}
}
