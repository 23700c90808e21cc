package postgres

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

// Register implements store.Store.
func (s *Store) Register(ctx context.Context, r store.Registration) (out store.Registered, err error) {
	err = s.write(ctx, func(ctx context.Context, t *tx) error {
		out, err = t.register(ctx, r)
		return err
	})
	return out, err
}

func (t *tx) register(ctx context.Context, r store.Registration) (store.Registered, error) {
	sel := r.Selector
	var key int64
	err := t.row(ctx, `INSERT INTO @.devices
		(push_id, secret_hash, vendor, app_type, region, environment, platform, epoch, token_gen, registered_at, seen_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 1, 0, `+now+`, `+now+`) RETURNING device_key`,
		r.PushID, r.SecretHash[:], sel.Vendor, sel.AppType, sel.Region, sel.Environment, r.Platform).Scan(&key)
	if err != nil {
		return store.Registered{}, err
	}
	d, err := t.device(ctx, key)
	if err != nil {
		return store.Registered{}, err
	}
	var holders []int64
	for _, kind := range slices.Sorted(maps.Keys(r.Tokens)) {
		former, _, err := t.setToken(ctx, d, kind, r.Tokens[kind])
		if err != nil {
			return store.Registered{}, err
		}
		holders = append(holders, former...)
	}
	retired, err := t.retire(ctx, holders)
	return store.Registered{Device: d, Retired: retired}, err
}

// SetToken implements store.Store.
func (s *Store) SetToken(ctx context.Context, device int64, kind message.TokenKind, value string) (store.Changed, error) {
	return s.changeDevice(ctx, device, func(ctx context.Context, t *tx, d message.Device) (store.Changed, error) {
		holders, isNew, err := t.setToken(ctx, d, kind, value)
		if err != nil {
			return store.Changed{}, err
		}
		out := store.Changed{Device: d}
		if out.Changes, err = t.retire(ctx, holders); err != nil {
			return store.Changed{}, err
		}
		if isNew {
			_, err = t.exec(ctx, `UPDATE @.devices SET seen_at = `+now+` WHERE device_key = $1`, device)
			return out, err
		}
		return out, t.seen(ctx, device)
	})
}

// setToken stores a token and takes it from the device that held it before,
// which it returns. A token that the device has already keeps its generation and
// leaves quarantine: the phone knows better than an answer to a wrong credential.
func (t *tx) setToken(ctx context.Context, d message.Device, kind message.TokenKind, value string) (holders []int64, isNew bool, err error) {
	if value == "" {
		return nil, false, fmt.Errorf("token %s: must not be empty", kind)
	}
	hash := sha256.Sum256([]byte(value))
	same, err := t.exec(ctx, `UPDATE @.tokens SET quarantined_at = NULL WHERE device_key = $1 AND kind = $2 AND token_hash = $3`, d.Key, kind, hash[:])
	if err != nil || same > 0 {
		return nil, false, err
	}
	sel := d.Selector
	err = t.rows(ctx, `DELETE FROM @.tokens WHERE token_hash = $1 AND vendor = $2 AND app_type = $3 AND environment = $4 AND kind = $5
		RETURNING device_key`, func(row pgx.CollectableRow) error {
		var holder int64
		err := row.Scan(&holder)
		holders = append(holders, holder)
		return err
	}, hash[:], sel.Vendor, sel.AppType, sel.Environment, kind)
	if err != nil {
		return nil, false, err
	}
	var gen int64
	if err := t.row(ctx, `UPDATE @.devices SET token_gen = token_gen + 1 WHERE device_key = $1 RETURNING token_gen`, d.Key).Scan(&gen); err != nil {
		return nil, false, err
	}
	_, err = t.exec(ctx, `INSERT INTO @.tokens (device_key, kind, vendor, app_type, environment, token_hash, value, gen)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (device_key, kind) DO UPDATE SET token_hash = excluded.token_hash, value = excluded.value, gen = excluded.gen,
			quarantined_at = NULL, channel = NULL, answered_at = NULL, accepted_at = NULL, invalid = false`,
		d.Key, kind, sel.Vendor, sel.AppType, sel.Environment, hash[:], value, gen)
	if code(err) == "23505" { // Another process gave the token away at the same moment: see what it made of it.
		err = errAgain
	}
	return holders, true, err
}

// retire clears the bindings of devices whose token another device holds now.
func (t *tx) retire(ctx context.Context, keys []int64) ([]store.EpochChange, error) {
	var changes []store.EpochChange
	slices.Sort(keys)
	for _, key := range slices.Compact(keys) {
		former, err := t.device(ctx, key)
		if errors.Is(err, store.ErrNotFound) {
			continue // and nothing of it is left to retire
		}
		if err != nil {
			return nil, err
		}
		changed, err := t.rebind(ctx, former, nil)
		if err != nil {
			return nil, err
		}
		changes = append(changes, changed)
	}
	return changes, nil
}
