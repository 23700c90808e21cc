package vivo

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

func classes(outcomes []message.Outcome) (all []message.Class) {
	for _, o := range outcomes {
		all = append(all, o.Class)
	}
	return all
}

// recorder keeps the calls of a fake.
type recorder struct {
	mu    sync.Mutex
	calls []call
}

func (r *recorder) see(c call) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, c)
}

// take returns the calls since the last take.
func (r *recorder) take() []call {
	r.mu.Lock()
	defer r.mu.Unlock()
	calls := r.calls
	r.calls = nil
	return calls
}

// recording is a fake whose calls are kept.
func recording() (*fake, *recorder) {
	r := &recorder{}
	return &fake{onPush: func(_ http.ResponseWriter, c call) bool { r.see(c); return false }}, r
}

func TestOneAndMany(t *testing.T) {
	t.Parallel()
	f, r := recording()
	p := start(t, f, nil)
	outcomes := p.Send(t.Context(), providertest.Notification(), providertest.Targets(1))
	calls := r.take()
	if len(calls) != 1 || calls[0].path != "/message/send" || calls[0].body.RegID != "good-token-0000" || outcomes[0].VendorMessageID != "4712" {
		t.Errorf("one: %+v after %+v", outcomes, calls)
	}
	outcomes = p.Send(t.Context(), providertest.Notification(), providertest.Targets(2))
	calls = r.take()
	if len(calls) != 2 || calls[0].path != "/message/saveListPayload" || calls[0].body.RegID != "" || calls[0].body.Title != "Anna" || calls[1].path != "/message/pushToList" {
		t.Fatalf("many: %+v", calls)
	}
	want := list{AppID: appID, RegIDs: []string{"good-token-0000", "good-token-0001"}, TaskID: "4711", RequestID: calls[1].list.RequestID}
	if diff := cmp.Diff(want, calls[1].list); diff != "" || outcomes[1].VendorMessageID != "4711" {
		t.Errorf("many: %+v (-want +got):\n%s", outcomes, diff)
	}
}

// TestStatuses has a list that vivo takes but for some phones, and single pushes to those.
func TestStatuses(t *testing.T) {
	t.Parallel()
	statuses := map[string]string{"one": "1", "two": `"2"`, "three": "3", "four": "4", "9": "9"}
	f := &fake{onPush: func(w http.ResponseWriter, c call) bool {
		if c.path == savePath {
			return false
		}
		if status, bad := statuses[c.body.RegID]; bad {
			answer(w, `{"result":10302,"desc":"bad","invalidUser":{"status":`+status+`,"userid":"`+c.body.RegID+`"}}`)
			return true
		}
		answer(w, `{"result":0,"desc":"ok","requestId":"x","invalidUsers":[{"status":1,"userid":"one"},{"status":"2","userid":"two"},
			{"status":3,"userid":"three"},{"status":4,"userid":"four"},{"status":9,"userid":9}]}`)
		return true
	}}
	p := start(t, f, nil)
	targets := []provider.Target{{Token: "good"}, {Token: "one"}, {Token: "two"}, {Token: "three"}, {Token: "four"}, {Token: "9"}}
	dead, given := message.InvalidToken, message.Rejected
	want := []message.Class{message.Accepted, dead, dead, given, given, message.Unknown}
	if diff := cmp.Diff(want, classes(p.Send(t.Context(), providertest.Notification(), targets))); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
	for i, target := range targets {
		o := p.Send(t.Context(), providertest.Notification(), []provider.Target{target})[0]
		if o.Class != want[i] || o.Class != message.Accepted && o.Detail == "" {
			t.Errorf("single %s: got %+v", target.Token, o)
		}
	}
}

