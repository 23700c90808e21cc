package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/packed"
	"github.com/offlinepush/operator/dispatcher/store/rules"
)

// owned are the incarnations whose deliveries are this process's: its own and
// those that it is the heir of, as long as its lease lives.
const owned = `(SELECT o.incarnation FROM @.leases o WHERE (o.incarnation = $1 OR o.heir = $1)
	AND EXISTS (SELECT 1 FROM @.leases l WHERE l.incarnation = $1 AND ` + alive + `)) AS o`

// The index gives the order within each incarnation.
const (
	// What was tried is in doubt, like what its owner left behind.
	dueColumns = `SELECT d.* FROM ` + owned + ` CROSS JOIN LATERAL (
			SELECT delivery_id, message_id, targets, attempt, due_at, expires_at, attempt > 0 OR owner <> $1 AS in_doubt FROM @.deliveries
			WHERE owner = o.incarnation AND channel = $2 AND priority = $3 AND `
	areDue = `due_at <= $4`
	// An outcome without a code is none of the vendor's.
	areHeld = `due_at > $4 AND last_class = '` + string(message.QuotaExhausted) + `' AND last_code = ''`
	onward  = ` AND (expires_at, delivery_id) > ($5, $6) ORDER BY expires_at, delivery_id LIMIT $7) AS d
		ORDER BY d.expires_at, d.delivery_id LIMIT $7`
	back = ` AND (expires_at, delivery_id) < ($5, $6) ORDER BY expires_at DESC, delivery_id DESC LIMIT $7) AS d
		ORDER BY d.expires_at DESC, d.delivery_id DESC LIMIT $7`

	due      = dueColumns + areDue + onward
	dueBack  = dueColumns + areDue + back
	held     = dueColumns + areHeld + onward
	heldBack = dueColumns + areHeld + back
	// Few that are due are found by their time and sorted: in the order of their turns, all that wait would be passed by.
	dueByTime = `SELECT d.delivery_id, d.message_id, d.targets, d.attempt, d.due_at, d.expires_at, d.in_doubt FROM ` + owned + ` CROSS JOIN LATERAL (
			SELECT delivery_id, message_id, targets, attempt, due_at, expires_at, priority, attempt > 0 OR owner <> $1 AS in_doubt FROM @.deliveries
			WHERE owner = o.incarnation AND channel = $2 AND due_at <= $4 ORDER BY due_at, delivery_id LIMIT 4000) AS d
		WHERE d.priority = $3 AND (d.expires_at, d.delivery_id) `
	dueFew     = dueByTime + `> ($5, $6) ORDER BY d.expires_at, d.delivery_id LIMIT $7`
	dueFewBack = dueByTime + `< ($5, $6) ORDER BY d.expires_at DESC, d.delivery_id DESC LIMIT $7`
	countDue   = `SELECT count(*) FROM ` + owned + ` CROSS JOIN LATERAL (
			SELECT 1 FROM @.deliveries WHERE owner = o.incarnation AND channel = $2 AND due_at <= $3 ORDER BY due_at LIMIT $4) AS d`
	nextDue = `SELECT min(d.due_at) FROM ` + owned + ` CROSS JOIN LATERAL (
			SELECT due_at FROM @.deliveries WHERE owner = o.incarnation AND channel = $2 AND due_at > $3
			ORDER BY due_at LIMIT 1) AS d`
)

// fewDue is how many due deliveries are sorted at the most. The query takes twice as many of each incarnation, because more may
// have come since they were counted.
const fewDue = 2000

// Due implements store.Store.
func (s *Store) Due(ctx context.Context, q store.DueQuery) (out []message.Delivery, err error) {
	query, expires := dueQuery{held, heldBack}, millis(q.After.ExpiresAt)
	if !q.Held {
		if query, err = s.dueQuery(ctx, q); err != nil {
			return nil, explain(err)
		}
	}
	next := query.onward
	if q.Priority == message.PriorityCall {
		next, expires = query.back, rules.Before(q.After)
	}
	err = s.rows(ctx, next, func(row pgx.CollectableRow) error {
		d, err := delivery(row)
		d.Channel, d.Priority = q.Channel, q.Priority
		out = append(out, d)
		return err
	}, s.incarnation.Load(), q.Channel, q.Priority, millis(q.Until), expires, q.After.ID, q.Limit)
	return out, err
}

// dueQuery reads a page of rows, of calls backward.
type dueQuery struct{ onward, back string }

// dueQuery is the cheaper one for what is due.
func (s *Store) dueQuery(ctx context.Context, q store.DueQuery) (dueQuery, error) {
	var count int
	err := s.row(ctx, countDue, s.incarnation.Load(), q.Channel, millis(q.Until), fewDue).Scan(&count)
	if count < fewDue {
		return dueQuery{dueFew, dueFewBack}, err
	}
	return dueQuery{due, dueBack}, err
}

func delivery(row pgx.CollectableRow) (d message.Delivery, err error) {
	var id uuid.UUID
	var targets []byte
	var due, expires int64
	if err := row.Scan(&d.ID, &id, &targets, &d.Attempt, &due, &expires, &d.InDoubt); err != nil {
		return d, err
	}
	decoded, err := packed.Decode(targets)
	if err != nil {
		return d, fmt.Errorf("delivery %d: %w", d.ID, err)
	}
	d.MessageID, d.Targets = id.String(), packed.Plain(decoded)
	d.DueAt, d.ExpiresAt = instant(due), instant(expires)
	return d, nil
}

// NextDueAfter implements store.Store.
func (s *Store) NextDueAfter(ctx context.Context, channel string, t time.Time) (time.Time, error) {
	var due *int64
	err := s.row(ctx, nextDue, s.incarnation.Load(), channel, millis(t)).Scan(&due)
	if err != nil || due == nil {
		return time.Time{}, explain(err)
	}
	return instant(*due), nil
}
