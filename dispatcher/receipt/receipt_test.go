package receipt_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/metrics"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/receipt"
	"github.com/offlinepush/operator/dispatcher/store"
)

// memory is a store that keeps receipts in memory.
type memory struct {
	added          []store.Receipt
	valid, invalid int64
	health, adding error
	while          func() // runs while receipts are added
}

func (*memory) Now() time.Time { return time.Now() }

func (m *memory) AddReceipts(_ context.Context, receipts []store.Receipt) ([]bool, error) {
	if m.while != nil {
		m.while()
	}
	if m.adding != nil {
		return nil, m.adding
	}
	added := make([]bool, len(receipts))
	for i, r := range receipts {
		r.At = time.Time{}
		added[i] = true
		for _, known := range m.added {
			added[i] = added[i] && known != r
		}
		m.added = append(m.added, r)
	}
	return added, nil
}

func (m *memory) TokenHealth(context.Context, string, time.Time, time.Time) (valid, invalid int64, err error) {
	return m.valid, m.invalid, m.health
}

// bench is a handler behind the path of the device plane, with two rows.
type bench struct {
	store   *memory
	live    *config.Live
	handler http.Handler
	metrics http.Handler
	log     *bytes.Buffer
	// distrusted are the rows whose dead tokens are too many, with the vendor's code.
	distrusted []string
}

// read is a vendor whose callbacks are the bed's, or one word that says what is wrong.
func read(row config.Channel, c provider.Callback) ([]provider.Receipt, error) {
	switch string(c.Body) {
	case "forged":
		return nil, provider.ErrReceiptRefused
	case "panic":
		panic("at " + row.Name)
	case "flood":
		return make([]provider.Receipt, 10_001), nil
	case "silent":
		return nil, fmt.Errorf("vendor %s: %w", row.Vendor, provider.ErrNoReceipts)
	}
	return planetest.ReadReceipts(row, c)
}

