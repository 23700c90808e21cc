package pushtest_test

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/pushtest"
	"github.com/offlinepush/operator/dispatcher/report"
)

func TestHandler(t *testing.T) {
	t.Parallel()
	bed, broken := planetest.New(t), planetest.New(t)
	bed.Phone(t, "FCM", "anna")
	broken.Break(t)
	open, inTrouble := dispatcher(bed), dispatcher(broken)
	encoded, err := json.Marshal(test("uid-1"))
	if err != nil {
		t.Fatal(err)
	}
	good := string(encoded)
	for _, tt := range []struct {
		name, body string
		service    *pushtest.Service
		status     int
		code       string
		retry      bool
	}{
		{name: "starts", body: good, service: open, status: http.StatusOK},
		{name: "tells", body: strings.Replace(good, "{", `{"new":"field",`, 1), service: open, status: http.StatusOK},
		{name: "too soon", body: strings.Replace(good, "uid-1", "uid-2", 1), service: open, status: 429, code: report.RefusedTooSoon, retry: true},
		{name: "no JSON", body: "uid", service: open, status: 422, code: report.RefusedInvalid},
		{name: "too large", body: `{"title":"` + strings.Repeat("x", 1<<20), service: open, status: 422, code: report.RefusedInvalid},
		{name: "the store is not open", body: good, status: 503, code: report.RefusedUnavailable, retry: true},
		{name: "the store is in trouble", body: good, service: inTrouble, status: 503, code: report.RefusedUnavailable, retry: true},
	} {
		rec := httptest.NewRecorder()
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, report.PushTestPath, strings.NewReader(tt.body))
		pushtest.Handler(func() *pushtest.Service { return tt.service }, slog.New(slog.DiscardHandler)).ServeHTTP(rec, req)
		var told report.PushTestState
		var got report.PushTestRefusal
		if err := errors.Join(json.Unmarshal(rec.Body.Bytes(), &told), json.Unmarshal(rec.Body.Bytes(), &got)); err != nil {
			t.Fatalf("%s: %v in %s", tt.name, err, rec.Body)
		}
		if rec.Code != tt.status || got.Code != tt.code || (len(told.Devices) == 1) != (tt.status == http.StatusOK) {
			t.Errorf("%s: got %d %s", tt.name, rec.Code, rec.Body)
		}
		if (rec.Header().Get("Retry-After") != "") != tt.retry || (got.RetryAfterSeconds > 0) != tt.retry {
			t.Errorf("%s: Retry-After %q and %d", tt.name, rec.Header().Get("Retry-After"), got.RetryAfterSeconds)
		}
	}
}
