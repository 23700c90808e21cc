package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"

	"github.com/google/uuid"

	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/rules"
)

const (
	readFence = `SELECT d.device_key, d.push_id, d.epoch, coalesce(u.user_id, ''), coalesce(t.value, ''), coalesce(t.gen, 0),
			t.gen IS NOT NULL AND t.quarantined_at IS NULL, t.accepted_at, coalesce(c.acked, 0), coalesce(t.set_at, 0), ` + graceOf + `,
			EXISTS (SELECT 1 FROM messages m WHERE m.message_id = ?3 AND m.recalled_at IS NOT NULL)
		FROM json_each(?1) j CROSS JOIN devices d ON d.device_key = j.value
		LEFT JOIN users u ON u.user_key = d.user_key
		LEFT JOIN tokens t ON t.device_key = d.device_key AND t.kind = ?2
		LEFT JOIN cursors c ON c.device_key = d.device_key AND c.user_key = d.user_key`
	// readReplaced is one snapshot of what was handed and of what is open.
	readReplaced = `SELECT device_key, NULL FROM outcomes WHERE message_id = ?1 AND (state = 'Handed' OR in_doubt)
		UNION ALL SELECT 0, targets FROM deliveries WHERE message_id = ?1`
)

// Fence implements store.Store.
func (s *Store) Fence(ctx context.Context, q store.FenceQuery) (store.Fence, error) {
	keys, err := json.Marshal(q.Devices)
	if err != nil {
		return store.Fence{}, err
	}
	var replaced rules.Replaced
	if q.Replaces != "" {
		if replaced, err = s.replaced(ctx, q.Replaces); err != nil {
			return store.Fence{}, s.explain(err)
		}
	}
	id, _ := uuid.Parse(q.MessageID) // The zero one is no message's.
	out := store.Fence{Devices: make(map[int64]store.FenceState, len(q.Devices))}
	err = s.reader.rows(ctx, readFence, func(rows *sql.Rows) error {
		var r rules.FenceRow
		if err := rows.Scan(r.Dest()...); err != nil {
			return err
		}
		r.Add(&out, q.Kind, replaced)
		return nil
	}, string(keys), string(q.Kind), id[:])
	return out, s.explain(err)
}

// replaced reads what became of a message's push at its devices.
func (s *Store) replaced(ctx context.Context, messageID string) (rules.Replaced, error) {
	id, err := uuid.Parse(messageID)
	if err != nil {
		return nil, nil //nolint:nilerr // We gave out no such id, so that there is nothing to replace.
	}
	out := rules.Replaced{}
	err = s.reader.rows(ctx, readReplaced, func(rows *sql.Rows) error {
		var device int64
		var targets []byte
		if err := rows.Scan(&device, &targets); err != nil {
			return err
		}
		return out.Note(device, targets)
	}, id[:])
	return out, err
}
