package accept

import (
	"context"
	"time"

	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/tracing"
)

// trace tells of the messages that were stored now.
func (a *Acceptor) trace(ctx context.Context, asked []store.AcceptRequest, stored []store.AcceptResult, began time.Time) {
	ended := time.Now()
	for i, r := range stored {
		if r.Err == nil && !r.Duplicate {
			a.deps.Tracer.Accept(ctx, Stored(asked[i], began, ended))
		}
	}
}

// Stored is what is told of a request to the store.
func Stored(r store.AcceptRequest, began, ended time.Time) tracing.Stored {
	out := tracing.Stored{
		MessageID: r.Message.ID, Kind: r.Message.Kind, Receivers: len(r.Recipients), Began: began, Ended: ended,
	}
	for _, d := range r.Deliveries {
		out.Targets += len(d.Targets)
	}
	return out
}
