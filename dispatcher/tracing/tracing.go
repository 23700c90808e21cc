package tracing

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/offlinepush/operator/dispatcher/config"
)

// flushTimeout bounds how long the end of a process, or another collector, waits for what is not exported yet.
const flushTimeout = 3 * time.Second

// Deps is what a Tracer needs.
type Deps struct {
	Live *config.Live
	// NewClient makes the client for a collector. It follows no redirects and refuses forbidden addresses.
	NewClient func() (*http.Client, error)
	// Pod is this process's name.
	Pod string
	// Spans counts spans by result.
	Spans *prometheus.CounterVec
	Log   *slog.Logger
}

// Tracer tells of messages' ways by the configuration in force. It is safe for concurrent use; nil tells nothing.
type Tracer struct {
	deps Deps
	// running is nil while nothing is traced.
	running atomic.Pointer[pipeline]

	mu     sync.Mutex // is held by who changes running
	closed bool
}

// New makes a Tracer. Run has to serve it, and Close ends it.
func New(d Deps) *Tracer {
	t := &Tracer{deps: d}
	_, _ = t.apply()
	return t
}

// Run follows the configuration until ctx ends.
func (t *Tracer) Run(ctx context.Context) {
	var ending sync.WaitGroup
	defer ending.Wait()
	for {
		before, changed := t.apply()
		if before != nil {
			ending.Go(func() { t.end(context.WithoutCancel(ctx), before) })
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// Close exports what waits, until ctx ends or for a few seconds. Nothing is traced any more.
func (t *Tracer) Close(ctx context.Context) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	if last := t.running.Swap(nil); last != nil {
		t.end(ctx, last)
	}
}

// apply takes the configuration in force. It gives the pipeline that is not used any more, and what is closed when
// there is another configuration.
func (t *Tracer) apply() (before *pipeline, changed <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	doc, changed := t.deps.Live.Current()
	now := t.running.Load()
	switch {
	case t.closed:
		return nil, changed
	case doc.Tracing.IsZero():
		return t.running.Swap(nil), changed
	case now != nil && now.endpoint == doc.Tracing.Endpoint:
		now.from.Store(threshold(doc.Tracing.SamplingPercent))
		return nil, changed
	}
	next, err := newPipeline(t.deps, doc.Document)
	if err != nil {
		t.deps.Log.Error("nothing is traced", "error", err)
	}
	return t.running.Swap(next), changed
}

func (t *Tracer) end(ctx context.Context, p *pipeline) {
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	if err := p.close(ctx); err != nil {
		t.deps.Log.Warn("traces are dropped that were not exported in time", "error", err)
	}
}

// on is the pipeline, or nil.
func (t *Tracer) on() *pipeline {
	if t == nil {
		return nil
	}
	return t.running.Load()
}
