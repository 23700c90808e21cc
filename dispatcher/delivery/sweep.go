package delivery

import (
	"context"
	"fmt"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

// sweep ends the rows of a closed lane whose time is over, so that a channel
// that is gone or refused does not keep them for ever.
func (l *lane) sweep(ctx context.Context) {
	l.mu.Lock()
	l.queue.drop(l.store.Now())
	l.mu.Unlock()
	for _, p := range message.Priorities() {
		if err := l.sweepClass(ctx, p); err != nil {
			l.log.Warn("ending expired deliveries", "channel", l.name, "error", err)
			return
		}
	}
}

func (l *lane) sweepClass(ctx context.Context, p message.Priority) error {
	q := store.DueQuery{Channel: l.name, Priority: p, Until: l.store.Now(), Limit: refill}
	for {
		rows, err := l.store.Due(ctx, q)
		if err != nil {
			return fmt.Errorf("looking for them: %w", err)
		}
		if err := l.store.Settle(ctx, l.expired(rows)); err != nil {
			return fmt.Errorf("settling: %w", err)
		}
		if len(rows) < q.Limit {
			return nil
		}
		q.After = rows[len(rows)-1]
		if p != message.PriorityCall && q.After.ExpiresAt.After(q.Until) { // like all behind it
			return nil
		}
	}
}

// expired settles those rows whose time is over and that are not in flight.
func (l *lane) expired(rows []message.Delivery) []store.Settlement {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []store.Settlement
	for _, d := range rows {
		if l.queue.knows(d) || l.store.Now().Before(d.ExpiresAt) {
			continue
		}
		s := store.Settlement{DeliveryID: d.ID}
		for _, t := range d.Targets {
			s.Done = append(s.Done, store.TargetResult{Target: t, State: message.Expired, Reason: message.ReasonTTL, InDoubt: d.InDoubt})
		}
		l.metrics.Targets.WithLabelValues(l.name, string(message.Expired), message.ReasonTTL).Add(float64(len(d.Targets)))
		out = append(out, s)
	}
	return out
}
