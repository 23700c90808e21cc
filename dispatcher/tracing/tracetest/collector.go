// Package tracetest is a receiver of OpenTelemetry traces for tests.
package tracetest

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/tracing"
)

// NewTracer makes a Tracer of a process named pod.
func NewTracer(live *config.Live, spans *prometheus.CounterVec) *tracing.Tracer {
	return tracing.New(tracing.Deps{
		Live: live, Pod: "pod", Spans: spans, Log: slog.New(slog.DiscardHandler),
		NewClient: func() (*http.Client, error) { return &http.Client{Transport: &http.Transport{}}, nil },
	})
}

// Path is where the collector takes traces.
const Path = "/v1/traces"

// Span is one that arrived. Its ids are in hexadecimal, as people read them.
type Span struct {
	TraceID, SpanID, ParentID string
	Name, Kind                string
	// Attributes and Resource are as text.
	Attributes, Resource map[string]string
	// Links are trace and span ids with a slash between them.
	Links        []string
	Began, Ended time.Time
	// Failed says why it is an error; empty if it is none.
	Failed string
}

// ID is how links name the span.
func (s Span) ID() string { return s.TraceID + "/" + s.SpanID }

// Collector takes traces over HTTP, as protobuf. It is safe for concurrent use.
type Collector struct {
	*httptest.Server

	// OnBody is told of the decoded bytes of every request; nil tells nobody.
	OnBody func([]byte)

	mu       sync.Mutex
	spans    []Span
	requests int
	status   int
	hold     chan struct{}
	wrong    []error
}

// New starts a collector, which ends with the test. A request that it cannot read fails the test.
func New(tb testing.TB) *Collector {
	tb.Helper()
	c := &Collector{status: http.StatusOK}
	c.Server = httptest.NewServer(c)
	tb.Cleanup(func() {
		c.Answer(http.StatusOK)
		c.Close()
		for _, err := range c.wrong {
			tb.Errorf("the collector: %v", err)
		}
	})
	return c
}

// Hold lets requests wait for an answer until the next Answer.
func (c *Collector) Hold() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hold = make(chan struct{})
}

// Answer is the status of all answers from now on; only those with 200 take spans.
func (c *Collector) Answer(status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.status = status
	if c.hold != nil {
		close(c.hold)
		c.hold = nil
	}
}

// Requests is how many arrived.
func (c *Collector) Requests() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.requests
}

// Spans are those that arrived, in no order that means anything.
func (c *Collector) Spans() []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.spans)
}

// Trace are the spans of a trace by when they began.
func (c *Collector) Trace(id string) []Span {
	found := slices.DeleteFunc(c.Spans(), func(s Span) bool { return s.TraceID != id })
	slices.SortStableFunc(found, func(a, b Span) int { return a.Began.Compare(b.Began) })
	return found
}

// ServeHTTP takes traces.
func (c *Collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := read(r)
	var request collectorpb.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(body, &request)
	}
	if r.Method != http.MethodPost || r.URL.Path != Path {
		err = fmt.Errorf("%s %s is asked for", r.Method, r.URL)
	}
	c.mu.Lock()
	c.requests++
	hold := c.hold
	if err != nil {
		c.wrong = append(c.wrong, err)
	}
	c.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-r.Context().Done():
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.status == http.StatusOK {
		c.spans = append(c.spans, spansOf(&request)...)
		if c.OnBody != nil {
			c.OnBody(body)
		}
	}
	w.WriteHeader(c.status)
}

func read(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil || r.Header.Get("Content-Encoding") != "gzip" {
		return body, err
	}
	unzipped, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(unzipped)
}

func spansOf(request *collectorpb.ExportTraceServiceRequest) (all []Span) {
	for _, r := range request.GetResourceSpans() {
		resource := texts(r.GetResource().GetAttributes())
		for _, scope := range r.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				all = append(all, spanOf(s, resource))
			}
		}
	}
	return all
}

func spanOf(s *tracepb.Span, resource map[string]string) Span {
	out := Span{
		TraceID: hex.EncodeToString(s.GetTraceId()), SpanID: hex.EncodeToString(s.GetSpanId()), ParentID: hex.EncodeToString(s.GetParentSpanId()),
		Name: s.GetName(), Kind: s.GetKind().String(), Attributes: texts(s.GetAttributes()), Resource: resource,
		Began: at(s.GetStartTimeUnixNano()), Ended: at(s.GetEndTimeUnixNano()),
	}
	if s.GetStatus().GetCode() == tracepb.Status_STATUS_CODE_ERROR {
		out.Failed = s.GetStatus().GetMessage()
	}
	for _, l := range s.GetLinks() {
		out.Links = append(out.Links, hex.EncodeToString(l.GetTraceId())+"/"+hex.EncodeToString(l.GetSpanId()))
	}
	return out
}

func at(nanoseconds uint64) time.Time { return time.Unix(0, int64(nanoseconds)) } //nolint:gosec // until 2262

func texts(attributes []*commonpb.KeyValue) map[string]string {
	out := map[string]string{}
	for _, a := range attributes {
		switch v := a.GetValue().GetValue().(type) {
		case *commonpb.AnyValue_StringValue:
			out[a.GetKey()] = v.StringValue
		case *commonpb.AnyValue_IntValue:
			out[a.GetKey()] = fmt.Sprint(v.IntValue)
		default:
			out[a.GetKey()] = fmt.Sprintf("a %T", v)
		}
	}
	return out
}
