package tracing

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/offlinepush/operator/dispatcher/config"
)

const (
	// maxAnswer bounds what is read of a collector's answer in bytes.
	maxAnswer = 4 << 10
	// maxLinks is above the messages of a batch, maxAttributes above those of any span.
	maxLinks, maxAttributes = 512, 32
)

// defaultPath is where receivers of OTLP over HTTP take traces.
const defaultPath = "/v1/traces"

// scope names this package in what is exported.
const scope = "github.com/offlinepush/operator/dispatcher/tracing"

// pipeline takes spans to one collector.
type pipeline struct {
	endpoint string
	// from is the threshold in force.
	from     atomic.Uint64
	stopped  atomic.Bool
	queue    *queue
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
}

func newPipeline(d Deps, doc *config.Document) (*pipeline, error) {
	u, err := url.Parse(doc.Tracing.Endpoint)
	if err != nil {
		return nil, errors.New("tracing.endpoint: must be a URL")
	}
	client, err := d.NewClient()
	if err != nil {
		return nil, fmt.Errorf("the client for traces: %w", err)
	}
	options := []otlptracehttp.Option{
		otlptracehttp.WithEndpoint(u.Host), otlptracehttp.WithURLPath(pathOf(u)), otlptracehttp.WithHTTPClient(client),
		otlptracehttp.WithCompression(otlptracehttp.GzipCompression),
		otlptracehttp.WithTimeout(exportTimeout), otlptracehttp.WithMaxResponseSize(maxAnswer),
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{
			Enabled: true, InitialInterval: time.Second, MaxInterval: 5 * time.Second, MaxElapsedTime: exportTimeout,
		}),
	}
	if u.Scheme == "http" {
		options = append(options, otlptracehttp.WithInsecure())
	}
	p := &pipeline{endpoint: doc.Tracing.Endpoint}
	p.from.Store(threshold(doc.Tracing.SamplingPercent))
	p.queue = newQueue(otlptrace.NewUnstarted(otlptracehttp.NewClient(options...)), client, d)
	p.provider = sdktrace.NewTracerProvider(
		sdktrace.WithSpanProcessor(p.queue), sdktrace.WithSampler(sdktrace.AlwaysSample()), sdktrace.WithIDGenerator(given{}),
		sdktrace.WithRawSpanLimits(sdktrace.SpanLimits{
			AttributeValueLengthLimit: -1, AttributeCountLimit: maxAttributes, LinkCountLimit: maxLinks, EventCountLimit: 1,
			AttributePerEventCountLimit: 1, AttributePerLinkCountLimit: 1,
		}),
		sdktrace.WithResource(resource.NewSchemaless(
			attribute.String("service.name", "offlinepush-dispatcher"), attribute.String("service.namespace", doc.App.Namespace),
			attribute.String("service.instance.id", d.Pod), attribute.String("offlinepush.app", doc.App.Name),
		)),
	)
	p.tracer = p.provider.Tracer(scope)
	return p, nil
}

func pathOf(u *url.URL) string {
	if strings.Trim(u.Path, "/") == "" {
		return defaultPath
	}
	return u.Path
}

// samples reports whether a trace is one of those that are told of.
func (p *pipeline) samples(id trace.TraceID) bool { return draw(id) >= p.from.Load() }

// messageRoot is the root of a message's trace, if it is told of.
func (p *pipeline) messageRoot(messageID string) (trace.SpanContext, bool) {
	root, ok := rootOf(messageID)
	return root, ok && p.samples(root.TraceID())
}

// span is what has ended.
type span struct {
	name string
	kind trace.SpanKind
	// ids are its own; parent is invalid for a root.
	ids, parent  trace.SpanContext
	links        []trace.Link
	attributes   []attribute.KeyValue
	began, ended time.Time
	// failed says why it is an error; empty means that it is none.
	failed string
}

// tell exports a span, or drops it; it never blocks.
func (p *pipeline) tell(ctx context.Context, s span) {
	if p.stopped.Load() { // The SDK would drop it without a word.
		p.queue.count(Stopped, 1)
		return
	}
	ctx = context.WithValue(trace.ContextWithRemoteSpanContext(ctx, s.parent), idsKey{}, s.ids)
	_, made := p.tracer.Start(ctx, s.name, trace.WithSpanKind(s.kind), trace.WithTimestamp(s.began),
		trace.WithLinks(s.links...), trace.WithAttributes(s.attributes...))
	if s.failed != "" {
		made.SetStatus(codes.Error, s.failed)
	}
	made.End(trace.WithTimestamp(s.ended))
}

// close exports what waits, as far as ctx lets it.
func (p *pipeline) close(ctx context.Context) error {
	p.stopped.Store(true)
	return p.provider.Shutdown(ctx)
}
