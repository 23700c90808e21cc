package ingress_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/ingress"
	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
)

// TestReceiptURLsAreNotLogged: the last part of the path is a secret, also when the handler panics.
func TestReceiptURLsAreNotLogged(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	var log bytes.Buffer
	const secret = "a-secret-of-a-row"
	handler := ingress.Device(ingress.DeviceDeps{
		Live: bed.Live, Bindings: bed.Bindings, Users: bed.Users, Session: http.NotFoundHandler(),
		Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Receipts: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if r.PathValue("secret") != secret {
				t.Errorf("the handler got %q", r.PathValue("secret"))
			}
			panic("at the receipts")
		}),
	})
	for _, method := range []string{http.MethodPost, http.MethodGet, http.MethodPut} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, config.ReceiptPath+secret, strings.NewReader("{}")))
		if want := map[string]int{http.MethodPost: 500}[method]; want != 0 && w.Code != want || want == 0 && w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", method, w.Code)
		}
		if strings.Contains(w.Body.String(), secret) {
			t.Errorf("%s: the answer shows the secret: %s", method, w.Body)
		}
	}
	if !strings.Contains(log.String(), "at the receipts") || strings.Contains(log.String(), secret) {
		t.Errorf("the log must tell of the panic and not of the secret:\n%s", &log)
	}
}
