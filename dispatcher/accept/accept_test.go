package accept_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/offlinepush/operator/dispatcher/accept"
	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/metrics"
	"github.com/offlinepush/operator/dispatcher/store"
)

func request(change func(*accept.Request)) accept.Request {
	r := accept.Request{
		ClientID: "c-1", From: "alice", To: []string{"bob"}, Body: "hello",
		Push: &message.PushConfig{Title: "Alice", Content: "hello", Payload: "p", ResourcesID: "im"},
	}
	if change != nil {
		change(&r)
	}
	return r
}

func one(t *testing.T, bed *planetest.Bed, r accept.Request) accept.Result {
	t.Helper()
	return bed.Acceptor.Accept(t.Context(), []accept.Request{r})[0]
}

func TestRefusesWhatBreaksARule(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	long := strings.Repeat("x", 65)
	tests := []struct {
		name    string
		change  func(*accept.Request)
		field   string
		problem string
	}{
		{"no client id", func(r *accept.Request) { r.ClientID = "" }, "clientID", "must not be empty"},
		{"long client id", func(r *accept.Request) { r.ClientID = long }, "clientID", "at most 64 bytes, is 65"},
		{"line break in sender", func(r *accept.Request) { r.From = "a\nb" }, "from", "control characters"},
		{"C1 control in sender", func(r *accept.Request) { r.From = "a\u0085b" }, "from", "control characters"},
		{"reserved sender", func(r *accept.Request) { r.From = message.PushTestSender }, "from", "reserved"},
		{"bad UTF-8 in sender", func(r *accept.Request) { r.From = "a\xff" }, "from", "UTF-8"},
		{"nobody", func(r *accept.Request) { r.To = nil }, "to", "1 to 100 user ids, holds 0"},
		{"a crowd", func(r *accept.Request) { r.To = make([]string, 101) }, "to", "holds 101"},
		{"empty receivers", func(r *accept.Request) { r.To = []string{"", ""} }, "to[0]", "must not be empty"},
		{"devices of a message", func(r *accept.Request) { r.To, r.PushIDs = nil, []string{"p"} }, "pushIDs", "for pushes without a message"},
		{"a push of nothing", func(r *accept.Request) { r.Kind, r.Push = message.KindPush, nil }, "push", "must be given"},
		{"an edit to nothing", func(r *accept.Request) { r.Kind, r.Body = message.KindEdit, "" }, "body", "must not be empty"},
		{"no application", func(r *accept.Request) { r.Kind = message.KindApplication }, "type", "one of Friend, GroupJoin, GroupInvite"},
		{"long body", func(r *accept.Request) { r.Body = strings.Repeat("x", message.MaxBody+1) }, "body", "at most 32768 bytes"},
		{"NUL in body", func(r *accept.Request) { r.Body = "a\x00" }, "body", "U+0000"},
		{"nothing to say", func(r *accept.Request) { r.Body, r.Push = "", nil }, "body", "must not be empty"},
		{"nothing to show", func(r *accept.Request) { r.Push = &message.PushConfig{ResourcesID: "im"} }, "push", "a title, a content or a payload"},
		{"long title", func(r *accept.Request) { r.Push.Title = strings.Repeat("ü", 513) }, "push.title", "at most 1024 bytes"},
		{"NUL in content", func(r *accept.Request) { r.Push.Content = "\x00" }, "push.content", "U+0000"},
		{"long payload", func(r *accept.Request) { r.Push.Payload = strings.Repeat("x", message.MaxPayload+1) }, "push.payload", "at most 3072 bytes"},
		{"unknown profile", func(r *accept.Request) { r.Push.ResourcesID = "ads" }, "push.resourcesID", "there are [im]"},
		{"long thread", func(r *accept.Request) { r.Push.ThreadID = long }, "push.threadID", "at most 64 bytes"},
		{"plain image", func(r *accept.Request) { r.Push.Image = "http://i.example/a.png" }, "push.image", "must be an https URL"},
		{"image of no host", func(r *accept.Request) { r.Push.Image = "https:///a.png" }, "push.image", "must be an https URL"},
		{"long image", func(r *accept.Request) { r.Push.Image = "https://i.example/" + strings.Repeat("x", 1024) }, "push.image", "at most 1024 bytes"},
		{"badge that shrinks", func(r *accept.Request) { r.Push.BadgeIncrement = -1 }, "push.badgeIncrement", "must be 0 to 99"},
		{"call of no kind", func(r *accept.Request) { r.Push.VoIP = &message.VoIP{HandleType: "Fax", HandleValue: "1"} }, "push.voIPConfig.handleType", "one of Generic, PhoneNumber, EmailAddress"},
		{"call of nobody", func(r *accept.Request) { r.Push.VoIP = &message.VoIP{HandleType: "Generic"} }, "push.voIPConfig.handleValue", "must not be empty"},
		{"call of a long name", func(r *accept.Request) {
			r.Push.VoIP = &message.VoIP{HandleType: "Generic", HandleValue: strings.Repeat("x", 257)}
		}, "push.voIPConfig.handleValue", "at most 256 bytes"},
		{"long template", func(r *accept.Request) { r.Push.Template = &message.Template{ID: long} }, "push.privateMessageTemplate.templateID", "at most 64 bytes"},
		{"title of a list", func(r *accept.Request) { r.Push.Template = &message.Template{TitleParameters: `["a"]`} }, "push.privateMessageTemplate.titleParameters", "a JSON object of texts"},
		{"title of nothing", func(r *accept.Request) { r.Push.Template = &message.Template{TitleParameters: `null`} }, "push.privateMessageTemplate.titleParameters", "a JSON object of texts"},
		{"content with a number", func(r *accept.Request) { r.Push.Template = &message.Template{ContentParameters: `{"a":1}`} }, "push.privateMessageTemplate.contentParameters", "a JSON object of texts"},
		{"content with a null", func(r *accept.Request) { r.Push.Template = &message.Template{ContentParameters: `{"a":null}`} }, "push.privateMessageTemplate.contentParameters", "a JSON object of texts"},
		{"content of two", func(r *accept.Request) { r.Push.Template = &message.Template{ContentParameters: `{}{}`} }, "push.privateMessageTemplate.contentParameters", "a JSON object of texts"},
		{"long content", func(r *accept.Request) {
			r.Push.Template = &message.Template{ContentParameters: `{"a":"` + strings.Repeat("x", 2<<10) + `"}`}
		}, "push.privateMessageTemplate.contentParameters", "at most 2048 bytes"},
		{"negative TTL", func(r *accept.Request) { r.PushTTL = -1 }, "pushTTLSeconds", "1 to 2419200"},
		{"long TTL", func(r *accept.Request) { r.PushTTL = 29 * 24 * time.Hour }, "pushTTLSeconds", "28 days"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := one(t, bed, request(tt.change)).Err
			e, ok := errors.AsType[*message.FieldError](err)
			if !ok {
				t.Fatalf("got %v, want a field error", err)
			}
			if e.Field != tt.field || !strings.Contains(e.Problem, tt.problem) {
				t.Errorf("got %q, want %s: ...%s...", e, tt.field, tt.problem)
			}
			if !accept.Refused(err) {
				t.Error("a field error is not counted as refused")
			}
		})
	}
}

