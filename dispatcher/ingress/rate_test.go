package ingress_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// step is so many equal requests, and what all of them are answered.
type step struct {
	request
	n, status int
}

// run takes the steps one after the other. A refusal for the rate says how long to wait.
func run(t *testing.T, s *httptest.Server, steps ...step) {
	t.Helper()
	for i, step := range steps {
		for range step.n {
			got := send(t, s, step.request)
			if got.status != step.status {
				t.Fatalf("step %d: %d %s, want %d", i, got.status, got.body, step.status)
			}
			if step.status != http.StatusTooManyRequests {
				continue
			}
			wait, err := strconv.Atoi(got.header.Get("Retry-After"))
			if got.problem.Code != wire.CodeRateLimited || err != nil || wait < 1 {
				t.Errorf("step %d: %v %s", i, got.header, got.body)
			}
		}
	}
}

func TestRegistrationRates(t *testing.T) {
	t.Parallel()
	with := func(header map[string]string) request {
		return request{method: "POST", path: "/v1/devices", body: `{"vendor":"FCM","token":"t"}`, header: header}
	}
	anyone, key := with(nil), with(bearer(planetest.RegistrationKey))
	for name, tt := range map[string]struct {
		perSource, all float64
		steps          []step
	}{
		"callers without a key take nothing of the total": {100, slow, []step{
			{anyone, 20, http.StatusUnauthorized}, {key, 1, http.StatusCreated}, {key, 1, http.StatusTooManyRequests},
		}},
		"callers without a key are bounded each": {slow, 100, []step{
			{anyone, 1, http.StatusUnauthorized}, {anyone, 1, http.StatusTooManyRequests},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bed := planetest.New(t)
			bed.Configure(t, func(d *config.Document) { d.Rates.RegistrationsPerSource, d.Rates.Registrations = tt.perSource, tt.all })
			run(t, bed.Device, tt.steps...)
		})
	}
}

// slow is a rate that admits one request, and then none while a test runs.
const slow = 0.01

func TestServerRates(t *testing.T) {
	t.Parallel()
	key := bearer(planetest.ServerKey)
	batch := func(n int) string {
		messages := make([]string, n)
		for i := range messages {
			messages[i] = fmt.Sprintf(`{"clientID":"c%d","from":"a","to":["b"],"body":"x"}`, i)
		}
		return `{"messages":[` + strings.Join(messages, ",") + `]}`
	}
	sends := request{method: "POST", path: "/v1/messages", body: message, header: key}
	asks := request{method: "GET", path: "/v1/users/u/presence", header: key}
	sets := request{method: "PUT", path: "/v1/users/u/badge", body: `{"badge":1}`, header: key}
	stranger := request{method: "GET", path: "/v1/users/u/presence", header: bearer("some other key of another app")}
	of := func(n int) request {
		return request{method: "POST", path: "/v1/messages:batch", body: batch(n), header: key}
	}
	for name, tt := range map[string]struct {
		set   func(*config.Rates)
		steps []step
	}{
		"queries, and nothing else": {func(r *config.Rates) { r.Queries = slow }, []step{
			{asks, 1, 200}, {asks, 2, 429}, {sets, 1, 204}, {sends, 1, 202}, {sends, 1, 200},
		}},
		"changes, and nothing else": {func(r *config.Rates) { r.Changes = slow }, []step{{sets, 1, 204}, {sets, 2, 429}, {asks, 3, 200}}},
		"messages":                  {func(r *config.Rates) { r.Messages = slow }, []step{{sends, 1, 202}, {sends, 2, 429}, {of(1), 1, 429}}},
		"a batch counts its messages": {func(r *config.Rates) { r.Messages = 2 }, []step{ // A burst of ten.
			{of(9), 1, 200}, {of(9), 1, 429}, {sends, 1, 202},
		}},
		"a batch above the burst passes when the bucket is full": {func(r *config.Rates) { r.Messages = slow }, []step{{of(500), 1, 200}, {of(1), 1, 429}}},
		"strangers take nothing":                                 {func(r *config.Rates) { r.Queries = slow }, []step{{stranger, 20, 401}, {asks, 1, 200}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bed := planetest.New(t)
			bed.Configure(t, func(d *config.Document) { tt.set(&d.Rates) })
			run(t, bed.Server, tt.steps...)
		})
	}
}

func TestDeviceRates(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	mine, _ := bed.Phone(t, "FCM", "")
	other, _ := bed.Phone(t, "Xiaomi", "")
	bed.Configure(t, func(d *config.Document) { d.Rates.RequestsPerDevice = slow })
	badge := func(pushID, secret string) request {
		return request{method: "PUT", path: "/v1/devices/" + pushID + "/badge", body: `{"badge":1}`, header: map[string]string{wire.SecretHeader: secret}}
	}
	run(
		t, bed.Device,
		step{badge(mine.PushID, other.DeviceSecret), 5, 401}, // Who only knows the push id takes nothing.
		step{badge(mine.PushID, mine.DeviceSecret), 1, 204},
		step{badge(mine.PushID, mine.DeviceSecret), 2, 429},
		step{badge(other.PushID, other.DeviceSecret), 1, 204},
	)
}

func TestBindingsToOneUserAreBounded(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	bed.Configure(t, func(d *config.Document) { d.Rates.RequestsPerDevice = slow })
	token := bed.UserToken(t, "u")
	for _, vendor := range []string{"FCM", "Xiaomi"} {
		c, _ := bed.Phone(t, vendor, "")
		got := send(t, bed.Device, request{method: "PUT", path: "/v1/devices/" + c.PushID + "/binding", header: map[string]string{
			"Authorization": "Bearer " + token, wire.SecretHeader: c.DeviceSecret,
		}})
		if got.status != http.StatusOK && got.status != http.StatusTooManyRequests {
			t.Errorf("%s: %d %s", vendor, got.status, got.body)
		}
	}
	found, err := bed.Store.DevicesOf(t.Context(), []string{"u"})
	if err != nil || len(found["u"]) != 1 {
		t.Errorf("%d devices are bound, want one: %v", len(found["u"]), err)
	}
}

func TestSourcesAreBounded(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	bed.Configure(t, func(d *config.Document) { d.Rates.RequestsPerSource, d.Rates.LoginsPerSource = slow, slow })
	guess := request{
		method: "DELETE", path: "/v1/devices/p/binding", header: map[string]string{wire.SecretHeader: "a guess"},
	}
	login := request{method: "GET", path: wire.SessionPath}
	run(t, bed.Device, step{guess, 1, 404}, step{guess, 3, 429})
	if got := send(t, bed.Device, login); got.status == http.StatusTooManyRequests {
		t.Errorf("logins share the rate of other requests: %s", got.body)
	}
	run(t, bed.Device, step{login, 2, 429})
}
