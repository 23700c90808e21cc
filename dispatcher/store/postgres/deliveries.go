package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store/packed"
)

// owned are the incarnations whose deliveries are this process's: its own and
// those that it is the heir of, as long as its lease lives.
const owned = `(SELECT o.incarnation FROM @.leases o WHERE (o.incarnation = $1 OR o.heir = $1)
	AND EXISTS (SELECT 1 FROM @.leases l WHERE l.incarnation = $1 AND ` + alive + `)) AS o`

// The index gives the order within each incarnation.
const (
	// What was tried is in doubt, like what its owner left behind.
	due = `SELECT d.* FROM ` + owned + ` CROSS JOIN LATERAL (
			SELECT delivery_id, message_id, targets, attempt, due_at, expires_at, attempt > 0 OR owner <> $1 AS in_doubt FROM @.deliveries
			WHERE owner = o.incarnation AND channel = $2 AND due_at <= $3 AND (due_at, delivery_id) > ($4, $5)
			ORDER BY due_at, delivery_id LIMIT $6) AS d
		ORDER BY d.due_at, d.delivery_id LIMIT $6`
	nextDue = `SELECT min(d.due_at) FROM ` + owned + ` CROSS JOIN LATERAL (
			SELECT due_at FROM @.deliveries WHERE owner = o.incarnation AND channel = $2 AND due_at > $3
			ORDER BY due_at LIMIT 1) AS d`
)

// Due implements store.Store.
func (s *Store) Due(
	ctx context.Context, channel string, until time.Time, after message.Delivery, limit int,
) (out []message.Delivery, err error) {
	err = s.rows(ctx, due, func(row pgx.CollectableRow) error {
		d, err := delivery(row)
		d.Channel = channel
		out = append(out, d)
		return err
	}, s.incarnation.Load(), channel, millis(until), millis(after.DueAt), after.ID, limit)
	return out, err
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
