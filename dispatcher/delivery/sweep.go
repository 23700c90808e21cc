package delivery

import (
	"context"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

// sweep ends the rows of a closed lane whose time is over, so that a channel
// that is gone or refused does not keep them for ever.
func (l *lane) sweep(ctx context.Context) {
	l.mu.Lock()
	l.queue.drop(l.store.Now())
	l.mu.Unlock()
	for after := (message.Delivery{}); ; {
		rows, err := l.store.Due(ctx, l.name, l.store.Now(), after, refill)
		if err != nil {
			l.log.Warn("looking for expired deliveries", "channel", l.name, "error", err)
			return
		}
		if err := l.store.Settle(ctx, l.expired(rows)); err != nil {
			l.log.Warn("settling expired deliveries", "channel", l.name, "error", err)
			return
		}
		if len(rows) < refill {
			return
		}
		after = rows[len(rows)-1]
	}
}

// expired settles those rows whose time is over and that are not in flight.
func (l *lane) expired(rows []message.Delivery) []store.Settlement {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []store.Settlement
	for _, d := range rows {
		if _, known := l.queue.known[d.ID]; known || l.store.Now().Before(d.ExpiresAt) {
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