func TestTakesTheLargest(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	r := request(func(r *accept.Request) {
		r.Body = strings.Repeat("\U0001F600", message.MaxBody/4)
		r.Push.Payload = strings.Repeat("x", message.MaxPayload)
		r.Push.ThreadID = strings.Repeat("t", 64)
		r.Push.Image = "https://i.example/" + strings.Repeat("x", 1024-len("https://i.example/"))
		r.Push.BadgeIncrement = message.MaxBadgeIncrement
		r.Push.VoIP = &message.VoIP{HandleType: "EmailAddress", HandleValue: strings.Repeat("x", 256), HasVideo: true}
		parameters := `{"a":"` + strings.Repeat("x", 2<<10-len(`{"a":""}`)) + `"}`
		r.Push.Template = &message.Template{ID: strings.Repeat("x", 64), TitleParameters: parameters, ContentParameters: parameters}
		r.To = nil
		for i := range message.MaxRecipients {
			r.To = append(r.To, fmt.Sprintf("%064d", i))
		}
	})
	if got := one(t, bed, r); got.Err != nil || len(got.Seqs) != message.MaxRecipients {
		t.Fatalf("got %v with %d sequences", got.Err, len(got.Seqs))
	}
}

// fast is a store whose time is ahead of this process's.
type fast struct {
	accept.Store
	by time.Duration
}

