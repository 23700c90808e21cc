package honor

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/providertest"
)

func TestSendRefreshesOnce(t *testing.T) {
	t.Parallel()
	f := &fake{}
	p := start(t, f)
	n, targets := providertest.Notification(), providertest.Targets(2)
	p.Send(t.Context(), n, targets)
	f.expired.Store(accessToken+"1", true)
	var calls sync.WaitGroup
	for range 8 { // all find the token refused at the same time
		calls.Go(func() {
			if diff := cmp.Diff([]message.Class{message.Accepted, message.Accepted}, classes(p.Send(t.Context(), n, targets))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	calls.Wait()
	if got := f.minted.Load(); got != 2 {
		t.Errorf("%d tokens were minted, want 2", got)
	}
}

func TestRefusedAfterARefresh(t *testing.T) {
	t.Parallel()
	answers := map[string]func(http.ResponseWriter){
		"code":   func(w http.ResponseWriter) { answer(w, `{"code":403,"message":"auth not passed"}`) },
		"status": func(w http.ResponseWriter) { w.WriteHeader(http.StatusUnauthorized) },
	}
	for name, refuse := range answers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var sends atomic.Int64
			p := start(t, &fake{onSend: func(w http.ResponseWriter, _ *http.Request, _ body) bool {
				sends.Add(1)
				refuse(w)
				return true
			}})
			got := classes(p.Send(t.Context(), providertest.Notification(), providertest.Targets(1)))
			if diff := cmp.Diff([]message.Class{message.CredentialRejected}, got); diff != "" || sends.Load() != 2 {
				t.Errorf("%d requests (-want +got):\n%s", sends.Load(), diff)
			}
		})
	}
}

// TestBlameIsSettledAlone has a request whose tokens are all called invalid.
func TestBlameIsSettledAlone(t *testing.T) {
	t.Parallel()
	var requests atomic.Int64
	p := start(t, &fake{onSend: func(w http.ResponseWriter, _ *http.Request, b body) bool {
		requests.Add(1)
		if len(b.Token) == 1 && strings.HasPrefix(b.Token[0], "good") {
			return false
		}
		answer(w, `{"code":80300007,"message":"all tokens are invalid"}`)
		return true
	}})
	got := classes(p.Send(t.Context(), providertest.Notification(), providertest.Targets(4)))
	want := []message.Class{message.Accepted, message.Accepted, message.InvalidToken, message.Accepted}
	if diff := cmp.Diff(want, got); diff != "" || requests.Load() != 5 {
		t.Errorf("%d requests (-want +got):\n%s", requests.Load(), diff)
	}
}

// TestOnlyTheFailedFail has an answer that names two of four.
func TestOnlyTheFailedFail(t *testing.T) {
	t.Parallel()
	p := start(t, &fake{onSend: func(w http.ResponseWriter, _ *http.Request, b body) bool {
		answer(w, fmt.Sprintf(`{"code":200,"data":{"sendResult":true,"requestId":"r","failTokens":[%q],"expireTokens":[%q]}}`, b.Token[0], b.Token[3]))
		return true
	}})
	n := providertest.Notification()
	n.Title = strings.Repeat("好", 41)
	got := p.Send(t.Context(), n, providertest.Targets(4))
	taken := message.Outcome{
		Class: message.Accepted, Code: "200", HTTPStatus: 200, VendorMessageID: "r", Detail: "title cut from 41 to 40 characters",
	}
	dead := message.Outcome{Class: message.InvalidToken, Code: "200", HTTPStatus: 200}
	failed, expired := dead, dead
	failed.Detail, expired.Detail = "named in data.failTokens", "named in data.expireTokens"
	if diff := cmp.Diff([]message.Outcome{failed, taken, taken, expired}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRejectsWithoutACall(t *testing.T) {
	t.Parallel()
	p := start(t, &fake{onSend: func(http.ResponseWriter, *http.Request, body) bool {
		t.Error("a push that Honor refuses was sent")
		return false
	}})
	long := providertest.Notification()
	long.Payload = strings.Repeat("x", 4096)
	for words, n := range map[string]provider.Notification{"give both": {Title: "t", Content: " "}, "payload: has 4096 bytes": long} {
		for _, o := range p.Send(t.Context(), n, providertest.Targets(2)) {
			if o.Class != message.Rejected || !strings.Contains(o.Detail, words) {
				t.Errorf("got %+v", o)
			}
		}
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	c := row()
	p, err := New(c, providertest.Deps())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if p.url != "https://push-api.cloud.honor.com/api/v1/104411/sendMessage" || p.grant.URL != "https://iam.developer.honor.com/auth/token" {
		t.Errorf("sends to %s with tokens of %s", p.url, p.grant.URL)
	}
	if strings.Contains(p.tokens.Name(), clientSecret) || !strings.HasPrefix(p.tokens.Name(), "honor/") {
		t.Errorf("the access token is called %q", p.tokens.Name())
	}
	c.Honor.ClientSecret = config.NewSecret("another")
	c.Endpoint = config.Endpoint{URL: "https://sim.example/honor/", AuthURL: "https://sim.example/honor/auth/token"}
	rotated, err := New(c, providertest.Deps())
	if err != nil {
		t.Fatal(err)
	}
	defer rotated.Close()
	if rotated.url != "https://sim.example/honor/api/v1/104411/sendMessage" || rotated.grant.URL != c.Endpoint.AuthURL {
		t.Errorf("sends to %s with tokens of %s", rotated.url, rotated.grant.URL)
	}
	if rotated.tokens.Name() == p.tokens.Name() {
		t.Error("a new credential uses the old one's token")
	}
	c.Honor.ClientSecret = config.NewSecret("secret-a\n")
	if _, err := New(c, providertest.Deps()); err == nil || !strings.Contains(err.Error(), "clientSecret: begins or ends") || strings.Contains(err.Error(), "secret-a") {
		t.Errorf("got %v", err)
	}
}
