package deadletter_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/offlinepush/operator/dispatcher/deadletter"
	"github.com/offlinepush/operator/dispatcher/report"
)

// FuzzHandler: a command is refused with its reason, or waits for the store.
func FuzzHandler(f *testing.F) {
	f.Add([]byte(`{"channel":"fcm","since":"2026-01-02T03:04:05Z","retry":true}`))
	h := deadletter.Handler(func() *deadletter.Service { return nil }, slog.New(slog.DiscardHandler))
	f.Fuzz(func(t *testing.T, body []byte) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, report.RestorePath, strings.NewReader(string(body))))
		if w.Code != http.StatusUnprocessableEntity && w.Code != http.StatusServiceUnavailable || w.Body.Len() == 0 {
			t.Errorf("%q: %d %s", body, w.Code, w.Body)
		}
	})
}
