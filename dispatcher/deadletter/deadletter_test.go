package deadletter_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/offlinepush/operator/dispatcher/deadletter"
	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/metrics"
	"github.com/offlinepush/operator/dispatcher/report"
	"github.com/offlinepush/operator/dispatcher/store"
)

// quarantine has tokens and letters, as many as it says, and can be in trouble.
type quarantine struct {
	deadletter.Store
	tokens, letters int64
	restoring       error
	requeueing      error
	asked           store.LetterFilter
}

func (*quarantine) Now() time.Time { return time.Now() }

func (q *quarantine) RestoreTokens(_ context.Context, _ string, _ time.Time, limit int) (int64, error) {
	n := min(q.tokens, int64(limit))
	if q.tokens -= n; n == 0 && q.restoring != nil {
		return 0, q.restoring
	}
	return n, nil
}

func (q *quarantine) Requeue(_ context.Context, f store.LetterFilter, _ int64, limit int) (store.Requeued, error) {
	n := min(q.letters, int64(limit))
	q.letters, q.asked = q.letters-n, f
	if n == 0 && q.requeueing != nil {
		return store.Requeued{}, q.requeueing
	}
	return store.Requeued{Letters: n, More: n == int64(limit)}, nil
}

func service(t *testing.T, q *quarantine) *deadletter.Service {
	t.Helper()
	bed := planetest.New(t)
	return deadletter.New(deadletter.Deps{Store: q, Deliverer: bed.Rows, Live: bed.Live, Metrics: metrics.New(prometheus.NewRegistry())})
}

func TestRestoreGoesOnInSteps(t *testing.T) {
	t.Parallel()
	trouble := errors.New("trouble")
	since := time.Now().Add(-time.Hour)
	for name, tt := range map[string]struct {
		store quarantine
		retry bool
		want  report.Restored
		fails bool
	}{
		"nothing":                {},
		"many tokens":            {store: quarantine{tokens: 12_000, letters: 5}, want: report.Restored{Tokens: 12_000}},
		"as many as a step":      {store: quarantine{tokens: 5000}, want: report.Restored{Tokens: 5000}},
		"with their pushes":      {store: quarantine{tokens: 1, letters: 2500}, retry: true, want: report.Restored{Tokens: 1, Requeued: 2500}},
		"no store":               {store: quarantine{restoring: trouble}, fails: true},
		"half way":               {store: quarantine{tokens: 5000, restoring: trouble}, want: report.Restored{Tokens: 5000, More: true}},
		"no room for the pushes": {store: quarantine{requeueing: store.ErrBacklogFull}, retry: true, want: report.Restored{More: true}},
		"no store for them":      {store: quarantine{letters: 1000, requeueing: trouble}, retry: true, want: report.Restored{Requeued: 1000, More: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := service(t, &tt.store).Restore(t.Context(), report.Restore{Channel: "fcm", Since: since, Retry: tt.retry})
			if diff := cmp.Diff(tt.want, got); diff != "" || (err != nil) != tt.fails {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
			want := store.LetterFilter{}
			if tt.retry {
				want = store.LetterFilter{Channel: "fcm", Reason: "InvalidToken", Since: since}
			}
			if diff := cmp.Diff(want, tt.store.asked); diff != "" {
				t.Errorf("requeued (-want +got):\n%s", diff)
			}
		})
	}
}

func TestHandler(t *testing.T) {
	t.Parallel()
	good := `{"channel":"fcm","since":"2026-11-26T01:02:03Z","retry":true}`
	for name, tt := range map[string]struct {
		body   string
		closed bool
		store  quarantine
		status int
		want   string
	}{
		"restored":         {body: good, store: quarantine{tokens: 3, letters: 2}, status: http.StatusOK, want: `{"tokens":3,"requeued":2}`},
		"no JSON":          {body: "channel", status: http.StatusUnprocessableEntity, want: "as JSON"},
		"too long":         {body: strings.Repeat(" ", 5000) + good, status: http.StatusUnprocessableEntity, want: "as JSON"},
		"no such row":      {body: strings.Replace(good, "fcm", "x", 1), status: http.StatusUnprocessableEntity, want: "spec.channels"},
		"no time":          {body: `{"channel":"fcm"}`, status: http.StatusUnprocessableEntity, want: "since"},
		"store not open":   {body: good, closed: true, status: http.StatusServiceUnavailable, want: "same request again"},
		"store in trouble": {body: good, store: quarantine{restoring: errors.New("secret words")}, status: http.StatusServiceUnavailable, want: "same request again"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := service(t, &tt.store)
			if tt.closed {
				s = nil
			}
			var log bytes.Buffer
			rec := httptest.NewRecorder()
			deadletter.Handler(func() *deadletter.Service { return s }, slog.New(slog.NewTextHandler(&log, nil))).
				ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodPost, report.RestorePath, strings.NewReader(tt.body)))
			if rec.Code != tt.status || !strings.Contains(rec.Body.String(), tt.want) || strings.Contains(rec.Body.String(), "secret") {
				t.Errorf("got %d %q, want %d with %q", rec.Code, rec.Body, tt.status, tt.want)
			}
			if later := rec.Header().Get("Retry-After"); (later != "") != (tt.status == http.StatusServiceUnavailable) {
				t.Errorf("Retry-After %q", later)
			}
			if tt.status == http.StatusOK && (!json.Valid(rec.Body.Bytes()) || !strings.Contains(log.String(), "tokens=3")) {
				t.Errorf("answered %q and logged %q", rec.Body, &log)
			}
		})
	}
}