func newBench(tb testing.TB) *bench {
	tb.Helper()
	key := config.NewSecret(base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32))))
	row := func(name string, appType int32) config.Channel {
		return config.Channel{Name: name, Vendor: "Meizu", AppType: appType, Meizu: &config.MeizuChannel{
			AppID: "1", Region: "China", AppSecret: config.NewSecret("s"),
		}}
	}
	b, err := config.Encode(&config.Document{
		Version: config.Version, App: config.App{Namespace: "ns", Name: "chat", AppID: "app"},
		Channels: []config.Channel{row("one", 1), row("two", 2)},
		Routing:  config.Routing{HeartbeatSeconds: 10, OfflineAfterSeconds: 35, AckTimeoutSeconds: 3, PushTTLSeconds: 60, MaxBacklog: 10},
		Auth: config.Auth{
			ServerKeys: []config.Secret{config.NewSecret("0123456789abcdef")}, RegistrationKeys: []config.Secret{config.NewSecret("0123456789abcdef")},
		},
		Retention: config.Retention{MessagesSeconds: 60, ReceiptsSeconds: 3600, InactiveDevicesSeconds: 60},
		Keys:      config.Keys{Report: key, Peer: key, Sealing: key, ReceiptPath: key},
	})
	if err != nil {
		tb.Fatal(err)
	}
	path := filepath.Join(tb.TempDir(), config.FileName)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		tb.Fatal(err)
	}
	out := &bench{store: &memory{valid: 100}, log: &bytes.Buffer{}}
	log := slog.New(slog.NewJSONHandler(out.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if out.live, err = config.Open(path, log); err != nil {
		tb.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	out.metrics = promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	mux := http.NewServeMux()
	mux.Handle("POST "+receipt.Path, receipt.New(receipt.Deps{
		Live: out.live, Store: out.store, Read: read, Log: log, Metrics: metrics.New(registry),
		Distrust: func(channel, code string) { out.distrusted = append(out.distrusted, channel+" "+code) },
		Token: func(_, token string) (string, error) {
			if token == "bad" {
				return "", errors.New("must be good")
			}
			return strings.ToLower(token), nil
		},
	}))
	out.handler = mux
	return out
}

// secret is the last part of the row's URL.
func (b *bench) secret(row string) string {
	doc, _ := b.live.Current()
	return doc.ReceiptSecret(row).Reveal()
}

func (b *bench) post(tb testing.TB, secret string, body io.Reader) *httptest.ResponseRecorder {
	tb.Helper()
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, httptest.NewRequestWithContext(tb.Context(), http.MethodPost, config.ReceiptPath+secret, body))
	return w
}

// callback is receipts as the bench's vendor sends them.
func callback(receipts ...provider.Receipt) io.Reader {
	return bytes.NewReader(planetest.Callback(receipts...))
}

func messageAt(t time.Time) string {
	id := uuid.Must(uuid.NewV7())
	for i, ms := 5, t.UnixMilli(); i >= 0; i, ms = i-1, ms>>8 {
		id[i] = byte(ms)
	}
	return id.String()
}

func TestReceiptsAreStored(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := messageAt(time.Now())
	good := provider.Receipt{MessageID: id, Token: "T1", Event: provider.Delivered, Code: "0\x00", Reason: strings.Repeat("ü", 300)}
	clicked := provider.Receipt{MessageID: id, Token: "t2", Event: provider.Clicked}
	for range 2 {
		w := b.post(t, b.secret("two"), callback(good, clicked))
		if w.Code != http.StatusOK || w.Body.String() != `{"code":"0","message":"success"}` || w.Header().Get("Content-Type") != "application/json" {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	of := message.Selector{Vendor: "Meizu", AppType: 2}
	want := []store.Receipt{
		{MessageID: id, Channel: "two", Selector: of, Token: "t1", Event: provider.Delivered, Code: "0", Reason: strings.Repeat("ü", 256)},
		{MessageID: id, Channel: "two", Selector: of, Token: "t2", Event: provider.Clicked},
	}
	if diff := cmp.Diff(want, b.store.added[:2]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, line := range []string{
		`offlinepush_receipts_total{channel="two",event="Delivered",vendor="Meizu"} 1`,
		`offlinepush_receipts_total{channel="two",event="Clicked",vendor="Meizu"} 1`,
	} {
		if !strings.Contains(b.scrape(t), line) {
			t.Errorf("%s is missing in\n%s", line, b.scrape(t))
		}
	}
}

func (b *bench) scrape(t *testing.T) string {
	t.Helper()
	w := httptest.NewRecorder()
	b.metrics.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
	return w.Body.String()
}

func TestWhatIsNotOursIsLeftOut(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	now := time.Now()
	good := provider.Receipt{MessageID: messageAt(now), Token: "t", Event: provider.Delivered}
	change := func(f func(*provider.Receipt)) provider.Receipt {
		r := good
		f(&r)
		return r
	}
	w := b.post(t, b.secret("one"), callback(
		change(func(r *provider.Receipt) { r.MessageID = "" }),
		change(func(r *provider.Receipt) { r.MessageID = "task-7" }),
		change(func(r *provider.Receipt) { r.MessageID = uuid.NewString() }),
		change(func(r *provider.Receipt) { r.MessageID = messageAt(now.Add(-2 * time.Hour)) }),
		change(func(r *provider.Receipt) { r.MessageID = messageAt(now.Add(2 * time.Hour)) }),
		change(func(r *provider.Receipt) { r.Token = "" }),
		change(func(r *provider.Receipt) { r.Token = "bad" }),
		change(func(r *provider.Receipt) { r.Event = "Seen" }),
		good))
	if w.Code != http.StatusOK || len(b.store.added) != 1 || b.store.added[0].MessageID != good.MessageID {
		t.Errorf("%d: stored %+v", w.Code, b.store.added)
	}
}

func TestRefusedCallbacks(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		secret func(*bench) string
		body   func() io.Reader
		broken func(*memory)
		status int
	}{
		"another secret": {secret: func(b *bench) string { return b.secret("three") }, status: http.StatusNotFound},
		"no secret":      {secret: func(*bench) string { return "" }, status: http.StatusNotFound},
		"half a secret":  {secret: func(b *bench) string { return b.secret("one")[:11] }, status: http.StatusNotFound},
		"forged":         {body: func() io.Reader { return strings.NewReader("forged") }, status: http.StatusUnauthorized},
		"no receipts":    {body: func() io.Reader { return strings.NewReader("silent") }, status: http.StatusNotFound},
		"malformed":      {body: func() io.Reader { return strings.NewReader(`{"a`) }, status: http.StatusBadRequest},
		"a flood":        {body: func() io.Reader { return strings.NewReader("flood") }, status: http.StatusBadRequest},
		"large":          {body: func() io.Reader { return strings.NewReader(strings.Repeat(" ", 1<<20) + "[]") }, status: http.StatusRequestEntityTooLarge},
		"cut off":        {body: func() io.Reader { return io.MultiReader(strings.NewReader("["), broken{}) }, status: http.StatusBadRequest},
		"store":          {broken: func(m *memory) { m.adding = errors.New("disk full") }, status: http.StatusServiceUnavailable},
		"health":         {broken: func(m *memory) { m.health = errors.New("disk full") }, status: http.StatusServiceUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			secret, body := b.secret("one"), callback(provider.Receipt{MessageID: messageAt(time.Now()), Token: "t", Event: provider.TokenInvalid})
			if tt.secret != nil {
				secret = tt.secret(b)
			}
			if tt.body != nil {
				body = tt.body()
			}
			if tt.broken != nil {
				tt.broken(b.store)
			}
			w := b.post(t, secret, body)
			if w.Code != tt.status || (w.Code == http.StatusServiceUnavailable) != (w.Header().Get("Retry-After") != "") {
				t.Errorf("got %d %s %s", w.Code, w.Header(), w.Body)
			}
			if len(b.store.added) > 0 {
				t.Errorf("stored %+v", b.store.added)
			}
		})
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestTheFuseKeepsDeadTokens(t *testing.T) {
	t.Parallel()
	dead := func(tokens ...string) (out []provider.Receipt) {
		for _, token := range tokens {
			out = append(out, provider.Receipt{MessageID: messageAt(time.Now()), Token: token, Event: provider.TokenInvalid, Code: "16"})
		}
		return out
	}
	for name, tt := range map[string]struct {
		valid, invalid int64
		receipts       []provider.Receipt
		kept           bool
	}{
		"a wiped phone":         {valid: 5, receipts: dead("a")},
		"two of two":            {valid: 2, receipts: dead("a", "b")},
		"three of three":        {valid: 3, receipts: dead("a", "b", "c"), kept: true},
		"one token three times": {valid: 3, receipts: dead("a", "A", "a")},
		"20 percent":            {valid: 17, invalid: 3, receipts: dead("a")},
		"more than 20 percent":  {valid: 17, invalid: 3, receipts: dead("a", "b"), kept: true},
		"not yet accepted":      {receipts: dead("a", "b", "c"), kept: true},
	} {
		b := newBench(t)
		b.store.valid, b.store.invalid = tt.valid, tt.invalid
		if w := b.post(t, b.secret("one"), callback(tt.receipts...)); w.Code != http.StatusOK {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		for _, r := range b.store.added {
			if r.KeepToken != tt.kept {
				t.Errorf("%s: %s is kept: %v, want %v", name, r.Token, r.KeepToken, tt.kept)
			}
		}
		if told := slices.Contains(b.distrusted, "one 16"); told != tt.kept {
			t.Errorf("%s: the row is told %v, want %v", name, b.distrusted, tt.kept)
		}
		if len(b.store.added) != len(tt.receipts) {
			t.Errorf("%s: stored %+v", name, b.store.added)
		}
	}
}

// TestTheFuseCountsWhatIsOnItsWay: callbacks that the store does not know of yet count for each other.
func TestTheFuseCountsWhatIsOnItsWay(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.store.valid = 4
	post := func(token string) {
		b.post(t, b.secret("one"), callback(provider.Receipt{MessageID: messageAt(time.Now()), Token: token, Event: provider.TokenInvalid}))
	}
	depth := 0
	b.store.while = func() {
		if depth++; depth < 4 {
			post(fmt.Sprint("token-", depth))
		}
	}
	post("token-0")
	if len(b.store.added) != 4 || !b.store.added[0].KeepToken || b.store.added[3].KeepToken {
		t.Errorf("stored %+v, want the last of four to be kept", b.store.added)
	}
	b.store.while = nil
	post("later")
	if last := b.store.added[4]; last.KeepToken {
		t.Error("what is settled is counted still")
	}
}

// TestSecretsStayInTheURL: neither logs nor metrics nor answers show a receipt URL or a token.
func TestSecretsStayInTheURL(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	secret, wrong := b.secret("one"), "wrong-secret-of-a-row"
	const token = "token-that-is-secret"
	shown := &strings.Builder{}
	for _, body := range []string{"forged", "silent", "{", "[]", `[{"Token":7}]`} {
		shown.WriteString(b.post(t, secret, strings.NewReader(body)).Body.String())
		shown.WriteString(b.post(t, wrong, strings.NewReader(body)).Body.String())
	}
	good := provider.Receipt{MessageID: messageAt(time.Now()), Token: token, Event: provider.TokenInvalid}
	b.store.valid = 0
	shown.WriteString(b.post(t, secret, callback(good, good)).Body.String())
	b.store.adding = errors.New("disk full")
	shown.WriteString(b.post(t, secret, callback(good)).Body.String())
	func() {
		defer func() { fmt.Fprint(shown, recover()) }()
		b.post(t, secret, strings.NewReader("panic"))
	}()
	shown.WriteString(b.log.String())
	shown.WriteString(b.scrape(t))
	if b.log.Len() == 0 || !strings.Contains(shown.String(), "at one") {
		t.Fatal("nothing was logged, or nothing panicked")
	}
	for _, hidden := range []string{secret, wrong, token} {
		if strings.Contains(shown.String(), hidden) {
			t.Errorf("%q is shown in\n%s", hidden, shown)
		}
	}
}

func FuzzCallback(f *testing.F) {
	f.Add("one", []byte(`[{"MessageID":"0193","Token":"t","Event":"Delivered"}]`))
	f.Add("two", []byte(`forged`))
	f.Add("", []byte(``))
	b := newBench(f)
	f.Fuzz(func(t *testing.T, row string, body []byte) {
		if string(body) == "panic" {
			t.Skip()
		}
		b.store.added = nil
		w := b.post(t, b.secret(row), bytes.NewReader(body))
		if known := row == "one" || row == "two"; !known && w.Code != http.StatusNotFound || w.Code >= 500 {
			t.Errorf("%q: %d %s", row, w.Code, w.Body)
		}
		for _, r := range b.store.added {
			if id, err := uuid.Parse(r.MessageID); err != nil || id.Version() != 7 || r.Token == "" {
				t.Errorf("stored %+v", r)
			}
		}
	})
}
