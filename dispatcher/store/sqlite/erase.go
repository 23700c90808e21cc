package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/google/uuid"

	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/rules"
)

const (
	erasuresWithDevices = `SELECT e.erasure_id, e.user_id, e.user_key, e.begun_at, d.device_key, d.epoch
		FROM erasures e LEFT JOIN devices d ON d.user_key = e.user_key `
	erasuresOf    = erasuresWithDevices + `WHERE e.user_id = ? ORDER BY e.erasure_id, d.device_key`
	firstErasures = erasuresWithDevices + `WHERE e.erasure_id IN (SELECT erasure_id FROM erasures ORDER BY erasure_id LIMIT ?)
		ORDER BY e.erasure_id, d.device_key`
	membershipsOf = `SELECT group_key FROM group_members WHERE user_key = ? AND left_seq IS NULL LIMIT ?`
	sentBy        = `SELECT client_id, message_id FROM idempotency WHERE sender = ? AND message_id < ? LIMIT ?`
)

// Erase implements store.Store.
func (s *Store) Erase(ctx context.Context, userID string) (out []store.Erasure, err error) {
	err = s.write(ctx, func(t *tx) error {
		out = nil
		var user int64
		err := t.update(`DELETE FROM users WHERE user_id = ? RETURNING user_key`, []any{&user}, userID)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if _, err := t.exec(`UPDATE devices SET epoch = epoch + 1, session = NULL, session_number = NULL WHERE user_key = ?`, user); err != nil {
			return err
		}
		if _, err := t.exec(`INSERT INTO erasures (user_id, user_key, begun_at)
			SELECT ?1, ?2, ?3 WHERE ?2 <> 0 OR NOT EXISTS (SELECT 1 FROM erasures WHERE user_id = ?1)`, userID, user, t.now); err != nil {
			return err
		}
		return t.rows(erasuresOf, scanErasures(&out), userID)
	})
	return out, err
}

// Erasures implements store.Store.
func (s *Store) Erasures(ctx context.Context, limit int) (out []store.Erasure, err error) {
	err = s.reader.rows(ctx, firstErasures, scanErasures(&out), limit)
	return out, s.explain(err)
}

func scanErasures(out *[]store.Erasure) func(*sql.Rows) error {
	return func(rows *sql.Rows) error {
		var e store.Erasure
		var begun int64
		var device, epoch *int64
		err := rows.Scan(&e.ID, &e.UserID, &e.User, &begun, &device, &epoch)
		*out = rules.AddErasure(*out, e, begun, device, epoch)
		return err
	}
}

// EraseDevices implements store.Store.
func (s *Store) EraseDevices(ctx context.Context, e store.Erasure) error {
	return s.write(ctx, func(t *tx) error {
		for _, d := range e.Devices {
			n, err := t.exec(`DELETE FROM devices WHERE device_key = ? AND user_key = ?`, d.Device, e.User)
			if err != nil {
				return err
			}
			if n == 0 {
				continue
			}
			for _, table := range []string{"tokens", "cursors", "badges"} {
				if _, err := t.exec(`DELETE FROM `+table+` WHERE device_key = ?`, d.Device); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// EraseRows implements store.Store.
func (s *Store) EraseRows(ctx context.Context, e store.Erasure, limit int) (more bool, err error) {
	err = s.write(ctx, func(t *tx) error {
		if more, err = t.eraseRows(e, limit); more || err != nil {
			return err
		}
		_, err = t.exec(`DELETE FROM erasures WHERE erasure_id = ?`, e.ID)
		return err
	})
	return more, err
}

func (t *tx) eraseRows(e store.Erasure, limit int) (more bool, err error) {
	for _, table := range rules.UserTables() {
		n, err := t.exec(table.Delete("", "?", "?"), table.Owner(e), limit)
		if err != nil || n >= int64(limit) {
			return true, err
		}
	}
	if more, err := t.eraseMemberships(e, limit); more || err != nil {
		return true, err
	}
	return t.eraseSent(e, limit)
}

// eraseMemberships takes the user out of groups, which then have one member less.
func (t *tx) eraseMemberships(e store.Erasure, limit int) (more bool, err error) {
	var groups []int64
	err = t.rows(membershipsOf, func(rows *sql.Rows) error {
		var group int64
		err := rows.Scan(&group)
		groups = append(groups, group)
		return err
	}, e.User, limit)
	if err != nil {
		return false, err
	}
	for _, group := range groups {
		if _, err := t.exec(`DELETE FROM group_members WHERE group_key = ? AND user_key = ?`, group, e.User); err != nil {
			return false, err
		}
		if _, err := t.exec(`UPDATE groups SET members = members - 1 WHERE group_key = ?`, group); err != nil {
			return false, err
		}
	}
	return len(groups) == limit, nil
}

// eraseSent empties what the user sent, which the ids of the requests lead to.
func (t *tx) eraseSent(e store.Erasure, limit int) (more bool, err error) {
	var clients []string
	var ids []uuid.UUID
	before := rules.SentBefore(e)
	err = t.rows(sentBy, func(rows *sql.Rows) error {
		var client string
		var id uuid.UUID
		err := rows.Scan(&client, &id)
		clients, ids = append(clients, client), append(ids, id)
		return err
	}, e.UserID, before[:], limit)
	if err != nil {
		return false, err
	}
	for i, id := range ids {
		if _, err := t.exec(`UPDATE messages SET sender = '' WHERE message_id = ? AND sender = ?`, id[:], e.UserID); err != nil {
			return false, err
		}
		if err := t.empty(id); err != nil {
			return false, err
		}
		if _, err := t.exec(`DELETE FROM idempotency WHERE sender = ? AND client_id = ?`, e.UserID, clients[i]); err != nil {
			return false, err
		}
	}
	return len(ids) == limit, nil
}
