package config_test

import (
	"testing"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
)

func TestPushAppTracing(t *testing.T) {
	t.Parallel()
	tracing := func(endpoint string, percent *int32) func(app) {
		return func(a app) { a.Spec.Tracing = &pushv1.AppTracing{Endpoint: endpoint, SamplingPercent: percent} }
	}
	const field, form = "spec.tracing.endpoint", "should match"
	checkCreate(t, chatApp, []change[app]{
		{name: "as documented", edit: tracing("http://otel-collector.observability:4318", new(int32(0)))},
		{name: "with a path", edit: tracing("https://traces.example.com/otlp/v1/traces", nil)},
		{name: "no address", edit: tracing("", nil), want: []string{field + ": Required value"}},
		{name: "other protocol", edit: tracing("grpc://otel-collector:4317", nil), want: []string{field, form}},
		{name: "no host", edit: tracing("http://:4318", nil), want: []string{field, form}},
		{name: "user", edit: tracing("https://me:secret@traces.example.com", nil), want: []string{field, form}},
		{name: "query", edit: tracing("https://traces.example.com/?key=secret", nil), want: []string{field, form}},
		{name: "no URL", edit: tracing("https://traces.example.com/%zz", nil), want: []string{field, form}},
		{
			name: "more than all", edit: tracing("https://traces.example.com", new(int32(101))),
			want: []string{"spec.tracing.samplingPercent", "should be less than or equal to 100"},
		},
	})
}
