package tracing

import (
	"context"
	"encoding/binary"
	"math/rand/v2"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/trace"
)

// Of the last 56 bits of a trace id, which are random in a UUIDv7 too, OpenTelemetry wants a part to be sampled: those
// above a threshold. Collectors that sample by the same rule agree.
const (
	randomBits = 56
	// markedBits of them are 1 in an id that is to be sampled whatever the share is. Of others, one in 16 million is so.
	markedBits = 24
	marked     = (1<<markedBits - 1) << (randomBits - markedBits)
)

// threshold is where the ids begin that are sampled. With 0 percent those are that are marked.
func threshold(percent int32) uint64 {
	return min((1<<randomBits)/100*uint64(100-percent), marked) //nolint:gosec // the configuration has 0 to 100
}

// draw is what decides whether a trace is sampled.
func draw(id trace.TraceID) uint64 {
	return binary.BigEndian.Uint64(id[8:]) & (1<<randomBits - 1)
}

// Mark makes a message id one that is sampled, whichever process asks and whatever the share is.
func Mark(messageID string) string {
	id, err := uuid.Parse(messageID)
	if err != nil {
		return messageID
	}
	binary.BigEndian.PutUint64(id[8:], binary.BigEndian.Uint64(id[8:])|marked)
	return id.String()
}

// rootOf is the span at the root of a message's trace.
func rootOf(messageID string) (root trace.SpanContext, ok bool) {
	id, err := uuid.Parse(messageID)
	if err != nil {
		return root, false
	}
	root = sampled(trace.TraceID(id), trace.SpanID(id[8:]))
	return root, root.IsValid()
}

func sampled(id trace.TraceID, span trace.SpanID) trace.SpanContext {
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: id, SpanID: span, TraceFlags: trace.FlagsSampled, Remote: true})
}

// newIDs are random; parent, if it is valid, gives the trace.
func newIDs(parent trace.SpanContext) trace.SpanContext {
	id := parent.TraceID()
	if !parent.IsValid() {
		binary.BigEndian.PutUint64(id[:8], rand.Uint64()) //nolint:gosec // ids need no secrecy
		binary.BigEndian.PutUint64(id[8:], rand.Uint64()) //nolint:gosec // ids need no secrecy
	}
	var span trace.SpanID
	binary.BigEndian.PutUint64(span[:], rand.Uint64()|1) //nolint:gosec // never 0, which is no id
	return sampled(id, span)
}

type idsKey struct{}

// given gives a span the ids that its context has: it was linked to before it was made.
type given struct{}

// NewIDs implements the SDK's IDGenerator.
func (given) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	ids := idsOf(ctx)
	return ids.TraceID(), ids.SpanID()
}

// NewSpanID implements the SDK's IDGenerator.
func (given) NewSpanID(ctx context.Context, _ trace.TraceID) trace.SpanID { return idsOf(ctx).SpanID() }

func idsOf(ctx context.Context) trace.SpanContext {
	ids, _ := ctx.Value(idsKey{}).(trace.SpanContext)
	return ids
}
