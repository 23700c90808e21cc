package pushkit

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/accesstoken"
	"github.com/offlinepush/operator/dispatcher/provider/providertest"
)

// service answers as its Answer says and keeps the lists of tokens that it got.
type service struct {
	Answer func(tokens []string) (status int, body string)

	mu  sync.Mutex
	got [][]string
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var tokens []string
	if err := json.NewDecoder(r.Body).Decode(&tokens); err != nil {
		http.Error(w, err.Error(), http.StatusTeapot)
		return
	}
	s.mu.Lock()
	s.got = append(s.got, tokens)
	s.mu.Unlock()
	status, body := s.Answer(tokens)
	w.WriteHeader(status)
	_, _ = fmt.Fprint(w, body)
}

func (s *service) requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.got)
}

// clock is a time that tests move.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

func start(t *testing.T, s *service, c *clock) *Sender {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	mint := func(context.Context) (provider.AccessToken, message.Outcome) {
		return accesstoken.Lasting("bearer", c.now(), time.Hour, time.Hour), message.Outcome{Class: message.Accepted}
	}
	return &Sender{
		URL: server.URL, Client: server.Client(), Codes: index(), Now: c.now,
		Tokens: accesstoken.New("row", mint, providertest.Deps()),
	}
}

func bare() Message { return Message{Body: func(tokens []string) any { return tokens }} }

func to(tokens ...string) []provider.Target {
	targets := make([]provider.Target, len(tokens))
	for i, t := range tokens {
		targets[i].Token = t
	}
	return targets
}

func classes(outcomes []message.Outcome) []message.Class {
	list := make([]message.Class, len(outcomes))
	for i, o := range outcomes {
		list[i] = o.Class
	}
	return list
}

func taken() (int, string) { return 200, inMsg("80000000", "Success") }

// v1 says of a request only that all tokens are invalid, even if one is.
func blamesAll(tokens []string) (int, string) {
	if slices.ContainsFunc(tokens, func(t string) bool { return strings.HasPrefix(t, "dead") }) {
		return 200, inMsg("80300007", "All the tokens are invalid.")
	}
	return taken()
}

func TestBlamedAsAWhole(t *testing.T) {
	t.Parallel()
	s := &service{Answer: blamesAll}
	p := start(t, s, &clock{t: time.Now()})
	got := classes(p.Send(t.Context(), bare(), to("good-1", "dead-1", "not one", "good-2")))
	want := []message.Class{message.Accepted, message.InvalidToken, message.InvalidToken, message.Accepted}
	if diff := cmp.Diff(want, got); diff != "" || s.requests() != 4 {
		t.Errorf("%d requests (-want +got):\n%s", s.requests(), diff)
	}
	if got := p.Send(t.Context(), bare(), to("dead-1"))[0]; got.Class != message.InvalidToken || s.requests() != 5 {
		t.Errorf("alone: got %+v after %d requests", got, s.requests())
	}
}

// TestNamedOnes: where every token has a reason, nothing is repeated.
func TestNamedOnes(t *testing.T) {
	t.Parallel()
	s := &service{Answer: func([]string) (int, string) {
		return 400, inMsg("80300007", `{"illegalTokens":{"tokenFormatError":["a"],"noPushTypeRight":["b"],"noRight":["c"]}}`)
	}}
	p := start(t, s, &clock{t: time.Now()})
	got := classes(p.Send(t.Context(), bare(), to("a", "b", "c")))
	want := []message.Class{message.InvalidToken, message.Rejected, message.CredentialRejected}
	if diff := cmp.Diff(want, got); diff != "" || s.requests() != 1 {
		t.Errorf("%d requests (-want +got):\n%s", s.requests(), diff)
	}
}

// TestForeignToken: a token of another app looks like a credential without rights, until another phone takes a push.
func TestForeignToken(t *testing.T) {
	t.Parallel()
	s := &service{Answer: func(tokens []string) (int, string) {
		if slices.Contains(tokens, "foreign") {
			return 200, inMsg("80300002", "No permission to send message to these tmIDs.")
		}
		return taken()
	}}
	c := &clock{t: time.Now()}
	p := start(t, s, c)
	send := func(tokens ...string) []message.Class { return classes(p.Send(t.Context(), bare(), to(tokens...))) }
	steps := []struct {
		name   string
		tokens []string
		want   []message.Class
	}{
		{"before a success", []string{"foreign"}, []message.Class{message.CredentialRejected}},
		{"with others", []string{"foreign", "good"}, []message.Class{message.Rejected, message.Accepted}},
		{"after it", []string{"foreign"}, []message.Class{message.Rejected}},
		{"after it, with others again", []string{"foreign", "good"}, []message.Class{message.Rejected, message.Accepted}},
	}
	for _, step := range steps {
		if diff := cmp.Diff(step.want, send(step.tokens...)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.name, diff)
		}
	}
	c.pass(provenFor)
	if diff := cmp.Diff([]message.Class{message.CredentialRejected}, send("foreign")); diff != "" {
		t.Errorf("when the proof is old (-want +got):\n%s", diff)
	}
}

