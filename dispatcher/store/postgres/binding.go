package postgres

import (
	"context"

	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/rules"
)

// Bind implements store.Store.
func (s *Store) Bind(ctx context.Context, device int64, userID string) (store.Changed, error) {
	return s.changeDevice(ctx, device, []string{userID}, func(w *work, d *deviceState) []store.EpochChange {
		if d.UserID == userID {
			w.see(d)
			w.loggedIn(d)
			return nil
		}
		return append([]store.EpochChange{w.rebind(d, userID, w.now)}, w.evict(userID, d)...)
	})
}

// Describe implements store.Store.
func (s *Store) Describe(ctx context.Context, device int64, platform, name string) error {
	found, err := s.exec(ctx, s.pool, `UPDATE @.devices SET platform = coalesce(nullif($2, ''), platform),
		name = coalesce(nullif($3, ''), name) WHERE device_key = $1`, device, platform, name)
	if err == nil && found == 0 {
		return store.ErrNotFound
	}
	return err
}

// Unbind implements store.Store.
func (s *Store) Unbind(ctx context.Context, device int64) (store.Changed, error) {
	return s.changeDevice(ctx, device, nil, func(w *work, d *deviceState) []store.EpochChange {
		if d.UserID == "" {
			w.see(d)
			return nil
		}
		return []store.EpochChange{w.rebind(d, "", w.now)}
	})
}

// Unregister implements store.Store.
func (s *Store) Unregister(ctx context.Context, device int64) (store.Changed, error) {
	return s.changeDevice(ctx, device, nil, func(w *work, d *deviceState) []store.EpochChange {
		change := w.rebind(d, "", w.now)
		w.remove(d)
		return []store.EpochChange{change}
	})
}

// changeDevice commits what f does to one device, or finds none.
func (s *Store) changeDevice(
	ctx context.Context, device int64, users []string, f func(*work, *deviceState) []store.EpochChange,
) (out store.Changed, err error) {
	err = s.write(ctx, &change{
		devices: []int64{device}, users: users,
		apply: func(w *work) error {
			d, err := w.device(device)
			if err != nil {
				return err
			}
			open := w.unconfirmed(d, nil)
			changes := f(w, d)
			out = store.Changed{Device: d.Device, Changes: changes, Unconfirmed: rules.Unconfirmed(open, changes)}
			return nil
		},
	})
	return out, err
}
