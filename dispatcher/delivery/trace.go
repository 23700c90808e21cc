package delivery

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/tracing"
)

// trace tells of a vendor call by its worst outcome.
func (a *attempt) trace(ctx context.Context, next trial, outcomes []message.Outcome, began, ended time.Time) {
	worst := slices.MaxFunc(outcomes, func(x, y message.Outcome) int { return cmp.Compare(severity(x.Class), severity(y.Class)) })
	accepted := 0
	for _, o := range outcomes {
		if o.Class == message.Accepted {
			accepted++
		}
	}
	a.tracer.Push(ctx, tracing.Call{
		MessageID: a.delivery.MessageID, Channel: a.name, Vendor: a.sender.row.Vendor, Class: a.delivery.Priority,
		Attempt: next.calls, Targets: len(outcomes), Accepted: accepted,
		Outcome: worst, Reason: next.judge(worst).reason, Began: began, Ended: ended,
	})
}
