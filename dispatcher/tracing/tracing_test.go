package tracing_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/tracing"
	"github.com/offlinepush/operator/dispatcher/tracing/tracetest"
)

// The caller's span, sampled and not.
const (
	callersTrace = "0af7651916cd43dd8448eb211c80319c"
	callersSpan  = "b7ad6b7169203331"
	sampling     = "00-" + callersTrace + "-" + callersSpan + "-01"
	notSampling  = "00-" + callersTrace + "-" + callersSpan + "-00"
)

// A message has one trace, whichever processes accept it, expand it and push it.
func TestOneTraceOverProcesses(t *testing.T) {
	t.Parallel()
	c := tracetest.New(t)
	first, second := newPod(t, all(c)), newPod(t, all(c))
	id, traceID := newID(t)
	first.accept(t.Context(), id)
	now := time.Now()
	first.Expand(t.Context(), tracing.Stored{
		MessageID: id, Receivers: 500, Targets: 400, Began: now.Add(100 * time.Millisecond), Ended: now.Add(200 * time.Millisecond),
	})
	second.push(t.Context(), id)
	got := arrived(t, c, traceID, 3)
	root := traceID[16:]
	resource := map[string]string{
		"service.name": "offlinepush-dispatcher", "service.namespace": "push", "service.instance.id": "pod", "offlinepush.app": "chat",
	}
	for i := range got {
		if i > 0 && (got[i].SpanID == root || got[i].ParentID != root) {
			t.Errorf("%s has the id %s and the parent %s, want a child of %s", got[i].Name, got[i].SpanID, got[i].ParentID, root)
		}
		if took := got[i].Ended.Sub(got[i].Began); took != time.Millisecond && took != 100*time.Millisecond {
			t.Errorf("%s took %s", got[i].Name, took)
		}
		if diff := cmp.Diff(resource, got[i].Resource); diff != "" {
			t.Errorf("the resource (-want +got):\n%s", diff)
		}
		got[i] = tracetest.Span{
			Name: got[i].Name, Kind: got[i].Kind, Attributes: got[i].Attributes, Failed: got[i].Failed, Links: got[i].Links,
			SpanID: strings.ReplaceAll(got[i].SpanID, root, "root"),
		}
		if i > 0 {
			got[i].SpanID = ""
		}
	}
	want := []tracetest.Span{
		{
			Name: "accept", Kind: "SPAN_KIND_INTERNAL", SpanID: "root",
			Attributes: map[string]string{"offlinepush.kind": "Push", "offlinepush.receivers": "2", "offlinepush.targets": "3"},
		},
		{
			Name: "expand", Kind: "SPAN_KIND_INTERNAL",
			Attributes: map[string]string{"offlinepush.kind": "Chat", "offlinepush.receivers": "500", "offlinepush.targets": "400"},
		},
		{
			Name: "push", Kind: "SPAN_KIND_CLIENT", Failed: "Throttled",
			Attributes: map[string]string{
				"offlinepush.channel": "row", "offlinepush.vendor": "FCM", "offlinepush.class": "bulk", "offlinepush.attempt": "2",
				"offlinepush.targets": "3", "offlinepush.accepted": "1", "offlinepush.outcome": "Throttled", "offlinepush.reason": "",
				"http.response.status_code": "429",
			},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the spans (-want +got):\n%s", diff)
	}
}

// A caller who samples has its request in its own trace, linked with the traces of what it brought.
func TestCallerDecides(t *testing.T) {
	t.Parallel()
	c := tracetest.New(t)
	p := newPod(t, config.Tracing{Endpoint: c.URL}) // nothing but what callers want
	ctx, request := p.Begin(t.Context(), sampling)
	if !tracing.Wanted(ctx) {
		t.Error("the messages of a caller who samples are not wanted")
	}
	plain, _ := newID(t)
	marked := tracing.Mark(plain)
	other, otherTrace := newID(t)
	p.accept(ctx, marked)
	p.accept(ctx, other)
	request.End(ctx, tracing.Answer{Plane: "server", Method: "POST", Route: "/v1/messages:batch", Status: 200})

	traceID := strings.ReplaceAll(marked, "-", "")
	accepted, requested := arrived(t, c, traceID, 1)[0], arrived(t, c, callersTrace, 1)[0]
	if requested.ParentID != callersSpan || !slices.Equal(requested.Links, []string{accepted.ID()}) || !slices.Equal(accepted.Links, []string{requested.ID()}) {
		t.Errorf("the request %+v and the message %+v", requested, accepted)
	}
	want := map[string]string{
		"offlinepush.plane": "server", "http.request.method": "POST", "http.route": "/v1/messages:batch",
		"http.response.status_code": "200", "offlinepush.messages": "1",
	}
	if diff := cmp.Diff(want, requested.Attributes); diff != "" || requested.Name != "POST /v1/messages:batch" || requested.Kind != "SPAN_KIND_SERVER" {
		t.Errorf("the request is %q of kind %s (-want +got):\n%s", requested.Name, requested.Kind, diff)
	}
	if got := c.Trace(otherTrace); len(got) > 0 {
		t.Errorf("what nobody wanted was traced: %+v", got)
	}
}

// Without a caller who samples, a request is told of with the messages that it brought, and by a share of its own when it
// brought none.
func TestRequestsGoWithTheirMessages(t *testing.T) {
	t.Parallel()
	c := tracetest.New(t)
	p, none := newPod(t, all(c)), newPod(t, config.Tracing{Endpoint: c.URL})
	for _, traceparent := range []string{"", notSampling, "nonsense", "00-00000000000000000000000000000000-0000000000000000-01"} {
		ctx, request := p.Begin(t.Context(), traceparent)
		if tracing.Wanted(ctx) {
			t.Errorf("%q: the caller decides", traceparent)
		}
		id, traceID := newID(t)
		p.accept(ctx, id)
		request.End(ctx, tracing.Answer{Method: "POST", Route: "/v1/messages", Status: 503})
		accepted := arrived(t, c, traceID, 1)[0]
		requestsTrace, _, _ := strings.Cut(accepted.Links[0], "/")
		requested := arrived(t, c, requestsTrace, 1)[0]
		if requested.ParentID != "" || requestsTrace == callersTrace || requested.Failed != "HTTP 503" {
			t.Errorf("%q: the request is %+v", traceparent, requested)
		}
	}
	before := len(c.Spans())
	_, request := p.Begin(t.Context(), "")
	request.End(t.Context(), tracing.Answer{Method: "GET", Route: "/v1/calls/{callID}", Status: 404})
	until(t, "a request without messages arrives", func() error {
		if len(c.Spans()) != before+1 {
			return fmt.Errorf("there are %d spans", len(c.Spans()))
		}
		return nil
	})
	ctx, request := none.Begin(t.Context(), notSampling)
	id, traceID := newID(t)
	none.accept(ctx, id)
	none.push(ctx, id)
	request.End(ctx, tracing.Answer{Status: 500})
	none.Close(t.Context())
	if len(c.Spans()) != before+1 || len(c.Trace(traceID)) > 0 {
		t.Errorf("what is not sampled was traced: %+v", c.Trace(traceID))
	}
}

// Tracing is switched by the configuration alone.
func TestSwitch(t *testing.T) {
	t.Parallel()
	first, second := tracetest.New(t), tracetest.New(t)
	p := newPod(t, config.Tracing{})
	p.silent(t, first, second)
	for _, c := range []*tracetest.Collector{first, second} {
		p.configure(t, all(c))
		until(t, "traces arrive", func() error {
			id, _ := newID(t)
			p.push(t.Context(), id)
			return errorUnless(len(c.Spans()) > 0, "nothing arrived")
		})
	}
	p.configure(t, config.Tracing{Endpoint: second.URL})
	until(t, "the share is in force", func() error {
		id, traceID := newID(t)
		marked := tracing.Mark(id)
		p.push(t.Context(), id)
		p.push(t.Context(), marked)
		arrived(t, second, strings.ReplaceAll(marked, "-", ""), 1)
		return errorUnless(len(second.Trace(traceID)) == 0, "what is not sampled arrives")
	})
	p.configure(t, config.Tracing{})
	until(t, "tracing is off", func() error {
		_, request := p.Begin(t.Context(), "")
		return errorUnless(request == nil, "it is on")
	})
	p.silent(t, first, second)
}

// silent checks that nothing is told of.
func (p *pod) silent(t *testing.T, collectors ...*tracetest.Collector) {
	t.Helper()
	id, _ := newID(t)
	id = tracing.Mark(id)
	ctx, request := p.Begin(t.Context(), sampling)
	p.accept(ctx, id)
	p.push(ctx, id)
	request.End(ctx, tracing.Answer{})
	if request != nil || tracing.Wanted(ctx) {
		t.Error("a request is told of although tracing is off")
	}
	for _, c := range collectors {
		if got := c.Trace(strings.ReplaceAll(id, "-", "")); len(got) > 0 {
			t.Errorf("a message is told of although tracing is off: %+v", got)
		}
	}
}

// Nobody's Tracer tells nothing.
func TestNoTracer(t *testing.T) {
	t.Parallel()
	var nobody *tracing.Tracer
	ctx, request := nobody.Begin(t.Context(), sampling)
	nobody.Accept(ctx, tracing.Stored{})
	nobody.Expand(ctx, tracing.Stored{})
	nobody.Push(ctx, tracing.Call{})
	request.End(ctx, tracing.Answer{})
	if request != nil || tracing.Wanted(ctx) {
		t.Errorf("it tells of %+v", request)
	}
}

// A collector that does not answer holds nobody up: what does not fit is dropped and counted, and everything is counted once.
func TestSlowCollector(t *testing.T) {
	t.Parallel()
	c := tracetest.New(t)
	c.Hold()
	p := newPod(t, all(c))
	id, _ := newID(t)
	const n = 5000
	for range n { // while the first ones wait for the collector
		p.push(t.Context(), id)
	}
	if got := p.counted(tracing.QueueFull); got < n/2 {
		t.Errorf("%d spans were dropped", got)
	}
	c.Answer(http.StatusOK)
	until(t, "the rest arrives", func() error {
		dropped, failed, exported := p.counted(tracing.QueueFull), p.counted(tracing.Failed), p.counted(tracing.Exported)
		if dropped+failed+exported != n || exported == 0 || len(c.Spans()) < exported {
			return fmt.Errorf("%d dropped, %d failed, %d exported, %d arrived", dropped, failed, exported, len(c.Spans()))
		}
		return nil
	})
}

// What a collector refuses is counted as lost, and what comes later arrives. What ends behind the last export is lost too.
func TestCollectorRefuses(t *testing.T) {
	t.Parallel()
	c := tracetest.New(t)
	c.Answer(http.StatusBadRequest)
	p := newPod(t, all(c))
	id, traceID := newID(t)
	p.push(t.Context(), id)
	until(t, "the loss is counted", func() error { return errorUnless(p.counted(tracing.Failed) == 1, "it is not") })
	c.Answer(http.StatusOK)
	ctx, request := p.Begin(t.Context(), sampling)
	p.push(ctx, id)
	p.Close(ctx)
	if len(c.Trace(traceID)) != 1 || p.counted(tracing.Exported) != 1 {
		t.Errorf("the end did not export what waited: %d arrived", len(c.Trace(traceID)))
	}
	request.End(ctx, tracing.Answer{})
	if p.counted(tracing.Stopped) != 1 {
		t.Error("what came too late is not counted")
	}
}

// The end waits for a collector that does not answer as long as ctx lets it, and no longer.
func TestCloseEnds(t *testing.T) {
	t.Parallel()
	c := tracetest.New(t)
	c.Hold()
	p := newPod(t, all(c))
	id, _ := newID(t)
	p.push(t.Context(), id)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	p.Close(ctx)
	if p.counted(tracing.Failed) != 0 {
		t.Error("the end waited until the export gave up")
	}
}
