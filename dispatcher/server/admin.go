package server

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/report"
)

// admin is the port for the kubelet, for Prometheus and for the controllers; no Service leads to it.
type admin struct {
	live     *config.Live
	registry *prometheus.Registry
	ready    func() bool
	report   func(context.Context) report.Report
	// refresh brings what the metrics say of the store and of the channel rows up to date.
	refresh  func(context.Context)
	tests    http.Handler
	restores http.Handler
	log      *slog.Logger
}

func (a *admin) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	mux.HandleFunc("GET /readyz", a.readyz)
	mux.HandleFunc("GET /metrics", a.serveMetrics)
	mux.HandleFunc("GET "+report.Path, a.controllers(a.serveReport))
	mux.HandleFunc("POST "+report.PushTestPath, a.controllers(a.tests.ServeHTTP))
	mux.HandleFunc("POST "+report.RestorePath, a.controllers(a.restores.ServeHTTP))
	return mux
}

// readyz means started and not draining. Trouble of the store is the answer to
// single requests, so that a database outage does not end every session.
func (a *admin) readyz(w http.ResponseWriter, _ *http.Request) {
	if !a.ready() {
		http.Error(w, "starting or draining", http.StatusServiceUnavailable)
	}
}

// controllers lets those in who have the app's report key.
func (a *admin) controllers(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		doc, _ := a.live.Current()
		key, isBearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !isBearer || !doc.Keys.Report.Equal(key) {
			http.Error(w, "needs the app's report key as bearer token", http.StatusUnauthorized)
			return
		}
		next(w, r)
	}
}

func (a *admin) serveMetrics(w http.ResponseWriter, r *http.Request) {
	a.refresh(r.Context())
	promhttp.HandlerFor(a.registry, promhttp.HandlerOpts{}).ServeHTTP(w, r)
}

func (a *admin) serveReport(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(a.report(r.Context())); err != nil {
		a.log.Warn("writing the report", "error", err)
	}
}
