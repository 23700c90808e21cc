package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/packed"
	"github.com/offlinepush/operator/dispatcher/store/rules"
)

// These are of the own deliveries. Those that were written last under another lease are in doubt, like those that were tried.
const (
	dueColumns = `SELECT delivery_id, message_id, targets, attempt, due_at, expires_at,
			attempt > 0 OR changed_at < (SELECT acquired_at FROM leases) FROM deliveries`
	dueOwn = ` WHERE channel = ? AND priority = ? AND due_at <= ? AND owner = (SELECT incarnation FROM leases)`
	onward = ` AND (expires_at, delivery_id) > (?, ?) ORDER BY expires_at, delivery_id LIMIT ?`
	back   = ` AND (expires_at, delivery_id) < (?, ?) ORDER BY expires_at DESC, delivery_id DESC LIMIT ?`
	byTime = ` INDEXED BY deliveries_due`

	due     = dueColumns + dueOwn + onward
	dueBack = dueColumns + dueOwn + back
	// Few that are due are found by their time and sorted: in the order of their turns, all that wait would be passed by.
	dueFew     = dueColumns + byTime + dueOwn + onward
	dueFewBack = dueColumns + byTime + dueOwn + back
	countDue   = `SELECT count(*) FROM (SELECT 1 FROM deliveries` + byTime + ` WHERE channel = ? AND due_at <= ? LIMIT ?)`
)

// fewDue is how many due deliveries are sorted at the most.
const fewDue = 2000

// Due implements store.Store.
func (s *Store) Due(ctx context.Context, q store.DueQuery) (out []message.Delivery, err error) {
	var count int
	if err := s.reader.row(ctx, countDue, []any{&count}, q.Channel, millis(q.Until), fewDue); err != nil {
		return nil, s.explain(err)
	}
	query, expires := due, millis(q.After.ExpiresAt)
	switch few := count < fewDue; {
	case q.Priority == message.PriorityCall && few:
		query, expires = dueFewBack, rules.Before(q.After)
	case q.Priority == message.PriorityCall:
		query, expires = dueBack, rules.Before(q.After)
	case few:
		query = dueFew
	}
	err = s.reader.rows(ctx, query,
		func(rows *sql.Rows) error {
			d := message.Delivery{Channel: q.Channel, Priority: q.Priority}
			var id uuid.UUID
			var targets []byte
			var due, expires int64
			if err := rows.Scan(&d.ID, &id, &targets, &d.Attempt, &due, &expires, &d.InDoubt); err != nil {
				return err
			}
			decoded, err := packed.Decode(targets)
			if err != nil {
				return fmt.Errorf("delivery %d: %w", d.ID, err)
			}
			d.MessageID, d.Targets = id.String(), packed.Plain(decoded)
			d.DueAt, d.ExpiresAt = instant(due), instant(expires)
			out = append(out, d)
			return nil
		}, q.Channel, q.Priority, millis(q.Until), expires, q.After.ID, q.Limit)
	return out, s.explain(err)
}

// NextDueAfter implements store.Store.
func (s *Store) NextDueAfter(ctx context.Context, channel string, t time.Time) (time.Time, error) {
	var due *int64
	err := s.reader.row(ctx, `SELECT min(due_at) FROM deliveries
		WHERE channel = ? AND due_at > ? AND owner = (SELECT incarnation FROM leases)`, []any{&due}, channel, millis(t))
	if err != nil || due == nil {
		return time.Time{}, s.explain(err)
	}
	return instant(*due), nil
}

// Backlog implements store.Store.
func (s *Store) Backlog(ctx context.Context) (map[string]int64, error) {
	out := map[string]int64{}
	err := s.reader.rows(ctx, `SELECT channel, pending FROM backlog WHERE pending > 0`, func(rows *sql.Rows) error {
		var channel string
		var pending int64
		err := rows.Scan(&channel, &pending)
		out[channel] = pending
		return err
	})
	return out, s.explain(err)
}
