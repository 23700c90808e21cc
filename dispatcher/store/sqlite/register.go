package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/rules"
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
	now := instant(t.now)
	d, err := t.insertDevice(message.Device{
		PushID: r.PushID, SecretHash: r.SecretHash, Selector: r.Selector, Platform: r.Platform, RegisteredAt: now,
	}, now)
	if err != nil {
		return store.Registered{}, err
	}
	open, err := t.unconfirmed(d.Key, r.Tokens)
	if err != nil {
		return store.Registered{}, err
	}
	retired, err := t.setTokens(d, r.Tokens, now)
	return store.Registered{Device: d, Retired: retired, Unconfirmed: rules.Unconfirmed(open, retired)}, err
}

// insertDevice makes a device that is bound to nobody.
func (t *tx) insertDevice(d message.Device, seenAt time.Time) (message.Device, error) {
	sel := d.Selector
	key, err := t.insert(`INSERT INTO devices
		(push_id, secret_hash, vendor, app_type, region, environment, platform, epoch, confirmed_epoch, token_gen, registered_at, seen_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, 1, 1, 0, ?, ?)`,
		d.PushID, d.SecretHash[:], sel.Vendor, sel.AppType, sel.Region, sel.Environment, d.Platform,
		millis(d.RegisteredAt), millis(seenAt))
	if err != nil {
		return message.Device{}, err
	}
	return t.device(key)
}

// SetToken implements store.Store.
func (s *Store) SetToken(ctx context.Context, device int64, kind message.TokenKind, value string) (out store.Changed, err error) {
	err = s.write(ctx, func(t *tx) error {
		out = store.Changed{}
		if out.Device, err = t.device(device); err != nil {
			return err
		}
		tokens := map[message.TokenKind]string{kind: value}
		open, err := t.unconfirmed(device, tokens)
		if err != nil {
			return err
		}
		if out.Changes, err = t.setTokens(out.Device, tokens, instant(t.now)); err != nil {
			return err
		}
		out.Unconfirmed = rules.Unconfirmed(open, out.Changes)
		return t.seen(device, minute)
	})
	return out, err
}

// setTokens stores tokens that the device had at that time, and retires the devices that held them before.
func (t *tx) setTokens(d message.Device, tokens map[message.TokenKind]string, at time.Time) ([]store.EpochChange, error) {
	var holders []int64
	for _, kind := range slices.Sorted(maps.Keys(tokens)) {
		holder, err := t.setToken(d, kind, tokens[kind], at)
		if err != nil {
			return nil, err
		}
		holders = append(holders, holder...)
	}
	return t.retire(holders, at)
}

// setToken stores a token and takes it from the device that held it before,
// which it returns. A token that the device has already keeps its generation and
// leaves quarantine: the phone knows better than an answer to a wrong credential.
func (t *tx) setToken(d message.Device, kind message.TokenKind, value string, at time.Time) (holders []int64, err error) {
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
		return nil, t.renew(d.Key, kind, millis(at))
	default:
		if err := t.lose(holder, kind, hash[:]); err != nil {
			return nil, err
		}
		holders = []int64{holder}
	}
	var gen int64
	if err := t.update(`UPDATE devices SET token_gen = token_gen + 1, seen_at = ? WHERE device_key = ? RETURNING token_gen`,
		[]any{&gen}, millis(at), d.Key); err != nil {
		return nil, err
	}
	_, err = t.exec(`INSERT OR REPLACE INTO tokens
		(device_key, kind, vendor, app_type, environment, token_hash, value, gen, set_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		d.Key, string(kind), sel.Vendor, sel.AppType, sel.Environment, hash[:], value, gen, millis(at))
	return holders, err
}

// lose takes a token from a device that another one shall have.
func (t *tx) lose(device int64, kind message.TokenKind, hash []byte) error {
	if _, err := t.exec(`DELETE FROM tokens WHERE device_key = ? AND kind = ?`, device, string(kind)); err != nil {
		return err
	}
	_, err := t.exec(`UPDATE devices SET lost_hash = ? WHERE device_key = ?`, hash, device)
	return err
}

// renew notes that the phone still has a token, unless that is known exactly enough.
func (t *tx) renew(device int64, kind message.TokenKind, at int64) error {
	_, err := t.exec(`UPDATE tokens SET quarantined_at = NULL, set_at = max(set_at, ?1)
		WHERE device_key = ?2 AND kind = ?3 AND (quarantined_at IS NOT NULL OR set_at < ?1 - ?4)`, at, device, string(kind), minute)
	return err
}

// retire clears the bindings of devices whose token another device holds since then.
func (t *tx) retire(devices []int64, since time.Time) ([]store.EpochChange, error) {
	var changes []store.EpochChange
	slices.Sort(devices)
	for _, key := range slices.Compact(devices) {
		former, err := t.device(key)
		if err != nil {
			return nil, err
		}
		changed, err := t.rebind(former, nil, millis(since))
		if err != nil {
			return nil, err
		}
		changes = append(changes, changed)
	}
	return changes, nil
}
