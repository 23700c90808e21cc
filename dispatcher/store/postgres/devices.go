package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

// alive tells whether a lease l lives, by the database's time.
const alive = `l.heir = 0 AND l.expires_at > ` + now

// staying tells whether a lease l lives and its process does not stop.
const staying = `l.drained_at = 0 AND ` + alive

// graceOf is until when a device d counts as connected without a session; 0 when no process drained that
// held one. Its milliseconds are those of store.DrainGrace, which the line below it proves.
const (
	graceOf = `greatest(d.grace_until, coalesce((SELECT s.drained_at + 10000 FROM @.leases s
		WHERE s.incarnation = d.session AND s.drained_at > 0), 0))`
	_ = uint64(store.DrainGrace/time.Millisecond-10_000) + uint64(10_000-store.DrainGrace/time.Millisecond)
)

const (
	deviceColumns = `d.device_key, d.push_id, d.secret_hash, d.vendor, d.app_type, d.region, d.environment, d.platform, d.name,
		coalesce(u.user_id, ''), d.epoch, d.registered_at,
		coalesce((SELECT l.incarnation FROM @.leases l WHERE l.incarnation = d.session AND ` + staying + `), 0), ` + graceOf
	devices      = `SELECT ` + deviceColumns + ` FROM @.devices d LEFT JOIN @.users u ON u.user_key = d.user_key `
	deviceByID   = devices + `WHERE d.push_id = $1`
	devicesNamed = devices + `WHERE d.push_id = ANY($1)`
	// The order is that of bytes, whatever the database's collation.
	devicesOf = `SELECT ` + deviceColumns + ` FROM @.users u JOIN @.devices d ON d.user_key = u.user_key
		WHERE u.user_id = ANY($1) ORDER BY d.push_id COLLATE "C"`
)

// scanDevice reads one row of deviceColumns and of what follows them.
func scanDevice(row pgx.Row, more ...any) (message.Device, error) {
	var d message.Device
	var secret []byte
	var registered, grace int64
	err := row.Scan(append([]any{
		&d.Key, &d.PushID, &secret, &d.Selector.Vendor, &d.Selector.AppType, &d.Selector.Region, &d.Selector.Environment,
		&d.Platform, &d.Name, &d.UserID, &d.Epoch, &registered, &d.Session, &grace,
	}, more...)...)
	if err != nil {
		return message.Device{}, missing(err)
	}
	copy(d.SecretHash[:], secret)
	d.RegisteredAt = instant(registered)
	if grace > 0 {
		d.GraceUntil = instant(grace)
	}
	return d, nil
}

// Device implements store.Store.
func (s *Store) Device(ctx context.Context, pushID string) (message.Device, error) {
	d, err := scanDevice(s.row(ctx, deviceByID, pushID))
	return d, explain(err)
}

// DevicesOf implements store.Store.
func (s *Store) DevicesOf(ctx context.Context, userIDs []string) (map[string][]message.Device, error) {
	out := map[string][]message.Device{}
	err := s.rows(ctx, devicesOf, func(row pgx.CollectableRow) error {
		d, err := scanDevice(row)
		out[d.UserID] = append(out[d.UserID], d)
		return err
	}, userIDs)
	return out, err
}

// DevicesNamed implements store.Store.
func (s *Store) DevicesNamed(ctx context.Context, pushIDs []string) (map[string]message.Device, error) {
	out := map[string]message.Device{}
	err := s.rows(ctx, devicesNamed, func(row pgx.CollectableRow) error {
		d, err := scanDevice(row)
		out[d.PushID] = d
		return err
	}, pushIDs)
	return out, err
}
