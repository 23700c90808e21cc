package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store/packed"
)

// due is of the own deliveries. Those that were written last under another lease are in doubt, like those that were tried.
const due = `SELECT delivery_id, message_id, targets, attempt, due_at, expires_at,
		attempt > 0 OR changed_at < (SELECT acquired_at FROM leases) FROM deliveries
	WHERE channel = ? AND due_at <= ? AND (due_at, delivery_id) > (?, ?) AND owner = (SELECT incarnation FROM leases)
	ORDER BY due_at, delivery_id LIMIT ?`

// Due implements store.Store.
func (s *Store) Due(
	ctx context.Context, channel string, until time.Time, after message.Delivery, limit int,
) (out []message.Delivery, err error) {
	err = s.reader.rows(ctx, due,
		func(rows *sql.Rows) error {
			d := message.Delivery{Channel: channel}
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
		}, channel, millis(until), millis(after.DueAt), after.ID, limit)
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
