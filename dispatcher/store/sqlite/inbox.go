package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/google/uuid"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/rules"
)

// Message implements store.Store.
func (s *Store) Message(ctx context.Context, id string) (message.Message, error) {
	key, err := uuid.Parse(id)
	if err != nil {
		return message.Message{}, store.ErrNotFound // we gave out no such id
	}
	var r rules.MessageRow
	err = s.reader.row(ctx, `SELECT `+rules.MessageColumns+` FROM messages m WHERE m.message_id = ?`, r.Dest(), key[:])
	if errors.Is(err, sql.ErrNoRows) {
		err = s.reader.row(ctx, keptMessage, r.Dest(), key[:])
	}
	if err != nil {
		return message.Message{}, s.explain(missing(err))
	}
	return r.Result()
}

// Inbox implements store.Store. The entries are one run without a hole; what is
// behind a hole comes with the next call, which reports the gap.
func (s *Store) Inbox(ctx context.Context, userID string, after int64, limit int) ([]message.InboxEntry, bool, error) {
	var last int64
	// The first statement reads the older state, so that a message accepted between the two is no gap.
	err := s.reader.row(ctx, `SELECT last_seq FROM users WHERE user_id = ?`, []any{&last}, userID)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, s.explain(err)
	}
	var entries []message.InboxEntry
	first, next := int64(0), int64(0)
	err = s.reader.rows(ctx, `SELECT i.seq, `+rules.MessageColumns+` FROM users u CROSS JOIN inbox i ON i.user_key = u.user_key
		CROSS JOIN messages m ON m.message_id = i.message_id
		WHERE u.user_id = ? AND i.seq > ? ORDER BY i.seq LIMIT ?`,
		func(rows *sql.Rows) error {
			var r rules.MessageRow
			var e message.InboxEntry
			if err := rows.Scan(append([]any{&e.Seq}, r.Dest()...)...); err != nil {
				return err
			}
			if first == 0 {
				first, next = e.Seq, e.Seq
			}
			if e.Seq != next {
				return nil
			}
			next++
			var err error
			e.Message, err = r.Result()
			entries = append(entries, e)
			return err
		}, userID, after, limit)
	gap := first > after+1 || first == 0 && last > after && limit > 0
	return entries, gap, s.explain(err)
}

// Receivers implements store.Store.
func (s *Store) Receivers(ctx context.Context, messageID string) (userIDs []string, err error) {
	id, err := uuid.Parse(messageID)
	if err != nil {
		return nil, nil //nolint:nilerr // We gave out no such id, so that nobody received it.
	}
	err = s.reader.rows(ctx, `SELECT u.user_id FROM inbox i CROSS JOIN users u ON u.user_key = i.user_key WHERE i.message_id = ?`,
		func(rows *sql.Rows) error {
			var userID string
			err := rows.Scan(&userID)
			userIDs = append(userIDs, userID)
			return err
		}, id[:])
	slices.Sort(userIDs)
	return userIDs, s.explain(err)
}

// Cursor implements store.Store.
func (s *Store) Cursor(ctx context.Context, device int64, userID string) (int64, error) {
	var acked int64
	err := s.reader.row(ctx, `SELECT c.acked FROM devices d JOIN users u ON u.user_key = d.user_key
		JOIN cursors c ON c.device_key = d.device_key AND c.user_key = d.user_key
		WHERE d.device_key = ? AND u.user_id = ?`, []any{&acked}, device, userID)
	return acked, s.explain(missing(err))
}

// Ack implements store.Store. It never goes beyond what the inbox had, so that
// a wrong client cannot acknowledge the future.
func (s *Store) Ack(ctx context.Context, device int64, userID string, seq int64) error {
	return s.write(ctx, func(t *tx) error {
		moved, err := t.exec(`UPDATE cursors SET acked = min(?1, u.last_seq) FROM devices d JOIN users u ON u.user_key = d.user_key
			WHERE d.device_key = ?2 AND u.user_id = ?3
			AND cursors.device_key = d.device_key AND cursors.user_key = d.user_key AND cursors.acked < min(?1, u.last_seq)`,
			seq, device, userID)
		if err != nil || moved == 0 {
			return err
		}
		return t.seen(device, day)
	})
}
