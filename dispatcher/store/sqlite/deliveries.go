package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/packed"
)

// Due implements store.Store.
func (s *Store) Due(
	ctx context.Context, channel string, until time.Time, after message.Delivery, limit int,
) (out []message.Delivery, err error) {
	err = s.reader.rows(ctx, `SELECT delivery_id, message_id, targets, attempt, due_at, expires_at FROM deliveries
		WHERE channel = ? AND due_at <= ? AND (due_at, delivery_id) > (?, ?) AND owner = (SELECT incarnation FROM leases)
		ORDER BY due_at, delivery_id LIMIT ?`,
		func(rows *sql.Rows) error {
			d := message.Delivery{Channel: channel}
			var id uuid.UUID
			var targets []byte
			var due, expires int64
			if err := rows.Scan(&d.ID, &id, &targets, &d.Attempt, &due, &expires); err != nil {
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

// Fence implements store.Store.
func (s *Store) Fence(ctx context.Context, devices []int64, kind message.TokenKind) (map[int64]store.FenceState, error) {
	keys, err := json.Marshal(devices)
	if err != nil {
		return nil, err
	}
	out := make(map[int64]store.FenceState, len(devices))
	err = s.reader.rows(ctx, `SELECT d.device_key, d.push_id, d.epoch, coalesce(u.user_id, ''), coalesce(t.value, ''), coalesce(t.gen, 0),
			t.gen IS NOT NULL AND t.quarantined_at IS NULL, t.accepted_at, coalesce(c.acked, 0), coalesce(t.set_at, 0)
		FROM json_each(?1) j CROSS JOIN devices d ON d.device_key = j.value
		LEFT JOIN users u ON u.user_key = d.user_key
		LEFT JOIN tokens t ON t.device_key = d.device_key AND t.kind = ?2
		LEFT JOIN cursors c ON c.device_key = d.device_key AND c.user_key = d.user_key`,
		func(rows *sql.Rows) error {
			f := store.FenceState{Token: message.Token{Kind: kind}}
			var device, set int64
			var accepted *int64
			if err := rows.Scan(&device, &f.PushID, &f.Epoch, &f.UserID, &f.Token.Value, &f.Token.Gen,
				&f.TokenOK, &accepted, &f.Acked, &set); err != nil {
				return err
			}
			if accepted != nil {
				f.AcceptedAt = instant(*accepted)
			}
			if set > 0 {
				f.TokenSetAt = instant(set)
			}
			out[device] = f
			return nil
		}, string(keys), string(kind))
	return out, s.explain(err)
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
