package tracing

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/offlinepush/operator/dispatcher/provider"
)

// The pace of exporting. What a collector does not take in time is dropped.
const (
	maxWaiting    = 2048
	maxBatch      = 512
	exportEvery   = 2 * time.Second
	exportTimeout = 15 * time.Second
)

// The results that are counted.
const (
	Exported  = "exported"
	QueueFull = "queue_full" // too many wait
	Failed    = "failed"     // the collector did not take it
	Stopped   = "stopped"    // it ended behind the last export
)

// Results lists them all.
func Results() []string { return []string{Exported, QueueFull, Failed, Stopped} }

// queue batches spans for an exporter and counts what becomes of each. What does not fit is dropped.
type queue struct {
	sdktrace.SpanProcessor
	spans *prometheus.CounterVec
	// waiting are those that are not exported yet; the batches have room for as many as may wait.
	waiting atomic.Int64
}

func newQueue(to sdktrace.SpanExporter, client *http.Client, d Deps) *queue {
	q := &queue{spans: d.Spans}
	for _, result := range Results() {
		q.spans.WithLabelValues(result)
	}
	out := &exporter{SpanExporter: to, queue: q, client: client, log: d.Log}
	q.SpanProcessor = sdktrace.NewBatchSpanProcessor(out, sdktrace.WithMaxQueueSize(maxWaiting), sdktrace.WithMaxExportBatchSize(maxBatch),
		sdktrace.WithBatchTimeout(exportEvery), sdktrace.WithExportTimeout(exportTimeout))
	return q
}

// OnEnd implements sdktrace.SpanProcessor; it never blocks.
func (q *queue) OnEnd(s sdktrace.ReadOnlySpan) {
	if q.waiting.Add(1) > maxWaiting {
		q.waiting.Add(-1)
		q.count(QueueFull, 1)
		return
	}
	q.SpanProcessor.OnEnd(s)
}

func (q *queue) count(result string, n int) { q.spans.WithLabelValues(result).Add(float64(n)) }

// exporter empties a queue.
type exporter struct {
	sdktrace.SpanExporter
	queue   *queue
	client  *http.Client
	log     *slog.Logger
	failing bool // the last export; the batches come one by one
}

// ExportSpans implements sdktrace.SpanExporter. Trouble is counted, and logged when it begins and ends; the SDK would
// write every error to a logger of its own.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := e.SpanExporter.ExportSpans(ctx, spans)
	e.queue.waiting.Add(-int64(len(spans)))
	switch {
	case err != nil:
		e.queue.count(Failed, len(spans))
		if !e.failing {
			e.log.Warn("traces do not reach their collector and are dropped; pushes go on", "error", provider.Words(err.Error()))
		}
	default:
		e.queue.count(Exported, len(spans))
		if e.failing {
			e.log.Info("traces reach their collector again")
		}
	}
	e.failing = err != nil
	return nil
}

// Shutdown implements sdktrace.SpanExporter.
func (e *exporter) Shutdown(ctx context.Context) error {
	defer e.client.CloseIdleConnections()
	return e.SpanExporter.Shutdown(ctx)
}