// TestBlameIsSettledAlone has a list that is blamed as a whole.
func TestBlameIsSettledAlone(t *testing.T) {
	t.Parallel()
	var alone atomic.Int64
	f := &fake{onPush: func(w http.ResponseWriter, c call) bool {
		switch {
		case c.path == singlePath && strings.HasPrefix(c.body.RegID, "good"):
			alone.Add(1)
			return false
		case c.path == savePath:
			return false
		case c.path == singlePath:
			alone.Add(1)
		}
		answer(w, `{"result":10302,"desc":"bad"}`)
		return true
	}}
	got := classes(start(t, f, nil).Send(t.Context(), providertest.Notification(), providertest.Targets(4)))
	want := []message.Class{message.Accepted, message.Accepted, message.InvalidToken, message.Accepted}
	if diff := cmp.Diff(want, got); diff != "" || alone.Load() != 4 {
		t.Errorf("%d single pushes (-want +got):\n%s", alone.Load(), diff)
	}
}

// TestAListEndsWithItsPayload has payloads that vivo does not store.
func TestAListEndsWithItsPayload(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]message.Class{
		`{"result":10252,"desc":"full"}`:    message.QuotaExhausted,
		`{"result":10071,"desc":"night"}`:   message.QuotaExhausted,
		`{"result":10096,"desc":"class"}`:   message.Rejected,
		`{"result":0,"desc":"no task id"}`:  message.Transient,
		`{"result":10302,"desc":"strange"}`: message.InvalidToken,
	} {
		f := &fake{onPush: func(w http.ResponseWriter, c call) bool {
			if c.path == listPath {
				t.Errorf("%s: the list was pushed", body)
			}
			answer(w, body)
			return true
		}}
		for _, o := range start(t, f, nil).Send(t.Context(), providertest.Notification(), providertest.Targets(3)) {
			if o.Class != want || o.Detail == "" {
				t.Errorf("%s: got %+v", body, o)
			}
		}
	}
}

// TestRequestIDs: the same call again has the same id, the rest of a list and another event have others.
func TestRequestIDs(t *testing.T) {
	t.Parallel()
	f, r := recording()
	p := start(t, f, nil)
	n, targets := providertest.Notification(), providertest.Targets(3)
	ids := func(n provider.Notification, targets []provider.Target) (payload, push string) {
		p.Send(t.Context(), n, targets)
		calls := r.take()
		if len(calls) == 1 {
			return "", calls[0].body.RequestID
		}
		return calls[0].body.RequestID, calls[1].list.RequestID
	}
	other := n
	other.DedupID = "another"
	payload, whole := ids(n, targets)
	again, same := ids(n, targets)
	if whole != same || payload == again {
		t.Errorf("a repetition: payloads %s and %s, lists %s and %s", payload, again, whole, same)
	}
	seen := map[string]string{whole: "whole", payload: "payload", again: "payload again"}
	for name, try := range map[string]func() (string, string){
		"rest":               func() (string, string) { return ids(n, targets[1:]) },
		"other rest":         func() (string, string) { return ids(n, targets[:2]) },
		"one":                func() (string, string) { return ids(n, targets[:1]) },
		"another one":        func() (string, string) { return ids(n, targets[1:2]) },
		"another event":      func() (string, string) { return ids(other, targets) },
		"one, another event": func() (string, string) { return ids(other, targets[:1]) },
	} {
		_, id := try()
		if twin, taken := seen[id]; taken || len(id) != 64 {
			t.Errorf("%s has the id %s of %s", name, id, twin)
		}
		seen[id] = name
	}
	if _, single := ids(n, []provider.Target{{Token: "tok"}}); single != "2865cbbf66faf814df7e8b40f1f25db86b8aa41ff76e1af04c44933afd02df17" {
		t.Errorf("the id of a single push is %s", single)
	}
}

