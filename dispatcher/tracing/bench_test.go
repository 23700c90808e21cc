package tracing_test

import (
	"testing"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/tracing/tracetest"
)

// BenchmarkPush is what a vendor call costs more: without tracing, and for a message that is not sampled, and one that is.
func BenchmarkPush(b *testing.B) {
	c := tracetest.New(b)
	for _, bench := range []struct {
		name string
		to   config.Tracing
	}{
		{"off", config.Tracing{}},
		{"not sampled", config.Tracing{Endpoint: c.URL}},
		{"sampled", all(c)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			p := newPod(b, bench.to)
			id, _ := newID(b)
			b.ReportAllocs()
			for b.Loop() {
				p.push(b.Context(), id)
			}
		})
	}
}
