package server

import (
	"context"
	"encoding/base64"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/metrics"
	"github.com/offlinepush/operator/dispatcher/report"
)

// adminKey is a key of the app, told apart by its letter.
func adminKey(letter string) string {
	return base64.StdEncoding.EncodeToString([]byte(strings.Repeat(letter, 32)))
}

// liveDocument is the configuration of an app with the channel rows.
func liveDocument(t *testing.T, rows ...config.Channel) *config.Live {
	t.Helper()
	secret := func(letter string) config.Secret { return config.NewSecret(adminKey(letter)) }
	b, err := config.Encode(&config.Document{
		Version:   config.Version,
		App:       config.App{Namespace: "ns", Name: "chat", AppID: "app"},
		Channels:  rows,
		Routing:   config.Routing{HeartbeatSeconds: 10, OfflineAfterSeconds: 35, AckTimeoutSeconds: 3, PushTTLSeconds: 60, MaxBacklog: 10},
		Auth:      config.Auth{ServerKeys: []config.Secret{config.NewSecret("0123456789abcdef")}, RegistrationKeys: []config.Secret{config.NewSecret("registration-key")}},
		Retention: config.Retention{MessagesSeconds: 60, ReceiptsSeconds: 60, InactiveDevicesSeconds: 60},
		Keys:      config.Keys{Report: secret("r"), Peer: secret("p"), Sealing: secret("s"), ReceiptPath: secret("c")},
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), config.FileName)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	live, err := config.Open(path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return live
}

// adminPort is an admin port of an app without channels, and its report key.
func adminPort(t *testing.T, ready bool) (http.Handler, string) {
	t.Helper()
	key, live := adminKey("r"), liveDocument(t)
	registry := prometheus.NewRegistry()
	m := metrics.New(registry)
	a := &admin{
		live: live, registry: registry, ready: func() bool { return ready }, log: slog.New(slog.DiscardHandler),
		tests:    http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) }),
		restores: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) }),
		report:   func(context.Context) report.Report { return report.Report{Pod: "pod-1"} },
		refresh:  func(context.Context) { m.Unaccounted.Set(2) },
	}
	return a.handler(), key
}

// TestAdminAdmitsTheReportKeyOnly tries all paths of the controllers with every other credential of the app.
func TestAdminAdmitsTheReportKeyOnly(t *testing.T) {
	t.Parallel()
	h, key := adminPort(t, true)
	tests := []struct{ name, authorization string }{
		{"nothing", ""},
		{"an empty key", "Bearer "},
		{"a server key", "Bearer 0123456789abcdef"},
		{"a registration key", "Bearer registration-key"},
		{"the peer key", "Bearer " + adminKey("p")},
		{"the sealing key", "Bearer " + adminKey("s")},
		{"the key of receipt paths", "Bearer " + adminKey("c")},
		{"a part of the key", "Bearer " + key[:len(key)-1]},
		{"more than the key", "Bearer " + key + "x"},
		{"the key as basic", "Basic " + key},
		{"the key alone", key},
	}
	ask := func(method, path, authorization string) int {
		req := httptest.NewRequestWithContext(t.Context(), method, path, nil)
		if authorization != "" {
			req.Header.Set("Authorization", authorization)
		}
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, req)
		return rec.Code
	}
	for path, method := range map[string]string{report.Path: http.MethodGet, report.PushTestPath: http.MethodPost, report.RestorePath: http.MethodPost} {
		if got := ask(method, path, "Bearer "+key); got >= http.StatusBadRequest {
			t.Errorf("%s with the report key: got %d", path, got)
		}
		for _, tt := range tests {
			if got := ask(method, path, tt.authorization); got != http.StatusUnauthorized {
				t.Errorf("%s with %s: got %d", path, tt.name, got)
			}
		}
	}
}

func TestAdminPort(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, path, bearer string
		post               bool
		unready            bool
		status             int
		want               string
	}{
		{name: "alive", path: "/healthz", status: http.StatusOK},
		{name: "alive while draining", path: "/healthz", unready: true, status: http.StatusOK},
		{name: "ready", path: "/readyz", status: http.StatusOK},
		{name: "draining", path: "/readyz", unready: true, status: http.StatusServiceUnavailable, want: "draining"},
		{name: "metrics", path: "/metrics", status: http.StatusOK, want: "offlinepush_unaccounted 2"},
		{name: "report", path: "/report", bearer: "KEY", status: http.StatusOK, want: `"pod":"pod-1"`},
		{name: "report without key", path: "/report", status: http.StatusUnauthorized, want: "report key"},
		{name: "push test", path: report.PushTestPath, post: true, bearer: "KEY", status: http.StatusAccepted},
		{name: "push test without key", path: report.PushTestPath, post: true, status: http.StatusUnauthorized, want: "report key"},
		{name: "push test with a wrong key", path: report.PushTestPath, post: true, bearer: "nope", status: http.StatusUnauthorized, want: "report key"},
		{name: "report with a wrong key", path: "/report", bearer: "nope", status: http.StatusUnauthorized, want: "report key"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h, key := adminPort(t, !tt.unready)
			req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, tt.path, nil)
			if tt.post {
				req.Method = http.MethodPost
			}
			if tt.bearer != "" {
				req.Header.Set("Authorization", "Bearer "+strings.ReplaceAll(tt.bearer, "KEY", key))
			}
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, req)
			if rec.Code != tt.status || !strings.Contains(rec.Body.String(), tt.want) {
				t.Errorf("got %d %q, want %d with %q", rec.Code, rec.Body.String(), tt.status, tt.want)
			}
		})
	}
}