func (f fast) Now() time.Time { return f.Store.Now().Add(f.by) }

func TestGoesByTheStoresTime(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	bed.Phone(t, "FCM", "bob")
	const by = 48 * time.Hour
	acceptor := accept.New(accept.Deps{
		Store: fast{bed.Store, by}, Sessions: bed.Hub, Deliverer: bed.Rows, Live: bed.Live,
		Metrics: metrics.New(prometheus.NewRegistry()),
	})
	from := time.Now().Add(by).Truncate(time.Millisecond)
	got := acceptor.Accept(t.Context(), []accept.Request{request(nil)})[0]
	to := time.Now().Add(by)
	if got.Err != nil {
		t.Fatal(got.Err)
	}
	m, err := bed.Store.Message(t.Context(), got.MessageID)
	if err != nil {
		t.Fatal(err)
	}
	sec, nsec := uuid.MustParse(got.MessageID).Time().UnixTime()
	for what, at := range map[string]time.Time{
		"created": m.CreatedAt, "due": bed.Rows.All()[0].DueAt, "id": time.Unix(sec, nsec),
	} {
		if at.Before(from) || at.After(to) {
			t.Errorf("%s is %s, want %s to %s", what, at, from, to)
		}
	}
}

func TestDecidesAndDelivers(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	_, fcm := bed.Phone(t, "FCM", "bob")
	_, xiaomi := bed.Phone(t, "Xiaomi", "bob")
	_, eve := bed.Phone(t, "FCM", "eve")
	got := one(t, bed, request(func(r *accept.Request) {
		r.To = []string{"bob", "eve", "nobody"}
		r.PushTTL = time.Minute
	}))
	if got.Err != nil || got.Duplicate {
		t.Fatal(got)
	}
	if diff := cmp.Diff(map[string]int64{"bob": 1, "eve": 1, "nobody": 1}, got.Seqs); diff != "" {
		t.Error("sequences:", diff)
	}
	byChannel := map[string][]message.Target{}
	for _, row := range bed.Rows.All() {
		if row.MessageID != got.MessageID || row.ExpiresAt.Sub(row.DueAt) != time.Minute {
			t.Errorf("row %+v", row)
		}
		byChannel[row.Channel] = append(byChannel[row.Channel], row.Targets...)
	}
	want := map[string][]message.Target{
		"fcm":    {{Device: fcm.Key, Epoch: fcm.Epoch, Seq: 1}, {Device: eve.Key, Epoch: eve.Epoch, Seq: 1}},
		"xiaomi": {{Device: xiaomi.Key, Epoch: xiaomi.Epoch, Seq: 1}},
	}
	if diff := cmp.Diff(want, byChannel); diff != "" {
		t.Error("targets:", diff)
	}
	if n := len(bed.Rows.All()); n != 2 {
		t.Errorf("one message takes %d rows, want one per channel row", n)
	}
	trace, err := bed.Store.Trace(t.Context(), got.MessageID)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range trace {
		if line.UserID == "nobody" && (line.State != message.Suppressed || line.Reason != message.ReasonNeverLoggedIn) {
			t.Errorf("a user without devices: %+v", line)
		}
	}
	if len(trace) != 4 {
		t.Errorf("the trace has %d lines, want 4", len(trace))
	}
}

// silent is a store that keeps what it is given and fails before it can say so.
type silent struct{ accept.Store }

func (s silent) Accept(ctx context.Context, asked []store.AcceptRequest) []store.AcceptResult {
	s.Store.Accept(ctx, asked)
	results := make([]store.AcceptResult, len(asked))
	for i := range results {
		results[i].Err = io.ErrUnexpectedEOF
	}
	return results
}

// hints remembers what sessions were told.
type hints map[string]int64

func (h hints) Notify(upTo map[string]int64) { maps.Copy(h, upTo) }

