package admin_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/controllers/admin"
	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/report"
)

const (
	reportKey = "report-key-0123456789"
	podIP     = "10.1.2.3"
)

// reach makes a client that reaches the server under the pod's address.
func reach(server *httptest.Server) admin.Client {
	return admin.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if address != podIP+":9090" {
				return nil, &net.OpError{Op: "dial", Net: network, Err: net.UnknownNetworkError(address)}
			}
			return (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String())
		},
	}}
}

func serve(t *testing.T, handler http.HandlerFunc) admin.Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return reach(server)
}

func TestRead(t *testing.T) {
	t.Parallel()
	want := report.Report{Version: report.Version, Pod: "one", Config: report.Config{Hash: "0123456789abcdef"}}
	client := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != report.Path || r.Header.Get("Authorization") != "Bearer "+reportKey {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_ = json.NewEncoder(w).Encode(want)
	})
	got, err := client.Read(t.Context(), podIP, config.NewSecret(reportKey))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	_, err = client.Read(t.Context(), podIP, config.NewSecret("wrong"))
	if err == nil || err.Error() != "the dispatcher answered HTTP 401" {
		t.Errorf("error is %v", err)
	}
}

func TestPush(t *testing.T) {
	t.Parallel()
	command := report.PushTest{UID: "0f0e", PushID: "p1", Title: "hello", Payload: `{"a":1}`, ResourcesID: "message", MessageID: "m1"}
	want := report.PushTestState{
		MessageID: "m1", StartedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Devices: []report.PushTestDevice{{PushID: "p1", Vendor: "FCM", Push: report.PushTestHop{Status: report.HopPending}}},
	}
	var asked report.PushTest
	client := serve(t, func(w http.ResponseWriter, r *http.Request) {
		bad := r.Method != http.MethodPost || r.URL.Path != report.PushTestPath || r.Header.Get("Content-Type") != "application/json"
		if bad || r.Header.Get("Authorization") != "Bearer "+reportKey {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_ = json.NewDecoder(r.Body).Decode(&asked)
		_ = json.NewEncoder(w).Encode(want)
	})
	got, err := client.Push(t.Context(), podIP, config.NewSecret(reportKey), command)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("state (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(command, asked); diff != "" {
		t.Errorf("command (-want +got):\n%s", diff)
	}
}

// TestPushRefused tells a refusal of the dispatcher's from that of a server which knows no tests.
func TestPushRefused(t *testing.T) {
	t.Parallel()
	want := report.PushTestRefusal{Code: report.RefusedTooSoon, Message: "wait", RetryAfterSeconds: 3}
	for _, tt := range []struct {
		name, body string
		refused    bool
		err        string
	}{
		{"refusal", `{"code":"TooSoon","message":"wait","retryAfterSeconds":3}`, true, "the dispatcher refused with TooSoon: wait"},
		{"older dispatcher", "404 page not found", false, "the dispatcher answered HTTP 429"},
		{"something else", `{"error":"x"}`, false, "the dispatcher answered HTTP 429"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			client := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusTooManyRequests)
				_, _ = w.Write([]byte(tt.body))
			})
			_, err := client.Push(t.Context(), podIP, config.NewSecret(reportKey), report.PushTest{UID: "0f0e"})
			refused, ok := errors.AsType[*admin.RefusedError](err)
			if ok != tt.refused || err == nil || err.Error() != tt.err {
				t.Fatalf("error is %T %v", err, err)
			}
			if ok && refused.PushTestRefusal != want {
				t.Errorf("refusal is %+v, want %+v", refused.PushTestRefusal, want)
			}
		})
	}
}

// TestFailuresAreAlike: what goes wrong is told without an address, so that conditions do not flap from pod to pod.
func TestFailuresAreAlike(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]http.HandlerFunc{
		"not JSON": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"endless":  func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`"` + strings.Repeat("x", 2<<20))) },
		"broken":   func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"cut": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("{}"))
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		},
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://10.9.9.9/report", http.StatusFound)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := serve(t, handler)
			_, readErr := client.Read(t.Context(), podIP, config.NewSecret(reportKey))
			_, pushErr := client.Push(t.Context(), podIP, config.NewSecret(reportKey), report.PushTest{UID: "0f0e"})
			for call, err := range map[string]error{"read": readErr, "push": pushErr} {
				if err == nil || strings.Contains(err.Error(), "10.") || strings.Contains(err.Error(), reportKey) {
					t.Errorf("%s: error is %v", call, err)
				}
			}
		})
	}
}

// TestPushWithoutID: an empty object is no state.
func TestPushWithoutID(t *testing.T) {
	t.Parallel()
	client := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) })
	_, err := client.Push(t.Context(), podIP, config.NewSecret(reportKey), report.PushTest{UID: "0f0e"})
	if err == nil || !strings.Contains(err.Error(), "something other than the state of a test") {
		t.Errorf("error is %v", err)
	}
}
