package pushtest_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/offlinepush/operator/dispatcher/pushtest"
	"github.com/offlinepush/operator/dispatcher/report"
)

// FuzzHandler: a command is refused with its reason, or waits for the store.
func FuzzHandler(f *testing.F) {
	f.Add([]byte(`{"uid":"u","userID":"bob","title":"t","content":"c"}`))
	f.Add([]byte(`{"uid":"u","UID":"v"}`))
	h := pushtest.Handler(func() *pushtest.Service { return nil }, slog.New(slog.DiscardHandler))
	f.Fuzz(func(t *testing.T, body []byte) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, report.PushTestPath, strings.NewReader(string(body))))
		var refusal report.PushTestRefusal
		if err := json.Unmarshal(w.Body.Bytes(), &refusal); err != nil || refusal.Message == "" {
			t.Fatalf("%q: %d %s", body, w.Code, w.Body)
		}
		if fine := json.Valid(body); w.Code != http.StatusUnprocessableEntity && (w.Code != http.StatusServiceUnavailable || !fine) {
			t.Errorf("%q: %d %s", body, w.Code, w.Body)
		}
	})
}