func TestARepetitionHintsAtWhatWasStoredWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	told := hints{}
	deps := accept.Deps{Store: silent{bed.Store}, Sessions: told, Deliverer: bed.Rows, Live: bed.Live, Metrics: metrics.New(prometheus.NewRegistry())}
	if got := accept.New(deps).Accept(t.Context(), []accept.Request{request(nil)})[0]; !errors.Is(got.Err, io.ErrUnexpectedEOF) {
		t.Fatalf("got %+v", got)
	}
	deps.Store = bed.Store
	again := accept.New(deps).Accept(t.Context(), []accept.Request{request(nil)})[0]
	if again.Err != nil || !again.Duplicate || told["bob"] != 1 {
		t.Errorf("got %+v, sessions heard of %v", again, told)
	}
}

func TestIsIdempotent(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	bed.Phone(t, "FCM", "bob")
	first := one(t, bed, request(nil))
	again := one(t, bed, request(nil))
	if again.Err != nil || !again.Duplicate || again.MessageID != first.MessageID {
		t.Errorf("again: %+v, first: %+v", again, first)
	}
	if n := len(bed.Rows.All()); n != 1 {
		t.Errorf("%d deliveries, want 1", n)
	}
	changes := map[string]func(*accept.Request){
		"body":    func(r *accept.Request) { r.Body = "other" },
		"to":      func(r *accept.Request) { r.To = []string{"eve"} },
		"push":    func(r *accept.Request) { r.Push.Payload = "other" },
		"no push": func(r *accept.Request) { r.Push = nil },
		"ttl":     func(r *accept.Request) { r.PushTTL = time.Hour },
	}
	for name, change := range changes {
		if got := one(t, bed, request(change)); !errors.Is(got.Err, store.ErrConflict) || !accept.Refused(got.Err) {
			t.Errorf("other %s: got %v, want a conflict", name, got.Err)
		}
	}
	if got := one(t, bed, request(func(r *accept.Request) { r.From = "eve" })); got.Err != nil || got.Duplicate {
		t.Errorf("another sender's client id: %+v", got)
	}
}

func TestOneRefusedDoesNotHinderTheOthers(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	bed.Phone(t, "FCM", "bob")
	reqs := []accept.Request{
		request(nil),
		request(func(r *accept.Request) { r.ClientID = "c-2"; r.Push.ResourcesID = "ads" }),
		request(func(r *accept.Request) { r.ClientID = "c-3" }),
		request(func(r *accept.Request) { r.Body = "conflict" }),
	}
	got := bed.Acceptor.Accept(t.Context(), reqs)
	if got[0].Err != nil || got[2].Err != nil {
		t.Errorf("the good ones: %v, %v", got[0].Err, got[2].Err)
	}
	if _, ok := errors.AsType[*message.FieldError](got[1].Err); !ok {
		t.Errorf("the bad one: %v", got[1].Err)
	}
	if !errors.Is(got[3].Err, store.ErrConflict) {
		t.Errorf("the conflicting one: %v", got[3].Err)
	}
	if got[0].Seqs["bob"] == got[2].Seqs["bob"] {
		t.Error("two messages at one place")
	}
}

func TestConfigInForceDecides(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	bed.Phone(t, "FCM", "bob")
	bed.Configure(t, func(d *config.Document) { d.Profiles, d.Routing.MaxBacklog = nil, 1 })
	if got := one(t, bed, request(nil)); got.Err == nil || !strings.Contains(got.Err.Error(), "the app has none; leave it out") {
		t.Errorf("a profile that is gone: %v", got.Err)
	}
	plain := func(id string) accept.Request {
		return request(func(r *accept.Request) { r.ClientID = id; r.Push.ResourcesID = "" })
	}
	if got := one(t, bed, plain("a")); got.Err != nil {
		t.Fatal(got.Err)
	}
	if got := one(t, bed, plain("b")); !errors.Is(got.Err, store.ErrBacklogFull) {
		t.Errorf("over the backlog: %v", got.Err)
	}
}

func TestStoreTroubleIsNoRefusal(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	got := bed.Acceptor.Accept(ctx, []accept.Request{request(nil)})[0]
	if got.Err == nil || accept.Refused(got.Err) {
		t.Errorf("got %v, want trouble", got.Err)
	}
	if len(bed.Rows.All()) != 0 {
		t.Error("deliveries of a message that is not stored")
	}
}
