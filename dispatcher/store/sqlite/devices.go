package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

const (
	deviceColumns = `d.device_key, d.push_id, d.secret_hash, d.vendor, d.app_type, d.region, d.environment, d.platform, d.name,
		coalesce(u.user_id, ''), d.epoch, d.registered_at, ` + sessionOf + `, ` + graceOf
	deviceByKey  = `SELECT ` + deviceColumns + ` FROM devices d LEFT JOIN users u ON u.user_key = d.user_key WHERE d.device_key = ?`
	deviceByID   = `SELECT ` + deviceColumns + ` FROM devices d LEFT JOIN users u ON u.user_key = d.user_key WHERE d.push_id = ?`
	devicesNamed = `SELECT ` + deviceColumns + ` FROM json_each(?) j CROSS JOIN devices d ON d.push_id = j.value
		LEFT JOIN users u ON u.user_key = d.user_key`
	devicesOf = `SELECT ` + deviceColumns + ` FROM json_each(?) j CROSS JOIN users u ON u.user_id = j.value
		CROSS JOIN devices d ON d.user_key = u.user_key ORDER BY d.push_id`
)

// sessionOf and graceOf are where the session of a device d is held, and until when it counts as connected
// without one. An incarnation that drains holds none.
const (
	sessionOf = `coalesce((SELECT incarnation FROM leases WHERE incarnation = d.session
		AND NOT EXISTS (SELECT 1 FROM drains s WHERE s.incarnation = d.session)), 0)`
	graceOf = `max(d.grace_until, coalesce((SELECT s.grace_until FROM drains s WHERE s.incarnation = d.session), 0))`
)

// deviceRow takes one row of deviceColumns.
type deviceRow struct {
	device     message.Device
	secret     []byte
	registered int64
	grace      int64
}

func (r *deviceRow) dest() []any {
	d := &r.device
	return []any{
		&d.Key, &d.PushID, &r.secret, &d.Selector.Vendor, &d.Selector.AppType, &d.Selector.Region, &d.Selector.Environment,
		&d.Platform, &d.Name, &d.UserID, &d.Epoch, &r.registered, &d.Session, &r.grace,
	}
}

func (r *deviceRow) result() message.Device {
	d := r.device
	copy(d.SecretHash[:], r.secret)
	d.RegisteredAt = instant(r.registered)
	if r.grace > 0 {
		d.GraceUntil = instant(r.grace)
	}
	return d
}

// device reads a device inside a transaction.
func (t *tx) device(key int64) (message.Device, error) {
	var r deviceRow
	if err := t.row(deviceByKey, r.dest(), key); err != nil {
		return message.Device{}, missing(err)
	}
	return r.result(), nil
}

// missing translates the absence of a row.
func missing(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return store.ErrNotFound
	}
	return err
}

// Device implements store.Store.
func (s *Store) Device(ctx context.Context, pushID string) (message.Device, error) {
	var r deviceRow
	if err := s.reader.row(ctx, deviceByID, r.dest(), pushID); err != nil {
		return message.Device{}, s.explain(missing(err))
	}
	return r.result(), nil
}

// DevicesOf implements store.Store.
func (s *Store) DevicesOf(ctx context.Context, userIDs []string) (map[string][]message.Device, error) {
	ids, err := json.Marshal(userIDs)
	if err != nil {
		return nil, err
	}
	out := map[string][]message.Device{}
	seen := map[int64]bool{} // a user may be named twice
	err = s.reader.rows(ctx, devicesOf, func(rows *sql.Rows) error {
		var r deviceRow
		if err := rows.Scan(r.dest()...); err != nil {
			return err
		}
		if d := r.result(); !seen[d.Key] {
			seen[d.Key] = true
			out[d.UserID] = append(out[d.UserID], d)
		}
		return nil
	}, string(ids))
	return out, s.explain(err)
}

// DevicesNamed implements store.Store.
func (s *Store) DevicesNamed(ctx context.Context, pushIDs []string) (map[string]message.Device, error) {
	ids, err := json.Marshal(pushIDs)
	if err != nil {
		return nil, err
	}
	out := map[string]message.Device{}
	err = s.reader.rows(ctx, devicesNamed, func(rows *sql.Rows) error {
		var r deviceRow
		err := rows.Scan(r.dest()...)
		out[r.device.PushID] = r.result()
		return err
	}, string(ids))
	return out, s.explain(err)
}
