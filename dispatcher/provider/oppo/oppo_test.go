package oppo

import (
	"encoding/json"
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

func deliver() providertest.Fake {
	return providertest.Fake{Treat: func(string) providertest.Treatment { return providertest.Deliver }}
}

// started is a provider with its row.
type started struct {
	*Provider
	row config.Channel
}

// start runs a fake and a provider of it.
func start(t *testing.T, f *fake, deps provider.Deps) started {
	t.Helper()
	f.t = t
	s := httptest.NewTLSServer(f)
	t.Cleanup(s.Close)
	c := row()
	c.Endpoint = providertest.Endpoint(s)
	p, err := New(c, deps)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return started{p, c}
}

// serving starts a fake that shows every push to onSend.
func serving(t *testing.T, onSend func(http.ResponseWriter, *http.Request, []body) bool) *Provider {
	t.Helper()
	return start(t, &fake{Fake: deliver(), onSend: onSend}, providertest.Deps()).Provider
}

func classes(outcomes []message.Outcome) (all []message.Class) {
	for _, o := range outcomes {
		all = append(all, o.Class)
	}
	return all
}

func TestBatchesAndSinglesHaveTheirCalls(t *testing.T) {
	t.Parallel()
	var paths []string
	p := serving(t, func(_ http.ResponseWriter, r *http.Request, bodies []body) bool {
		paths = append(paths, fmt.Sprintf("%s %d", r.URL.Path, len(bodies)))
		return false
	})
	for _, n := range []int{1, 2, maxTargets} {
		for i, o := range p.Send(t.Context(), providertest.Notification(), providertest.Targets(n)) {
			if want := fmt.Sprintf("app-1-1-%d", i); o.Class != message.Accepted || o.VendorMessageID != want {
				t.Fatalf("target %d: got %+v, want message %s", i, o, want)
			}
		}
	}
	if diff := cmp.Diff([]string{unicastPath + " 1", batchPath + " 2", batchPath + " 1000"}, paths); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLargeMessagesAreSplit(t *testing.T) {
	t.Parallel()
	requests, seen := 0, map[string]bool{}
	p := serving(t, func(_ http.ResponseWriter, r *http.Request, bodies []body) bool {
		requests++
		if size := len(r.PostFormValue("messages")); size > maxJSON+2*maxTargets {
			t.Errorf("a request has %d bytes of messages", size)
		}
		for _, b := range bodies {
			seen[b.TargetValue] = true
		}
		return false
	})
	n := providertest.Notification()
	n.Payload = strings.Repeat("x", 3800)
	for i, o := range p.Send(t.Context(), n, providertest.Targets(maxTargets)) {
		if o.Class != message.Accepted {
			t.Fatalf("target %d: got %+v", i, o)
		}
	}
	if requests != 5 || len(seen) != maxTargets {
		t.Errorf("%d requests for %d phones, want 5 for %d", requests, len(seen), maxTargets)
	}
	large := map[string]json.RawMessage{"a": make([]byte, 2*maxJSON)}
	if got := fitting([]provider.Target{{Token: "a"}, {Token: "b"}}, large); got != 1 {
		t.Errorf("%d messages make a request with one that is too large alone, want 1", got)
	}
}

// TestBlameIsSettledAlone has requests that blame their phones as a whole.
func TestBlameIsSettledAlone(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"10000", duplicate} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			var requests atomic.Int64
			p := serving(t, func(w http.ResponseWriter, _ *http.Request, bodies []body) bool {
				requests.Add(1)
				if len(bodies) == 1 && strings.HasPrefix(bodies[0].TargetValue, "good") {
					return false
				}
				answer(w, `{"code":`+code+`,"message":"no"}`)
				return true
			})
			blamed := message.InvalidToken
			if code == duplicate {
				blamed = message.Accepted
			}
			outcomes := p.Send(t.Context(), providertest.Notification(), providertest.Targets(4))
			if diff := cmp.Diff([]message.Class{message.Accepted, message.Accepted, blamed, message.Accepted}, classes(outcomes)); diff != "" || requests.Load() != 5 {
				t.Errorf("%d requests (-want +got):\n%s", requests.Load(), diff)
			}
			if outcomes[2].Code != code || outcomes[0].Code != codeOK {
				t.Errorf("got %+v", outcomes)
			}
		})
	}
}

func TestExpiredTokenIsRefreshedOnce(t *testing.T) {
	t.Parallel()
	f := &fake{Fake: deliver()}
	p := start(t, f, providertest.Deps())
	send := func(want message.Class, minted int64) {
		t.Helper()
		for _, o := range p.Send(t.Context(), providertest.Notification(), providertest.Targets(3)) {
			if o.Class != want || f.minted.Load() != minted {
				t.Errorf("got %+v after %d tokens, want %s after %d", o, f.minted.Load(), want, minted)
			}
		}
	}
	send(message.Accepted, 1)
	f.revoked.Store(authToken+"1", true)
	send(message.Accepted, 2)
	for _, n := range "34" {
		f.revoked.Store(authToken+string(n), true)
	}
	f.revoked.Store(authToken+"2", true)
	send(message.CredentialRejected, 3)
}

