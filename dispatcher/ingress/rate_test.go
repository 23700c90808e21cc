package ingress_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/offlinepush/operator/dispatcher/ingress"
	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/wire"
)

func TestRegistrationRates(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	const burst = 5 // seconds
	key := bearer(planetest.RegistrationKey)
	type step struct {
		header map[string]string
		n      int
		status int
	}
	tests := []struct {
		name  string
		rates ingress.Rates
		steps []step
	}{
		{"callers without a key take nothing of the total", ingress.Rates{PerSource: 100, Total: 0.2}, []step{
			{nil, 20, http.StatusUnauthorized},
			{key, 0.2 * burst, http.StatusCreated},
			{key, 1, http.StatusTooManyRequests},
		}},
		{"callers without a key are bounded each", ingress.Rates{PerSource: 0.2, Total: 100}, []step{
			{nil, 0.2 * burst, http.StatusUnauthorized},
			{nil, 1, http.StatusTooManyRequests},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewServer(ingress.Device(ingress.DeviceDeps{
				Live: bed.Live, Bindings: bed.Bindings, Users: bed.Users, Session: http.NotFoundHandler(), Receipts: http.NotFoundHandler(),
				Log: slog.New(slog.DiscardHandler), Registrations: tt.rates,
			}))
			t.Cleanup(s.Close)
			for i, step := range tt.steps {
				for range step.n {
					got := send(t, s, request{method: "POST", path: "/v1/devices", body: `{"vendor":"FCM","token":"t"}`, header: step.header})
					if got.status != step.status {
						t.Fatalf("step %d: %d %s, want %d", i, got.status, got.body, step.status)
					}
					limited := step.status == http.StatusTooManyRequests
					if limited && (got.problem.Code != wire.CodeRateLimited || got.header.Get("Retry-After") == "") {
						t.Errorf("step %d: %v %s", i, got.header, got.body)
					}
				}
			}
		})
	}
}
