package sqlite

import (
	"context"
	"encoding/binary"

	"github.com/google/uuid"

	"github.com/offlinepush/operator/dispatcher/store"
)

// A message stays as long as something of it is pending, whatever its age.
const (
	oldMessages = `SELECT message_id FROM messages m WHERE created_at < ?
		AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.message_id = m.message_id) ORDER BY created_at, rowid LIMIT ?`
	oldDevices = `SELECT device_key FROM devices WHERE seen_at < ? ORDER BY seen_at, device_key LIMIT ?`
)

// firstID is before every UUIDv7 of that time and behind every one from before.
func firstID(ms int64) []byte {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:8], uint64(max(ms, 0))<<16)
	return id[:]
}

// Prune implements store.Store. Each kind has its own small commit, so that
// accepts do not wait long behind it.
func (s *Store) Prune(ctx context.Context, before store.Cutoffs, limit int) (more bool, err error) {
	kinds := []struct {
		cutoff  any
		queries []string // the last one counts; all see the same rows
	}{
		{millis(before.Messages), []string{
			`DELETE FROM inbox WHERE message_id IN (` + oldMessages + `)`,
			`DELETE FROM messages WHERE message_id IN (` + oldMessages + `)`,
		}},
		{millis(before.Outcomes), []string{
			`DELETE FROM outcomes WHERE outcome_id IN (SELECT outcome_id FROM outcomes WHERE at < ? ORDER BY at LIMIT ?)`,
		}},
		{firstID(millis(before.Outcomes)), []string{
			`DELETE FROM receipts WHERE (message_id, device_key, event) IN
				(SELECT message_id, device_key, event FROM receipts WHERE message_id < ? ORDER BY message_id LIMIT ?)`,
		}},
		{millis(before.Idempotency), []string{
			`DELETE FROM idempotency WHERE (sender, client_id) IN
				(SELECT sender, client_id FROM idempotency WHERE expires_at < ? ORDER BY expires_at LIMIT ?)`,
		}},
		{millis(before.Messages), []string{
			`DELETE FROM calls WHERE call_id IN (` + oldCalls + `)`,
		}},
		{millis(before.PushTests), []string{
			`DELETE FROM push_test_devices WHERE message_id IN (SELECT message_id FROM push_tests WHERE uid IN (` + oldPushTests + `))`,
			`DELETE FROM push_tests WHERE uid IN (` + oldPushTests + `)`,
		}},
		{millis(before.Devices), []string{
			`DELETE FROM tokens WHERE device_key IN (` + oldDevices + `)`,
			`DELETE FROM cursors WHERE device_key IN (` + oldDevices + `)`,
			`DELETE FROM badges WHERE device_key IN (` + oldDevices + `)`,
			`DELETE FROM devices WHERE device_key IN (` + oldDevices + `)`,
		}},
	}
	for _, kind := range kinds {
		var n int64
		err = s.write(ctx, func(t *tx) (err error) {
			for _, q := range kind.queries {
				if n, err = t.exec(q, kind.cutoff, limit); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return more, err
		}
		more = more || n == int64(limit)
	}
	return more, nil
}
