package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/offlinepush/operator/dispatcher/store"
)

// SetBadge implements store.Store.
func (s *Store) SetBadge(ctx context.Context, device int64, badge int32) error {
	return s.write(ctx, func(t *tx) error {
		n, err := t.exec(`INSERT INTO badges (device_key, badge) SELECT device_key, ?2 FROM devices WHERE device_key = ?1
			ON CONFLICT (device_key) DO UPDATE SET badge = excluded.badge`, device, badge)
		if err == nil && n == 0 {
			return store.ErrNotFound
		}
		return err
	})
}

// SetUserBadge implements store.Store.
func (s *Store) SetUserBadge(ctx context.Context, userID string, badge int32) error {
	return s.write(ctx, func(t *tx) error {
		_, err := t.exec(`INSERT INTO badges (device_key, badge)
			SELECT d.device_key, ?2 FROM users u CROSS JOIN devices d ON d.user_key = u.user_key WHERE u.user_id = ?1
			ON CONFLICT (device_key) DO UPDATE SET badge = excluded.badge`, userID, badge)
		return err
	})
}

// raiseBadges raises the badges of the targets that have one, and gives them by
// device. One that changed hands since the decision keeps the new user's.
func (a accept) raiseBadges(t *tx) (map[int64]int32, error) {
	by := a.Raise()
	if by == 0 {
		return nil, nil //nolint:nilnil // No badges.
	}
	badges := map[int64]int32{}
	for _, d := range a.Deliveries {
		for _, target := range d.Targets {
			var badge int32
			err := t.update(`UPDATE badges SET badge = min(badge + ?3, 99999) WHERE device_key = ?1
				AND EXISTS (SELECT 1 FROM devices WHERE device_key = ?1 AND epoch = ?2) RETURNING badge`,
				[]any{&badge}, target.Device, target.Epoch, by)
			switch {
			case err == nil:
				badges[target.Device] = badge
			case !errors.Is(err, sql.ErrNoRows):
				return nil, err
			}
		}
	}
	return badges, nil
}
