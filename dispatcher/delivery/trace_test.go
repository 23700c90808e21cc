package delivery

import (
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/metrics"
	"github.com/offlinepush/operator/dispatcher/tracing"
	"github.com/offlinepush/operator/dispatcher/tracing/tracetest"
)

// newTracer traces everything to the collector.
func newTracer(t *testing.T, c *tracetest.Collector) *tracing.Tracer {
	t.Helper()
	path := filepath.Join(t.TempDir(), config.FileName)
	documentWith(t, path, "first", func(d *config.Document) { d.Tracing = config.Tracing{Endpoint: c.URL, SamplingPercent: 100} })
	live, err := config.Open(path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return tracetest.NewTracer(live, metrics.New(prometheus.NewRegistry()).Spans)
}

// A vendor's answer that differs from phone to phone is told of by the worst of it.
func TestTraceOfAMixedAnswer(t *testing.T) {
	t.Parallel()
	c := tracetest.New(t)
	a := &attempt{
		lane: &lane{name: "row", tracer: newTracer(t, c)}, sender: &sender{row: config.Channel{Vendor: "Huawei"}},
		delivery: message.Delivery{MessageID: uuid.NewString(), Priority: message.PriorityCall},
	}
	ok := message.Outcome{Class: message.Accepted, HTTPStatus: 200}
	now := time.Now()
	for _, answer := range [][]message.Outcome{
		{ok, ok},
		{ok, {Class: message.InvalidToken, HTTPStatus: 200}, ok},
		{{Class: message.Throttled, HTTPStatus: 503}, ok, {Class: message.Rejected, HTTPStatus: 400}},
	} {
		a.trace(t.Context(), trial{calls: 1}, answer, now, now.Add(time.Second))
		now = now.Add(time.Second)
	}
	a.tracer.Close(t.Context())
	var got []string
	for _, s := range c.Trace(c.Spans()[0].TraceID) {
		f := s.Attributes
		got = append(got, f[string(tracing.Class)]+" to "+f[string(tracing.Vendor)]+": "+f[string(tracing.Accepted)]+" of "+f[string(tracing.Targets)]+
			", HTTP "+f[string(tracing.Status)]+" "+f[string(tracing.Outcome)]+" "+f[string(tracing.Reason)]+" "+s.Failed)
	}
	want := []string{
		"call to Huawei: 2 of 2, HTTP 200 Accepted Accepted ",
		"call to Huawei: 2 of 3, HTTP 200 InvalidToken InvalidToken InvalidToken",
		"call to Huawei: 1 of 3, HTTP 503 Throttled  Throttled",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the calls (-want +got):\n%s", diff)
	}
}