func TestReceiptsAreAskedFor(t *testing.T) {
	t.Parallel()
	long := "https://push.example.com/" + strings.Repeat("x", 104)
	ours := map[string]string{"callback": receiver, "callback.param": "019a0000-0000-7000-8000-000000000001"}
	console := map[string]string{"callback.id": "7", "callback.param": "019a0000-0000-7000-8000-000000000001"}
	for name, tt := range map[string]struct {
		url, id      string
		test         bool
		single, many map[string]string
		note         string
	}{
		"none":               {},
		"none, with an id":   {id: "7"},
		"to our URL":         {url: receiver, single: ours},
		"of a test":          {url: receiver, test: true},
		"to the console's":   {url: receiver, id: "7", single: console, many: console},
		"URL is too long":    {url: long, note: "no receipts: the receipt URL is longer than vivo's 128 characters; shorten exposure.externalURL or set vivo.receiptID"},
		"long, with an id":   {url: long, id: "7", single: console, many: console},
		"URL just not":       {url: long[:128], single: map[string]string{"callback": long[:128], "callback.param": ours["callback.param"]}},
		"test of an id":      {url: receiver, id: "7", test: true, single: console, many: console},
		"test without a URL": {test: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, r := recording()
			p := start(t, f, func(c *config.Channel, d *provider.Deps) {
				c.Vivo.ReceiptID, d.ReceiptURL = tt.id, config.NewSecret(tt.url)
			})
			n := providertest.Notification()
			n.Setting.Vivo = &config.VivoSetting{Test: tt.test}
			o := p.Send(t.Context(), n, providertest.Targets(1))[0]
			if diff := cmp.Diff(tt.single, r.take()[0].body.Extra); diff != "" || o.Detail != tt.note {
				t.Errorf("single: %+v (-want +got):\n%s", o, diff)
			}
			o = p.Send(t.Context(), n, providertest.Targets(2))[0]
			if diff := cmp.Diff(tt.many, r.take()[0].body.Extra); diff != "" || o.Detail != "" {
				t.Errorf("list: %+v (-want +got):\n%s", o, diff)
			}
		})
	}
}

// TestTheReceiptURLIsSecret has a vivo that quotes what it got.
func TestTheReceiptURLIsSecret(t *testing.T) {
	t.Parallel()
	f := &fake{onPush: func(w http.ResponseWriter, c call) bool {
		answer(w, fmt.Sprintf(`{"result":10305,"desc":"callback %s for %s"}`, c.body.Extra["callback"], c.body.RegID))
		return true
	}}
	p := start(t, f, func(_ *config.Channel, d *provider.Deps) { d.ReceiptURL = config.NewSecret(receiver) })
	if o := p.Send(t.Context(), providertest.Notification(), providertest.Targets(1))[0]; o.Detail != "callback <redacted> for <redacted>" {
		t.Errorf("got %+v", o)
	}
}

func TestForgedTokensNameNoOtherPhone(t *testing.T) {
	t.Parallel()
	f, r := recording()
	p := start(t, f, nil)
	targets := []provider.Target{{Token: "mine"}, {Token: "x,victim"}, {Token: ""}, {Token: "a b"}, {Token: "yours"}}
	dead := message.InvalidToken
	got := classes(p.Send(t.Context(), providertest.Notification(), targets))
	if diff := cmp.Diff([]message.Class{message.Accepted, dead, dead, dead, message.Accepted}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"mine", "yours"}, r.take()[1].list.RegIDs); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	got = classes(p.Send(t.Context(), providertest.Notification(), targets[1:2]))
	if diff := cmp.Diff([]message.Class{dead}, got); diff != "" || len(r.take()) != 0 {
		t.Errorf("only forged ones (-want +got):\n%s", diff)
	}
}

func TestRejectsWithoutACall(t *testing.T) {
	t.Parallel()
	f, r := recording()
	p := start(t, f, nil)
	n := providertest.Notification()
	n.Title = " "
	for _, o := range p.Send(t.Context(), n, providertest.Targets(2)) {
		if o.Class != message.Rejected || !strings.Contains(o.Detail, "give both") {
			t.Errorf("got %+v", o)
		}
	}
	if calls := r.take(); len(calls) != 0 {
		t.Errorf("%+v was sent", calls)
	}
}

func TestSendSaysWhatItCut(t *testing.T) {
	t.Parallel()
	p := start(t, &fake{}, nil)
	n := providertest.Notification()
	n.Title, n.BadgeIncrement = strings.Repeat("好", 60), 2
	for _, targets := range []int{1, 2} {
		for _, o := range p.Send(t.Context(), n, providertest.Targets(targets)) {
			if o.Class != message.Accepted || o.Detail != "title cut from 60 to 40 characters; badge raised by 1 instead of 2, which is all that vivo does" {
				t.Errorf("got %+v", o)
			}
		}
	}
}
