package tracing

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// TraceparentHeader is where a caller names its span (W3C Trace Context).
const TraceparentHeader = "traceparent"

// Request is a request of the API until it is answered; nil is one that is not told of.
type Request struct {
	pipeline *pipeline
	ids      trace.SpanContext
	// parent is the caller's span; invalid unless the caller samples it.
	parent trace.SpanContext
	began  time.Time

	mu sync.Mutex
	// messages are the roots of those that were accepted and are told of; any says that there were others too.
	messages []trace.Link
	any      bool
}

type requestKey struct{}

// Begin notes that a request begins. The traceparent is that of a caller who may decide what is traced; empty of any other.
func (t *Tracer) Begin(ctx context.Context, traceparent string) (context.Context, *Request) {
	p := t.on()
	if p == nil {
		return ctx, nil
	}
	r := &Request{pipeline: p, parent: parentOf(traceparent), began: time.Now()}
	r.ids = newIDs(r.parent)
	return context.WithValue(ctx, requestKey{}, r), r
}

// parentOf reads a traceparent. One that the caller does not sample leads to nothing that could be joined.
func parentOf(traceparent string) trace.SpanContext {
	if traceparent == "" {
		return trace.SpanContext{}
	}
	ctx := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{TraceparentHeader: traceparent})
	if sc := trace.SpanContextFromContext(ctx); sc.IsSampled() {
		return sc
	}
	return trace.SpanContext{}
}

// Wanted reports whether who made the request samples it, so that what it brings is to be traced, too.
func Wanted(ctx context.Context) bool {
	r, _ := ctx.Value(requestKey{}).(*Request)
	return r != nil && r.parent.IsValid()
}

// note notes a message that the request brought.
func (r *Request) note(root trace.SpanContext, told bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.any = true
	if told {
		r.messages = append(r.messages, trace.Link{SpanContext: root})
	}
}

// told reports whether the request is told of: when its caller samples it, and otherwise with the messages that it
// brought, or by its own id when it brought none.
func (r *Request) told() bool {
	switch {
	case r.parent.IsValid() || len(r.messages) > 0:
		return true
	case r.any:
		return false
	}
	return r.pipeline.samples(r.ids.TraceID())
}

// Answer is how a request ended.
type Answer struct {
	// Plane is device or server, Method and Route those of the operation, as in the OpenAPI document.
	Plane, Method, Route string
	// Status is 0 when there was no answer.
	Status int
}

// End tells of the request.
func (r *Request) End(ctx context.Context, a Answer) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.told() {
		return
	}
	s := span{
		name: a.Method + " " + a.Route, kind: trace.SpanKindServer, ids: r.ids, parent: r.parent, links: r.messages,
		began: r.began, ended: time.Now(),
		attributes: []attribute.KeyValue{
			Plane.String(a.Plane), Method.String(a.Method), Route.String(a.Route), Status.Int(a.Status), Messages.Int(len(r.messages)),
		},
	}
	if a.Status == 0 || a.Status >= http.StatusInternalServerError {
		s.failed = fmt.Sprintf("HTTP %d", a.Status)
	}
	r.pipeline.tell(ctx, s)
}
