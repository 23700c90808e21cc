package tracing_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/metrics"
	"github.com/offlinepush/operator/dispatcher/tracing"
	"github.com/offlinepush/operator/dispatcher/tracing/tracetest"
)

// patience bounds what should take a moment.
const patience = time.Minute

// pod is a process that traces.
type pod struct {
	*tracing.Tracer
	live  *config.Live
	path  string
	spans *prometheus.CounterVec
}

// newPod starts one, which ends with the test.
func newPod(tb testing.TB, to config.Tracing) *pod {
	tb.Helper()
	p := &pod{path: filepath.Join(tb.TempDir(), config.FileName)}
	p.write(tb, to)
	var err error
	if p.live, err = config.Open(p.path, slog.New(slog.DiscardHandler)); err != nil {
		tb.Fatal(err)
	}
	p.spans = metrics.New(prometheus.NewRegistry()).Spans
	p.Tracer = tracetest.NewTracer(p.live, p.spans)
	ctx, stop := context.WithCancel(context.WithoutCancel(tb.Context()))
	var running sync.WaitGroup
	running.Go(func() { p.Run(ctx) })
	tb.Cleanup(func() { stop(); running.Wait(); p.Close(context.WithoutCancel(tb.Context())) })
	return p
}

func (p *pod) write(tb testing.TB, to config.Tracing) {
	tb.Helper()
	key := config.NewSecret(base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32))))
	encoded, err := config.Encode(&config.Document{
		Version: config.Version, App: config.App{Namespace: "push", Name: "chat", AppID: "app-1"}, Tracing: to,
		Routing:   config.Routing{HeartbeatSeconds: 10, OfflineAfterSeconds: 35, AckTimeoutSeconds: 3, PushTTLSeconds: 86400, MaxBacklog: 1000},
		Auth:      config.Auth{ServerKeys: []config.Secret{key}},
		Retention: config.Retention{MessagesSeconds: 604800, ReceiptsSeconds: 604800, InactiveDevicesSeconds: 604800},
		Keys:      config.Keys{Report: key, Peer: key, Sealing: key, ReceiptPath: key},
	})
	if err == nil {
		err = os.WriteFile(p.path, encoded, 0o600)
	}
	if err != nil {
		tb.Fatal(err)
	}
}

// configure changes the configuration.
func (p *pod) configure(t *testing.T, to config.Tracing) {
	t.Helper()
	p.write(t, to)
	if err := p.live.Reload(); err != nil {
		t.Fatal(err)
	}
}

// accept accepts a message by a request, which may be nil.
func (p *pod) accept(ctx context.Context, id string) {
	now := time.Now()
	p.Accept(ctx, tracing.Stored{MessageID: id, Kind: message.KindPush, Receivers: 2, Targets: 3, Began: now, Ended: now.Add(time.Millisecond)})
}

// push pushes a message.
func (p *pod) push(ctx context.Context, id string) {
	now := time.Now().Add(time.Second)
	p.Push(ctx, tracing.Call{
		MessageID: id, Channel: "row", Vendor: "FCM", Class: message.PriorityBulk, Attempt: 2, Targets: 3, Accepted: 1,
		Outcome: message.Outcome{Class: message.Throttled, Code: "code", Detail: "words", HTTPStatus: 429, VendorMessageID: "vendor's id"},
		Began:   now, Ended: now.Add(time.Millisecond),
	})
}

func (p *pod) counted(result string) int {
	return int(testutil.ToFloat64(p.spans.WithLabelValues(result)))
}

func all(c *tracetest.Collector) config.Tracing {
	return config.Tracing{Endpoint: c.URL, SamplingPercent: 100}
}

// newID is an id as messages have it; its trace's is the same without dashes.
func newID(tb testing.TB) (message, trace string) {
	tb.Helper()
	id, err := uuid.NewV7()
	if err != nil {
		tb.Fatal(err)
	}
	return id.String(), strings.ReplaceAll(id.String(), "-", "")
}

// until waits for a condition.
func until(t *testing.T, what string, holds func() error) {
	t.Helper()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	end := time.After(patience)
	for {
		err := holds()
		if err == nil {
			return
		}
		select {
		case <-again.C:
		case <-end:
			t.Fatalf("waited %s until %s: %v", patience, what, err)
		}
	}
}

// arrived waits until a trace has so many spans.
func arrived(t *testing.T, c *tracetest.Collector, traceID string, n int) []tracetest.Span {
	t.Helper()
	var spans []tracetest.Span
	until(t, "the spans arrive", func() error {
		if spans = c.Trace(traceID); len(spans) < n {
			return fmt.Errorf("%d of %d are there", len(spans), n)
		}
		return nil
	})
	return spans
}

func errorUnless(ok bool, text string) error {
	if ok {
		return nil
	}
	return errors.New(text)
}
