package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

// Register implements store.Store.
func (s *Store) Register(ctx context.Context, r store.Registration) (out store.Registered, err error) {
	err = s.write(ctx, func(t *tx) error {
		out, err = t.register(r)
		return err
	})
	return out, err
}

func (t *tx) register(r store.Registration) (store.Registered, error) {
	sel := r.Selector
	key, err := t.insert(`INSERT INTO devices
		(push_id, secret_hash, vendor, app_type, region, environment, platform, epoch, token_gen, registered_at, seen_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, 1, 0, ?, ?)`,
		r.PushID, r.SecretHash[:], sel.Vendor, sel.AppType, sel.Region, sel.Environment, r.Platform, t.now, t.now)
	if err != nil {
		return store.Registered{}, err
	}
	d, err := t.device(key)
	if err != nil {
		return store.Registered{}, err
	}
	var holders []int64
	for _, kind := range slices.Sorted(maps.Keys(r.Tokens)) {
		holder, err := t.setToken(d, kind, r.Tokens[kind])
		if err != nil {
			return store.Registered{}, err
		}
		holders = append(holders, holder...)
	}
	retired, err := t.retire(holders)
	return store.Registered{Device: d, Retired: retired}, err
}

// SetToken implements store.Store.
func (s *Store) SetToken(ctx context.Context, device int64, kind message.TokenKind, value string) (out store.Changed, err error) {
	err = s.write(ctx, func(t *tx) error {
		out = store.Changed{}
		if out.Device, err = t.device(device); err != nil {
			return err
		}
		holders, err := t.setToken(out.Device, kind, value)
		if err != nil {
			return err
		}
		if out.Changes, err = t.retire(holders); err != nil {
			return err
		}
		return t.seen(device)
	})
	return out, err
}

// setToken stores a token and takes it from the device that held it before,
// which it returns. A token that the device has already keeps its generation and
// leaves quarantine: the phone knows better than an answer to a wrong credential.
func (t *tx) setToken(d message.Device, kind message.TokenKind, value string) (holders []int64, err error) {
	if value == "" {
		return nil, fmt.Errorf("token %s: must not be empty", kind)
	}
	hash := sha256.Sum256([]byte(value))
	sel := d.Selector
	var holder int64
	err = t.row(`SELECT device_key FROM tokens
		WHERE token_hash = ? AND vendor = ? AND app_type = ? AND environment = ? AND kind = ?`,
		[]any{&holder}, hash[:], sel.Vendor, sel.AppType, sel.Environment, string(kind))
	switch {
	case errors.Is(err, sql.ErrNoRows):
	case err != nil:
		return nil, err
	case holder == d.Key:
		_, err := t.exec(`UPDATE tokens SET quarantined_at = NULL WHERE device_key = ? AND kind = ? AND quarantined_at IS NOT NULL`, d.Key, string(kind))
		return nil, err
	default:
		if _, err := t.exec(`DELETE FROM tokens WHERE device_key = ? AND kind = ?`, holder, string(kind)); err != nil {
			return nil, err
		}
		holders = []int64{holder}
	}
	var gen int64
	if err := t.update(`UPDATE devices SET token_gen = token_gen + 1 WHERE device_key = ? RETURNING token_gen`, []any{&gen}, d.Key); err != nil {
		return nil, err
	}
	_, err = t.exec(`INSERT OR REPLACE INTO tokens
		(device_key, kind, vendor, app_type, environment, token_hash, value, gen) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		d.Key, string(kind), sel.Vendor, sel.AppType, sel.Environment, hash[:], value, gen)
	return holders, err
}

// retire clears the bindings of devices whose token another device holds now.
func (t *tx) retire(devices []int64) ([]store.EpochChange, error) {
	var changes []store.EpochChange
	slices.Sort(devices)
	for _, key := range slices.Compact(devices) {
		former, err := t.device(key)
		if err != nil {
			return nil, err
		}
		changed, err := t.rebind(former, nil)
		if err != nil {
			return nil, err
		}
		changes = append(changes, changed)
	}
	return changes, nil
}
