package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/rules"
)

const (
	// setBadges waits for changes of the devices: one that is deleted gets no badge.
	setBadges = `INSERT INTO @.badges (device_key, badge)
		SELECT d.device_key, n.badge FROM unnest($1::bigint[], $2::integer[]) AS n(device_key, badge)
		JOIN @.devices d ON d.device_key = n.device_key ORDER BY d.device_key FOR KEY SHARE OF d
		ON CONFLICT (device_key) DO UPDATE SET badge = excluded.badge RETURNING device_key`
	setUserBadge = `INSERT INTO @.badges (device_key, badge)
		SELECT d.device_key, $2::integer FROM @.users u JOIN @.devices d ON d.user_key = u.user_key
		WHERE u.user_id = $1 ORDER BY d.device_key FOR KEY SHARE OF d
		ON CONFLICT (device_key) DO UPDATE SET badge = excluded.badge`
	// raiseBadges gives them as they were before, and leaves out devices that changed hands since the decision.
	// It locks them in their order, which the plan of an update alone would not keep.
	raiseBadges = `UPDATE @.badges b SET badge = least(o.badge + o.raise, 99999)
		FROM (SELECT b.device_key, b.badge, n.epoch, n.raise
			FROM unnest($1::bigint[], $2::bigint[], $3::integer[]) AS n(device_key, epoch, raise)
			JOIN @.devices d ON d.device_key = n.device_key AND d.epoch = n.epoch
			JOIN @.badges b ON b.device_key = n.device_key
			ORDER BY b.device_key FOR NO KEY UPDATE OF b) AS o
		WHERE b.device_key = o.device_key RETURNING o.device_key, o.epoch, o.badge`
	resetBadges = `UPDATE @.badges b SET badge = 0 FROM (SELECT device_key FROM @.badges
			WHERE device_key = ANY($1::bigint[]) AND badge <> 0 ORDER BY device_key FOR NO KEY UPDATE) AS o
		WHERE b.device_key = o.device_key`
	deleteBadgesOf = `DELETE FROM @.badges WHERE device_key = ANY($1::bigint[])`
)

// badgeRequest is one device's number, and whether there is such a device.
type badgeRequest struct {
	device int64
	badge  int32
	found  bool
}

// SetBadge implements store.Store.
func (s *Store) SetBadge(ctx context.Context, device int64, badge int32) error {
	r := &badgeRequest{device: device, badge: badge}
	if err := s.badges.Do(ctx, r); err != nil {
		return explain(err)
	}
	if !r.found {
		return store.ErrNotFound
	}
	return nil
}

// commitBadges keeps the last one of each device.
func commitBadges(ctx context.Context, t *tx, batch []*badgeRequest) error {
	last := map[int64]int32{}
	for _, r := range batch {
		last[r.device] = r.badge
	}
	var devices []int64
	var numbers []int32
	for device, badge := range last {
		devices, numbers = append(devices, device), append(numbers, badge)
	}
	found := map[int64]bool{}
	b := t.batch()
	b.add(setBadges, devices, numbers).Query(func(rows pgx.Rows) error {
		var device int64
		_, err := pgx.ForEachRow(rows, []any{&device}, func() error {
			found[device] = true
			return nil
		})
		return err
	})
	err := t.finish(ctx, b)
	for _, r := range batch {
		r.found = found[r.device]
	}
	return err
}

// SetUserBadge implements store.Store.
func (s *Store) SetUserBadge(ctx context.Context, userID string, badge int32) error {
	_, err := s.exec(ctx, s.pool, setUserBadge, userID, badge)
	return err
}

// badged is a device as a decision saw it.
type badged struct{ device, epoch int64 }

// raise queues the raising of the badges for the whole batch, if any.
func (a *accepting) raise(b *batch) {
	sums := map[badged]int32{}
	for _, r := range a.accepted {
		for _, k := range r.badged() {
			sums[k] = rules.Raised(sums[k], r.Raise())
		}
	}
	if len(sums) == 0 {
		return
	}
	var devices, epochs []int64
	var raises []int32
	for k, by := range sums {
		devices, epochs, raises = append(devices, k.device), append(epochs, k.epoch), append(raises, by)
	}
	b.add(raiseBadges, devices, epochs, raises).Query(func(rows pgx.Rows) error {
		var k badged
		var badge int32
		_, err := pgx.ForEachRow(rows, []any{&k.device, &k.epoch, &badge}, func() error {
			a.badges[k] = badge
			return nil
		})
		return err
	})
}

// badged are the targets of a request that raises badges.
func (r *acceptRequest) badged() (out []badged) {
	if r.Raise() == 0 {
		return nil
	}
	for _, d := range r.Deliveries {
		for _, t := range d.Targets {
			out = append(out, badged{t.Device, t.Epoch})
		}
	}
	return out
}

// nextBadges gives a request its badges by device, behind those of the requests before it.
func (a *accepting) nextBadges(r *acceptRequest) map[int64]int32 {
	out := map[int64]int32{}
	for _, k := range r.badged() {
		if badge, ok := a.badges[k]; ok {
			a.badges[k] = rules.Raised(badge, r.Raise())
			out[k.device] = a.badges[k]
		}
	}
	return out
}
