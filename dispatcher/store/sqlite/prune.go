package sqlite

import (
	"context"

	"github.com/offlinepush/operator/dispatcher/store"
)

// A message stays as long as something of it is pending, whatever its age.
const (
	oldMessages = `SELECT message_id FROM messages m WHERE created_at < ?
		AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.message_id = m.message_id) ORDER BY created_at, rowid LIMIT ?`
	oldDevices = `SELECT device_key FROM devices WHERE seen_at < ? ORDER BY seen_at, device_key LIMIT ?`
)

// Prune implements store.Store. Each kind has its own small commit, so that
// accepts do not wait long behind it.
func (s *Store) Prune(ctx context.Context, before store.Cutoffs, limit int) (more bool, err error) {
	kinds := []struct {
		cutoff  int64
		queries []string // the last one counts; all see the same rows
	}{
		{millis(before.Messages), []string{
			`DELETE FROM inbox WHERE message_id IN (` + oldMessages + `)`,
			`DELETE FROM messages WHERE message_id IN (` + oldMessages + `)`,
		}},
		{millis(before.Outcomes), []string{
			`DELETE FROM outcomes WHERE outcome_id IN (SELECT outcome_id FROM outcomes WHERE at < ? ORDER BY at LIMIT ?)`,
		}},
		{millis(before.Idempotency), []string{
			`DELETE FROM idempotency WHERE (sender, client_id) IN
				(SELECT sender, client_id FROM idempotency WHERE expires_at < ? ORDER BY expires_at LIMIT ?)`,
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
