package meizu

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/providertest"
)

// TestSignVectors has the two signatures of Meizu's documents and one of a form with a text beyond ASCII.
func TestSignVectors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		form         url.Values
		secret, want string
	}{
		{
			url.Values{"appId": {"100999"}, "pushId": {"862891030007404100999"}, "msgType": {"0"}, "subSwitch": {"1"}, "sign": {"ignored"}},
			"531732bc45324098978bf41c6954c09e", "5bd43df385bec6f236c6417d437741e7",
		},
		{
			url.Values{
				"appId": {"10000"}, "pushIds": {"RA50c6348036344485d01776773577c64740465480a6b"},
				"messageJson": {`{"title":"title","content":"content","pushTimeInfo":{"offLine":1,"validTime":24}}`},
			},
			"<APP_SECRET>", "ac076ff25d9900015a681cb5172aa53b",
		},
		// printf 'appId=1messageJson={"t":"午饭 & <b>"}pushIds=a,bs' | md5sum
		{url.Values{"appId": {"1"}, "messageJson": {`{"t":"午饭 & <b>"}`}, "pushIds": {"a,b"}}, "s", "bbb424362fb5fd141b7d52b6c2cf2678"},
	}
	for _, tt := range tests {
		if got := sign(tt.form, tt.secret); got != tt.want {
			t.Errorf("%v: got %s, want %s", tt.form, got, tt.want)
		}
	}
}

// TestBlameIsSettledAlone has requests that blame their push ids as a whole.
func TestBlameIsSettledAlone(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"110002", "110003"} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			var requests atomic.Int64
			p := start(t, func(w http.ResponseWriter, _ *http.Request, ids []string) bool {
				requests.Add(1)
				if len(ids) == 1 && strings.HasPrefix(ids[0], "good") {
					return false
				}
				answer(w, `{"code":"`+code+`","message":"pushId","value":""}`)
				return true
			})
			got := classes(p.Send(t.Context(), providertest.Notification(), providertest.Targets(4)))
			want := []message.Class{message.Accepted, message.Accepted, message.InvalidToken, message.Accepted}
			if diff := cmp.Diff(want, got); diff != "" || requests.Load() != 5 {
				t.Errorf("%d requests (-want +got):\n%s", requests.Load(), diff)
			}
		})
	}
}

// TestAFullPhoneHoldsNobodyBack: a quota of one phone ends no work for others.
func TestAFullPhoneHoldsNobodyBack(t *testing.T) {
	t.Parallel()
	p := start(t, func(w http.ResponseWriter, _ *http.Request, ids []string) bool {
		if len(ids) > 1 {
			answer(w, `{"code":"110003","value":""}`)
			return true
		}
		if ids[0] == "good-token-0000" {
			answer(w, `{"code":"200","msgId":"m","value":{"110011":["good-token-0000"]}}`)
			return true
		}
		return false
	})
	n := providertest.Notification()
	for i, o := range p.Send(t.Context(), n, providertest.Targets(maxTargets)) {
		want := message.Accepted
		if i == 0 {
			want = message.QuotaExhausted
		}
		if o.Class != want || o.PhoneOnly != (i == 0) {
			t.Fatalf("target %d: got %+v", i, o)
		}
	}
}

func TestSendSaysWhatItCut(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	n := providertest.Notification()
	n.Title, n.Image = strings.Repeat("好", 33), "https://x.example/p.png"
	want := "title cut from 33 to 32 characters; image left out: Meizu takes pictures of a few partners only"
	if o := p.Send(t.Context(), n, providertest.Targets(1))[0]; o.Class != message.Accepted || o.Detail != want {
		t.Errorf("got %+v", o)
	}
	n.Title = " "
	for _, o := range p.Send(t.Context(), n, providertest.Targets(2)) {
		if o.Class != message.Rejected || !strings.Contains(o.Detail, "give both") {
			t.Errorf("got %+v", o)
		}
	}
}

