package ingress_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/ingress"
	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// shelf is a store of n devices that fails behind some of them.
type shelf struct {
	ingress.Store
	n, failsBehind int64
	pages          atomic.Int64
	gate           func(page int64)
}

func (s *shelf) Export(_ context.Context, after int64, limit int) (out []store.Record, err error) {
	page := s.pages.Add(1)
	if s.gate != nil {
		s.gate(page)
	}
	if s.failsBehind > 0 && after >= s.failsBehind {
		return nil, errors.New("no disk")
	}
	for key := after + 1; key <= s.n && len(out) < limit; key++ {
		r := store.Record{SeenAt: time.UnixMilli(key)}
		r.Device.Key, r.Device.PushID = key, fmt.Sprint(key)
		out = append(out, r)
	}
	return out, nil
}

func serve(t *testing.T, s ingress.Store, bulkPerSecond float64) *httptest.Server {
	t.Helper()
	bed := planetest.New(t)
	bed.Configure(t, func(d *config.Document) { d.Rates.Bulk = bulkPerSecond })
	out := httptest.NewServer(ingress.Server(ingress.ServerDeps{Live: bed.Live, Store: s, Log: slog.New(slog.DiscardHandler)}))
	t.Cleanup(out.Close)
	return out
}

func TestExportInPages(t *testing.T) {
	t.Parallel()
	s := serve(t, &shelf{n: 2500}, 1000)
	for query, want := range map[string]struct{ first, last, next int64 }{
		"":                      {1, 2500, 0},
		"?limit=2500":           {1, 2500, 2500},
		"?limit=2000":           {1, 2000, 2000},
		"?limit=2501":           {1, 2500, 0},
		"?limit=1500&after=600": {601, 2100, 2100},
	} {
		devices, total := export(t, s, query)
		if first, last := devices[0].Cursor, devices[len(devices)-1].Cursor; first != want.first || last != want.last ||
			total.Next != want.next || total.Count != int64(len(devices)) || total.Count != last-first+1 {
			t.Errorf("%s: %d to %d, total %+v", query, first, last, total)
		}
	}
}

func TestChecksumIsBounded(t *testing.T) {
	t.Parallel()
	s := serve(t, &shelf{n: wire.MaxTotalDevices + 10}, 1000)
	head := checksum(t, s, "")
	tail := checksum(t, s, fmt.Sprint("?after=", head.Next))
	if head.Count != wire.MaxTotalDevices || head.Next != wire.MaxTotalDevices || tail.Count != 10 || tail.Next != 0 {
		t.Errorf("%+v, %+v", head, tail)
	}
}

// An answer that the store cannot end has no total and does not end as others do.
func TestExportIsCutOffWhenTheStoreFails(t *testing.T) {
	t.Parallel()
	s := serve(t, &shelf{n: 2500, failsBehind: 1000}, 1000)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/v1/bindings", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+planetest.ServerKey)
	resp, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil || strings.Contains(string(body), "checksum") || strings.Count(string(body), "\n") != 1000 {
		t.Errorf("%d lines, %v", strings.Count(string(body), "\n"), err)
	}
	got := send(t, s, request{method: "GET", path: "/v1/bindings?after=1000", header: bearer(planetest.ServerKey)})
	if got.status != http.StatusServiceUnavailable || got.problem.Code != wire.CodeStoreUnavailable {
		t.Errorf("%d %s", got.status, got.body)
	}
}

func TestBulkRequestsAreBounded(t *testing.T) {
	t.Parallel()
	open, held := make(chan struct{}), make(chan struct{}, 2)
	shelf := &shelf{n: 10, gate: func(int64) {
		held <- struct{}{}
		<-open
	}}
	s := serve(t, shelf, 1) // A burst of five.
	op := request{method: "GET", path: "/v1/bindings", header: bearer(planetest.ServerKey)}
	status := make(chan int, 2)
	for range 2 {
		go func() { status <- send(t, s, op).status }()
	}
	<-held
	<-held
	limited := func(got answer, why string) {
		t.Helper()
		if got.status != http.StatusTooManyRequests || got.problem.Code != wire.CodeRateLimited || got.header.Get("Retry-After") == "" {
			t.Errorf("%s: %d %s", why, got.status, got.body)
		}
	}
	limited(send(t, s, op), "a third at once")
	close(open)
	for range 2 {
		if got := <-status; got != http.StatusOK {
			t.Errorf("got %d", got)
		}
	}
	for range 2 {
		if got := send(t, s, op); got.status != http.StatusOK {
			t.Fatalf("places are not given back: %d %s", got.status, got.body)
		}
		<-held
	}
	last := send(t, s, op)
	for range 100 { // Those of a slow machine are not in one second.
		if last.status != http.StatusOK {
			break
		}
		<-held
		last = send(t, s, op)
	}
	limited(last, "a sixth in a second")
}