func TestForgedTokensStayOut(t *testing.T) {
	t.Parallel()
	p := serving(t, func(_ http.ResponseWriter, _ *http.Request, bodies []body) bool {
		if len(bodies) != 1 || bodies[0].TargetValue != "OPPO_CN_mine" {
			t.Errorf("sent %+v", bodies)
		}
		return false
	})
	targets := []provider.Target{{Token: "OPPO_CN_mine"}, {Token: "x,victim"}, {Token: ""}, {Token: "a b"}, {Token: "号"}}
	got := classes(p.Send(t.Context(), providertest.Notification(), targets))
	dead := message.InvalidToken
	if diff := cmp.Diff([]message.Class{message.Accepted, dead, dead, dead, dead}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRejectsWithoutACall(t *testing.T) {
	t.Parallel()
	p := serving(t, func(http.ResponseWriter, *http.Request, []body) bool {
		t.Error("a push that OPPO refuses was sent")
		return false
	})
	blank, long := providertest.Notification(), providertest.Notification()
	blank.Title = " "
	long.Payload = strings.Repeat("x", 4000)
	for words, n := range map[string]provider.Notification{"give both": blank, "payload: action_parameters has 41": long} {
		for _, o := range p.Send(t.Context(), n, providertest.Targets(2)) {
			if o.Class != message.Rejected || !strings.Contains(o.Detail, words) {
				t.Errorf("got %+v, want %q", o, words)
			}
		}
	}
}

func TestSendSaysWhatItCut(t *testing.T) {
	t.Parallel()
	p := serving(t, nil)
	n := providertest.Notification()
	n.Title, n.Content = strings.Repeat("好", 60), strings.Repeat("x", 129)
	o := p.Send(t.Context(), n, providertest.Targets(1))[0]
	if o.Class != message.Accepted || o.Detail != "title cut from 60 to 50 characters; content cut from 129 to 128 characters" {
		t.Errorf("got %+v", o)
	}
}

func TestEveryPhoneLearnsItsUser(t *testing.T) {
	t.Parallel()
	p := serving(t, func(_ http.ResponseWriter, _ *http.Request, bodies []body) bool {
		for i, user := range []string{"u", "v"} {
			if got := bodies[i].Notification.ActionParameters; !strings.Contains(got, `\"user\":\"`+user+`\"`) {
				t.Errorf("phone %d learns %s", i, got)
			}
		}
		return false
	})
	p.Send(t.Context(), providertest.Notification(), []provider.Target{{Token: "a", UserHash: "u"}, {Token: "b", UserHash: "v"}})
}

func TestReceiptURLIsShownToNobody(t *testing.T) {
	t.Parallel()
	deps := providertest.Deps()
	deps.ReceiptURL = config.NewSecret("https://push.example/v1/receipts/secret-path")
	p := start(t, &fake{Fake: providertest.Fake{Treat: func(string) providertest.Treatment { return providertest.Echo }}}, deps)
	for _, n := range []int{1, 3} {
		for _, o := range p.Send(t.Context(), providertest.Notification(), providertest.Targets(n)) {
			if o.Class != message.Rejected || strings.Contains(o.Detail, "secret-path") {
				t.Errorf("got %+v", o)
			}
		}
	}
}

func TestRegions(t *testing.T) {
	t.Parallel()
	for region, host := range map[string]string{
		"China": "https://api.push.oppomobile.com", "Global": "https://api-intl.push.oppomobile.com",
	} {
		c := row()
		c.OPPO.Region = region
		p, err := New(c, providertest.Deps())
		if err != nil || p.caller.base != host {
			t.Errorf("%s: got %+v, %v", region, p, err)
		}
		c.Endpoint.URL = "https://sim.example/oppo/"
		if p, err = New(c, providertest.Deps()); err != nil || p.caller.base != "https://sim.example/oppo" {
			t.Errorf("%s with an endpoint: got %+v, %v", region, p, err)
		}
	}
	c := row()
	c.OPPO.Region = "Mars"
	if _, err := New(c, providertest.Deps()); err == nil || !strings.Contains(err.Error(), `oppo.region: is "Mars", must be China or Global`) {
		t.Errorf("got %v", err)
	}
	c.OPPO.MasterSecret = config.NewSecret("x\n")
	if _, err := New(c, providertest.Deps()); err == nil || !strings.Contains(err.Error(), "masterSecret: begins or ends") {
		t.Errorf("got %v", err)
	}
}