// TestAppWithoutRights: the refusals of single phones agree, so the others are not asked.
func TestAppWithoutRights(t *testing.T) {
	t.Parallel()
	s := &service{Answer: func([]string) (int, string) {
		return 200, inMsg("80300002", "No permission to send message to these tmIDs.")
	}}
	p := start(t, s, &clock{t: time.Now()})
	tokens := make([]string, MaxTargets)
	for i := range tokens {
		tokens[i] = fmt.Sprintf("token-%d", i)
	}
	for _, o := range p.Send(t.Context(), bare(), to(tokens...)) {
		if o.Class != message.CredentialRejected || o.Code != "80300002" || o.PhoneOnly {
			t.Fatalf("got %+v", o)
		}
	}
	if n := s.requests(); n < 1+agreeing || n > 50 {
		t.Errorf("%d requests", n)
	}
}

// TestForeignTokenBesideAGoodOne: the good one proves the credential in the same answer.
func TestForeignTokenBesideAGoodOne(t *testing.T) {
	t.Parallel()
	s := &service{Answer: func([]string) (int, string) { return 200, inMsg("80100000", `{"noRight":["foreign"]}`) }}
	p := start(t, s, &clock{t: time.Now()})
	want := []message.Class{message.Rejected, message.Accepted}
	if diff := cmp.Diff(want, classes(p.Send(t.Context(), bare(), to("foreign", "good")))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestBatches(t *testing.T) {
	t.Parallel()
	s := &service{Answer: func([]string) (int, string) { return taken() }}
	p := start(t, s, &clock{t: time.Now()})
	m := bare()
	m.Batch, m.Note = 2, "image left out"
	for _, o := range p.Send(t.Context(), m, to("a", "b", "c", "d", "e")) {
		if o.Class != message.Accepted || o.Detail != m.Note || o.VendorMessageID != "r1" {
			t.Errorf("got %+v", o)
		}
	}
	if diff := cmp.Diff([][]string{{"a", "b"}, {"c", "d"}, {"e"}}, s.got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	n := providertest.Notification()
	fits := func() error {
		own := OwnText(n, "u", false)
		return Fits(Message{Body: func(tokens []string) any { return []any{own, tokens} }})
	}
	if err := fits(); err != nil {
		t.Error(err)
	}
	n.Payload = ""
	n.Payload = strings.Repeat("<", 4096-len(provider.Compact([]any{OwnText(n, "u", false), []string{}}))-len(`\"payload\":\"\",`))
	if err := fits(); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	n.Payload += "<"
	if err := fits(); err == nil || !strings.Contains(err.Error(), "payload: the message has 4097 bytes, Huawei takes 4096") {
		t.Errorf("one byte over: %v", err)
	}
	for d, want := range map[time.Duration]int64{-1: 1, 0: 1, 1999 * time.Millisecond: 1, time.Hour: 3600, 1 << 62: 1296000} {
		if got := Seconds(d); got != want {
			t.Errorf("%s: got %d", d, got)
		}
	}
}

func TestBadge(t *testing.T) {
	t.Parallel()
	same := []provider.Target{{Badge: new(int32(5))}, {Badge: new(int32(5))}}
	tests := []struct {
		name      string
		increment int32
		targets   []provider.Target
		add       int32
		set       *int32
	}{
		{"none", 0, to("a"), 0, nil},
		{"rises", 1, same, 1, nil},
		{"rises too high", 100, same, 99, nil},
		{"falls", -1, to("a"), 0, nil},
		{"same", 0, same, 0, new(int32(5))},
		{"cleared", 0, []provider.Target{{Badge: new(int32(-1))}}, 0, new(int32(0))},
		{"different", 0, append(same[:1:1], provider.Target{Badge: new(int32(6))}), 0, nil},
	}
	for _, tt := range tests {
		add, set := Badge(provider.Notification{BadgeIncrement: tt.increment}, tt.targets)
		if add != tt.add || !cmp.Equal(set, tt.set) {
			t.Errorf("%s: got %d, %v", tt.name, add, set)
		}
	}
}
