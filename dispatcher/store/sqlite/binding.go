package sqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/rules"
)

// Bind implements store.Store.
func (s *Store) Bind(ctx context.Context, device int64, userID string) (store.Changed, error) {
	return s.change(ctx, device, func(t *tx, d message.Device) (store.Changed, error) {
		if d.UserID == userID {
			return store.Changed{Device: d}, t.loggedIn(d.Key)
		}
		user, err := t.user(userID)
		if err != nil {
			return store.Changed{}, err
		}
		changed, err := t.rebind(d, &user, t.now)
		if err != nil {
			return store.Changed{}, err
		}
		d.UserID = userID
		released(&d, changed)
		if err := t.openCursor(d.Key, user); err != nil {
			return store.Changed{}, err
		}
		evicted, err := t.evict(user, d.Key)
		return store.Changed{Device: d, Changes: append([]store.EpochChange{changed}, evicted...)}, err
	})
}

// Unbind implements store.Store.
func (s *Store) Unbind(ctx context.Context, device int64) (store.Changed, error) {
	return s.change(ctx, device, func(t *tx, d message.Device) (store.Changed, error) {
		if d.UserID == "" {
			return store.Changed{Device: d}, t.seen(d.Key, minute)
		}
		changed, err := t.rebind(d, nil, t.now)
		d.UserID = ""
		released(&d, changed)
		return store.Changed{Device: d, Changes: []store.EpochChange{changed}}, err
	})
}

// Unregister implements store.Store.
func (s *Store) Unregister(ctx context.Context, device int64) (store.Changed, error) {
	return s.change(ctx, device, func(t *tx, d message.Device) (store.Changed, error) {
		changed := store.EpochChange{Device: d.Key, Epoch: d.Epoch + 1, FormerUserID: d.UserID}
		for _, query := range []string{
			`DELETE FROM tokens WHERE device_key = ?`,
			`DELETE FROM cursors WHERE device_key = ?`,
			`DELETE FROM badges WHERE device_key = ?`,
			`DELETE FROM devices WHERE device_key = ?`,
		} {
			if _, err := t.exec(query, d.Key); err != nil {
				return store.Changed{}, err
			}
		}
		d.UserID = ""
		released(&d, changed)
		return store.Changed{Device: d, Changes: []store.EpochChange{changed}}, nil
	})
}

// change commits what f makes of a device, or finds none.
func (s *Store) change(
	ctx context.Context, device int64, f func(*tx, message.Device) (store.Changed, error),
) (out store.Changed, err error) {
	err = s.write(ctx, func(t *tx) error {
		out = store.Changed{}
		d, err := t.device(device)
		if err != nil {
			return err
		}
		open, err := t.unconfirmed(device, nil)
		if err != nil {
			return err
		}
		out, err = f(t, d)
		out.Unconfirmed = rules.Unconfirmed(open, out.Changes)
		return err
	})
	return out, err
}

// released is what a change of the binding leaves of the session.
func released(d *message.Device, by store.EpochChange) {
	d.Epoch, d.Session, d.GraceUntil = by.Epoch, 0, time.Time{}
}

// evict unbinds the devices of a user that are too many, but for the one to keep: those that were bound or
// logged in longest ago.
func (t *tx) evict(user, keep int64) ([]store.EpochChange, error) {
	type guest struct{ key, seen int64 }
	var tooMany []guest
	err := t.rows(evictable, func(rows *sql.Rows) error {
		var g guest
		err := rows.Scan(&g.key, &g.seen)
		tooMany = append(tooMany, g)
		return err
	}, user, keep, store.MaxDevices)
	if err != nil {
		return nil, err
	}
	var changes []store.EpochChange
	for _, g := range tooMany {
		d, err := t.device(g.key)
		if err != nil {
			return nil, err
		}
		changed, err := t.rebind(d, nil, g.seen)
		if err != nil {
			return nil, err
		}
		changed.Evicted = true
		changes = append(changes, changed)
	}
	return changes, nil
}

const evictable = `SELECT device_key, seen_at FROM devices WHERE user_key = ?
	ORDER BY device_key = ? DESC, coalesce(login_at, seen_at) DESC, device_key DESC LIMIT -1 OFFSET ?`

// rebind sets or clears the user of a device and raises its epoch, which ends its session.
func (t *tx) rebind(d message.Device, user *int64, seenAt int64) (store.EpochChange, error) {
	_, err := t.exec(`UPDATE devices SET user_key = ?1, epoch = epoch + 1, seen_at = ?2, login_at = ?2, session = NULL, session_number = NULL,
			grace_until = 0 WHERE device_key = ?3`, user, seenAt, d.Key)
	if err == nil { // A user's count is nobody else's business.
		_, err = t.exec(`UPDATE badges SET badge = 0 WHERE device_key = ? AND badge <> 0`, d.Key)
	}
	return store.EpochChange{Device: d.Key, Epoch: d.Epoch + 1, FormerUserID: d.UserID}, err
}

// user finds or makes a user, who logs in.
func (t *tx) user(userID string) (key int64, err error) {
	err = t.update(`INSERT INTO users (user_id, last_seq, logged_in_at) VALUES (?, 0, ?)
		ON CONFLICT (user_id) DO UPDATE SET logged_in_at = coalesce(logged_in_at, excluded.logged_in_at) RETURNING user_key`,
		[]any{&key}, userID, t.now)
	return key, err
}

// openCursor puts a device that is new to the user before the first entry that is kept.
func (t *tx) openCursor(device, user int64) error {
	_, err := t.exec(`INSERT INTO cursors (device_key, user_key, acked) SELECT ?1, u.user_key,
			coalesce((SELECT min(seq) - 1 FROM inbox WHERE user_key = u.user_key), u.last_seq)
		FROM users u WHERE u.user_key = ?2 ON CONFLICT DO NOTHING`, device, user)
	return err
}

// How exactly it is known when a device was last seen without a change, in
// milliseconds: what a phone says of itself must win over an import of what it was before.
const (
	minute = 60 * 1000
	day    = 24 * 60 * minute
)

// loggedIn is seen for a device whose user logs in again.
func (t *tx) loggedIn(device int64) error {
	_, err := t.exec(`UPDATE devices SET seen_at = max(seen_at, ?1), login_at = ?1
		WHERE device_key = ?2 AND (seen_at < ?1 - ?3 OR coalesce(login_at, seen_at) < ?1 - ?3)`, t.now, device, minute)
	return err
}

// Describe implements store.Store.
func (s *Store) Describe(ctx context.Context, device int64, platform, name string) error {
	return s.write(ctx, func(t *tx) error {
		found, err := t.exec(`UPDATE devices SET platform = iif(?2 = '', platform, ?2), name = iif(?3 = '', name, ?3)
			WHERE device_key = ?1`, device, platform, name)
		if err == nil && found == 0 {
			return store.ErrNotFound
		}
		return err
	})
}

// seen notes that the device was seen, unless that is known exactly enough.
func (t *tx) seen(device, exactly int64) error {
	_, err := t.exec(`UPDATE devices SET seen_at = ?1 WHERE device_key = ?2 AND seen_at < ?1 - ?3`, t.now, device, exactly)
	return err
}
