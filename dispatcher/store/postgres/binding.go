package postgres

import (
	"context"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

// Bind implements store.Store.
func (s *Store) Bind(ctx context.Context, device int64, userID string) (store.Changed, error) {
	return s.changeDevice(ctx, device, func(ctx context.Context, t *tx, d message.Device) (store.Changed, error) {
		if d.UserID == userID {
			return store.Changed{Device: d}, t.seen(ctx, d.Key)
		}
		user, err := t.user(ctx, userID)
		if err != nil {
			return store.Changed{}, err
		}
		changed, err := t.rebind(ctx, d, &user)
		if err != nil {
			return store.Changed{}, err
		}
		d.UserID, d.Epoch, d.Session = userID, changed.Epoch, 0
		return store.Changed{Device: d, Changes: []store.EpochChange{changed}}, t.openCursor(ctx, d.Key, user)
	})
}

// Unbind implements store.Store.
func (s *Store) Unbind(ctx context.Context, device int64) (store.Changed, error) {
	return s.changeDevice(ctx, device, func(ctx context.Context, t *tx, d message.Device) (store.Changed, error) {
		if d.UserID == "" {
			return store.Changed{Device: d}, nil
		}
		changed, err := t.rebind(ctx, d, nil)
		d.UserID, d.Epoch, d.Session = "", changed.Epoch, 0
		return store.Changed{Device: d, Changes: []store.EpochChange{changed}}, err
	})
}

// Unregister implements store.Store.
func (s *Store) Unregister(ctx context.Context, device int64) (store.Changed, error) {
	return s.changeDevice(ctx, device, func(ctx context.Context, t *tx, d message.Device) (store.Changed, error) {
		changed := store.EpochChange{Device: d.Key, Epoch: d.Epoch + 1, FormerUserID: d.UserID}
		for _, query := range []string{
			`DELETE FROM @.tokens WHERE device_key = $1`,
			`DELETE FROM @.cursors WHERE device_key = $1`,
			`DELETE FROM @.devices WHERE device_key = $1`,
		} {
			if _, err := t.exec(ctx, query, d.Key); err != nil {
				return store.Changed{}, err
			}
		}
		d.UserID, d.Epoch, d.Session = "", changed.Epoch, 0
		return store.Changed{Device: d, Changes: []store.EpochChange{changed}}, nil
	})
}

// changeDevice commits what f makes of a device, or finds none.
func (s *Store) changeDevice(
	ctx context.Context, device int64, f func(context.Context, *tx, message.Device) (store.Changed, error),
) (out store.Changed, err error) {
	err = s.write(ctx, func(ctx context.Context, t *tx) error {
		out = store.Changed{}
		d, err := t.device(ctx, device)
		if err != nil {
			return err
		}
		out, err = f(ctx, t, d)
		return err
	})
	return out, err
}

// rebind sets or clears the user of a device that is locked, raises its epoch and ends its session.
func (t *tx) rebind(ctx context.Context, d message.Device, user *int64) (store.EpochChange, error) {
	_, err := t.exec(ctx, `UPDATE @.devices SET user_key = $1, epoch = epoch + 1, seen_at = `+now+`, session = NULL, session_number = NULL
		WHERE device_key = $2`, user, d.Key)
	return store.EpochChange{Device: d.Key, Epoch: d.Epoch + 1, FormerUserID: d.UserID}, err
}

// user finds or makes a user, and waits for nobody who writes to an old one.
func (t *tx) user(ctx context.Context, userID string) (key int64, err error) {
	if _, err := t.exec(ctx, `INSERT INTO @.users (user_id, last_seq) VALUES ($1, 0) ON CONFLICT (user_id) DO NOTHING`, userID); err != nil {
		return 0, err
	}
	err = t.row(ctx, `SELECT user_key FROM @.users WHERE user_id = $1`, userID).Scan(&key)
	return key, err
}

// openCursor puts a device that is new to the user before the first entry that is kept.
func (t *tx) openCursor(ctx context.Context, device, user int64) error {
	_, err := t.exec(ctx, `INSERT INTO @.cursors (device_key, user_key, acked) SELECT $1, u.user_key,
			coalesce((SELECT i.seq - 1 FROM @.inbox i WHERE i.user_key = u.user_key ORDER BY i.seq LIMIT 1), u.last_seq)
		FROM @.users u WHERE u.user_key = $2 ON CONFLICT DO NOTHING`, device, user)
	return err
}

// seen keeps the device from being pruned; once a day is enough.
func (t *tx) seen(ctx context.Context, device int64) error {
	_, err := t.exec(ctx, `UPDATE @.devices SET seen_at = `+now+` WHERE device_key = $1 AND seen_at < `+now+` - 24 * 60 * 60 * 1000`, device)
	return err
}
