package ingress

import (
	"github.com/danielgtaylor/huma/v2"

	"github.com/offlinepush/operator/dispatcher/tracing"
)

// traced tells of the requests of a route that its guard let in: whoever has no key decides nothing.
func (p *plane) traced(r route) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		traceparent := ""
		if p.trusted {
			traceparent = ctx.Header(tracing.TraceparentHeader)
		}
		inner, request := p.tracer.Begin(ctx.Context(), traceparent)
		if request == nil {
			next(ctx)
			return
		}
		defer func() {
			request.End(inner, tracing.Answer{Plane: p.name, Method: r.method, Route: r.path, Status: ctx.Status()})
		}()
		next(huma.WithContext(ctx, inner))
	}
}
