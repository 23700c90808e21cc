package delivery

import (
	"context"
	"fmt"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

// held reads the next rows of a class that wait for the vendor's day and may go before they are due, because their part of it
// has grown. What is beyond that waits again.
func (l *lane) held(ctx context.Context, c *class, now time.Time) ([]message.Delivery, error) {
	l.mu.Lock()
	s, after := l.sender, c.looked
	l.mu.Unlock()
	if s == nil || !s.quota.Grown(quotaPriority(c.priority)) {
		return nil, nil
	}
	rows, err := l.store.Due(ctx, store.DueQuery{Channel: l.name, Priority: c.priority, Until: now, Held: true, After: after, Limit: refill})
	if err != nil {
		return nil, fmt.Errorf("looking for what waits for a quota: %w", err)
	}
	if len(rows) == 0 {
		s.quota.Looked(quotaPriority(c.priority))
	}
	for i := range rows {
		rows[i].DueAt = now
	}
	return rows, nil
}

// look passes those of the rows by that are in memory now, and reports whether there are any. The first one that found no room
// there is the next to be read.
func (c *class) look(rows []message.Delivery) (passed bool) {
	for _, d := range rows {
		if _, ok := c.known[d.ID]; !ok {
			break
		}
		c.looked, passed = d, true
	}
	return passed
}
