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
	ownRows = ` AND owner = (SELECT incarnation FROM leases)`
	dueOwn  = ` WHERE channel = ? AND priority = ? AND due_at <= ?` + ownRows
	// An outcome without a code is none of the vendor's.
	heldOwn = ` WHERE channel = ? AND priority = ? AND due_at > ? AND last_class = '` + string(message.QuotaExhausted) + `' AND last_code = ''` + ownRows
	onward  = ` AND (expires_at, delivery_id) > (?, ?) ORDER BY expires_at, delivery_id LIMIT ?`
	back    = ` AND (expires_at, delivery_id) < (?, ?) ORDER BY expires_at DESC, delivery_id DESC LIMIT ?`
	byTime  = ` INDEXED BY deliveries_due`

	due      = dueColumns + dueOwn + onward
	dueBack  = dueColumns + dueOwn + back
	held     = dueColumns + heldOwn + onward
	heldBack = dueColumns + heldOwn + back
	// Few that are due are found by their time and sorted: in the order of their turns, all that wait would be passed by.
	dueFew     = dueColumns + byTime + dueOwn + onward
	dueFewBack = dueColumns + byTime + dueOwn + back
	countDue   = `SELECT count(*) FROM (SELECT 1 FROM deliveries` + byTime + ` WHERE channel = ? AND due_at <= ? LIMIT ?)`
)

// fewDue is how many due deliveries are sorted at the most.
const fewDue = 2000

// Due implements store.Store.
func (s *Store) Due(ctx context.Context, q store.DueQuery) (out []message.Delivery, err error) {
	query, expires := dueQuery{held, heldBack}, millis(q.After.ExpiresAt)
	if !q.Held {
		if query, err = s.dueQuery(ctx, q); err != nil {
			return nil, s.explain(err)
		}
	}
	next := query.onward
	if q.Priority == message.PriorityCall {
		next, expires = query.back, rules.Before(q.After)
	}
	err = s.reader.rows(ctx, next,
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

// dueQuery reads a page of rows, of calls backward.
type dueQuery struct{ onward, back string }

// dueQuery is the cheaper one for what is due.
func (s *Store) dueQuery(ctx context.Context, q store.DueQuery) (dueQuery, error) {
	var count int
	err := s.reader.row(ctx, countDue, []any{&count}, q.Channel, millis(q.Until), fewDue)
	if count < fewDue {
		return dueQuery{dueFew, dueFewBack}, err
	}
	return dueQuery{due, dueBack}, err
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
