package pushapp_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/controllers/pushapp"
	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/report"
)

const reportKey = "report-key-0123456789"

// reader reaches the server whatever address a pod has.
func reader(server *httptest.Server) pushapp.HTTPReports {
	return pushapp.HTTPReports{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if address != "10.1.2.3:9090" {
				return nil, &net.OpError{Op: "dial", Net: network, Err: net.UnknownNetworkError(address)}
			}
			return (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String())
		},
	}}
}

func TestHTTPReports(t *testing.T) {
	t.Parallel()
	want := report.Report{Version: report.Version, Pod: "one", Config: report.Config{Hash: "0123456789abcdef"}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != report.Path || r.Header.Get("Authorization") != "Bearer "+reportKey {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_ = json.NewEncoder(w).Encode(want)
	}))
	defer server.Close()
	got, err := reader(server).Read(t.Context(), "10.1.2.3", config.NewSecret(reportKey))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	_, err = reader(server).Read(t.Context(), "10.1.2.3", config.NewSecret("wrong"))
	if err == nil || err.Error() != "the dispatcher answered HTTP 401" {
		t.Errorf("error is %v", err)
	}
}

// TestHTTPReportsFailAlike: what goes wrong is told without an address, so that conditions do not flap from pod to pod.
func TestHTTPReportsFailAlike(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]http.HandlerFunc{
		"not a report": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"endless":      func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`"` + strings.Repeat("x", 2<<20))) },
		"broken":       func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://10.9.9.9/report", http.StatusFound)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(handler)
			defer server.Close()
			_, err := reader(server).Read(t.Context(), "10.1.2.3", config.NewSecret(reportKey))
			if err == nil || strings.Contains(err.Error(), "10.") || strings.Contains(err.Error(), reportKey) {
				t.Errorf("error is %v", err)
			}
		})
	}
}
