package http_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
	"github.com/offlinepush/operator/dispatcher/tracing/tracetest"
)

// traceAll lets the dispatchers trace everything, to a collector whose every byte is searched for secrets.
func (w *world) traceAll(t *testing.T) *tracetest.Collector {
	t.Helper()
	c := tracetest.New(t)
	c.OnBody = func(body []byte) { w.kept.Add(inTraces, body) }
	w.doc.Tracing = config.Tracing{Endpoint: c.URL, SamplingPercent: 100}
	w.disp.Configure(t, w.doc)
	return c
}

// inForce waits until a dispatcher runs on a configuration.
func (w *world) inForce(t *testing.T, hash string) {
	t.Helper()
	until(t, "the configuration is in force", func() error {
		if c := w.disp.Report(t).Config; c.Hash != hash {
			return fmt.Errorf("the dispatcher runs on %+v", c)
		}
		return nil
	})
}

// spansOf waits until the trace of a message has what it needs.
func spansOf(t *testing.T, c *tracetest.Collector, messageID string, enough func([]tracetest.Span) bool) []tracetest.Span {
	t.Helper()
	var spans []tracetest.Span
	until(t, "the trace is complete", func() error {
		if spans = c.Trace(strings.ReplaceAll(messageID, "-", "")); !enough(spans) {
			return fmt.Errorf("it has %+v", spans)
		}
		return nil
	})
	return spans
}

// handed counts the vendor calls that brought a push.
func handed(spans []tracetest.Span) (n int) {
	for _, s := range spans {
		if s.Name == "push" && s.Attributes["offlinepush.outcome"] == "Accepted" {
			n++
		}
	}
	return n
}

// belong checks that all spans but the root are its children.
func belong(t *testing.T, spans []tracetest.Span) {
	t.Helper()
	root := spans[0].TraceID[len(spans[0].TraceID)/2:]
	for _, s := range spans {
		if s.Name == "accept" && (s.SpanID != root || s.ParentID != "") || s.Name != "accept" && s.ParentID != root {
			t.Errorf("%s has the id %s and the parent %q, the root is %s", s.Name, s.SpanID, s.ParentID, root)
		}
	}
}

// One message is one trace: how it was accepted, and a vendor call for each phone, whatever becomes of it. The request that
// brought it is in its caller's trace.
func TestOneMessageIsOneTrace(t *testing.T) {
	t.Parallel()
	for _, store := range eachStore() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			w := prepare(t, store)
			c := w.traceAll(t)
			w.disp.Start(t)
			bob := w.newUser("bob")
			phones := map[string]*handset{}
			for _, v := range vendors() {
				phones[v.row] = w.newPhone(t, v)
				phones[v.row].bind(t, bob)
			}
			w.fault(t, "fcm", traffic.Fault{Status: http.StatusServiceUnavailable, Count: 1})
			sent := w.send(t, w.newMessage(w.newUser("alice"), bob))
			spans := spansOf(t, c, sent.MessageID, func(all []tracetest.Span) bool { return handed(all) == len(phones) })
			belong(t, spans)
			var got []string
			for _, s := range spans {
				a := s.Attributes
				switch s.Name {
				case "accept":
					got = append(got, fmt.Sprintf("accept %s for %s, %s devices", a["offlinepush.kind"], a["offlinepush.receivers"], a["offlinepush.targets"]))
				case "push":
					got = append(got, fmt.Sprintf("%s %s try %s: %s %s %s", a["offlinepush.channel"], a["offlinepush.vendor"],
						a["offlinepush.attempt"], a["offlinepush.outcome"], a["offlinepush.reason"], s.Failed))
				}
			}
			slices.Sort(got)
			want := []string{
				"accept Chat for 1, 2 devices", "fcm FCM try 1: Transient  Transient", "fcm FCM try 2: Accepted Accepted ",
				"xiaomi Xiaomi try 1: Accepted Accepted ",
			}
			if !slices.Equal(got, want) {
				t.Errorf("the trace is %q, want %q", got, want)
			}
			root := spans[slices.IndexFunc(spans, func(s tracetest.Span) bool { return s.Name == "accept" })]
			requestsTrace, _, _ := strings.Cut(root.Links[0], "/")
			request := c.Trace(requestsTrace)
			if len(request) != 1 || request[0].Name != "POST /v1/messages" || !slices.Equal(request[0].Links, []string{root.ID()}) {
				t.Errorf("the request is %+v", request)
			}
		})
	}
}

// What was accepted by one process and pushed by another, after a kill, is one trace still.
func TestTraceSurvivesAKill(t *testing.T) {
	t.Parallel()
	for _, store := range eachStore() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			w := prepare(t, store)
			c := w.traceAll(t)
			w.disp.Start(t)
			bob := w.newUser("bob")
			phone := w.newPhone(t, vendors()[0])
			phone.bind(t, bob)
			w.fault(t, phone.row, traffic.Fault{Status: http.StatusServiceUnavailable})
			sent := w.send(t, w.newMessage(w.newUser("alice"), bob))
			spansOf(t, c, sent.MessageID, func(all []tracetest.Span) bool { return len(all) >= 2 }) // accepted, and refused once
			w.disp.Kill()
			w.clearFault(t, phone.row)
			if store.name == postgres().name {
				w.disp = w.another(t)
			} else {
				w.disp.Start(t)
			}
			phone.arrivals(t, 1)
			spans := spansOf(t, c, sent.MessageID, func(all []tracetest.Span) bool { return handed(all) == 1 })
			belong(t, spans)
			last := spans[len(spans)-1]
			if last.Resource["service.instance.id"] != w.disp.Pod || handed(spans[len(spans)-1:]) != 1 {
				t.Errorf("the last span is %+v, want the push of %s", last, w.disp.Pod)
			}
		})
	}
}

// A collector that is gone costs traces and nothing else, and tracing is switched without a restart. What is traced when a
// dispatcher stops still arrives.
func TestCollectorIsGone(t *testing.T) {
	t.Parallel()
	w := prepare(t, sqlite())
	w.traceAll(t).Close()
	w.disp.Start(t)
	bob := w.newUser("bob")
	phone := w.newPhone(t, vendors()[0])
	phone.bind(t, bob)
	w.send(t, w.newMessage(w.newUser("alice"), bob))
	phone.arrivals(t, 1)
	until(t, "the loss is counted", func() error {
		if metrics := w.disp.Metrics(t); !strings.Contains(metrics, `offlinepush_trace_spans_total{result="failed"}`) ||
			strings.Contains(metrics, `offlinepush_trace_spans_total{result="failed"} 0`) {
			return errors.New("it is not")
		}
		return nil
	})
	w.doc.Tracing = config.Tracing{}
	w.inForce(t, w.disp.Configure(t, w.doc))
	c := w.traceAll(t)
	w.doc.Tracing = config.Tracing{}
	w.inForce(t, w.disp.Configure(t, w.doc))
	before := c.Requests()
	w.send(t, w.newMessage(w.newUser("alice"), bob))
	phone.arrivals(t, 2)
	if n := c.Requests(); n != before {
		t.Errorf("%d requests were made although tracing is off", n-before)
	}
	w.doc.Tracing = config.Tracing{Endpoint: c.URL, SamplingPercent: 100}
	w.inForce(t, w.disp.Configure(t, w.doc))
	sent := w.send(t, w.newMessage(w.newUser("alice"), bob))
	phone.arrivals(t, 3)
	w.settled(t)
	w.disp.Terminate(t)
	spans := spansOf(t, c, sent.MessageID, func(all []tracetest.Span) bool { return len(all) == 2 })
	belong(t, spans)
}