// TestRedirects follows an answer to Meizu's own addresses only, and once.
func TestRedirects(t *testing.T) {
	t.Parallel()
	var sends atomic.Int64
	answers := func(link func(*http.Request) string) func(http.ResponseWriter, *http.Request, []string) bool {
		return func(w http.ResponseWriter, r *http.Request, _ []string) bool {
			sends.Add(1)
			to := link(r)
			if to == "" {
				return false
			}
			answer(w, fmt.Sprintf(`{"code":"300","message":"moved","value":"","redirect":%q}`, to))
			return true
		}
	}
	own := start(t, answers(func(r *http.Request) string {
		if sends.Load() > 1 {
			return ""
		}
		return "https://" + r.Host + r.URL.Path
	}))
	n, targets := providertest.Notification(), providertest.Targets(1)
	if o := own.Send(t.Context(), n, targets)[0]; o.Class != message.Accepted || sends.Load() != 2 {
		t.Errorf("own address: got %+v after %d requests", o, sends.Load())
	}
	sends.Store(0)
	endless := start(t, answers(func(r *http.Request) string { return "https://" + r.Host + r.URL.Path }))
	if o := endless.Send(t.Context(), n, targets)[0]; o.Class != message.Transient || o.Code != "300" || sends.Load() != 2 {
		t.Errorf("endless: got %+v after %d requests", o, sends.Load())
	}
	for _, link := range []string{"https://evil.example/", "http://server-api-push.meizu.com/", "https://u@server-api-push.meizu.com/", "https://meizu.com.evil.example/", ":", "https://x.meizu.com/?a=b"} {
		a := provider.Answer{Status: 200, Body: fmt.Appendf(nil, `{"code":"300","redirect":%q}`, link)}
		if got := redirect(a, "https://server-api-push.meizu.com"); got != "" {
			t.Errorf("%s is followed to %s", link, got)
		}
	}
	a := provider.Answer{Status: 200, Body: []byte(`{"code":300,"redirect":"https://b.meizu.com/x"}`)}
	if got := redirect(a, "https://server-api-push.meizu.com"); got != "https://b.meizu.com/x" {
		t.Errorf("another of Meizu's hosts: got %q", got)
	}
}

// TestProbeAsksForToday has a clock that shows different days in China and in UTC.
func TestProbeAsksForToday(t *testing.T) {
	t.Parallel()
	var asked atomic.Value
	f := &fake{t: t}
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r.Method + " " + r.FormValue("startTime") + "-" + r.FormValue("endTime"))
		f.ServeHTTP(w, r)
	}))
	defer s.Close()
	c := row()
	c.Endpoint = providertest.Endpoint(s)
	deps := providertest.Deps()
	p, err := New(c, deps)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	p.now = func() time.Time { return time.Date(2026, 12, 31, 17, 0, 0, 0, time.UTC) }
	if o := p.Probe(t.Context()); o.Class != message.Accepted || asked.Load() != "GET 20270101-20270101" {
		t.Errorf("got %+v after %v", o, asked.Load())
	}
}

func TestRegions(t *testing.T) {
	t.Parallel()
	for region, host := range map[string]string{"China": "https://server-api-push.meizu.com", "India": "https://server-api-push.in.meizu.com"} {
		c := row()
		c.Meizu.Region = region
		p, err := New(c, providertest.Deps())
		if err != nil || p.base != host {
			t.Errorf("%s: got %+v, %v", region, p, err)
		}
		c.Endpoint.URL = "https://sim.example/meizu/"
		if p, err = New(c, providertest.Deps()); err != nil || p.base != "https://sim.example/meizu" {
			t.Errorf("%s with an endpoint: got %+v, %v", region, p, err)
		}
	}
	c := row()
	c.Meizu.Region = "Mars"
	if _, err := New(c, providertest.Deps()); err == nil || !strings.Contains(err.Error(), `meizu.region: is "Mars", must be China or India`) {
		t.Errorf("got %v", err)
	}
}

func TestCheckCredential(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ secret, receipts, want string }{
		{"s", "", ""},
		{"s", "r", ""},
		{"", "r", "appSecret: is empty"},
		{"secret-a\n", "r", "appSecret: begins or ends"},
		{"s", "secret-a b", "receiptToken: holds a blank or what is no printable ASCII"},
	} {
		c := row()
		c.Meizu.AppSecret, c.Meizu.ReceiptToken = config.NewSecret(tt.secret), config.NewSecret(tt.receipts)
		_, err := New(c, providertest.Deps())
		if (err == nil) != (tt.want == "") || err != nil && (!strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "secret-a")) {
			t.Errorf("%+v: got %v", tt, err)
		}
	}
}

// TestReceiptsNeedATokenOfTheConsole: a URL that the console does not have may cost the push.
func TestReceiptsNeedATokenOfTheConsole(t *testing.T) {
	t.Parallel()
	deps := providertest.Deps()
	deps.ReceiptURL = config.NewSecret("https://push.example.com/v1/receipts/x")
	for token, want := range map[string]string{"": "", "receipt-token": deps.ReceiptURL.Reveal()} {
		c := row()
		c.Meizu.ReceiptToken = config.NewSecret(token)
		p, err := New(c, deps)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.receiptURL.Reveal(); got != want {
			t.Errorf("token %q: receipts go to %q", token, got)
		}
		p.Close()
	}
}
