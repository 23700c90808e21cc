package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/offlinepush/operator/dispatcher/message"
)

// alive tells whether a lease l lives, by the database's time.
const alive = `l.heir = 0 AND l.expires_at > ` + now

const (
	deviceColumns = `d.device_key, d.push_id, d.secret_hash, d.vendor, d.app_type, d.region, d.environment, d.platform,
		coalesce(u.user_id, ''), d.epoch, d.registered_at,
		coalesce((SELECT l.incarnation FROM @.leases l WHERE l.incarnation = d.session AND ` + alive + `), 0)`
	devices    = `SELECT ` + deviceColumns + ` FROM @.devices d LEFT JOIN @.users u ON u.user_key = d.user_key `
	deviceByID = devices + `WHERE d.push_id = $1`
	// The order is that of bytes, whatever the database's collation.
	devicesOf = `SELECT ` + deviceColumns + ` FROM @.users u JOIN @.devices d ON d.user_key = u.user_key
		WHERE u.user_id = ANY($1) ORDER BY d.push_id COLLATE "C"`
)

// scanDevice reads one row of deviceColumns and of what follows them.
func scanDevice(row pgx.Row, more ...any) (message.Device, error) {
	var d message.Device
	var secret []byte
	var registered int64
	err := row.Scan(append([]any{
		&d.Key, &d.PushID, &secret, &d.Selector.Vendor, &d.Selector.AppType, &d.Selector.Region, &d.Selector.Environment,
		&d.Platform, &d.UserID, &d.Epoch, &registered, &d.Session,
	}, more...)...)
	if err != nil {
		return message.Device{}, missing(err)
	}
	copy(d.SecretHash[:], secret)
	d.RegisteredAt = instant(registered)
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
