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
	AND EXISTS (SELECT 1 FROM @.leases own WHERE own.incarnation = $1 AND own.heir = 0 AND own.expires_at > ` + now + `)) AS o`

// The index gives the order within each incarnation.
const (
	due = `SELECT d.* FROM ` + owned + ` CROSS JOIN LATERAL (
			SELECT delivery_id, message_id, targets, attempt, due_at, expires_at FROM @.deliveries
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
) ([]message.Delivery, error) {
	rows, err := s.pool.Query(ctx, s.sql(due), s.incarnation.Load(), channel, millis(until), millis(after.DueAt), after.ID, limit)
	if err != nil {
		return nil, explain(err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (message.Delivery, error) {
		d, err := delivery(row)
		d.Channel = channel
		return d, err
	})
	return out, explain(err)
}

func delivery(row pgx.CollectableRow) (d message.Delivery, err error) {
	var id uuid.UUID
	var targets []byte
	var due, expires int64
	if err := row.Scan(&d.ID, &id, &targets, &d.Attempt, &due, &expires); err != nil {
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
	err := s.pool.QueryRow(ctx, s.sql(nextDue), s.incarnation.Load(), channel, millis(t)).Scan(&due)
	if err != nil || due == nil {
		return time.Time{}, explain(err)
	}
	return instant(*due), nil
}
