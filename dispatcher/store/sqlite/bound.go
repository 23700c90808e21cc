package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/offlinepush/operator/dispatcher/store"
)

const (
	insertCrowded = `INSERT INTO crowded (user_key, seq) VALUES (?, ?) ON CONFLICT (user_key) DO UPDATE SET seq = excluded.seq`
	firstCrowded  = `SELECT user_key, seq, coalesce((SELECT max(c.acked) FROM cursors c WHERE c.user_key = crowded.user_key), 0)
		FROM crowded WHERE user_key = (SELECT min(user_key) FROM crowded)`
	deleteCrowded = `DELETE FROM crowded WHERE user_key = ?`
	// trimInbox counts, because places may be left out, leaves entries alone whose push is pending, and tells of the others whether nobody acknowledged them.
	trimInbox = `DELETE FROM inbox WHERE user_key = ?1 AND seq IN (
			SELECT i.seq FROM inbox i WHERE i.user_key = ?1
				AND i.seq <= (SELECT n.seq FROM inbox n WHERE n.user_key = ?1 AND n.seq <= ?2 ORDER BY n.seq DESC LIMIT 1 OFFSET ?5)
				AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.message_id = i.message_id)
			ORDER BY i.seq LIMIT ?4)
		RETURNING seq > ?3`
	// countExpired counts the entries of old messages that no device of their user acknowledged.
	countExpired = `SELECT count(*) FROM inbox i WHERE i.message_id IN (` + oldMessages + `)
		AND i.seq > coalesce((SELECT max(c.acked) FROM cursors c WHERE c.user_key = i.user_key), 0)`
)

// trim deletes the oldest entries of one inbox that is too long.
func (s *Store) trim(ctx context.Context, limit int) (more bool, expired int64, err error) {
	err = s.write(ctx, func(t *tx) error {
		more, expired = false, 0
		var user, seq, acked int64
		err := t.row(firstCrowded, []any{&user, &seq, &acked})
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		more = true
		n := 0
		t.writes++
		if err := t.rows(trimInbox, func(rows *sql.Rows) error {
			var unread int64
			err := rows.Scan(&unread)
			n, expired = n+1, expired+unread
			return err
		}, user, seq, acked, limit, store.MaxInbox); err != nil || n == limit {
			return err
		}
		_, err = t.exec(deleteCrowded, user)
		return err
	})
	return more, expired, err
}
